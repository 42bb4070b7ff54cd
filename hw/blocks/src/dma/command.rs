//! [`Command`]: one transfer, as the masters take it.

use super::DmaOptions;
use skipopu_hdl::Word;

/// Bits of a command's length.
pub const BYTES_BITS: usize = 24;

/// One transfer between a run of addresses and a packet of a stream.
///
/// In a command stream it is one word: `address` in the lowest bits, then `bytes`, then `tag`. The
/// address is a multiple of the AXI beat (32 bytes at HBM, 64 at DDR). A write writes exactly `bytes`
/// bytes; a read asks for whole beats, and its receiver ignores what is beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// Address of the first byte.
    pub address: u64,
    /// Bytes, from 1 on.
    pub bytes: u32,
    /// Comes back with the data, or with the completion.
    pub tag: u32,
}

impl Command {
    /// Bits of a command of such a port.
    pub const fn bits(options: &DmaOptions) -> usize {
        options.axi.address_bits + BYTES_BITS + options.tag_bits
    }

    /// The command as its stream carries it; a field too large loses its upper bits.
    pub fn word(&self, options: &DmaOptions) -> Word {
        Word::concat(&[
            Word::new(64, self.tag.into()).trunc(options.tag_bits),
            Word::new(64, self.bytes.into()).trunc(BYTES_BITS),
            Word::new(64, self.address.into()).trunc(options.axi.address_bits),
        ])
    }

    /// AXI beats of the transfer.
    pub fn beats(&self, options: &DmaOptions) -> u64 {
        u64::from(self.bytes).div_ceil(options.axi.beat_bytes() as u64)
    }

    /// Words of the core's read stream: the last one may be filled in part.
    pub fn words(&self, options: &DmaOptions) -> u64 {
        self.beats(options).div_ceil(options.beats_per_word as u64)
    }

    /// Words of the core's write stream: the last one may be used in part.
    pub fn write_words(&self, options: &DmaOptions) -> u64 {
        self.beats(options).div_ceil(options.write_beats as u64)
    }

    /// Does a master carry it out? If not, it reports the fault
    /// [`REFUSED`](super::fault_kind::REFUSED).
    pub fn legal(&self, options: &DmaOptions) -> bool {
        let beat = options.axi.beat_bytes() as u64;
        let end = u128::from(self.address / beat) + u128::from(self.beats(options));
        let aligned = self.address % beat == 0;
        self.bytes > 0 && aligned && end <= 1 << options.beat_address_bits()
    }

    /// The bursts a master makes of a legal command: address and beats of each.
    pub fn bursts(&self, options: &DmaOptions) -> Vec<(u64, u64)> {
        let (beat, longest) = (options.axi.beat_bytes() as u64, options.burst_beats as u64);
        let (mut at, end) = (self.address / beat, self.address / beat + self.beats(options));
        let mut bursts = Vec::new();
        while at < end {
            let next = ((at / longest + 1) * longest).min(end);
            bursts.push((at * beat, next - at));
            at = next;
        }
        bursts
    }
}
