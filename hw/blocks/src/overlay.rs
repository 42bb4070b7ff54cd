//! [`Overlay`]: the core. The board's shell stays outside.

use crate::axi::{AxiLiteSlave, AxiMaster, AxiShape};
use crate::control::registers::{HostOptions, HostRegisters};
use crate::control::sequencer::PROGRAM;
use crate::control::{PerformanceCounters, Sequencer};
use crate::datapath::compute::ComputeUnit;
use crate::datapath::load::{Boot, LoadUnit, PortMux};
use crate::datapath::report;
use crate::datapath::store::{KvAdaptor, StoreUnit};
use crate::datapath::DatapathShape;
use crate::dma::{DmaEngine, DmaOptions};
use crate::entry::Entry;
use crate::kv::{KvShape, KvUnit, CHANNEL_BITS, WORD_BITS};
use crate::parameter::{require, ParameterError};
use crate::stream::{ItemSource, StreamSource};
use skipopu_config::Config;
use skipopu_hdl::prelude::*;
use skipopu_isa::host::{Counter, FaultKind, BYTES};
use skipopu_isa::{Cause, Register, Unit};

const LEGAL: &str = "rows of an overlay are built where their configuration is one";

/// Rows of the catalogue that only an overlay's configuration has: the units, and the core itself.
pub const ENTRIES: &[Entry] = &[
    Entry {
        name: "load-unit",
        summary: "weights, data, and the signal for keys and values, by instruction",
        latency: |_| None,
        interval: |_| None,
        test: "skipopu-hw::datapath",
        build: |c| Box::new(LoadUnit::new(c).expect(LEGAL)),
    },
    Entry {
        name: "store-unit",
        summary: "data to DDR, keys and values to HBM, by instruction",
        latency: |_| None,
        interval: |_| None,
        test: "skipopu-hw::datapath",
        build: |c| Box::new(StoreUnit::new(c).expect(LEGAL)),
    },
    Entry {
        name: "kv-adaptor",
        summary:
            "routing, schedules and places of keys and values, between instructions and KV unit",
        latency: |_| None,
        interval: |_| None,
        test: "skipopu-hw::datapath",
        build: |c| Box::new(KvAdaptor::new(c).expect(LEGAL)),
    },
    Entry {
        name: "compute-unit",
        summary:
            "routers, normalisation, products, attention: array, nonlinear engine, memories on chip",
        latency: |_| None,
        interval: |_| None,
        test: "skipopu-hw::compute",
        build: |c| Box::new(ComputeUnit::new(c).expect(LEGAL)),
    },
    Entry {
        name: "overlay",
        summary: "the core: control, units, keys and values, DMA, the host's registers",
        latency: |_| None,
        interval: |_| None,
        test: "skipopu-hw::datapath",
        build: |c| Box::new(Overlay::new(c).expect(LEGAL)),
    },
];

/// Bits of an address of the host's port.
const HOST_ADDRESS: usize = BYTES.ilog2() as usize;

/// Cycles in which whatever is asked of the DMA shows, as a power of two; and in which the DMA is reset.
const MOMENT_BITS: usize = 6;
/// Cycles after which memories that do not answer are waited for no longer, as a power of two.
const FLUSH_BITS: usize = 18;

