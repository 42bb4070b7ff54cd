//! [`Crc32`]: the checksum of a program.

use skipopu_hdl::prelude::*;

/// Bits taken at a time.
pub const STEP: usize = 32;

/// The reflected polynomial of IEEE 802.3.
const POLYNOMIAL: u128 = 0xEDB8_8320;

/// CRC-32 (IEEE 802.3) of a stream of 32-bit words, byte 0 lowest.
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
    steps: Vec<Wire<Local>>,
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
            steps: (0..=STEP).map(|_| Wire::new(32)).collect(),
        }
    }
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
        self.steps[0].next = !self.rest.q.val() ^ self.word.val();
        for i in 0..STEP {
            let carry = self.steps[i].val().bit(0);
            let moved = self.steps[i].val() >> 1;
            let fed = moved.clone() ^ Word::new(32, POLYNOMIAL);
            self.steps[i + 1].next = mux(carry, fed, moved);
        }
        if self.enable.val() {
            self.rest.d.next = !self.steps[STEP].val();
        }
        if self.clear.val() {
            self.rest.d.next = Word::zero(32);
        }
        self.crc.next = self.rest.q.val();
    }
}
