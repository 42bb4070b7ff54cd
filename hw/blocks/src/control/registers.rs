//! [`HostRegisters`]: the core as the host sees it.

use super::counters::COUNTER_BITS;
use super::Sequencer;
use crate::axi::{resp, AxiLiteSlave};
use crate::parameter::{index_bits, require, ParameterError};
use skipopu_config::Config;
use skipopu_hdl::prelude::*;
use skipopu_isa::host::{control, Counter, FaultKind, HostRegister, COUNTERS_AT};
use skipopu_isa::host::{BYTES, ID, MAP_VERSION, WATCHDOG};
use skipopu_isa::{Cause, VERSION};

/// Bits of a word of the port.
const WORD: usize = 32;

/// Bits of a byte address.
const ADDRESS: usize = BYTES.ilog2() as usize;

/// Bits of a word's number within the part of the map that holds registers.
const INDEX: usize = 7;

/// Words of that part.
const WORDS: usize = 1 << INDEX;

/// A reading chooses among `2^GROUP` words in its first cycle, among the groups in its second.
const GROUP: usize = 4;

/// First word of the counters.
const COUNTERS: usize = COUNTERS_AT as usize / 4;

/// Settings, in the order of the map.
const PROGRAM: usize = 0;
const ROWS: usize = 1;
const POSITION: usize = 2;
const LIMIT: usize = 3;
const SETTINGS: usize = 4;

/// What else is written.
const CONTROL: usize = SETTINGS;
const INTERRUPT: usize = SETTINGS + 1;
const WRITABLE: usize = SETTINGS + 2;

/// Cycles for which a reset by the host lasts.
pub const RESET_CYCLES: usize = 16;

/// What the core was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostOptions {
    /// Hash of the configuration.
    pub configuration: u64,
    /// Most tokens of a block.
    pub rows: usize,
    /// Most tokens of a text.
    pub context: usize,
}

impl HostOptions {
    /// Those of a configuration.
    pub fn of(config: &Config) -> HostOptions {
        HostOptions {
            configuration: config.hash_value(),
            rows: config.buffers.rows as usize,
            context: config.kv_buffer.context as usize,
        }
    }
}

/// The registers of `docs/registers.md` behind an AXI4-Lite port.
///
/// - Does: settings to the core, `start`, a reset of [`RESET_CYCLES`] cycles; status, cause and counters to the host; a level
///   interrupt. Address and data of a write may come in any order and at any distance. Reading a counter's low word keeps
///   its high word for the next reading.
/// - Does not: count (see [`PerformanceCounters`](super::PerformanceCounters)) or run anything.
/// - Guarantee: what the map does not allow is answered with SLVERR and changes nothing. A write takes effect, and its
///   response comes, [`HostRegisters::WRITE_LATENCY`] cycles after its last part was taken, a reading's data after
///   [`HostRegisters::LATENCY`]; one write every two cycles, one reading every four.
///
/// The core is busy from `start` until `stopped`, when `cause`, `pc` and the fault must hold.
///
/// ```text
/// awvalid   .1..........
/// wvalid    .1..........
/// bvalid    ...1........
/// start     ...1........
/// running   ...111111...
/// stopped   ........1...
/// irq       ..........11
/// ```
#[derive(LogicBlock, Ports)]
pub struct HostRegisters {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Settings as after power-up; open accesses are forgotten.
    pub reset: Signal<In, Bit>,
    /// The host's port.
    pub s_axi: AxiLiteSlave,
    /// The program has ended or stopped.
    pub stopped: Signal<In, Bit>,
    /// Why, by the number of its [`Cause`].
    pub cause: Wire<In>,
    /// At which instruction.
    pub pc: Wire<In>,
    /// The unit that reported a fault, 0 for none.
    pub fault_unit: Wire<In>,
    /// What kind of fault: [`FaultKind`].
    pub fault_kind: Wire<In>,
    /// Which memory port.
    pub fault_port: Wire<In>,
    /// The fault's address.
    pub fault_address: Wire<In>,
    /// All counters, the first lowest.
    pub counts: Wire<In>,
    /// Begin: one cycle.
    pub start: Signal<Out, Bit>,
    /// From `start` until the program has stopped.
    pub running: Signal<Out, Bit>,
    /// Reset of the core by the host.
    pub core_reset: Signal<Out, Bit>,
    /// The core ends what a stop or a reset left under way.
    pub occupied: Signal<In, Bit>,
    /// Interrupt, a level.
    pub irq: Signal<Out, Bit>,
    /// First word of 64 bytes of the program in DDR.
    pub program_word: Wire<Out>,
    /// Tokens of the block.
    pub rows: Wire<Out>,
    /// Position of its first token.
    pub position: Wire<Out>,
    /// Cycles of silence after which the core stops.
    pub watchdog: Wire<Out>,
    // Writes.
    aw_full: DFF<Bit>,
    hit: Reg,
    w_full: DFF<Bit>,
    w: Reg,
    b_full: DFF<Bit>,
    b_bad: DFF<Bit>,
    setting: Vec<Reg>,
    fits: DFF<Bit>,
    enable: DFF<Bit>,
    good: Signal<Local, Bit>,
    // The run.
    starts: DFF<Bit>,
    runs: DFF<Bit>,
    done: DFF<Bit>,
    pending: DFF<Bit>,
    resets: DFF<Bit>,
    resetting: Reg,
    signal: DFF<Bit>,
    // Readings.
    fetch: DFF<Bit>,
    pick: DFF<Bit>,
    ar: Reg,
    r_full: DFF<Bit>,
    r_bad: DFF<Bit>,
    keep: DFF<Bit>,
    low: DFF<Bit>,
    high: DFF<Bit>,
    group: Reg,
    data: Reg,
    kept: Reg,
    level: Vec<Wire<Local>>,
    known: Vec<Wire<Local>>,
    _options: HostOptions,
}

