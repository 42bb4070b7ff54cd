//! [`Boot`]: the program from DDR to the sequencer.

use super::crc32::Crc32;
use crate::control::decode::WORD;
use crate::control::Sequencer;
use crate::dma::{Command, DmaOptions};
use crate::parameter::{index_bits, require, ParameterError};
use crate::stream::{ItemSink, ItemSource};
use skipopu_hdl::prelude::*;
use skipopu_isa::program::{HEADER_BYTES, MAGIC};
use skipopu_isa::{Cause, BYTES, VERSION};

const IDLE: usize = 0;
const HEADER: usize = 1;
const CHECK: usize = 2;
const ASK: usize = 3;
const BODY: usize = 4;
const VERDICT: usize = 5;
const STATE_BITS: usize = 3;

/// Bits of an address in DDR, in words of 64 bytes.
pub const WORD_ADDRESS: usize = 28;

/// Instructions in the place of the header.
const HEADER_SLOTS: usize = HEADER_BYTES / BYTES;

/// Reads a program, checks it and fills the program memory.
///
/// - Does: at `start` reads the header at `program_word` and checks magic, version, configuration and length; then reads all, writes the
///   instructions and checks their checksum. Then `go`, or `refused` with the cause of the first check that failed.
/// - Does not: look at instructions.
/// - Guarantee: a cycle an instruction, and what DDR takes.
#[derive(LogicBlock, Ports)]
pub struct Boot {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Stops.
    pub reset: Signal<In, Bit>,
    /// Begin.
    pub start: Signal<In, Bit>,
    /// First word of the program in DDR.
    pub program_word: Wire<In>,
    /// Reads of DDR, `{tag, bytes, address}`.
    pub read_command: ItemSource,
    /// Words.
    pub read: ItemSink,
    /// Write an instruction?
    pub write: Signal<Out, Bit>,
    /// Which.
    pub write_address: Wire<Out>,
    /// The instruction.
    pub write_data: Wire<Out>,
    /// Instructions of the program.
    pub length: Wire<Out>,
    /// The program is there.
    pub go: Signal<Out, Bit>,
    /// It is not.
    pub refused: Signal<Out, Bit>,
    /// Why, by the number of its [`Cause`].
    pub cause: Wire<Out>,
    /// It is being read.
    pub busy: Signal<Out, Bit>,
    crc: Crc32,
    state: Reg,
    header: Reg,
    count: Reg,
    index: Reg,
    slot: Reg,
    why: Reg,
    asked: DFF<Bit>,
    instruction: Wire<Local>,
    _options: DmaOptions,
    _configuration: u64,
    _depth: usize,
}

impl Boot {
    /// For programs of a configuration of up to `depth` instructions.
    ///
    /// # Errors
    /// Unless `depth` is a power of two from 4096 to 65536.
    pub fn new(configuration: u64, depth: usize) -> Result<Boot, ParameterError> {
        let ok = depth.is_power_of_two() && (4096..=65_536).contains(&depth);
        require(ok, "boot", "depth", depth, "must be a power of two, 4096 to 65536")?;
        let options = DmaOptions::ddr();
        let slots = options.word_bits() / WORD;
        Ok(Boot {
            clock: Default::default(),
            reset: Default::default(),
            start: Default::default(),
            program_word: Wire::new(WORD_ADDRESS),
            read_command: ItemSource::new(Command::bits(&options)),
            read: ItemSink::new(options.word_bits()),
            write: Default::default(),
            write_address: Wire::new(index_bits(depth)),
            write_data: Wire::new(WORD),
            length: Wire::new(Sequencer::pc_bits()),
            go: Default::default(),
            refused: Default::default(),
            cause: Wire::new(Cause::BITS),
            busy: Default::default(),
            crc: Crc32::new(),
            state: Reg::new(STATE_BITS),
            header: Reg::new(8 * HEADER_BYTES),
            count: Reg::new(20),
            index: Reg::new(20),
            slot: Reg::new(index_bits(slots)),
            why: Reg::new(Cause::BITS),
            asked: Default::default(),
            instruction: Wire::new(WORD),
            _options: options,
            _configuration: configuration,
            _depth: depth,
        })
    }
}