/// The core: control, load, compute and store units, keys and values, DMA.
///
/// - Does: what docs/registers.md and docs/isa.md say, between an AXI4-Lite port for the host, an AXI3 port for each HBM
///   pseudo-channel and an AXI4 port for DDR.
/// - Does not: know a board.
/// - Guarantee: what crosses clocks, crosses in the DMA's FIFOs. `reset` is synchronous to `clock` and lasts eight cycles of the
///   slowest clock.
#[derive(LogicBlock, Ports)]
pub struct Overlay {
    /// Core clock.
    pub clock: Signal<In, Clock>,
    /// Everything begins anew.
    pub reset: Signal<In, Bit>,
    /// Clock of the HBM ports.
    pub hbm_clock: Signal<In, Clock>,
    /// Clock of the DDR port.
    pub ddr_clock: Signal<In, Clock>,
    /// The host's port.
    pub s_axi: AxiLiteSlave,
    /// Interrupt, a level.
    pub irq: Signal<Out, Bit>,
    /// HBM ports.
    pub m_axi_hbm: Vec<AxiMaster>,
    /// The DDR port.
    pub m_axi_ddr: Vec<AxiMaster>,
    registers: HostRegisters,
    counters: PerformanceCounters,
    boot: Boot,
    sequencer: Sequencer,
    load: LoadUnit,
    compute: ComputeUnit,
    store: StoreUnit,
    adaptor: KvAdaptor,
    kv: KvUnit,
    mux: Vec<PortMux>,
    hbm: DmaEngine,
    ddr: DmaEngine,
    register: Vec<Reg>,
    restart: Reg,
    was_busy: DFF<Bit>,
    ending: DFF<Bit>,
    settle: Reg,
    stopped: DFF<Bit>,
    refusal: Reg,
    busy_units: Reg,
    fault_unit: Reg,
    fault_kind: Reg,
    fault_port: Reg,
    fault_address: Reg,
    fault_chosen: Reg,
    caught: Reg,
    flushing: DFF<Bit>,
    draining: DFF<Bit>,
    reports: DFF<Bit>,
    flushed: Reg,
    faulty: Wire<Local>,
    running_rows: Wire<Local>,
    all: Wire<Local>,
    hbm_words: Wire<Local>,
    buffer_words: Wire<Local>,
    written_words: Wire<Local>,
    core_reset: Signal<Local, Bit>,
    _shape: DatapathShape,
    _kv: KvShape,
    _hbm: DmaOptions,
}

impl Overlay {
    /// Is there a core of this configuration?
    ///
    /// # Errors
    /// Sizes that do not go together.
    pub fn check(config: &Config) -> Result<(), ParameterError> {
        let shape = DatapathShape::of(config)?;
        KvShape::of(config)?;
        let ports = shape.hbm_ports;
        let ok = ports.is_power_of_two() && ports * WORD_BITS % shape.beat_bits() == 0;
        let legal = "must be a power of two whose words hold whole load beats";
        require(ok, "overlay", "HBM ports", ports, legal)
    }

    /// The core of a configuration.
    ///
    /// # Errors
    /// Sizes that do not go together.
    pub fn new(config: &Config) -> Result<Overlay, ParameterError> {
        let shape = DatapathShape::of(config)?;
        let kv = KvShape::of(config)?;
        let ports = shape.hbm_ports;
        let options = PortMux::options(&kv);
        let hbm = DmaEngine::new(ports, &options)?;
        let ddr = DmaEngine::new(1, &DmaOptions::ddr())?;
        Ok(Overlay {
            clock: Default::default(),
            reset: Default::default(),
            hbm_clock: Default::default(),
            ddr_clock: Default::default(),
            s_axi: AxiLiteSlave::new(HOST_ADDRESS),
            irq: Default::default(),
            m_axi_hbm: (0..ports).map(|_| AxiMaster::new(&AxiShape::hbm())).collect(),
            m_axi_ddr: vec![AxiMaster::new(&AxiShape::ddr())],
            registers: HostRegisters::new(HostOptions::of(config))?,
            counters: PerformanceCounters::new(),
            boot: Boot::new(config.hash_value(), PROGRAM)?,
            sequencer: Sequencer::new(PROGRAM)?,
            load: LoadUnit::new(config)?,
            compute: ComputeUnit::new(config)?,
            store: StoreUnit::new(config)?,
            adaptor: KvAdaptor::new(config)?,
            kv: KvUnit::new(kv)?,
            mux: (0..ports).map(|_| PortMux::new(&kv)).collect::<Result<_, _>>()?,
            hbm,
            ddr,
            register: Register::ALL.iter().map(|_| Reg::new(32)).collect(),
            restart: Reg::with_init(Word::ones(4)),
            was_busy: Default::default(),
            ending: Default::default(),
            settle: Reg::new(4),
            stopped: Default::default(),
            refusal: Reg::new(Cause::BITS),
            busy_units: Reg::new(3),
            fault_unit: Reg::new(2),
            fault_kind: Reg::new(FaultKind::BITS),
            fault_port: Reg::new(8),
            fault_address: Reg::new(64),
            fault_chosen: Reg::new(1),
            caught: Reg::new(2),
            flushing: Default::default(),
            draining: Default::default(),
            reports: Default::default(),
            flushed: Reg::new(FLUSH_BITS),
            faulty: Wire::new(3),
            running_rows: Wire::new(2),
            all: Wire::new(shape.rows),
            hbm_words: Wire::new(8),
            buffer_words: Wire::new(8),
            written_words: Wire::new(8),
            core_reset: Default::default(),
            _shape: shape,
            _kv: kv,
            _hbm: options,
        })
    }
}