impl HostRegisters {
    /// Cycles from a reading's address to its data.
    pub const LATENCY: usize = 3;

    /// Cycles from the last part of a write to its response.
    pub const WRITE_LATENCY: usize = 2;

    /// For a configuration.
    ///
    /// # Errors
    /// Unless rows are from 1 to 65536 and the context holds them, up to 2^24.
    pub fn new(options: HostOptions) -> Result<HostRegisters, ParameterError> {
        let HostOptions { rows, context, .. } = options;
        let block = "host registers";
        require((1..=1 << 16).contains(&rows), block, "rows", rows, "must be 1 to 65536")?;
        let ok = (rows..=1 << 24).contains(&context);
        require(ok, block, "context", context, "must be from the rows to 2^24")?;
        let settings: Vec<HostRegister> = HostRegister::settings().collect();
        debug_assert_eq!(settings[ROWS], HostRegister::Rows);
        debug_assert_eq!(settings.len(), SETTINGS);
        Ok(HostRegisters {
            clock: Default::default(),
            reset: Default::default(),
            s_axi: AxiLiteSlave::new(ADDRESS),
            stopped: Default::default(),
            cause: Wire::new(Cause::BITS),
            pc: Wire::new(Sequencer::pc_bits()),
            fault_unit: Wire::new(2),
            fault_kind: Wire::new(FaultKind::BITS),
            fault_port: Wire::new(8),
            fault_address: Wire::new(64),
            counts: Wire::new(Counter::ALL.len() * COUNTER_BITS),
            start: Default::default(),
            running: Default::default(),
            core_reset: Default::default(),
            occupied: Default::default(),
            irq: Default::default(),
            program_word: Wire::new(WORD),
            rows: Wire::new(index_bits(rows + 1)),
            position: Wire::new(index_bits(context)),
            watchdog: Wire::new(WORD),
            aw_full: Default::default(),
            hit: Reg::new(WRITABLE),
            w_full: Default::default(),
            w: Reg::new(WORD + WORD / 8),
            b_full: Default::default(),
            b_bad: Default::default(),
            setting: settings.iter().map(|_| Reg::new(WORD)).collect(),
            fits: Default::default(),
            enable: Default::default(),
            good: Default::default(),
            starts: Default::default(),
            runs: Default::default(),
            done: Default::default(),
            pending: Default::default(),
            resets: Default::default(),
            resetting: Reg::new(index_bits(RESET_CYCLES)),
            signal: Default::default(),
            fetch: Default::default(),
            pick: Default::default(),
            ar: Reg::new(ADDRESS),
            r_full: Default::default(),
            r_bad: Default::default(),
            keep: Default::default(),
            low: Default::default(),
            high: Default::default(),
            group: Reg::new((WORDS >> GROUP) * WORD),
            data: Reg::new(WORD),
            kept: Reg::new(WORD),
            level: (0..=INDEX).map(|l| Wire::new((WORDS >> l) * WORD)).collect(),
            known: (0..=INDEX).map(|l| Wire::new(WORDS >> l)).collect(),
            _options: options,
        })
    }
}