impl Logic for Boot {
    #[hdl(depth = self._depth, configuration = self._configuration)]
    fn update(&mut self) {
        dff_setup!(self, clock, state, header, count, index, slot, why, asked);
        clock!(self, clock, crc);
        let slots = self._options.word_bits() / WORD;
        let state = self.state.q.val();
        self.read_command.valid.next = false;
        let mut bytes = Word::new(24, 64);
        if state == ASK {
            bytes = (self.count.q.val().zext(24) << (BYTES.ilog2() as usize))
                + Word::new(24, HEADER_BYTES as u128);
        }
        self.read_command.data.next =
            cat!(Word::zero(self._options.tag_bits), bytes, self.program_word.val(), Word::zero(6));
        self.read.ready.next = false;
        self.write.next = false;
        self.write_address.next = self.index.q.val().trunc(index_bits(self._depth));
        self.instruction.next = self.read.data.val().trunc(WORD);
        for k in 1..slots {
            if self.slot.q.val() == k {
                self.instruction.next = self.read.data.val().slice(k * WORD, WORD);
            }
        }
        self.write_data.next = self.instruction.val();
        self.length.next = self.count.q.val().zext(32).trunc(Sequencer::pc_bits());
        self.go.next = false;
        self.refused.next = false;
        self.cause.next = self.why.q.val();
        self.crc.clear.next = state == CHECK;
        self.crc.enable.next = false;
        self.crc.word.next = self.instruction.val();

        if state == HEADER {
            self.read_command.valid.next = !self.asked.q.val();
            if self.read_command.ready.val() {
                self.asked.d.next = true;
            }
            self.read.ready.next = true;
            if self.read.valid.val() {
                self.header.d.next = self.read.data.val().trunc(8 * HEADER_BYTES);
                self.state.d.next = Word::new(STATE_BITS, CHECK as u128);
            }
        } else if state == CHECK {
            let magic = Word::new(32, u32::from_le_bytes(MAGIC) as u128);
            let version = Word::new(32, VERSION as u128);
            let count = self.header.q.val().slice(128, 32);
            self.count.d.next = count.clone().trunc(20);
            self.state.d.next = Word::new(STATE_BITS, VERDICT as u128);
            let spare = self.header.q.val().slice(192, 64);
            if self.header.q.val().trunc(32) != magic || spare.any() {
                self.why.d.next = Word::new(Cause::BITS, Cause::Magic as u128);
            } else if self.header.q.val().slice(32, 32) != version {
                self.why.d.next = Word::new(Cause::BITS, Cause::Version as u128);
            } else if self.header.q.val().slice(64, 64)
                != Word::new(64, self._configuration as u128)
            {
                self.why.d.next = Word::new(Cause::BITS, Cause::Configuration as u128);
            } else if !count.any() || count > self._depth {
                self.why.d.next = Word::new(Cause::BITS, Cause::Length as u128);
            } else {
                self.state.d.next = Word::new(STATE_BITS, ASK as u128);
            }
            self.slot.d.next = Word::new(self.slot.width(), HEADER_SLOTS as u128);
            self.index.d.next = Word::zero(20);
        } else if state == ASK {
            self.read_command.valid.next = true;
            if self.read_command.ready.val() {
                self.state.d.next = Word::new(STATE_BITS, BODY as u128);
            }
        } else if state == BODY {
            if self.read.valid.val() {
                self.crc.enable.next = true;
                self.write.next = true;
                self.index.d.next = self.index.q.val() + 1;
                self.slot.d.next = self.slot.q.val() + 1;
                let last = self.index.q.val() + 1 == self.count.q.val();
                if self.slot.q.val() == slots - 1 || last {
                    self.slot.d.next = Word::zero(self.slot.width());
                    self.read.ready.next = true;
                }
                if last {
                    self.state.d.next = Word::new(STATE_BITS, VERDICT as u128);
                }
            }
        } else if state == VERDICT {
            self.state.d.next = Word::zero(STATE_BITS);
            if self.why.q.val().any() {
                self.refused.next = true;
            } else if self.crc.crc.val() != self.header.q.val().slice(160, 32) {
                self.refused.next = true;
                self.cause.next = Word::new(Cause::BITS, Cause::Checksum as u128);
            } else {
                self.go.next = true;
            }
        }
        if self.start.val() {
            self.state.d.next = Word::new(STATE_BITS, HEADER as u128);
            self.asked.d.next = false;
            self.why.d.next = Word::zero(Cause::BITS);
        }
        self.busy.next = state != IDLE;
        if self.reset.val() {
            self.state.d.next = Word::zero(STATE_BITS);
        }
    }
}