impl Logic for Overlay {
    #[hdl(
        lanes = self._shape.lanes,
        columns = self._shape.columns,
        ways = self._shape.ways,
        rows = self._shape.rows,
        ports = self._shape.hbm_ports
    )]
    fn update(&mut self) {
        dff_setup!(self, clock, restart, was_busy, ending, settle, stopped, refusal, busy_units);
        dff_setup!(self, clock, fault_unit, fault_kind, fault_port, fault_address, fault_chosen);
        dff_setup!(self, clock, caught, flushing, draining, reports, flushed);
        clock!(self, clock, registers, counters, boot, sequencer, load, compute, store, adaptor);
        clock!(self, clock, kv, hbm, ddr);
        self.hbm.axi_clock.next = self.hbm_clock.val();
        self.ddr.axi_clock.next = self.ddr_clock.val();
        let ports = self._shape.hbm_ports;
        let rows = self._shape.rows;

        // Resets: the board's; the host's, or a stop with a cause. Then the units are reset at once, and memories answer what they
        // were asked before the DMA is.
        self.core_reset.next = self.registers.core_reset.val();
        self.restart.d.next = cat!(self.restart.q.val().trunc(3), self.reset.val());
        let restarts = self.restart.q.val().any();
        let reset = restarts || self.flushing.q.val();
        let asked = self.core_reset.val();
        self.stopped.d.next = false;
        self.flushed.d.next = self.flushed.q.val() + 1;
        if self.flushing.q.val() {
            if self.draining.q.val() {
                let quiet = !self.hbm.busy.val() && !self.ddr.busy.val();
                let long = self.flushed.q.val().slice(MOMENT_BITS, FLUSH_BITS - MOMENT_BITS).any();
                if (quiet && long) || self.flushed.q.val().all() {
                    self.draining.d.next = false;
                    self.flushed.d.next = Word::zero(FLUSH_BITS);
                }
            } else if self.flushed.q.val().bit(MOMENT_BITS) {
                self.flushing.d.next = false;
                self.stopped.d.next = self.reports.q.val();
            }
        }
        let clears = restarts || (self.flushing.q.val() && !self.draining.q.val());
        let drains = self.draining.q.val();
        self.registers.occupied.next = self.flushing.q.val();
        self.registers.reset.next = self.reset.val();
        self.boot.reset.next = reset;
        self.sequencer.reset.next = restarts || asked;
        self.load.reset.next = reset;
        self.compute.reset.next = reset;
        self.store.reset.next = reset;
        self.adaptor.reset.next = reset;
        self.hbm.reset.next = clears;
        self.ddr.reset.next = clears;

        // The host.
        AxiLiteSlave::link(&mut self.s_axi, &mut self.registers.s_axi);
        self.irq.next = self.registers.irq.val();
        let start = self.registers.start.val();
        let first = !self.registers.position.val().any();

        // The program: from DDR, then run, then what the block leaves to be done.
        self.boot.start.next = start;
        self.boot.program_word.next = self.registers.program_word.val().trunc(28);
        self.sequencer.program_write.next = self.boot.write.val();
        self.sequencer.program_address.next = self.boot.write_address.val();
        self.sequencer.program_data.next = self.boot.write_data.val();
        self.sequencer.length.next = self.boot.length.val();
        let unread = self.ddr.read_faults.val().any();
        self.sequencer.start.next = self.boot.go.val() && !unread;
        self.sequencer.watchdog.next = self.registers.watchdog.val();
        self.was_busy.d.next = self.sequencer.busy.val();
        let ends = self.was_busy.q.val() && !self.sequencer.busy.val();
        self.adaptor.start.next = start;
        self.adaptor.end.next = ends && !self.sequencer.cause.val().any();
        self.store.clear.next = start && first;
        if start {
            self.refusal.d.next = Word::zero(Cause::BITS);
            self.ending.d.next = false;
        }
        if self.boot.refused.val() && !self.flushing.q.val() {
            self.refusal.d.next = self.boot.cause.val();
            self.stopped.d.next = true;
        }
        let mut flush = false;
        // The bus failed while the program was read.
        if self.boot.busy.val() && unread && !self.flushing.q.val() {
            self.refusal.d.next = Word::new(Cause::BITS, Cause::Unit as u128);
            self.stopped.d.next = false;
            flush = true;
        }
        if ends {
            self.ending.d.next = true;
            self.settle.d.next = Word::zero(4);
        }
        if self.ending.q.val() {
            let left = self.load.left_over.val() || self.kv.busy.val();
            if self.sequencer.cause.val().any() || (self.settle.q.val().all() && left) {
                // A program that ended has left what nothing took.
                if !self.sequencer.cause.val().any() {
                    self.refusal.d.next = Word::new(Cause::BITS, Cause::Unit as u128);
                    self.fault_unit.d.next = Word::new(2, Unit::Load as u128);
                    self.fault_kind.d.next = Word::new(FaultKind::BITS, FaultKind::Weights as u128);
                    self.fault_port.d.next = Word::new(8, skipopu_isa::host::NO_PORT as u128);
                }
                self.ending.d.next = false;
                flush = true;
            } else if !self.settle.q.val().all() {
                self.settle.d.next = self.settle.q.val() + 1;
            } else if !self.adaptor.busy.val() {
                self.ending.d.next = false;
                self.stopped.d.next = true;
            }
        }
        // The host's reset says nothing when it is done.
        if flush || asked {
            self.flushing.d.next = true;
            self.draining.d.next = true;
            self.reports.d.next = !asked;
            self.flushed.d.next = Word::zero(FLUSH_BITS);
        }
        if restarts || asked {
            self.ending.d.next = false;
            self.was_busy.d.next = false;
            self.stopped.d.next = false;
        }
        if restarts {
            self.flushing.d.next = false;
        }
        self.registers.stopped.next = self.stopped.q.val();
        self.registers.cause.next =
            mux(self.refusal.q.val().any(), self.refusal.q.val(), self.sequencer.cause.val());
        self.registers.pc.next = self.sequencer.pc.val();

        // Registers of the program.
        for i in 0..self.register.len() {
            self.register[i].clock.next = self.clock.val();
            self.register[i].d.next = self.register[i].q.val();
            if self.sequencer.set_enable.val() && self.sequencer.set_register.val() == i {
                self.register[i].d.next = self.sequencer.set_value.val();
            }
        }
        let row_count = self._shape.row_count_bits();
        let block_rows = self.registers.rows.val().zext(row_count);
        let position = self.registers.position.val().zext(16);
        self.load.rows.next = block_rows.clone();
        self.load.position.next = position.clone();
        self.compute.rows.next = block_rows.clone();
        self.compute.position.next = position.clone();
        self.compute.inverse_dim.next = self.register[Register::InverseDim as usize].q.val();
        self.compute.epsilon.next = self.register[Register::Epsilon as usize].q.val();
        self.compute.score_factor.next = self.register[Register::ScoreFactor as usize].q.val();
        self.compute.head.next = self.register[Register::Head as usize].q.val().trunc(9);
        self.compute.heads_per_kv.next =
            self.register[Register::HeadsPerKv as usize].q.val().trunc(8);
        self.compute.kv_heads.next = self.register[Register::KvHeads as usize].q.val().trunc(9);
        self.store.rows.next = block_rows.clone();
        self.store.position.next = position.clone();
        self.store.head.next = self.register[Register::Head as usize].q.val().trunc(9);
        self.store.kv_heads.next = self.register[Register::KvHeads as usize].q.val().trunc(9);
        self.store.kv_base.next = self.register[Register::KvBase as usize].q.val();
        let layer_bits = self._kv.layer() + 1;
        self.store.layers.next = self.register[Register::Layers as usize].q.val().trunc(layer_bits);
        self.store.tokens.next = self.kv.tokens.val();
        self.store.start.next = start;
        self.adaptor.tokens.next = self.kv.tokens.val();
        self.adaptor.rows.next = block_rows.clone();
        self.adaptor.position.next = position;
        self.adaptor.head.next = self.register[Register::Head as usize].q.val().trunc(9);
        self.adaptor.kv_heads.next = self.register[Register::KvHeads as usize].q.val().trunc(9);
        self.adaptor.kv_base.next = self.register[Register::KvBase as usize].q.val().trunc(16);
        self.adaptor.layers.next =
            self.register[Register::Layers as usize].q.val().trunc(layer_bits);
        let slot_count = self._kv.bank_slot() + 1;
        self.adaptor.kv_slots.next =
            self.register[Register::KvSlots as usize].q.val().trunc(slot_count);

        // Instructions.
        for r in 0..rows {
            self.all.next.set_slice(r, &Word::from(block_rows.clone() > r));
        }
        let attention = (self.compute.mask_attention.val() & self.all.val()).any();
        let forward = (self.compute.mask_forward.val() & self.all.val()).any();
        self.running_rows.next = cat!(forward, attention);
        self.sequencer.running.next = self.running_rows.val();
        ItemSource::join(&mut self.sequencer.load, &mut self.load.instruction);
        ItemSource::join(&mut self.sequencer.compute, &mut self.compute.instruction);
        ItemSource::join(&mut self.sequencer.store, &mut self.store.instruction);
        self.sequencer.finished.next =
            cat!(self.store.finished.val(), self.compute.finished.val(), self.load.finished.val());
        let bus_reads = self.hbm.read_faults.val().any() || self.ddr.read_faults.val().any();
        let bus_writes = self.hbm.write_faults.val().any() || self.ddr.write_faults.val().any();
        let table = self.adaptor.fault.val() || self.kv.out_of_step.val();
        self.faulty.next = cat!(
            bus_writes || self.store.fault.val(),
            self.compute.fault.val(),
            bus_reads || self.load.fault.val() || table
        );
        self.sequencer.fault.next = self.faulty.val();

        // What a unit reported, the first of a run; what the DMA knows of a fault of the bus shows two cycles later.
        let select = self.hbm.fault_select.width();
        self.hbm.fault_select.next = Word::zero(select);
        let mut failed_port = Word::zero(8);
        let masters = cat!(self.hbm.write_faults.val(), self.hbm.read_faults.val());
        for k in 0..2 * ports {
            let m = 2 * ports - 1 - k;
            if masters.bit(m) {
                self.hbm.fault_select.next = Word::new(select, m as u128);
                failed_port = Word::new(8, (m % ports) as u128);
            }
        }
        self.ddr.fault_select.next =
            mux(self.ddr.read_faults.val().any(), Word::zero(1), Word::new(1, 1));
        let ddr_fails = self.ddr.read_faults.val().any() || self.ddr.write_faults.val().any();
        if start {
            self.fault_unit.d.next = Word::zero(2);
            self.fault_kind.d.next = Word::zero(FaultKind::BITS);
            self.fault_port.d.next = Word::zero(8);
            self.fault_address.d.next = Word::zero(64);
            self.caught.d.next = Word::zero(2);
        } else if self.faulty.val().any() && !self.fault_unit.q.val().any() {
            self.fault_port.d.next = Word::new(8, skipopu_isa::host::NO_PORT as u128);
            self.fault_address.d.next = Word::zero(64);
            self.fault_chosen.d.next = Word::from(ddr_fails);
            if self.compute.fault.val() {
                self.fault_unit.d.next = Word::new(2, Unit::Compute as u128);
                self.fault_kind.d.next = self.compute.fault_kind.val();
                self.fault_address.d.next = self.compute.fault_address.val().zext(64);
            } else if self.load.fault.val() || self.store.fault.val() {
                let loads = self.load.fault.val();
                let site = mux(loads, self.load.fault_site.val(), self.store.fault_site.val());
                self.fault_unit.d.next =
                    mux(loads, Word::new(2, Unit::Load as u128), Word::new(2, Unit::Store as u128));
                self.fault_kind.d.next = Word::new(FaultKind::BITS, FaultKind::Decode as u128);
                if site == report::ON_CHIP {
                    self.fault_kind.d.next = Word::new(FaultKind::BITS, FaultKind::OnChip as u128);
                } else if site == report::DDR {
                    self.fault_port.d.next = Word::new(8, ports as u128);
                } else {
                    self.fault_port.d.next = Word::zero(8);
                }
                self.fault_address.d.next =
                    mux(loads, self.load.fault_address.val(), self.store.fault_address.val())
                        .zext(64);
                if !loads && self.store.fault_table.val() {
                    self.fault_kind.d.next = Word::new(FaultKind::BITS, FaultKind::KvTable as u128);
                    self.fault_port.d.next = Word::new(8, skipopu_isa::host::NO_PORT as u128);
                    self.fault_address.d.next = Word::zero(64);
                }
            } else if table {
                self.fault_unit.d.next = Word::new(2, Unit::Load as u128);
                self.fault_kind.d.next = Word::new(FaultKind::BITS, FaultKind::KvTable as u128);
            } else {
                self.fault_unit.d.next = mux(
                    bus_reads,
                    Word::new(2, Unit::Load as u128),
                    Word::new(2, Unit::Store as u128),
                );
                self.fault_kind.d.next = Word::new(FaultKind::BITS, FaultKind::Slave as u128);
                self.caught.d.next = Word::new(2, 1);
                self.fault_port.d.next = mux(ddr_fails, Word::new(8, ports as u128), failed_port);
            }
        } else if self.caught.q.val().any() {
            self.caught.d.next = self.caught.q.val() + 1;
            if self.caught.q.val() == 2 {
                self.caught.d.next = Word::zero(2);
                if self.fault_chosen.q.val().any() {
                    self.fault_kind.d.next = self.ddr.fault.kind.val().zext(FaultKind::BITS);
                    self.fault_address.d.next = self.ddr.fault.address.val().zext(64);
                } else {
                    // The port's number stands above the address in its memory.
                    self.fault_kind.d.next = self.hbm.fault.kind.val().zext(FaultKind::BITS);
                    self.fault_address.d.next =
                        self.hbm.fault.address.val().zext(64) & Word::ones(CHANNEL_BITS).zext(64);
                }
            }
        }
        self.hbm.fault_clear.next = start;
        self.ddr.fault_clear.next = start;
        self.registers.fault_unit.next = self.fault_unit.q.val();
        self.registers.fault_kind.next = self.fault_kind.q.val();
        self.registers.fault_port.next = self.fault_port.q.val();
        self.registers.fault_address.next = self.fault_address.q.val();

        // Keys and values.
        ItemSource::join(&mut self.load.kv_layer, &mut self.adaptor.kv_layer);
        self.adaptor.appended.next = self.store.appended.val();
        self.adaptor.appended_layer.next = self.store.appended_layer.val();
        self.adaptor.appended_rows.next = self.store.appended_rows.val();
        self.kv.clear.next = self.adaptor.clear.val() || reset;
        self.kv.layers.next = self.adaptor.unit_layers.val();
        self.kv.passes.next = self.adaptor.passes.val();
        self.kv.words.next = self.adaptor.words.val();
        self.kv.pass_words.next = self.adaptor.pass_words.val();
        self.kv.slots.next = self.adaptor.slots.val();
        self.kv.retain.next = true;
        self.kv.base_write.next = self.adaptor.base_write.val();
        self.kv.base_layer.next = self.adaptor.base_layer.val();
        self.kv.base.next = self.adaptor.base.val();
        self.kv.note.next = self.adaptor.note.val();
        self.kv.note_layer.next = self.adaptor.note_layer.val();
        self.kv.note_executes.next = self.adaptor.note_executes.val();
        self.kv.append.next = self.adaptor.append.val();
        ItemSource::join(&mut self.adaptor.request, &mut self.kv.request);
        self.adaptor.ready.next = self.kv.ready.val();
        self.adaptor.playable.next = self.kv.playable.val();
        self.kv.play.next = self.adaptor.play.val();
        self.kv.drop.next = self.adaptor.drop.val();
        self.adaptor.unit_busy.next = self.kv.busy.val();
        StreamSource::join(&mut self.kv.out, &mut self.compute.kv);

        // HBM ports.
        let write_tag = self._hbm.tag_bits;
        for p in 0..ports {
            ItemSource::join(&mut self.load.weights_command[p], &mut self.mux[p].weights);
            ItemSource::join(&mut self.kv.command[p], &mut self.mux[p].kv);
            self.hbm.read_command[p].valid.next = self.mux[p].command.valid.val() && !reset;
            self.hbm.read_command[p].data.next = self.mux[p].command.data.val();
            self.mux[p].command.ready.next = self.hbm.read_command[p].ready.val();
            self.mux[p].read.valid.next = self.hbm.read_out[p].valid.val() && !drains;
            self.mux[p].read.data.next = self.hbm.read_out[p].data.val();
            self.mux[p].read.last.next = self.hbm.read_out[p].last.val();
            self.hbm.read_out[p].ready.next = self.mux[p].read.ready.val() || drains;
            ItemSource::join(&mut self.mux[p].weights_read, &mut self.load.weights_read[p]);
            StreamSource::join(&mut self.mux[p].kv_read, &mut self.kv.read[p]);
            self.hbm.write_command[p].valid.next = self.store.kv_command[p].valid.val() && !reset;
            self.hbm.write_command[p].data.next =
                cat!(Word::zero(write_tag), self.store.kv_command[p].data.val());
            self.store.kv_command[p].ready.next = self.hbm.write_command[p].ready.val();
            self.hbm.write_in[p].valid.next = self.store.kv_write[p].valid.val() || drains;
            self.hbm.write_in[p].data.next = self.store.kv_write[p].data.val();
            self.store.kv_write[p].ready.next = self.hbm.write_in[p].ready.val();
            self.hbm.write_done[p].ready.next = true;
            self.store.kv_done.next.set_slice(p, &Word::from(self.hbm.write_done[p].valid.val()));
            AxiMaster::link(&mut self.m_axi_hbm[p], &mut self.hbm.m_axi[p]);
        }

        // DDR: the program first, then data.
        let boots = self.boot.busy.val();
        self.ddr.read_command[0].valid.next =
            mux(boots, self.boot.read_command.valid.val(), self.load.data_command.valid.val())
                .any()
                && !reset;
        self.ddr.read_command[0].data.next =
            mux(boots, self.boot.read_command.data.val(), self.load.data_command.data.val());
        self.boot.read_command.ready.next = boots && self.ddr.read_command[0].ready.val();
        self.load.data_command.ready.next = !boots && self.ddr.read_command[0].ready.val();
        let word = self.load.data_read.data.width();
        self.boot.read.valid.next = boots && self.ddr.read_out[0].valid.val();
        self.boot.read.data.next = self.ddr.read_out[0].data.val().trunc(word);
        self.load.data_read.valid.next = !boots && self.ddr.read_out[0].valid.val();
        self.load.data_read.data.next = self.ddr.read_out[0].data.val().trunc(word);
        self.ddr.read_out[0].ready.next =
            mux(boots, self.boot.read.ready.val(), self.load.data_read.ready.val()).any() || drains;
        self.ddr.write_command[0].valid.next = self.store.ddr_command.valid.val() && !reset;
        self.ddr.write_command[0].data.next = self.store.ddr_command.data.val();
        self.store.ddr_command.ready.next = self.ddr.write_command[0].ready.val();
        self.ddr.write_in[0].valid.next = self.store.ddr_write.valid.val() || drains;
        self.ddr.write_in[0].data.next = self.store.ddr_write.data.val();
        self.store.ddr_write.ready.next = self.ddr.write_in[0].ready.val();
        self.ddr.write_done[0].ready.next = true;
        self.store.ddr_done.next = self.ddr.write_done[0].valid.val();
        AxiMaster::link(&mut self.m_axi_ddr[0], &mut self.ddr.m_axi[0]);

        // Memories on chip.
        ItemSource::join(&mut self.load.scratchpad, &mut self.compute.scratchpad_write);
        ItemSource::join(&mut self.load.constants, &mut self.compute.constants_write);
        StreamSource::join(&mut self.load.rotation, &mut self.compute.rotation);
        StreamSource::join(&mut self.load.weights, &mut self.compute.weights);
        self.compute.store_want.next = self.store.want.val();
        self.compute.store_address.next = self.store.address.val();
        self.store.grant.next = self.compute.store_grant.val();
        self.store.data.next = self.compute.store_data.val();
        self.store.mask_attention.next = self.compute.mask_attention.val();
        self.store.mask_forward.next = self.compute.mask_forward.val();

        // Counters.
        for u in 0..3 {
            let mut taken = self.sequencer.load.valid.val() && self.load.instruction.ready.val();
            let mut finished = self.load.finished.val();
            if u == 1 {
                taken = self.sequencer.compute.valid.val() && self.compute.instruction.ready.val();
                finished = self.compute.finished.val();
            } else if u == 2 {
                taken = self.sequencer.store.valid.val() && self.store.instruction.ready.val();
                finished = self.store.finished.val();
            }
            if finished || start {
                self.busy_units.d.next.set_slice(u, &Word::zero(1));
            }
            if taken {
                self.busy_units.d.next.set_slice(u, &Word::ones(1));
            }
        }
        let streams = self._kv.streams();
        let token = self._kv.token();
        let delivers = self.kv.out.valid.val() && self.compute.kv.ready.val();
        let mut from_hbm = Word::zero(8);
        let mut from_buffer = Word::zero(8);
        let mut written = Word::zero(8);
        for s in 0..streams {
            let there = self.kv.out.data.val().slice(streams * (WORD_BITS + token) + s, 1);
            if s < ports {
                from_hbm = from_hbm + there.zext(8);
            } else {
                from_buffer = from_buffer + there.zext(8);
            }
        }
        for p in 0..ports {
            let asks =
                self.store.kv_command[p].valid.val() && self.hbm.write_command[p].ready.val();
            let bytes = self.store.kv_command[p].data.val().slice(33, 14);
            let words = bytes.slice(6, 8) + Word::from(bytes.trunc(6).any()).zext(8);
            written = written + mux(asks, words, Word::zero(8));
        }
        self.hbm_words.next = mux(delivers, from_hbm, Word::zero(8));
        self.buffer_words.next = mux(delivers, from_buffer, Word::zero(8));
        self.written_words.next = written;
        self.counters.clear.next = start;
        self.counters.instructions.next = self.sequencer.instructions.val();
        self.counters.branches.next = self.sequencer.branches.val();
        let on = self.registers.running.val();
        for c in 0..self.counters.step.len() {
            let width = self.counters.step[c].width();
            self.counters.step[c].next = Word::zero(width);
        }
        self.counters.step[Counter::Cycles as usize].next = Word::from(on);
        let beat = self.load.weights.valid.val() && self.compute.weights.ready.val();
        self.counters.step[Counter::WeightBeats as usize].next = Word::from(beat);
        self.counters.step[Counter::KvWordsHbm as usize].next = self.hbm_words.val();
        self.counters.step[Counter::KvWordsBuffer as usize].next = self.buffer_words.val();
        self.counters.step[Counter::KvWordsWritten as usize].next = self.written_words.val();
        let asks = self.load.data_command.valid.val() && self.load.data_command.ready.val();
        let read = self.load.data_command.data.val().slice(34, 24);
        let read_words = read.slice(6, 18) + Word::from(read.trunc(6).any()).zext(18);
        self.counters.step[Counter::DdrWordsRead as usize].next =
            mux(asks, read_words, Word::zero(18));
        let stores = self.store.ddr_command.valid.val() && self.ddr.write_command[0].ready.val();
        let stored = self.store.ddr_command.data.val().slice(34, 24);
        let stored_words = stored.slice(6, 18) + Word::from(stored.trunc(6).any()).zext(18);
        self.counters.step[Counter::DdrWordsWritten as usize].next =
            mux(stores, stored_words, Word::zero(18));
        let array = self.compute.array_busy.val();
        let int4 = self.compute.array_int4.val();
        self.counters.step[Counter::Int4Cycles as usize].next = Word::from(array && int4);
        self.counters.step[Counter::Fp16Cycles as usize].next = Word::from(array && !int4);
        self.counters.step[Counter::NpeTiles as usize].next =
            Word::from(self.compute.npe_busy.val());
        let units = self.busy_units.q.val();
        self.counters.step[Counter::LoadBusy as usize].next = Word::from(units.bit(0));
        self.counters.step[Counter::ComputeBusy as usize].next = Word::from(units.bit(1));
        self.counters.step[Counter::StoreBusy as usize].next = Word::from(units.bit(2));
        let runs = self.sequencer.busy.val();
        self.counters.step[Counter::WaitInstruction as usize].next =
            Word::from(runs && !units.bit(1));
        let waits = self.compute.waits.val();
        self.counters.step[Counter::WaitWeights as usize].next = Word::from(waits.bit(0));
        self.counters.step[Counter::WaitKv as usize].next = Word::from(waits.bit(1));
        self.counters.step[Counter::WaitPsum as usize].next = Word::from(waits.bit(2));
        self.counters.step[Counter::WaitNpe as usize].next = Word::from(waits.bit(3));
        let executes = self.compute.executes.val();
        self.counters.step[Counter::MatmulBusy as usize].next = Word::from(executes.bit(0));
        self.counters.step[Counter::AttendBusy as usize].next = Word::from(executes.bit(1));
        self.registers.counts.next = self.counters.counts.val();
    }
}
