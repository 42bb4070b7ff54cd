//! [`Crc32`]: the checksum of a program.

use skipopu_hdl::prelude::*;

/// Bits taken at a time: an instruction.
pub const STEP: usize = 128;

/// The reflected polynomial of IEEE 802.3.
const POLYNOMIAL: u32 = 0xEDB8_8320;

/// CRC-32 (IEEE 802.3) of a stream of words of 128 bits, byte 0 lowest.
///
/// - Does: `clear` begins anew; `enable` takes a word.
/// - Guarantee: `crc` is that of all words taken before this cycle.
#[derive(LogicBlock, Ports)]
pub struct Crc32 {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Begin anew.
    pub clear: Signal<In, Bit>,
    /// Take the word.
    pub enable: Signal<In, Bit>,
    /// A word.
    pub word: Wire<In>,
    /// The checksum.
    pub crc: Wire<Out>,
    rest: Reg,
    sum: Wire<Local>,
    /// Of each bit of the next rest: the bits of the word, with the rest added to the lowest, whose parity it is.
    _masks: Vec<u128>,
}

impl Crc32 {
    /// A checksum unit.
    pub fn new() -> Crc32 {
        Crc32 {
            clock: Default::default(),
            clear: Default::default(),
            enable: Default::default(),
            word: Wire::new(STEP),
            crc: Wire::new(32),
            rest: Reg::new(32),
            sum: Wire::new(STEP),
            _masks: masks(),
        }
    }
}

/// The checksum is linear: what a word becomes is the sum of what its bits become.
fn masks() -> Vec<u128> {
    let shifted = |rest: u32, _| rest >> 1 ^ if rest & 1 == 1 { POLYNOMIAL } else { 0 };
    // Bit b is fed into the rest b steps after bit 0, and moves on for those left.
    let becomes = |bit: usize| {
        let (start, left) = (1u32 << (bit % 32), STEP - bit / 32 * 32);
        (0..left).fold(start, shifted)
    };
    let bits: Vec<u32> = (0..STEP).map(becomes).collect();
    let mask = |i: usize| (0..STEP).map(|b| u128::from(bits[b] >> i & 1) << b).sum();
    (0..32).map(mask).collect()
}

impl Default for Crc32 {
    fn default() -> Crc32 {
        Crc32::new()
    }
}

impl Logic for Crc32 {
    #[hdl]
    fn update(&mut self) {
        dff_setup!(self, clock, rest);
        self.sum.next = (!self.rest.q.val()).zext(STEP) ^ self.word.val();
        if self.enable.val() {
            for i in 0..32 {
                let parity = (self.sum.val() & Word::new(STEP, self._masks[i])).xor();
                self.rest.d.next.set_slice(i, &Word::from(!parity));
            }
        }
        if self.clear.val() {
            self.rest.d.next = Word::zero(32);
        }
        self.crc.next = self.rest.q.val();
    }
}