/// The word that a constant register holds; `None` for others.
fn constant(options: &HostOptions, word: usize) -> Option<u32> {
    let high = word.checked_sub(1) == Some(HostRegister::Configuration.word());
    if high {
        return Some((options.configuration >> 32) as u32);
    }
    let register = HostRegister::ALL.iter().find(|r| r.word() == word)?;
    match register {
        HostRegister::Id => Some(ID),
        HostRegister::MapVersion => Some(MAP_VERSION),
        HostRegister::IsaVersion => Some(VERSION),
        HostRegister::Configuration => Some(options.configuration as u32),
        _ => None,
    }
}

/// Does the map have a word?
fn exists(word: usize) -> bool {
    let at = 4 * word as u32;
    HostRegister::map().iter().any(|s| (s.offset..s.offset + 4 * s.words).contains(&at))
}

/// Number of a setting's word.
fn setting_word(setting: usize) -> usize {
    HostRegister::settings().nth(setting).map_or(0, |r| r.word())
}

/// Address of what is written, by number.
fn writable(i: usize) -> usize {
    match i {
        CONTROL => HostRegister::Control.offset() as usize,
        INTERRUPT => HostRegister::Interrupt.offset() as usize,
        setting => 4 * setting_word(setting),
    }
}

/// A bit of a register's mask, by number.
fn bit(mask: u32) -> usize {
    mask.ilog2() as usize
}

