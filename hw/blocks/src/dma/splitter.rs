//! [`BurstSplitter`]: from commands to AXI bursts.

use super::command::BYTES_BITS;
use super::{Command, DmaOptions};
use crate::parameter::ParameterError;
use crate::stream::{ItemSink, ItemSource};
use skipopu_hdl::prelude::*;

/// Cuts commands into bursts.
///
/// - Does: a burst ends where the address is a multiple of the longest burst, or with its command; so
///   none crosses 4 KiB. A burst is `beat address` in the lowest bits, then `beats - 1` in the bits of
///   AxLEN, `last` of its command, `tag`, and `last bytes` (of the command's last beat; 0 stands for all).
/// - Does not: carry out a command of 0 bytes, one whose address is not a multiple of a beat, or one
///   that runs beyond the address space: it takes and reports it in `refused`.
/// - Guarantee: a burst a cycle, also when every command is a single burst.
///
/// Commands of three, one and one burst:
///
/// ```text
/// command    ABBBC.......
/// ready      1..111111111
/// burst      .aaabc......
/// ready      111111.11111
/// ```
#[derive(LogicBlock, Ports)]
pub struct BurstSplitter {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops what is left of a command.
    pub reset: Signal<In, Bit>,
    /// Commands come in.
    pub command: ItemSink,
    /// Bursts go out.
    pub burst: ItemSource,
    /// A command is taken in this cycle to be carried out.
    pub accepted: Signal<Out, Bit>,
    /// A command is taken in this cycle and refused.
    pub refused: Signal<Out, Bit>,
    /// Is there nothing left to cut?
    pub idle: Signal<Out, Bit>,
    valid: DFF<Bit>,
    address: Reg,
    left: Reg,
    last_bytes: Reg,
    tag: Reg,
    _options: DmaOptions,
}

impl BurstSplitter {
    /// Cycles from a command to its first burst.
    pub const LATENCY: usize = 1;

    /// For ports with these options.
    ///
    /// # Errors
    /// A value outside its range (see [`DmaOptions`]).
    pub fn new(options: &DmaOptions) -> Result<BurstSplitter, ParameterError> {
        options.check()?;
        let offset = options.axi.offset_bits();
        Ok(BurstSplitter {
            clock: Default::default(),
            reset: Default::default(),
            command: ItemSink::new(Command::bits(options)),
            burst: ItemSource::new(Self::bits(options)),
            accepted: Default::default(),
            refused: Default::default(),
            idle: Default::default(),
            valid: Default::default(),
            address: Reg::new(options.beat_address_bits()),
            left: Reg::new(BYTES_BITS + 1 - offset),
            last_bytes: Reg::new(offset),
            tag: Reg::new(options.tag_bits),
            _options: options.clone(),
        })
    }

    /// Bits of a burst.
    pub fn bits(options: &DmaOptions) -> usize {
        Self::read_bits(options) + options.axi.offset_bits()
    }

    /// Bits of a burst that a read looks at: all but `last bytes`.
    pub(super) fn read_bits(options: &DmaOptions) -> usize {
        Self::tag_at(options) + options.tag_bits
    }

    /// Where AxLEN begins in a burst; the beat address is below.
    pub(super) fn len_at(options: &DmaOptions) -> usize {
        options.beat_address_bits()
    }

    /// Where `last` stands in a burst.
    pub(super) fn last_at(options: &DmaOptions) -> usize {
        Self::len_at(options) + options.axi.len_bits
    }

    /// Where the tag begins in a burst.
    pub(super) fn tag_at(options: &DmaOptions) -> usize {
        Self::last_at(options) + 1
    }

    /// Where `last bytes` begins in a burst.
    pub(super) fn last_bytes_at(options: &DmaOptions) -> usize {
        Self::read_bits(options)
    }
}

impl Logic for BurstSplitter {
    #[hdl(
        address = self._options.axi.address_bits,
        beat = self._options.axi.beat_bytes(),
        beats = self._options.burst_beats,
        tag = self._options.tag_bits,
        latency = Self::LATENCY
    )]
    fn update(&mut self) {
        dff_setup!(self, clock, valid, address, left, last_bytes, tag);
        let (offset, wide) = (self._options.axi.offset_bits(), self._options.axi.address_bits);
        let (narrow, count) = (self._options.beat_address_bits(), BYTES_BITS + 1 - offset);
        let (longest, run) =
            (self._options.burst_beats, self._options.burst_beats.ilog2() as usize);
        let (len, tag_bits) = (self._options.axi.len_bits, self._options.tag_bits);

        // What comes.
        let bytes = self.command.data.val().slice(wide, BYTES_BITS);
        let first = self.command.data.val().slice(offset, narrow);
        let part = Word::new(BYTES_BITS + 1, (1 << offset) - 1);
        let beats = (bytes.zext(BYTES_BITS + 1) + part).slice(offset, count);
        let sum = narrow.max(count) + 1;
        let end = first.zext(sum) + beats.zext(sum);
        // The end may be the end of the address space.
        let upper = end.slice(narrow, sum - narrow);
        let beyond = upper.any() && (upper != 1 || end.trunc(narrow).any());
        let odd = self.command.data.val().trunc(offset).any();
        let bad = !bytes.any() || odd || beyond;

        // What is being cut.
        let address = self.address.q.val();
        let left = self.left.q.val();
        let to_border = Word::new(run + 1, longest as u128) - address.trunc(run).zext(run + 1);
        let last = left <= to_border.zext(count);
        let less_one = mux(last, left.trunc(run), to_border.trunc(run)) - 1;
        self.burst.valid.next = self.valid.q.val();
        self.burst.data.next = cat!(
            self.last_bytes.q.val(),
            self.tag.q.val(),
            last,
            less_one.zext(len),
            address.clone()
        );
        let fires = self.valid.q.val() && self.burst.ready.val();
        let free = !self.valid.q.val() || (fires && last);
        let takes = self.command.valid.val() && free;
        self.command.ready.next = free;
        self.accepted.next = takes && !bad;
        self.refused.next = takes && bad;
        self.idle.next = !self.valid.q.val();

        if fires {
            self.valid.d.next = !last;
            self.address.d.next = cat!(address.slice(run, narrow - run) + 1, Word::zero(run));
            self.left.d.next = left - to_border.zext(count);
        }
        if takes && !bad {
            self.valid.d.next = true;
            self.address.d.next = first;
            self.left.d.next = beats;
            self.last_bytes.d.next = bytes.trunc(offset);
            self.tag.d.next = self.command.data.val().slice(wide + BYTES_BITS, tag_bits);
        }
        if self.reset.val() {
            self.valid.d.next = false;
        }
    }
}