impl Logic for HostRegisters {
    #[hdl(rows = self._options.rows, context = self._options.context, latency = Self::LATENCY)]
    fn update(&mut self) {
        dff_setup!(self, clock, aw_full, hit, w_full, w, b_full, b_bad, fits, enable);
        dff_setup!(self, clock, starts, runs, done, pending, resets, resetting, signal);
        dff_setup!(self, clock, fetch, pick, ar, r_full, r_bad, keep, low, high, group, data, kept);
        let resets = self.resets.q.val();
        let busy = self.runs.q.val() || resets || self.occupied.val();

        // A write: address and data are kept until both are there.
        self.s_axi.awready.next = !self.aw_full.q.val();
        self.s_axi.wready.next = !self.w_full.q.val();
        if self.s_axi.awvalid.val() && !self.aw_full.q.val() {
            self.aw_full.d.next = true;
            for i in 0..WRITABLE {
                let hit = self.s_axi.awaddr.val() == writable(i);
                self.hit.d.next.set_slice(i, &Word::from(hit));
            }
        }
        if self.s_axi.wvalid.val() && !self.w_full.q.val() {
            self.w_full.d.next = true;
            self.w.d.next = cat!(self.s_axi.wstrb.val(), self.s_axi.wdata.val());
        }
        let commit = self.aw_full.q.val() && self.w_full.q.val() && !self.b_full.q.val();
        let value = self.w.q.val().trunc(WORD);
        let strobe = self.w.q.val().slice(WORD, WORD / 8);
        self.good.next = false;
        self.starts.d.next = false;
        if resets {
            self.resetting.d.next = self.resetting.q.val() - 1;
            self.resets.d.next = self.resetting.q.val().any();
        }
        for i in 0..SETTINGS {
            self.setting[i].clock.next = self.clock.val();
            self.setting[i].d.next = self.setting[i].q.val();
            if self.hit.q.val().bit(i) && !busy {
                self.good.next = true;
                if commit {
                    for b in 0..WORD / 8 {
                        let new = value.slice(8 * b, 8);
                        let old = self.setting[i].q.val().slice(8 * b, 8);
                        let byte = mux(strobe.bit(b), new, old);
                        self.setting[i].d.next.set_slice(8 * b, &byte);
                    }
                }
            }
        }
        let ends = self.stopped.val() && self.runs.q.val();
        if ends {
            self.runs.d.next = false;
            self.done.d.next = true;
        }
        if self.hit.q.val().bit(CONTROL) {
            let asked = value.bit(bit(control::START)) && strobe.bit(0);
            let restart = value.bit(bit(control::RESET)) && strobe.bit(0);
            self.good.next = !asked || (!busy && !restart && self.fits.q.val());
            if commit && self.good.val() && strobe.bit(0) {
                self.enable.d.next = value.bit(bit(control::INTERRUPT_ENABLE));
                self.starts.d.next = asked;
                if asked {
                    self.runs.d.next = true;
                    self.done.d.next = false;
                    self.pending.d.next = false;
                }
                if restart {
                    self.resets.d.next = true;
                    self.resetting.d.next =
                        Word::new(index_bits(RESET_CYCLES), RESET_CYCLES as u128 - 1);
                }
            }
        }
        if self.hit.q.val().bit(INTERRUPT) {
            self.good.next = true;
            if commit && strobe.bit(0) && value.bit(0) {
                self.pending.d.next = false;
            }
        }
        if ends {
            self.pending.d.next = true;
        }
        if resets {
            self.runs.d.next = false;
            self.done.d.next = false;
            self.pending.d.next = false;
        }
        if commit {
            self.aw_full.d.next = false;
            self.w_full.d.next = false;
            self.b_full.d.next = true;
            self.b_bad.d.next = !self.good.val();
        }
        if self.b_full.q.val() && self.s_axi.bready.val() {
            self.b_full.d.next = false;
        }
        self.s_axi.bvalid.next = self.b_full.q.val();
        self.s_axi.bresp.next =
            mux(self.b_bad.q.val(), Word::new(2, resp::SLVERR as u128), Word::zero(2));

        // May a block of these rows be started?
        let rows = self.setting[ROWS].q.val();
        let end = rows.zext(WORD + 1) + self.setting[POSITION].q.val().zext(WORD + 1);
        self.fits.d.next = rows.any() && rows <= self._options.rows && end <= self._options.context;

        // What can be read, a word each.
        self.level[0].next = Word::zero(WORDS * WORD);
        for i in 0..WORDS {
            self.known[0].next.set_slice(i, &Word::from(exists(i)));
            if i >= COUNTERS && exists(i) {
                let count = self.counts.val().slice((i - COUNTERS) * WORD, WORD);
                self.level[0].next.set_slice(i * WORD, &count);
            } else {
                let fixed = constant(&self._options, i).unwrap_or(0);
                self.level[0].next.set_slice(i * WORD, &Word::new(WORD, fixed as u128));
            }
        }
        let control_bits =
            Word::from(self.enable.q.val()).zext(WORD) << bit(control::INTERRUPT_ENABLE);
        self.level[0].next.set_slice(HostRegister::Control.word() * WORD, &control_bits);
        let flags = cat!(self.pending.q.val(), self.done.q.val(), busy);
        self.level[0].next.set_slice(HostRegister::Status.word() * WORD, &flags.zext(WORD));
        let pending = Word::from(self.pending.q.val()).zext(WORD);
        self.level[0].next.set_slice(HostRegister::Interrupt.word() * WORD, &pending);
        let cause = self.cause.val().zext(WORD);
        self.level[0].next.set_slice(HostRegister::Cause.word() * WORD, &cause);
        self.level[0].next.set_slice(HostRegister::Pc.word() * WORD, &self.pc.val().zext(WORD));
        let unit = self.fault_unit.val().zext(WORD);
        self.level[0].next.set_slice(HostRegister::FaultUnit.word() * WORD, &unit);
        let kind = self.fault_kind.val().zext(WORD);
        self.level[0].next.set_slice(HostRegister::FaultKind.word() * WORD, &kind);
        let port = self.fault_port.val().zext(WORD);
        self.level[0].next.set_slice(HostRegister::FaultPort.word() * WORD, &port);
        let address = self.fault_address.val();
        self.level[0].next.set_slice(HostRegister::FaultAddress.word() * WORD, &address);
        for i in 0..SETTINGS {
            self.level[0].next.set_slice(setting_word(i) * WORD, &self.setting[i].q.val());
        }

        // A reading: its word, then what stands behind it, which is a counter's high word.
        let reading = self.fetch.q.val() || self.pick.q.val() || self.r_full.q.val();
        self.s_axi.arready.next = !reading;
        let taken = self.s_axi.arvalid.val() && !reading;
        self.fetch.d.next = taken;
        if taken {
            self.ar.d.next = self.s_axi.araddr.val();
        }
        if self.fetch.q.val() {
            self.ar.d.next = self.ar.q.val() | Word::new(ADDRESS, 4);
        }
        let number = self.ar.q.val().slice(2, INDEX);
        for l in 0..INDEX {
            if l == GROUP {
                self.group.d.next = self.level[l].val();
            }
            let up = number.bit(l);
            for i in 0..WORDS >> (l + 1) {
                let (even, odd) = (2 * i * WORD, (2 * i + 1) * WORD);
                if l == GROUP {
                    let even = self.group.q.val().slice(even, WORD);
                    let odd = self.group.q.val().slice(odd, WORD);
                    self.level[l + 1].next.set_slice(i * WORD, &mux(up, odd, even));
                } else {
                    let even = self.level[l].val().slice(even, WORD);
                    let odd = self.level[l].val().slice(odd, WORD);
                    self.level[l + 1].next.set_slice(i * WORD, &mux(up, odd, even));
                }
                let even = self.known[l].val().bit(2 * i);
                let odd = self.known[l].val().bit(2 * i + 1);
                self.known[l + 1].next.set_slice(i, &mux(up, odd, even));
            }
        }
        let counter = number.bit(bit(COUNTERS as u32));
        let far = self.ar.q.val().slice(2 + INDEX, ADDRESS - 2 - INDEX).any()
            || self.ar.q.val().trunc(2).any();
        self.pick.d.next = self.fetch.q.val();
        self.keep.d.next = self.pick.q.val() && self.low.q.val();
        if self.fetch.q.val() {
            self.r_bad.d.next = far || !self.known[INDEX].val().bit(0);
            self.low.d.next = counter && !number.bit(0) && !far;
            self.high.d.next = counter && number.bit(0);
        }
        if self.pick.q.val() {
            self.r_full.d.next = true;
            self.data.d.next = self.level[INDEX].val();
        }
        if self.keep.q.val() {
            self.kept.d.next = self.level[INDEX].val();
        }
        if self.r_full.q.val() && self.s_axi.rready.val() {
            self.r_full.d.next = false;
        }
        self.s_axi.rvalid.next = self.r_full.q.val();
        self.s_axi.rdata.next = mux(self.high.q.val(), self.kept.q.val(), self.data.q.val());
        self.s_axi.rresp.next =
            mux(self.r_bad.q.val(), Word::new(2, resp::SLVERR as u128), Word::zero(2));

        if self.reset.val() {
            self.aw_full.d.next = false;
            self.w_full.d.next = false;
            self.b_full.d.next = false;
            self.fetch.d.next = false;
            self.pick.d.next = false;
            self.r_full.d.next = false;
            self.keep.d.next = false;
            self.enable.d.next = false;
            self.starts.d.next = false;
            self.runs.d.next = false;
            self.done.d.next = false;
            self.pending.d.next = false;
            self.resets.d.next = false;
            self.resetting.d.next = Word::zero(index_bits(RESET_CYCLES));
            for i in 0..SETTINGS {
                self.setting[i].d.next = Word::zero(WORD);
            }
            self.setting[LIMIT].d.next = Word::new(WORD, WATCHDOG as u128);
        }
        self.signal.d.next = self.pending.q.val() && self.enable.q.val();
        self.start.next = self.starts.q.val();
        self.running.next = self.runs.q.val();
        self.core_reset.next = resets;
        self.irq.next = self.signal.q.val();
        self.program_word.next = self.setting[PROGRAM].q.val();
        self.rows.next = self.setting[ROWS].q.val().trunc(index_bits(self._options.rows + 1));
        self.position.next =
            self.setting[POSITION].q.val().trunc(index_bits(self._options.context));
        self.watchdog.next = self.setting[LIMIT].q.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skipopu_isa::host::Access;

    #[test]
    fn settings_and_map_are_those_of_the_block() {
        let settings: Vec<HostRegister> = HostRegister::settings().collect();
        let expected = [
            (PROGRAM, HostRegister::Program),
            (ROWS, HostRegister::Rows),
            (POSITION, HostRegister::Position),
            (LIMIT, HostRegister::Watchdog),
        ];
        assert_eq!(settings.len(), SETTINGS);
        assert!(expected.iter().all(|(i, r)| settings[*i] == *r));
        let end = |s: &skipopu_isa::host::RegisterSpec| (s.offset / 4 + s.words) as usize;
        assert!(HostRegister::map().iter().all(|s| end(s) <= WORDS));
        let first = |s: &skipopu_isa::host::RegisterSpec| s.offset as usize / 4;
        let registers = HostRegister::ALL.iter().map(|r| r.spec());
        assert!(registers.clone().all(|s| first(&s) + s.words as usize <= COUNTERS));
        let others = registers.filter(|s| s.access.writable() && s.access != Access::Setting);
        let names: Vec<&str> = others.map(|s| s.name).collect();
        assert_eq!(names, ["control", "interrupt"]);
    }
}
