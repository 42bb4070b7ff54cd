//! [`ComputeUnit`]: the array, the NPE, the memories on chip, and what the unit's instructions make of them.

use super::super::front::{
    ArrayDriver, RouterLoader, ScaleBuffer, Source, WeightLoader, GROUPS_BITS, OUTPUTS, SCALE_LEAD,
};
use super::super::psum::{PartialSums, SumLane};
use super::super::report::ADDRESS_BITS;
use super::super::shape::{DatapathShape, READ_LATENCY, SINGLE_BITS, VALUE_BITS};
use super::bitmask::Bitmask;
use super::bounds::Bounds;
use super::feeder::Feeder;
use super::fields::{kind, Fields, ENTRIES, NUMBER, ROWS_BITS, SLICES};
use super::kv_passes::KvPasses;
use super::logit_sum::LogitSum;
use super::normaliser::Normaliser;
use super::operation::{Space, TileOp, SPACE_BITS};
use super::read_arbiter::ReadArbiter;
use super::sink::Sink;
use super::slice_memory::SliceMemory;
use super::step_generator::{StepGenerator, LOOP_BITS};
use super::walker::{Walker, COUNT_BITS};
use crate::control::decode::WORD;
use crate::control::UNITS;
use crate::kv::delivery::{KvLoader, HEAD_BITS};
use crate::kv::KvShape;
use crate::npe::command::{self, Addend, Factor, Function, Statistic, COMMAND_BITS};
use crate::npe::rotation::RotationShape;
use crate::npe::tile::{TileShape, PLACE_BITS};
use crate::npe::{Engine, EngineShape};
use crate::parameter::{index_bits, ParameterError};
use crate::pe_array::aligned::{AlignedArray, AlignedShape};
use crate::primitives::Delay;
use crate::stream::{Fifo, FifoOptions, ItemSink, ItemSource, Storage, StreamSink, StreamSource};
use skipopu_hdl::prelude::*;
use skipopu_isa::host::FaultKind;
use skipopu_isa::set::{INTERLEAVE, ROUTER_SUMS};
use skipopu_isa::spec::SIGNAL_LOW;
use skipopu_isa::value;

/// Readers of the scratchpad, the first of them never waits.
const DRIVER: usize = 0;
const FEEDER: usize = 1;
const LOADER: usize = 2;
const STORE: usize = 3;
const READERS: usize = 4;

/// Bits of the number of a round in its group: rounds of keys whose scores are drained together.
const ROUNDS_BITS: usize = 3;
/// States of the instruction.
const IDLE: usize = 0;
const COUNTING: usize = 1;
const ROUTE: usize = 2;
const ROUTE_STATISTICS: usize = 3;
const ROUTE_LOGITS: usize = 4;
const NORMALISE: usize = 5;
const MATMUL: usize = 6;
const PRODUCT: usize = 7;
const QUERIES: usize = 8;
const KEYS_BEGIN: usize = 9;
const KEYS: usize = 10;
const SOFTMAX: usize = 11;
const VALUES: usize = 12;
const VALUES_DRAIN: usize = 13;
const LAST: usize = 14;
const SETTLE: usize = 15;
const STATISTICS: usize = 16;
const NEXT_PAIR: usize = 17;
const NORMALISING: usize = 18;
const STATE_BITS: usize = 5;

/// Executes `route`, `normalise`, `matmul` and `attend`.
///
/// - Does: an instruction at a time; a product's tiles, its vectors, sums, and what the NPE makes of them overlap. Two things
///   go on beside it: a fused `normalise` that gives no token makes its slices while the `matmul` after it multiplies those that
///   are there, and of a fused `attend` the next pair's queries and keys pass while the pair before ends.
///   An instruction that goes beyond a memory, or a product or attention for no row, reports a `fault` before anything of it is written.
/// - Guarantee: `finished` when everything that the instruction writes has been written; of a fused `normalise` that gives no token
///   before.
#[derive(LogicBlock, Ports)]
pub struct ComputeUnit {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops everything but the contents of memories.
    pub reset: Signal<In, Bit>,
    /// Instructions.
    pub instruction: ItemSink,
    /// An instruction has finished.
    pub finished: Signal<Out, Bit>,
    /// Something is wrong; the instruction never finishes.
    pub fault: Signal<Out, Bit>,
    /// What, by the number of its [`FaultKind`].
    pub fault_kind: Wire<Out>,
    /// The last slice that an instruction would touch which goes beyond a memory.
    pub fault_address: Wire<Out>,
    /// Tokens of the block.
    pub rows: Wire<In>,
    /// Position of the first.
    pub position: Wire<In>,
    /// 1 over the values of the residual stream, FP32 encoding.
    pub inverse_dim: Wire<In>,
    /// Added to the mean square, FP32 encoding.
    pub epsilon: Wire<In>,
    /// Factor of the scores, FP32 encoding.
    pub score_factor: Wire<In>,
    /// Values of a head.
    pub head: Wire<In>,
    /// Query heads of a key-value head.
    pub heads_per_kv: Wire<In>,
    /// Key-value heads.
    pub kv_heads: Wire<In>,
    /// Weights.
    pub weights: StreamSink,
    /// Rounds of keys and values.
    pub kv: StreamSink,
    /// RoPE factors.
    pub rotation: StreamSink,
    /// Writes to the scratchpad, `{slice, address}`.
    pub scratchpad_write: ItemSink,
    /// Writes to the constant memory, `{slice, address}`.
    pub constants_write: ItemSink,
    /// The store unit wants to read the scratchpad.
    pub store_want: Signal<In, Bit>,
    /// It may.
    pub store_grant: Signal<Out, Bit>,
    /// Which slice.
    pub store_address: Wire<In>,
    /// The slice, [`READ_LATENCY`] cycles later.
    pub store_data: Wire<Out>,
    /// Rows for which attention runs.
    pub mask_attention: Wire<Out>,
    /// Rows for which the feed-forward part runs.
    pub mask_forward: Wire<Out>,
    /// A vector enters the array.
    pub array_busy: Signal<Out, Bit>,
    /// It meets INT4 weights.
    pub array_int4: Signal<Out, Bit>,
    /// The NPE takes a tile.
    pub npe_busy: Signal<Out, Bit>,
    /// The array waits for weights, for keys or values, for a half of the partial sums; the unit waits for the NPE alone.
    pub waits: Wire<Out>,
    /// A `matmul` is executed, an `attend`.
    pub executes: Wire<Out>,

    scratchpad: SliceMemory,
    constants: SliceMemory,
    operand0: SliceMemory,
    operand1: SliceMemory,
    bank0: SliceMemory,
    bank1: SliceMemory,
    scores: SliceMemory,
    arbiter: ReadArbiter,
    constant_arbiter: ReadArbiter,
    array: AlignedArray,
    driver: ArrayDriver,
    weight_loader: WeightLoader,
    scales: ScaleBuffer,
    router_loader: RouterLoader,
    kv_loader: KvLoader,
    steps: StepGenerator,
    sums: PartialSums,
    walker: Walker,
    feeder: Feeder,
    npe: Engine,
    sink: Sink,
    commands: Fifo,
    logit_sum: LogitSum,
    bitmask: Bitmask,
    normaliser: Normaliser,
    kv_passes: KvPasses,
    bounds: Bounds,
    source_wait: Delay,

    state: Reg,
    word: Reg,
    selected: Reg,
    scan: Reg,
    count: Reg,
    entries: Reg,
    groups: Reg,
    grouped: Reg,
    step_left: Reg,
    drain_left: Reg,
    draining: DFF<Bit>,
    drain_block: Reg,
    drain_tile: Reg,
    turn: Reg,
    parity: DFF<Bit>,
    head_slices: Reg,
    shared_slices: Reg,
    pair_slices: Reg,
    width: Reg,
    single: DFF<Bit>,
    number: Reg,
    pairs_left: Reg,
    last_number: Reg,
    last_slices: Reg,
    last_kv: Reg,
    value_slices: Reg,
    value_single: DFF<Bit>,
    values_pending: DFF<Bit>,
    queried: DFF<Bit>,
    again: DFF<Bit>,
    queries_left: Reg,
    query_writes: Reg,
    all_probable: DFF<Bit>,
    queries: Signal<Local, Bit>,
    drains_values: Signal<Local, Bit>,
    masks: Fifo,
    mask_walk: Reg,
    group_open: DFF<Bit>,
    group_entry: Reg,
    group_rounds: Reg,
    drain_entry: Reg,
    keys_done: DFF<Bit>,
    place: Reg,
    own_row: Reg,
    slice: Reg,
    begun: DFF<Bit>,
    softmaxed: Reg,
    probable: Reg,
    unwritten: Reg,
    settle: Reg,
    overflow: DFF<Bit>,
    done: DFF<Bit>,
    closing: Reg,
    empty: DFF<Bit>,

    op_flags: Reg,
    op_space: Reg,
    op_region: DFF<Bit>,
    op_reads: Reg,
    op_hides: DFF<Bit>,
    op_ends: DFF<Bit>,
    visible: Wire<Local>,
    hide: Wire<Local>,
    target: Wire<Local>,
    command: Wire<Local>,
    walk: Signal<Local, Bit>,
    can_walk: Signal<Local, Bit>,
    quiet: Signal<Local, Bit>,
    wanted_rows: Wire<Local>,
    vector0: Wire<Local>,
    kind: Wire<Local>,
    _shape: DatapathShape,
    _aligned: AlignedShape,
    _fields: Fields,
    _op: TileOp,
    /// Cycles from a tile at the NPE until its row's statistics are there.
    _closing: usize,
}

/// Bits of the flags of a walk: sums, logits, scores, addend, wide, writes.
const SUMS: usize = 0;
const LOGITS: usize = 1;
const SCORES: usize = 2;
const ADDEND: usize = 3;
const WIDE: usize = 4;
const WRITES: usize = 5;
/// Bits of what a walk reads: source, scores, constants, residual.
const READS_SOURCE: usize = 0;
const READS_SCORES: usize = 1;
const READS_CONSTANTS: usize = 2;
const READS_RESIDUAL: usize = 3;

impl ComputeUnit {
    /// For a configuration.
    ///
    /// # Errors
    /// Sizes that do not go together.
    pub fn new(config: &skipopu_config::Config) -> Result<ComputeUnit, ParameterError> {
        let shape = DatapathShape::of(config)?;
        let kv = KvShape::of(config)?;
        let aligned = AlignedShape::of(config);
        let tile = TileShape { ways: shape.ways, rows: shape.npe_rows };
        let rotation = RotationShape::of(config);
        let legal = "the array's sizes must be in range";
        let array = AlignedArray::new(aligned, shape.layout()).map_err(|_| ParameterError {
            block: "compute unit",
            parameter: "array",
            value: shape.lanes,
            legal,
        })?;
        let npe = Engine::new(EngineShape { tile, rotation }).map_err(|_| ParameterError {
            block: "compute unit",
            parameter: "npe",
            value: shape.ways,
            legal: "the NPE's sizes must be in range",
        })?;
        debug_assert_eq!(SCALE_LEAD, ScaleBuffer::LATENCY + SumLane::SCALE_LEAD);
        let driver = ArrayDriver::new(&shape, array.latency(), PartialSums::distance())?;
        let op = TileOp::of(&shape);
        let commands =
            FifoOptions { storage: Some(Storage::Lutram), ..FifoOptions::new(COMMAND_BITS, 4) };
        let (rows, slice) = (shape.rows, shape.slice_bits());
        // A round's mask, and whether it ends its group.
        let mask = 2 + shape.round();
        let masks = FifoOptions {
            storage: Some(Storage::Lutram),
            ..FifoOptions::new(mask + 1, 2 << ROUNDS_BITS)
        };
        let closing = npe.square_latency() + 1;
        let query_bits = ENTRIES + HEAD_BITS + index_bits(shape.tiles_per_slice() + 1) + 1;
        Ok(ComputeUnit {
            clock: Default::default(),
            reset: Default::default(),
            instruction: ItemSink::new(WORD),
            finished: Default::default(),
            fault: Default::default(),
            fault_kind: Wire::new(FaultKind::BITS),
            fault_address: Wire::new(ADDRESS_BITS),
            rows: Wire::new(shape.row_count_bits()),
            position: Wire::new(16),
            inverse_dim: Wire::new(32),
            epsilon: Wire::new(32),
            score_factor: Wire::new(32),
            head: Wire::new(9),
            heads_per_kv: Wire::new(8),
            kv_heads: Wire::new(9),
            weights: StreamSink::new(shape.beat_bits()),
            kv: StreamSink::new(kv.delivery()),
            rotation: StreamSink::new(rotation.fill_bits()),
            scratchpad_write: ItemSink::new(shape.scratchpad_bits() + slice),
            constants_write: ItemSink::new(shape.constant_bits() + slice),
            store_want: Default::default(),
            store_grant: Default::default(),
            store_address: Wire::new(shape.scratchpad_bits()),
            store_data: Wire::new(slice),
            mask_attention: Wire::new(rows),
            mask_forward: Wire::new(rows),
            array_busy: Default::default(),
            array_int4: Default::default(),
            npe_busy: Default::default(),
            waits: Wire::new(4),
            executes: Wire::new(2),
            scratchpad: SliceMemory::new(&shape, shape.scratchpad)?,
            constants: SliceMemory::new(&shape, shape.constants)?,
            operand0: SliceMemory::new(&shape, shape.operand)?,
            operand1: SliceMemory::new(&shape, shape.operand)?,
            bank0: SliceMemory::new(&shape, shape.bank())?,
            bank1: SliceMemory::new(&shape, shape.bank())?,
            scores: SliceMemory::of(
                1,
                shape.ways * SINGLE_BITS,
                shape.npe_rows * shape.score_tiles(),
            )?,
            arbiter: ReadArbiter::new(READERS, shape.scratchpad_bits())?,
            constant_arbiter: ReadArbiter::new(2, shape.constant_bits())?,
            array,
            driver,
            weight_loader: WeightLoader::new(&shape)?,
            scales: ScaleBuffer::new(&shape)?,
            router_loader: RouterLoader::new(&shape)?,
            kv_loader: KvLoader::new(&shape, &kv)?,
            steps: StepGenerator::new(&shape)?,
            sums: PartialSums::new(&shape)?,
            walker: Walker::new(&shape)?,
            feeder: Feeder::new(&shape)?,
            npe,
            sink: Sink::new(&shape)?,
            commands: Fifo::new(&commands)?,
            logit_sum: LogitSum::new(&shape)?,
            bitmask: Bitmask::new(&shape)?,
            normaliser: Normaliser::new(&shape)?,
            kv_passes: KvPasses::new(&shape)?,
            bounds: Bounds::new(&shape)?,
            source_wait: Delay::new(2, READ_LATENCY)?,
            state: Reg::new(STATE_BITS),
            word: Reg::new(WORD),
            selected: Reg::new(rows),
            scan: Reg::new(rows),
            count: Reg::new(ENTRIES),
            entries: Reg::new(ENTRIES),
            groups: Reg::new(GROUPS_BITS),
            grouped: Reg::new(LOOP_BITS + 1),
            step_left: Reg::new(LOOP_BITS),
            drain_left: Reg::new(LOOP_BITS),
            draining: Default::default(),
            drain_block: Reg::new(3),
            drain_tile: Reg::new(SLICES),
            turn: Reg::new(PLACE_BITS),
            parity: Default::default(),
            head_slices: Reg::new(HEAD_BITS),
            shared_slices: Reg::new(SLICES),
            pair_slices: Reg::new(SLICES),
            width: Reg::new(SLICES),
            single: Default::default(),
            number: Reg::new(NUMBER),
            pairs_left: Reg::new(NUMBER),
            last_number: Reg::new(NUMBER),
            last_slices: Reg::new(SLICES),
            last_kv: Reg::new(SLICES),
            value_slices: Reg::new(SLICES),
            value_single: Default::default(),
            values_pending: Default::default(),
            queried: Default::default(),
            again: Default::default(),
            queries_left: Reg::new(query_bits),
            query_writes: Reg::new(query_bits),
            all_probable: Default::default(),
            queries: Default::default(),
            drains_values: Default::default(),
            masks: Fifo::new(&masks)?,
            mask_walk: Reg::new(mask),
            group_open: Default::default(),
            group_entry: Reg::new(shape.entry_bits()),
            group_rounds: Reg::new(ROUNDS_BITS),
            drain_entry: Reg::new(shape.entry_bits()),
            keys_done: Default::default(),
            place: Reg::new(PLACE_BITS),
            own_row: Reg::new(shape.row_count_bits() + 1),
            slice: Reg::new(PLACE_BITS),
            begun: Default::default(),
            softmaxed: Reg::new(PLACE_BITS),
            probable: Reg::new(PLACE_BITS),
            unwritten: Reg::new(ENTRIES + 1 + index_bits(shape.tiles_per_slice() + 1)),
            settle: Reg::new(4),
            overflow: Default::default(),
            done: Default::default(),
            closing: Reg::new(index_bits(closing + 1)),
            empty: Default::default(),
            op_flags: Reg::new(6),
            op_space: Reg::new(SPACE_BITS),
            op_region: Default::default(),
            op_reads: Reg::new(4),
            op_hides: Default::default(),
            op_ends: Default::default(),
            visible: Wire::new(shape.round()),
            hide: Wire::new(shape.ways),
            target: Wire::new(op.target_bits),
            command: Wire::new(COMMAND_BITS),
            walk: Default::default(),
            can_walk: Default::default(),
            quiet: Default::default(),
            wanted_rows: Wire::new(ROWS_BITS),
            vector0: Wire::new(slice),
            kind: Wire::new(kind::BITS),
            _shape: shape,
            _aligned: aligned,
            _fields: Fields::new(),
            _op: op,
            _closing: closing,
        })
    }
}

impl Logic for ComputeUnit {
    #[hdl(
        lanes = self._shape.lanes,
        columns = self._shape.columns,
        ways = self._shape.ways,
        rows = self._shape.rows
    )]
    fn update(&mut self) {
        dff_setup!(self, clock, state, word, selected, scan, count, entries, groups, grouped);
        dff_setup!(self, clock, step_left, drain_left, draining, drain_block, drain_tile, turn);
        dff_setup!(self, clock, parity, head_slices, shared_slices, pair_slices, width, single);
        dff_setup!(self, clock, number, group_open, group_entry, group_rounds, drain_entry);
        dff_setup!(self, clock, pairs_left, last_number, last_slices, last_kv, value_slices);
        dff_setup!(self, clock, value_single, values_pending, queried, queries_left);
        dff_setup!(self, clock, query_writes, all_probable, again, mask_walk, keys_done, place);
        dff_setup!(self, clock, own_row, slice, begun, settle, overflow, done, op_flags);
        dff_setup!(self, clock, op_space, op_region, op_reads, op_hides, op_ends, softmaxed);
        dff_setup!(self, clock, probable, unwritten, closing, empty);
        clock!(self, clock, scratchpad, constants, operand0, operand1, bank0, bank1, scores);
        clock!(self, clock, array, driver, weight_loader, scales, router_loader, kv_loader);
        clock!(self, clock, steps, sums, walker, feeder, npe, sink, commands, logit_sum, bitmask);
        clock!(self, clock, normaliser);
        clock!(self, clock, source_wait, masks, kv_passes, bounds);
        let shape = self._shape;
        let f = self._fields;
        let op = self._op;
        let lanes = shape.lanes;
        let rows = shape.rows;
        let slice_bits = shape.slice_bits();
        let half = shape.ways * VALUE_BITS;
        let tiles = shape.tiles_per_slice();
        let shift = tiles.ilog2() as usize;
        let round = shape.round();
        let round_tiles = round / shape.ways;
        let int4_tiles = shape.outputs() / shape.ways;
        let walk_bits = Walker::address_bits(&shape);
        let entry_bits = shape.entry_bits();
        let bank_slices = shape.score_tiles() / tiles;
        let state = self.state.q.val();
        let reset = self.reset.val();

        self.driver.reset.next = reset;
        self.weight_loader.reset.next = reset;
        self.router_loader.reset.next = reset;
        self.kv_loader.reset.next = reset;
        self.steps.reset.next = reset;
        self.sums.reset.next = reset;
        self.walker.reset.next = reset;
        self.feeder.reset.next = reset;
        self.npe.reset.next = reset;
        self.sink.reset.next = reset;
        self.commands.reset.next = reset;
        self.masks.reset.next = reset;
        self.logit_sum.reset.next = reset;
        self.normaliser.reset.next = reset;
        self.kv_passes.reset.next = reset;
        self.bounds.reset.next = reset;

        // The scratchpad's readers.
        let driver_reads =
            self.driver.read.val() && self.driver.read_source.val() == Source::Scratchpad as usize;
        let scratch_bits = shape.scratchpad_bits();
        self.arbiter.want.next = cat!(
            self.store_want.val(),
            self.kv_loader.want.val(),
            self.feeder.scratchpad_want.val(),
            driver_reads
        );
        self.arbiter
            .addresses
            .next
            .set_slice(DRIVER * scratch_bits, &self.driver.read_address.val().trunc(scratch_bits));
        self.arbiter
            .addresses
            .next
            .set_slice(FEEDER * scratch_bits, &self.feeder.scratchpad_address.val());
        self.arbiter.addresses.next.set_slice(LOADER * scratch_bits, &self.kv_loader.address.val());
        self.arbiter.addresses.next.set_slice(STORE * scratch_bits, &self.store_address.val());
        self.feeder.scratchpad_grant.next = self.arbiter.grant.val().bit(FEEDER);
        self.kv_loader.grant.next = self.arbiter.grant.val().bit(LOADER);
        self.store_grant.next = self.arbiter.grant.val().bit(STORE);
        self.scratchpad.read_address.next = self.arbiter.address.val();
        self.feeder.scratchpad_data.next = self.scratchpad.read_data.val();
        self.kv_loader.data.next = self.scratchpad.read_data.val();
        self.store_data.next = self.scratchpad.read_data.val();

        // Those of the constant memory.
        let constant_bits = shape.constant_bits();
        self.constant_arbiter.want.next =
            cat!(self.router_loader.want.val(), self.feeder.constants_want.val());
        self.constant_arbiter.addresses.next =
            cat!(self.router_loader.address.val(), self.feeder.constants_address.val());
        self.feeder.constants_grant.next = self.constant_arbiter.grant.val().bit(0);
        self.router_loader.grant.next = self.constant_arbiter.grant.val().bit(1);
        self.constants.read_address.next = self.constant_arbiter.address.val();
        self.feeder.constants_data.next = self.constants.read_data.val();
        self.router_loader.data.next = self.constants.read_data.val();

        // Vectors of the array.
        self.operand0.read_address.next =
            self.driver.read_address.val().trunc(shape.operand_bits());
        self.operand1.read_address.next =
            self.driver.read_address.val().trunc(shape.operand_bits());
        self.bank0.read_address.next = self.driver.read_address.val().trunc(shape.bank_bits());
        self.bank1.read_address.next = self.driver.read_address.val().trunc(shape.bank_bits());
        self.source_wait.enable.next = true;
        self.source_wait.d.next = self.driver.read_source.val();
        self.vector0.next = self.scratchpad.read_data.val();
        if self.source_wait.q.val() == Source::Operand0 as usize {
            self.vector0.next = self.operand0.read_data.val();
        } else if self.source_wait.q.val() == Source::Operand1 as usize {
            self.vector0.next = self.operand1.read_data.val();
        } else if self.source_wait.q.val() == Source::Banks as usize {
            self.vector0.next = self.bank0.read_data.val();
        }
        self.driver.vector0.next = self.vector0.val();
        self.driver.vector1.next = mux(
            self.source_wait.q.val() == Source::Banks as usize,
            self.bank1.read_data.val(),
            self.vector0.val(),
        );

        // The array, its sums.
        self.array.act.next = self.driver.act.val();
        self.array.valid.next = self.driver.valid.val();
        self.array.int4.next = self.driver.int4.val();
        self.array.swap.next = self.driver.swap.val();
        self.array.load.next = self.driver.array_load.val();
        self.array.load_valid.next = self.driver.array_load_valid.val();
        self.array.load_int4.next = self.driver.array_load_int4.val();
        self.array.load_slot.next = self.driver.array_load_slot.val();
        self.scales.read_address.next = self.driver.scale_address.val();
        self.sums.scales.next = self.scales.read_data.val();
        self.sums.valid.next = self.driver.result.val();
        self.sums.entry.next = self.driver.entry.val();
        self.sums.first.next = self.driver.first.val();
        self.sums.finish.next = self.driver.finish.val();
        self.sums.end.next = self.driver.end.val();
        self.sums.int4.next = self.driver.result_int4.val();
        self.sums.upper.next = self.array.upper.val();
        self.sums.lower.next = self.array.lower.val();
        ItemSource::join(&mut self.steps.step, &mut self.driver.step);
        StreamSource::join(&mut self.sums.out, &mut self.feeder.sums);
        self.array_busy.next = self.driver.valid.val();
        self.array_int4.next = self.driver.int4.val();

        // Tiles of weights: those of a matrix, of routers, of keys and values.
        self.weight_loader.r#in.valid.next = self.weights.valid.val();
        self.weight_loader.r#in.data.next = self.weights.data.val();
        self.weight_loader.r#in.last.next = self.weights.last.val();
        self.weights.ready.next = self.weight_loader.r#in.ready.val();
        self.scales.write.next = self.weight_loader.scale_write.val();
        self.scales.write_address.next = self.weight_loader.scale_address.val();
        self.scales.write_data.next = self.weight_loader.scale_data.val();
        self.kv_loader.r#in.valid.next = self.kv.valid.val();
        self.kv_loader.r#in.data.next = self.kv.data.val();
        self.kv_loader.r#in.last.next = self.kv.last.val();
        self.kv.ready.next = self.kv_loader.r#in.ready.val();

        // The instruction's kind.
        let opcode = self.word.q.val().trunc(8);
        self.kind.next = Word::zero(kind::BITS);
        if opcode == Word::new(8, f.normalise) {
            self.kind.next = Word::new(kind::BITS, kind::NORMALISE as u128);
        } else if opcode == Word::new(8, f.matmul) {
            self.kind.next = Word::new(kind::BITS, kind::MATMUL as u128);
        } else if opcode == Word::new(8, f.attend) {
            self.kind.next = Word::new(kind::BITS, kind::ATTEND as u128);
        }
        self.weight_loader.used.next = false;
        self.driver.load.valid.next = false;
        self.driver.load.data.next = self.weight_loader.load.data.val();
        self.driver.load.last.next = self.weight_loader.load.last.val();
        self.weight_loader.load.ready.next = false;
        self.router_loader.load.ready.next = false;
        self.kv_loader.load.ready.next = false;
        if self.kind.val() == kind::MATMUL {
            self.driver.load.valid.next = self.weight_loader.load.valid.val();
            self.weight_loader.load.ready.next = self.driver.load.ready.val();
        } else if self.kind.val() == kind::ROUTE {
            self.driver.load.valid.next = self.router_loader.load.valid.val();
            self.driver.load.data.next = self.router_loader.load.data.val();
            self.driver.load.last.next = self.router_loader.load.last.val();
            self.router_loader.load.ready.next = self.driver.load.ready.val();
        } else if self.kind.val() == kind::ATTEND {
            self.driver.load.valid.next = self.kv_loader.load.valid.val();
            self.driver.load.data.next = self.kv_loader.load.data.val();
            self.driver.load.last.next = self.kv_loader.load.last.val();
            self.kv_loader.load.ready.next = self.driver.load.ready.val();
        }

        // Its rows.
        self.wanted_rows.next = Word::zero(ROWS_BITS);
        if self.kind.val() == kind::NORMALISE {
            self.wanted_rows.next = self.word.q.val().slice(f.normalise_rows.0, f.normalise_rows.1);
        } else if self.kind.val() == kind::MATMUL {
            self.wanted_rows.next = self.word.q.val().slice(f.matmul_rows.0, f.matmul_rows.1);
        } else if self.kind.val() == kind::ATTEND {
            self.wanted_rows.next = self.word.q.val().slice(f.attend_rows.0, f.attend_rows.1);
        }
        let routers = self.word.q.val().slice(f.route_routers.0, f.route_routers.1);
        self.logit_sum.valid.next = self.feeder.logits_valid.val();
        self.logit_sum.first.next = self.feeder.logits_first.val();
        self.logit_sum.row.next = self.feeder.logits_row.val();
        self.logit_sum.sums.next = self.feeder.logits.val();
        self.logit_sum.slices.next = self.word.q.val().slice(f.route_slices.0, f.route_slices.1);
        self.bitmask.valid.next = self.logit_sum.done.val();
        self.bitmask.row.next = self.logit_sum.done_row.val();
        self.bitmask.logits.next = self.logit_sum.logits.val();
        self.bitmask.routers.next = routers.clone();
        self.bitmask.rows.next = self.rows.val();
        self.bitmask.wanted.next = self.wanted_rows.val();
        self.mask_attention.next = self.bitmask.attention.val();
        self.mask_forward.next = self.bitmask.forward.val();
        let slices = self.word.q.val().slice(f.matmul_slices.0, f.matmul_slices.1);
        let tiles_left = self.step_left.q.val();
        let group = self.word.q.val().slice(f.matmul_group.0, f.matmul_group.1);
        let function = self.word.q.val().slice(f.matmul_function.0, f.matmul_function.1);
        let swiglu = function == value::Function::Swiglu as usize;
        let wide = function == value::Function::Wide as usize;
        let residual = function == value::Function::Residual as usize;
        let rotate = function == value::Function::Rotate as usize;
        let rowwise = self.word.q.val().bit(f.attend_passes.0);
        let statistics = self.word.q.val().slice(f.route_statistics.0, f.route_statistics.1).any();

        // What may go on.
        let walks = !self.walker.busy.val() && self.commands.r#in.ready.val();
        self.normaliser.start.next = state == NORMALISE;
        self.normaliser.word.next = self.word.q.val();
        self.normaliser.rows.next = self.selected.q.val();
        self.normaliser.count.next = self.count.q.val();
        self.normaliser.free.next = walks;
        self.normaliser.written.next = self.sink.write.val().slice(1, 2).any();
        self.can_walk.next = walks && !self.normaliser.waits.val();
        self.quiet.next = !self.walker.busy.val()
            && !self.normaliser.active.val()
            && !self.feeder.busy.val()
            && !self.sink.busy.val()
            && !self.logit_sum.busy.val()
            && !self.bitmask.busy.val()
            && !self.steps.busy.val();
        let can_drain = self.can_walk.val() && self.sums.drain.ready.val();
        let free = self.sums.free.val().any();

        // Of a pair of heads: the next one's queries follow the probabilities, its values are drained before the next one's scores.
        let more_pairs = self.pairs_left.q.val().any();
        self.queries.next = self.can_walk.val()
            && state == VALUES
            && !rowwise
            && more_pairs
            && !self.queried.q.val()
            && self.softmaxed.q.val() == self.place.q.val();
        self.drains_values.next =
            state == VALUES_DRAIN || (state == KEYS && self.values_pending.q.val());
        let next_slices = self.pair_slices.q.val() + (self.shared_slices.q.val() << 1);

        // Defaults: nothing begins.
        self.walk.next = self.normaliser.walk.val();
        self.steps.start.next = false;
        self.sums.begin.next = false;
        self.sums.drain.valid.next = false;
        self.weight_loader.command.valid.next = false;
        self.router_loader.command.valid.next = false;
        self.kv_loader.mask.ready.next = false;
        self.masks.r#in.valid.next = false;
        self.masks.r#in.last.next = false;
        self.masks.out.ready.next = false;
        self.instruction.ready.next = state == IDLE;
        self.done.d.next = false;

        // Steps: a block of a product; a slice of routers; a round of keys; a slice of values.
        let many = tiles_left > INTERLEAVE;
        let block = mux(many, Word::new(3, INTERLEAVE as u128), tiles_left.trunc(3));
        let count_bits = self.steps.count.width();
        let chunks =
            self.head_slices.q.val().zext(8) << (shape.rounds_per_slice().ilog2() as usize);
        let address_bits = self.steps.address.width();
        self.steps.outer.next = slices.zext(LOOP_BITS);
        self.steps.inner.next = block.clone().zext(LOOP_BITS);
        self.steps.count.next = self.count.q.val().zext(count_bits + ENTRIES).trunc(count_bits);
        self.steps.source.next = Word::from(self.word.q.val().bit(f.matmul_operand.0)).zext(2);
        self.steps.address.next = Word::zero(address_bits);
        self.steps.stride.next = slices.zext(address_bits + LOOP_BITS).trunc(address_bits);
        self.steps.entry_step.next = Word::new(entry_bits, rows as u128);
        self.steps.group.next = group.zext(LOOP_BITS);
        self.steps.scale.next =
            cat!(self.parity.q.val(), Word::zero(ScaleBuffer::ADDRESS_BITS - 1));
        self.steps.starts.next = true;
        self.steps.finishes.next = true;
        self.steps.ends.next = true;
        self.steps.entry.next = Word::zero(entry_bits);
        self.steps.turn.next = Word::zero(self.steps.turn.width());
        self.steps.int4.next = true;
        self.steps.turning.next = false;
        self.steps.limited.next = self.normaliser.active.val();
        self.steps.available.next = self.normaliser.there.val();
        let entries = self.entries.q.val();
        let item_last = self.kv_loader.mask.data.val().bit(round);
        // A group of rounds is full when no other one fits into a half of the sums.
        let room = entries.clone().zext(ENTRIES + 2) + entries.clone().zext(ENTRIES + 2);
        let after = self.group_entry.q.val().zext(ENTRIES + 2) + room;
        let closes = item_last
            || self.group_rounds.q.val().all()
            || after > Word::new(ENTRIES + 2, shape.entries() as u128);
        self.masks.r#in.data.next = cat!(closes, self.kv_loader.mask.data.val());
        if self.kind.val() == kind::ROUTE {
            self.steps.outer.next =
                self.word.q.val().slice(f.route_slices.0, f.route_slices.1).zext(LOOP_BITS);
            self.steps.inner.next = Word::new(LOOP_BITS, 1);
            self.steps.source.next = Word::new(2, Source::Scratchpad as u128);
            self.steps.address.next = self
                .word
                .q
                .val()
                .slice(f.route_address.0, f.route_address.1)
                .zext(address_bits + SLICES)
                .trunc(address_bits);
            self.steps.stride.next = self
                .word
                .q
                .val()
                .slice(f.route_stride.0, f.route_stride.1)
                .zext(address_bits + LOOP_BITS)
                .trunc(address_bits);
            self.steps.group.next = Word::zero(LOOP_BITS);
            self.steps.int4.next = false;
            self.steps.turning.next = true;
        } else if self.kind.val() == kind::ATTEND {
            self.steps.count.next = entries.clone().zext(count_bits + ENTRIES).trunc(count_bits);
            self.steps.source.next = Word::new(2, Source::Banks as u128);
            self.steps.stride.next = Word::new(address_bits, 2 * bank_slices as u128);
            self.steps.group.next = Word::zero(LOOP_BITS);
            self.steps.int4.next = false;
            if state == KEYS {
                self.steps.outer.next = self.head_slices.q.val().zext(LOOP_BITS);
                self.steps.inner.next = Word::new(LOOP_BITS, 1);
                self.steps.entry.next = self.group_entry.q.val();
                self.steps.turn.next = self.group_rounds.q.val().trunc(self.steps.turn.width());
                self.steps.ends.next = closes;
            } else {
                self.steps.outer.next = Word::new(LOOP_BITS, 1);
                self.steps.inner.next = chunks.clone().zext(LOOP_BITS);
                self.steps.entry_step.next =
                    entries.clone().zext(entry_bits + ENTRIES).trunc(entry_bits);
                self.steps.address.next =
                    self.slice.q.val().zext(address_bits + PLACE_BITS).trunc(address_bits)
                        + Word::new(address_bits, bank_slices as u128);
                self.steps.starts.next = !self.begun.q.val();
                self.steps.finishes.next = item_last;
            }
        }

        // Tiles of probabilities in a slice of slots: of each entry, for both heads of the pair.
        let slice_writes = entries.clone().zext(self.unwritten.width()) << (shift + 1);

        // Drains: entries of a block by row and tile, or by row, query head and chunk.
        let blocks_left = self.drain_left.q.val();
        let several = blocks_left > INTERLEAVE;
        let drained = mux(several, Word::new(3, INTERLEAVE as u128), blocks_left.trunc(3));
        let one = Word::new(entry_bits, 1);
        self.sums.drain.data.next = cat!(
            false,
            true,
            Word::new(entry_bits, rows as u128),
            drained.clone().zext(8),
            one.clone(),
            self.count.q.val(),
            Word::zero(entry_bits)
        );
        if self.kind.val() == kind::ROUTE {
            self.sums.drain.data.next = cat!(
                false,
                false,
                Word::new(entry_bits, rows as u128),
                Word::new(8, ROUTER_SUMS as u128),
                one.clone(),
                self.count.q.val(),
                Word::zero(entry_bits)
            );
        } else if self.kind.val() == kind::ATTEND {
            self.sums.drain.data.next = cat!(
                !self.drains_values.val() && !self.masks.out.data.val().bit(round + 2),
                false,
                entries.clone().zext(entry_bits + ENTRIES).trunc(entry_bits),
                mux(self.drains_values.val(), chunks.clone(), Word::new(8, 1)),
                one,
                entries.clone(),
                mux(self.drains_values.val(), Word::zero(entry_bits), self.drain_entry.q.val())
            );
        }

        // Loaders.
        self.weight_loader.command.data.next = cat!(
            self.groups.q.val(),
            self.word.q.val().slice(f.matmul_tiles.0, f.matmul_tiles.1).zext(14),
            slices.zext(14)
        );
        let both = routers == value::Routers::Both as usize;
        let out_bits = index_bits(OUTPUTS + 1);
        self.router_loader.command.data.next = cat!(
            mux(both, Word::new(out_bits, 4), Word::new(out_bits, 2)),
            self.word.q.val().slice(f.route_slices.0, f.route_slices.1).zext(14),
            self.word
                .q
                .val()
                .slice(f.route_weights.0, f.route_weights.1)
                .zext(constant_bits + SLICES)
                .trunc(constant_bits)
        );
        self.kv_passes.start.next = false;
        let kept = |(low, bits): (usize, usize)| (low, bits.min(scratch_bits));
        let (keys, values) = (kept(f.attend_keys), kept(f.attend_values));
        let stride = kept(f.attend_kv_stride);
        self.kv_passes.keys.next = self.word.q.val().slice(keys.0, keys.1).zext(scratch_bits);
        self.kv_passes.values.next = self.word.q.val().slice(values.0, values.1).zext(scratch_bits);
        self.kv_passes.stride.next = self.word.q.val().slice(stride.0, stride.1).zext(scratch_bits);
        self.kv_passes.number.next = self.number.q.val();
        self.kv_passes.pairs.next = self.pairs_left.q.val() + 1;
        self.kv_passes.head_slices.next = self.head_slices.q.val();
        self.kv_passes.kv_heads.next = self.kv_heads.val();
        self.kv_passes.rows.next = self.rows.val();
        self.kv_passes.earlier.next = self.position.val().any();
        ItemSource::join(&mut self.kv_passes.command, &mut self.kv_loader.command);

        // Walks; most of them over rows of slices.
        let at_bits = walk_bits + SLICES;
        self.walker.mask.next = self.selected.q.val();
        self.walker.queries.next = Word::new(8, 1);
        self.walker.chunks.next = Word::new(8, 1);
        self.walker.two_groups.next = false;
        self.walker.tiles.next = Word::new(COUNT_BITS, 1);
        self.walker.source_base.next = Word::zero(walk_bits);
        self.walker.source_row.next = Word::zero(walk_bits);
        self.walker.source_q.next =
            (self.head_slices.q.val().zext(at_bits) << shift).trunc(walk_bits);
        self.walker.source_g.next =
            (self.shared_slices.q.val().zext(at_bits) << shift).trunc(walk_bits);
        self.walker.operand_base.next = Word::zero(walk_bits);
        self.walker.operand_row.next = Word::zero(walk_bits);
        self.walker.target_base.next = Word::zero(walk_bits);
        self.walker.target_row.next = Word::zero(walk_bits);
        self.walker.dense.next = false;
        self.walker.target_q.next =
            (self.head_slices.q.val().zext(at_bits) << shift).trunc(walk_bits);
        self.walker.target_c.next = Word::new(walk_bits, round_tiles as u128);
        self.walker.target_g.next =
            (self.shared_slices.q.val().zext(at_bits) << shift).trunc(walk_bits);
        self.walker.halve.next = false;
        self.walker.count_labels.next = false;
        self.walker.count_places.next = false;
        self.walker.place_base.next = Word::zero(PLACE_BITS);
        self.walker.turning.next = false;
        self.walker.turn.next = self.turn.q.val();
        self.walker.head_tiles.next = self.head_slices.q.val().zext(PLACE_BITS) << shift;
        self.walker.limit.next = Word::ones(walk_bits);
        self.walker.single.next = false;
        self.command.next = Word::zero(COMMAND_BITS);
        self.command.next.set_slice(command::LENGTH.0, &Word::new(command::LENGTH.1, 16384));
        let mut flags = Word::zero(6);
        let mut space = Word::zero(SPACE_BITS);
        let mut region = false;
        let mut reads = Word::zero(4);
        let mut hides = false;
        let mut ends = true;
        let matmul_at = self.word.q.val().slice(f.matmul_address.0, f.matmul_address.1);
        let matmul_row = self.word.q.val().slice(f.matmul_stride.0, f.matmul_stride.1);
        let base_tiles = matmul_at.zext(at_bits) << shift;
        let row_tiles = matmul_row.zext(at_bits) << shift;
        let tiles_done = self.drain_tile.q.val().zext(at_bits);
        let target_space = self.word.q.val().slice(f.matmul_target.0, f.matmul_target.1);
        let outputs = self.word.q.val().slice(f.matmul_outputs.0, f.matmul_outputs.1);
        let all_outputs = outputs.zext(SLICES) << shift;
        let wanted_outputs = mux(wide, all_outputs.clone() >> 1, all_outputs);
        if self.normaliser.walk.val() || state == ROUTE_STATISTICS {
            // Rows to be normalised, slice by slice or whole; or whole ones for their statistics.
            let own = self.normaliser.walk.val();
            let kept = walk_bits - shift;
            let bits = |(low, bits): (usize, usize)| (low, bits.min(kept));
            let (address, gain) = (bits(f.normalise_address), bits(f.normalise_gain));
            let (stride, slices) = (bits(f.normalise_stride), bits(f.normalise_slices));
            let routed = bits(f.route_address);
            let (routed_stride, routed_slices) = (bits(f.route_stride), bits(f.route_slices));
            let slice = mux(own, self.normaliser.slice.val(), Word::zero(LOOP_BITS));
            let at = mux(
                own,
                self.normaliser.instruction.val().slice(address.0, address.1),
                self.word.q.val().slice(routed.0, routed.1),
            )
            .zext(kept)
                + slice.clone().zext(kept + LOOP_BITS).trunc(kept);
            let gain_at = self.normaliser.instruction.val().slice(gain.0, gain.1).zext(kept)
                + slice.clone().zext(kept + LOOP_BITS).trunc(kept);
            let stride = mux(
                own,
                self.normaliser.instruction.val().slice(stride.0, stride.1),
                self.word.q.val().slice(routed_stride.0, routed_stride.1),
            );
            let length = mux(
                own,
                self.normaliser.instruction.val().slice(slices.0, slices.1),
                self.word.q.val().slice(routed_slices.0, routed_slices.1),
            );
            let whole = !own || self.normaliser.instruction.val().bit(f.normalise_passes.0);
            self.walker.mask.next = mux(own, self.normaliser.mask.val(), self.selected.q.val());
            self.walker.tiles.next = mux(
                whole,
                (length.zext(at_bits) << shift).trunc(COUNT_BITS),
                Word::new(COUNT_BITS, tiles as u128),
            );
            self.walker.source_base.next = at.zext(walk_bits) << shift;
            self.walker.source_row.next = stride.zext(walk_bits) << shift;
            self.walker.operand_base.next = gain_at.zext(walk_bits) << shift;
            self.walker.target_base.next =
                (slice.clone().zext(walk_bits + LOOP_BITS) << shift).trunc(walk_bits);
            self.walker.target_row.next = length.zext(walk_bits) << shift;
            self.walker.dense.next = true;
            self.walker.count_places.next = true;
            self.walker.place_base.next =
                (slice.zext(PLACE_BITS + LOOP_BITS) << shift).trunc(PLACE_BITS);
            self.command.next.set_slice(command::HALF_IN.0, &Word::ones(1));
            self.command.next.set_slice(command::HALF_OUT.0, &Word::ones(1));
            self.command.next.set_slice(
                command::LENGTH.0,
                &(length.zext(32) << (lanes.ilog2() as usize)).trunc(command::LENGTH.1),
            );
            self.command.next.set_slice(
                command::CONSTANT.0,
                &self.inverse_dim.val().slice(7, command::CONSTANT.1),
            );
            reads = Word::new(4, 1 << READS_SOURCE);
            if own {
                self.command.next.set_slice(
                    command::FUNCTION.0,
                    &Word::new(command::FUNCTION.1, Function::RmsNorm as u128),
                );
                self.command.next.set_slice(
                    command::FACTOR.0,
                    &Word::new(command::FACTOR.1, Factor::Operand as u128),
                );
                reads = Word::new(4, (1 << READS_SOURCE) | (1 << READS_CONSTANTS));
                flags = Word::new(6, 1 << WRITES);
                space = Word::from(self.normaliser.instruction.val().bit(f.normalise_operand.0))
                    .zext(2)
                    + 1;
            } else {
                self.command.next.set_slice(command::DROP.0, &Word::ones(1));
                self.command.next.set_slice(
                    command::STATISTIC.0,
                    &Word::new(command::STATISTIC.1, Statistic::Squares as u128),
                );
            }
        } else if state == ROUTE_LOGITS {
            self.walker.tiles.next = Word::new(COUNT_BITS, (ROUTER_SUMS * int4_tiles / 2) as u128);
            flags = Word::new(6, (1 << SUMS) | (1 << LOGITS));
        } else if state == PRODUCT {
            let of_block = drained.clone().zext(COUNT_BITS) << (int4_tiles.ilog2() as usize);
            self.walker.tiles.next = of_block;
            self.walker.operand_base.next =
                (base_tiles.clone() + tiles_done.clone()).trunc(walk_bits);
            self.walker.operand_row.next = row_tiles.clone().trunc(walk_bits);
            self.walker.target_base.next = mux(
                wide,
                ((base_tiles.clone() >> 1) + tiles_done.clone()).trunc(walk_bits),
                (base_tiles + tiles_done).trunc(walk_bits),
            );
            self.walker.target_row.next =
                mux(wide, (row_tiles.clone() >> 1).trunc(walk_bits), row_tiles.trunc(walk_bits));
            self.walker.dense.next = target_space.any();
            self.walker.halve.next = swiglu;
            self.walker.turning.next = rotate;
            let left = wanted_outputs.clone() - self.drain_tile.q.val();
            let none = wanted_outputs.clone() < self.drain_tile.q.val();
            self.walker.limit.next =
                mux(none, Word::zero(walk_bits), left.zext(SLICES + walk_bits).trunc(walk_bits));
            self.command.next.set_slice(command::HALF_OUT.0, &Word::from(!wide));
            flags = Word::new(6, (1 << SUMS) | (1 << WRITES));
            space = target_space.clone();
            if rotate {
                self.command.next.set_slice(
                    command::FUNCTION.0,
                    &Word::new(command::FUNCTION.1, Function::Rope as u128),
                );
            } else if swiglu {
                self.command.next.set_slice(
                    command::FUNCTION.0,
                    &Word::new(command::FUNCTION.1, Function::SwiGlu as u128),
                );
            } else if residual {
                self.command.next.set_slice(
                    command::ADDEND.0,
                    &Word::new(command::ADDEND.1, Addend::Half as u128),
                );
                flags = Word::new(6, (1 << SUMS) | (1 << WRITES) | (1 << ADDEND));
                reads = Word::new(4, 1 << READS_RESIDUAL);
            } else if wide {
                flags = Word::new(6, (1 << SUMS) | (1 << WRITES) | (1 << WIDE));
            }
        } else if self.kind.val() == kind::ATTEND {
            self.walker.queries.next = self.heads_per_kv.val();
            self.walker.two_groups.next = true;
            self.walker.count_labels.next = true;
            let head_tiles = (self.head_slices.q.val().zext(at_bits) << shift).trunc(COUNT_BITS);
            // Scores: their statistics are taken while they stream, or in a pass of their own.
            if (state == KEYS && !self.drains_values.val()) || state == STATISTICS {
                self.command.next.set_slice(command::DROP.0, &Word::ones(1));
                if state == STATISTICS || !rowwise {
                    self.command.next.set_slice(
                        command::STATISTIC.0,
                        &Word::new(command::STATISTIC.1, Statistic::Exponentials as u128),
                    );
                }
            }
            self.command.next.set_slice(
                command::CONSTANT.0,
                &self.score_factor.val().slice(7, command::CONSTANT.1),
            );
            if state == QUERIES || self.queries.val() {
                let address = self.word.q.val().slice(f.attend_address.0, f.attend_address.1);
                let pair =
                    mux(state == QUERIES, self.pair_slices.q.val(), next_slices.trunc(SLICES));
                let at = address.zext(at_bits) + pair.zext(at_bits);
                let stride = self.word.q.val().slice(f.attend_stride.0, f.attend_stride.1);
                self.walker.source_base.next = (at << shift).trunc(walk_bits);
                self.walker.source_row.next = (stride.zext(at_bits) << shift).trunc(walk_bits);
                self.walker.tiles.next = head_tiles;
                self.command.next.set_slice(command::HALF_IN.0, &Word::ones(1));
                self.command.next.set_slice(command::HALF_OUT.0, &Word::ones(1));
                reads = Word::new(4, 1 << READS_SOURCE);
                flags = Word::new(6, 1 << WRITES);
                space = Word::new(SPACE_BITS, Space::Banks as u128);
            } else if state == KEYS && !self.drains_values.val() {
                self.walker.tiles.next = Word::new(COUNT_BITS, round_tiles as u128);
                self.walker.count_places.next = true;
                self.walker.place_base.next = self.place.q.val();
                flags = Word::new(6, (1 << SUMS) | (1 << SCORES));
                hides = true;
                ends = self.masks.out.data.val().bit(round);
            } else if state == STATISTICS {
                self.walker.tiles.next = self.place.q.val().zext(COUNT_BITS);
                self.walker.count_places.next = true;
                reads = Word::new(4, 1 << READS_SCORES);
            } else if state == SOFTMAX || state == VALUES {
                self.walker.tiles.next = mux(
                    rowwise,
                    self.place.q.val().zext(COUNT_BITS),
                    Word::new(COUNT_BITS, tiles as u128),
                );
                self.walker.count_places.next = true;
                self.walker.place_base.next = self.softmaxed.q.val();
                self.command.next.set_slice(command::HALF_OUT.0, &Word::ones(1));
                self.command.next.set_slice(
                    command::FUNCTION.0,
                    &Word::new(command::FUNCTION.1, Function::Softmax as u128),
                );
                reads = Word::new(4, 1 << READS_SCORES);
                flags = Word::new(6, 1 << WRITES);
                space = Word::new(SPACE_BITS, Space::Banks as u128);
                region = true;
            } else {
                self.walker.chunks.next = chunks.clone();
                self.walker.tiles.next = Word::new(COUNT_BITS, round_tiles as u128);
                self.walker.target_base.next =
                    (self.value_slices.q.val().zext(at_bits) << shift).trunc(walk_bits);
                self.walker.target_row.next =
                    (self.width.q.val().zext(at_bits) << shift).trunc(walk_bits);
                self.walker.dense.next = true;
                self.walker.single.next = self.value_single.q.val();
                self.command.next.set_slice(command::HALF_OUT.0, &Word::ones(1));
                flags = Word::new(6, (1 << SUMS) | (1 << WRITES));
                space = Word::from(self.word.q.val().bit(f.attend_operand.0)).zext(2) + 1;
            }
        }

        // The instruction's course.
        if state == IDLE {
            if self.instruction.valid.val() {
                self.word.d.next = self.instruction.data.val();
                self.settle.d.next = Word::zero(4);
                self.state.d.next = Word::new(STATE_BITS, COUNTING as u128);
            }
        } else if state == COUNTING {
            if self.settle.q.val() != 3 {
                self.settle.d.next = self.settle.q.val() + 1;
            }
            let up = self.head.val().zext(16) + Word::new(16, lanes as u128 - 1);
            self.head_slices.d.next = (up >> (lanes.ilog2() as usize)).trunc(HEAD_BITS);
            self.shared_slices.d.next =
                (self.heads_per_kv.val() * self.head_slices.q.val()).zext(SLICES);
            let pair = self.word.q.val().slice(f.attend_pair.0, f.attend_pair.1).zext(NUMBER);
            let pairs = self.word.q.val().slice(f.attend_pairs.0, f.attend_pairs.1).zext(NUMBER);
            let last_pair = pair.clone() + pairs.clone() - 1;
            self.number.d.next = pair << 1;
            self.last_number.d.next = last_pair << 1;
            self.pairs_left.d.next = pairs - 1;
            let first = self.number.q.val();
            let last = self.last_number.q.val();
            self.pair_slices.d.next = (first.clone() * self.shared_slices.q.val()).trunc(SLICES);
            self.last_slices.d.next = (last.clone() * self.shared_slices.q.val()).trunc(SLICES);
            self.last_kv.d.next = (last.clone() * self.head_slices.q.val()).zext(SLICES);
            self.width.d.next = (self.kv_heads.val() * self.shared_slices.q.val()).trunc(SLICES);
            self.single.d.next = last + 1 >= self.kv_heads.val().zext(NUMBER);
            self.queries_left.d.next = Word::zero(self.queries_left.width());
            self.values_pending.d.next = false;
            if self.settle.q.val() == 0 {
                self.selected.d.next = self.bitmask.picked.val();
                self.scan.d.next = self.bitmask.picked.val();
                self.count.d.next = Word::zero(ENTRIES);
                self.entries.d.next = Word::zero(ENTRIES);
                self.groups.d.next = Word::zero(GROUPS_BITS);
                self.grouped.d.next = Word::zero(LOOP_BITS + 1);
            } else {
                self.scan.d.next = self.scan.q.val() >> 1;
                if self.scan.q.val().bit(0) {
                    self.count.d.next = self.count.q.val() + 1;
                    self.entries.d.next = self.entries.q.val() + self.heads_per_kv.val();
                }
                let grouping = self.grouped.q.val() < slices.zext(LOOP_BITS + 1);
                if grouping {
                    self.groups.d.next = self.groups.q.val() + 1;
                    self.grouped.d.next = self.grouped.q.val() + group.zext(LOOP_BITS + 1);
                    if !group.any() {
                        self.grouped.d.next = slices.zext(LOOP_BITS + 1);
                    }
                }
                // Only a product may run beside slices that are still being normalised.
                let counted = !self.scan.q.val().any()
                    && (!grouping || self.kind.val() != kind::MATMUL)
                    && (!self.normaliser.active.val() || self.kind.val() == kind::MATMUL);
                if counted && self.settle.q.val() == 3 {
                    if self.kind.val() == kind::ROUTE {
                        self.state.d.next = Word::new(STATE_BITS, ROUTE as u128);
                    } else if !self.selected.q.val().any() {
                        let fills = self.kind.val() == kind::NORMALISE;
                        self.empty.d.next = !fills;
                        if fills {
                            self.state.d.next = Word::new(STATE_BITS, LAST as u128);
                        }
                    } else if self.kind.val() == kind::NORMALISE {
                        self.state.d.next = Word::new(STATE_BITS, NORMALISE as u128);
                    } else if self.kind.val() == kind::MATMUL {
                        self.state.d.next = Word::new(STATE_BITS, MATMUL as u128);
                    } else {
                        self.kv_passes.start.next = true;
                        self.state.d.next = Word::new(STATE_BITS, QUERIES as u128);
                    }
                }
            }
        } else if state == ROUTE {
            if !routers.any() {
                self.state.d.next = Word::new(STATE_BITS, ROUTE_STATISTICS as u128);
            } else if free && self.router_loader.command.ready.val() {
                self.router_loader.command.valid.next = true;
                self.steps.start.next = true;
                self.sums.begin.next = true;
                self.state.d.next = Word::new(STATE_BITS, ROUTE_STATISTICS as u128);
            }
        } else if state == ROUTE_STATISTICS {
            if !statistics {
                self.state.d.next = Word::new(STATE_BITS, ROUTE_LOGITS as u128);
            } else if self.can_walk.val() && !self.closing.q.val().any() {
                // Those of the route before have been written.
                self.walk.next = true;
                self.state.d.next = Word::new(STATE_BITS, ROUTE_LOGITS as u128);
            }
        } else if state == ROUTE_LOGITS {
            if !routers.any() {
                self.state.d.next = Word::new(STATE_BITS, LAST as u128);
            } else if can_drain {
                self.sums.drain.valid.next = true;
                self.walk.next = true;
                self.state.d.next = Word::new(STATE_BITS, LAST as u128);
            }
        } else if state == NORMALISE {
            self.state.d.next = Word::new(STATE_BITS, NORMALISING as u128);
        } else if state == NORMALISING {
            // Nobody hears of its end but the unit's next instruction; and what lies beyond a memory is known by now.
            let tokens = self.word.q.val().slice(SIGNAL_LOW as usize, UNITS).any();
            if tokens || self.word.q.val().bit(f.normalise_passes.0) {
                self.state.d.next = Word::new(STATE_BITS, LAST as u128);
            } else if !self.bounds.checking.val() && !self.bounds.beyond.val() {
                self.done.d.next = true;
                self.state.d.next = Word::zero(STATE_BITS);
            }
        } else if state == MATMUL {
            self.weight_loader.command.valid.next = true;
            self.step_left.d.next =
                self.word.q.val().slice(f.matmul_tiles.0, f.matmul_tiles.1).zext(LOOP_BITS);
            self.drain_left.d.next =
                self.word.q.val().slice(f.matmul_tiles.0, f.matmul_tiles.1).zext(LOOP_BITS);
            self.drain_tile.d.next = Word::zero(SLICES);
            self.turn.d.next = Word::zero(PLACE_BITS);
            self.draining.d.next = false;
            if self.weight_loader.command.ready.val() {
                self.state.d.next = Word::new(STATE_BITS, PRODUCT as u128);
            }
        } else if state == PRODUCT {
            if tiles_left.any() && free && !self.steps.busy.val() {
                self.steps.start.next = true;
                self.sums.begin.next = true;
                self.step_left.d.next = tiles_left.clone() - block.zext(LOOP_BITS);
                self.parity.d.next = !self.parity.q.val();
            }
            if self.draining.q.val() {
                if !self.walker.busy.val() {
                    self.draining.d.next = false;
                    self.drain_left.d.next =
                        blocks_left.clone() - self.drain_block.q.val().zext(LOOP_BITS);
                    self.weight_loader.used.next = true;
                    let done =
                        self.drain_block.q.val().zext(SLICES) << (int4_tiles.ilog2() as usize);
                    self.drain_tile.d.next =
                        self.drain_tile.q.val() + mux(swiglu, done.clone() >> 1, done);
                    self.turn.d.next = self.walker.next_turn.val();
                }
            } else if !blocks_left.any() {
                self.state.d.next = Word::new(STATE_BITS, LAST as u128);
            } else if can_drain {
                self.sums.drain.valid.next = true;
                self.walk.next = true;
                self.draining.d.next = true;
                self.drain_block.d.next = drained;
            }
        } else if state == QUERIES {
            if self.can_walk.val() {
                self.walk.next = true;
                self.settle.d.next = Word::zero(4);
                self.state.d.next = Word::new(STATE_BITS, KEYS_BEGIN as u128);
            }
        } else if state == KEYS_BEGIN {
            // All queries must be in their banks; a walk is busy from the cycle after its start.
            if !self.settle.q.val().all() {
                self.settle.d.next = self.settle.q.val() + 1;
            }
            self.group_open.d.next = false;
            self.group_entry.d.next = Word::zero(entry_bits);
            self.group_rounds.d.next = Word::zero(ROUNDS_BITS);
            self.drain_entry.d.next = Word::zero(entry_bits);
            self.keys_done.d.next = false;
            self.draining.d.next = false;
            self.place.d.next = Word::zero(PLACE_BITS);
            self.own_row.d.next = Word::zero(self.own_row.width());
            if self.settle.q.val().all() && self.quiet.val() {
                self.state.d.next = Word::new(STATE_BITS, KEYS as u128);
            }
        } else if state == KEYS {
            // Rounds are multiplied while those before are on their way through the array and out of the sums.
            let begins = self.kv_loader.mask.valid.val()
                && (self.group_open.q.val() || free)
                && self.masks.r#in.ready.val()
                && !self.steps.busy.val()
                && !self.queries_left.q.val().any()
                && !self.keys_done.q.val();
            if begins {
                self.kv_loader.mask.ready.next = true;
                self.masks.r#in.valid.next = true;
                self.steps.start.next = true;
                self.sums.begin.next = !self.group_open.q.val();
                self.keys_done.d.next = item_last;
                self.group_open.d.next = !closes;
                self.group_entry.d.next =
                    self.group_entry.q.val() + entries.zext(entry_bits + ENTRIES).trunc(entry_bits);
                self.group_rounds.d.next = self.group_rounds.q.val() + 1;
                if closes {
                    self.group_entry.d.next = Word::zero(entry_bits);
                    self.group_rounds.d.next = Word::zero(ROUNDS_BITS);
                }
            }
            if self.draining.q.val() {
                if !self.walker.busy.val() {
                    self.draining.d.next = false;
                    self.place.d.next = self.place.q.val() + round_tiles;
                    if self.mask_walk.q.val().bit(round + 1) {
                        self.own_row.d.next = self.own_row.q.val() + round;
                    }
                    if self.mask_walk.q.val().bit(round) {
                        self.settle.d.next = Word::zero(4);
                        self.state.d.next = mux(
                            rowwise,
                            Word::new(STATE_BITS, STATISTICS as u128),
                            Word::new(STATE_BITS, SOFTMAX as u128),
                        );
                    } else if self.place.q.val() >= shape.score_tiles() - round_tiles {
                        self.overflow.d.next = true;
                    }
                }
            } else if self.values_pending.q.val() {
                if can_drain {
                    self.sums.drain.valid.next = true;
                    self.walk.next = true;
                    self.values_pending.d.next = false;
                }
            } else if self.masks.out.valid.val() && can_drain {
                self.sums.drain.valid.next = true;
                self.walk.next = true;
                self.draining.d.next = true;
                self.masks.out.ready.next = true;
                self.mask_walk.d.next = self.masks.out.data.val().trunc(round + 2);
                self.drain_entry.d.next = self.drain_entry.q.val()
                    + self.entries.q.val().zext(entry_bits + ENTRIES).trunc(entry_bits);
                if self.masks.out.data.val().bit(round + 2) {
                    self.drain_entry.d.next = Word::zero(entry_bits);
                }
            }
        } else if state == STATISTICS {
            if self.quiet.val() && self.can_walk.val() {
                self.walk.next = true;
                self.settle.d.next = Word::zero(4);
                self.softmaxed.d.next = Word::zero(PLACE_BITS);
                self.state.d.next = Word::new(STATE_BITS, SOFTMAX as u128);
            }
        } else if state == SOFTMAX {
            // All scores must be in their memory; a walk is busy from the cycle after its start.
            if !self.settle.q.val().all() {
                self.settle.d.next = self.settle.q.val() + 1;
            }
            self.softmaxed.d.next = Word::zero(PLACE_BITS);
            self.probable.d.next = Word::zero(PLACE_BITS);
            self.unwritten.d.next = slice_writes.clone();
            self.slice.d.next = Word::zero(PLACE_BITS);
            self.begun.d.next = false;
            self.queried.d.next = false;
            self.all_probable.d.next = false;
            if self.settle.q.val().all() && self.quiet.val() {
                self.walk.next = rowwise;
                self.settle.d.next = Word::zero(4);
                self.state.d.next = Word::new(STATE_BITS, VALUES as u128);
            }
        } else if state == VALUES {
            if !self.settle.q.val().all() {
                self.settle.d.next = self.settle.q.val() + 1;
            }
            // A slice of probabilities after the other, each as soon as there is room in front of the NPE.
            if !rowwise && self.can_walk.val() && self.softmaxed.q.val() != self.place.q.val() {
                self.walk.next = true;
                self.softmaxed.d.next = self.softmaxed.q.val() + tiles;
            }
            let written = self.sink.write.val().slice(3, 2).any();
            if written {
                self.unwritten.d.next = self.unwritten.q.val() - 1;
                if self.unwritten.q.val() == 1 {
                    self.unwritten.d.next = slice_writes;
                    let probable = self.probable.q.val() + 1;
                    self.probable.d.next = probable.clone();
                    if probable == self.place.q.val() >> shift {
                        self.all_probable.d.next = true;
                    }
                }
            }
            if self.queries.val() {
                self.walk.next = true;
                self.queried.d.next = true;
                self.queries_left.d.next = self.query_writes.q.val();
            }
            let whole = self.settle.q.val().all() && (self.begun.q.val() || self.quiet.val());
            let there = self.slice.q.val() < self.probable.q.val();
            let probable = (rowwise && whole) || (!rowwise && there);
            if self.kv_loader.mask.valid.val()
                && probable
                && (rowwise || !more_pairs || !item_last || self.queried.q.val())
                && !self.steps.busy.val()
                && (self.begun.q.val() || free)
            {
                self.kv_loader.mask.ready.next = true;
                self.steps.start.next = true;
                self.sums.begin.next = !self.begun.q.val();
                self.begun.d.next = true;
                self.slice.d.next = self.slice.q.val() + 1;
                if item_last {
                    self.value_slices.d.next = self.pair_slices.q.val();
                    self.value_single.d.next =
                        self.number.q.val() + 1 >= self.kv_heads.val().zext(NUMBER);
                    self.again.d.next = more_pairs;
                    self.state.d.next = Word::new(STATE_BITS, VALUES_DRAIN as u128);
                    if more_pairs {
                        self.pairs_left.d.next = self.pairs_left.q.val() - 1;
                        self.pair_slices.d.next = next_slices.trunc(SLICES);
                        self.number.d.next = self.number.q.val() + 2;
                        if !rowwise {
                            self.values_pending.d.next = true;
                            self.keys_done.d.next = false;
                            self.draining.d.next = false;
                            self.place.d.next = Word::zero(PLACE_BITS);
                            self.own_row.d.next = Word::zero(self.own_row.width());
                            self.state.d.next = Word::new(STATE_BITS, KEYS as u128);
                        }
                    }
                }
            }
        } else if state == VALUES_DRAIN {
            if can_drain {
                self.sums.drain.valid.next = true;
                self.walk.next = true;
                self.settle.d.next = Word::zero(4);
                self.state.d.next = mux(
                    self.again.q.val(),
                    Word::new(STATE_BITS, NEXT_PAIR as u128),
                    Word::new(STATE_BITS, LAST as u128),
                );
            }
        } else if state == NEXT_PAIR {
            if !self.settle.q.val().all() {
                self.settle.d.next = self.settle.q.val() + 1;
            }
            if self.settle.q.val().all() && self.quiet.val() {
                self.state.d.next = Word::new(STATE_BITS, QUERIES as u128);
            }
        } else if state == LAST {
            self.settle.d.next = Word::zero(4);
            self.state.d.next = Word::new(STATE_BITS, SETTLE as u128);
        } else {
            // A walk is busy from the cycle after its start, and the last write needs a moment.
            if !self.quiet.val() {
                self.settle.d.next = Word::zero(4);
            } else {
                self.settle.d.next = self.settle.q.val() + 1;
                if self.settle.q.val() == 7 {
                    self.done.d.next = true;
                    self.state.d.next = Word::zero(STATE_BITS);
                }
            }
        }
        // A pair's queries are there when all of their tiles have been written.
        let query_bits = self.query_writes.width();
        let query_slices = self.entries.q.val() * self.head_slices.q.val();
        self.query_writes.d.next = query_slices.zext(query_bits) << (shift + 1);
        if self.all_probable.q.val()
            && self.queries_left.q.val().any()
            && self.sink.write.val().slice(3, 2).any()
        {
            self.queries_left.d.next = self.queries_left.q.val() - 1;
        }
        self.finished.next = self.done.q.val();

        // Where the instruction ends in each memory.
        self.bounds.counting.next = state == COUNTING;
        self.bounds.first.next = self.settle.q.val() == 0;
        self.bounds.row.next = self.scan.q.val().bit(0);
        self.bounds.any.next = self.selected.q.val().any();
        self.bounds.word.next = self.word.q.val();
        self.bounds.kind.next = self.kind.val();
        self.bounds.count.next = self.count.q.val();
        self.bounds.rows.next = self.rows.val();
        self.bounds.head_slices.next = self.head_slices.q.val();
        self.bounds.shared_slices.next = self.shared_slices.q.val();
        self.bounds.last_slices.next = self.last_slices.q.val();
        self.bounds.last_kv.next = self.last_kv.q.val();
        self.bounds.width.next = self.width.q.val();
        self.bounds.single.next = self.single.q.val();
        self.fault.next = self.overflow.q.val()
            || self.weight_loader.fault.val()
            || self.empty.q.val()
            || self.bounds.beyond.val();
        self.fault_kind.next = Word::new(FaultKind::BITS, FaultKind::Weights as u128);
        self.fault_address.next = Word::zero(ADDRESS_BITS);
        if self.bounds.beyond.val() {
            self.fault_kind.next = Word::new(FaultKind::BITS, FaultKind::OnChip as u128);
            self.fault_address.next = self.bounds.last.val().zext(ADDRESS_BITS);
        } else if self.empty.q.val() {
            self.fault_kind.next = Word::new(FaultKind::BITS, FaultKind::NoRow as u128);
        } else if self.overflow.q.val() {
            self.fault_kind.next = Word::new(FaultKind::BITS, FaultKind::KvTable as u128);
        }

        // A walk's particulars are kept while it goes on.
        self.walker.start.next = self.walk.val();
        if self.walk.val() {
            self.op_flags.d.next = flags.clone();
            self.op_space.d.next = space;
            self.op_region.d.next = region;
            self.op_reads.d.next = reads;
            self.op_hides.d.next = hides;
            self.op_ends.d.next = ends;
        }
        self.commands.r#in.valid.next = self.walk.val() && !flags.bit(LOGITS);
        self.commands.r#in.data.next = self.command.val();
        self.commands.r#in.last.next = false;
        self.npe.command.valid.next = self.commands.out.valid.val();
        self.npe.command.data.next = self.commands.out.data.val();
        self.npe.command.last.next = false;
        self.commands.out.ready.next = self.npe.command.ready.val();

        // Steps of the walk to the feeder.
        for i in 0..round {
            let own = self.mask_walk.q.val().bit(round + 1);
            let number = self.own_row.q.val() + i;
            let later = number > self.walker.row.val().zext(self.own_row.width());
            let seen = self.mask_walk.q.val().bit(i) && !(own && later);
            self.visible.next.set_slice(i, &Word::from(seen));
        }
        self.hide.next = !self.visible.val().trunc(shape.ways);
        if round_tiles > 1 {
            for t in 1..round_tiles {
                if self.walker.tile.val() == t {
                    self.hide.next = !self.visible.val().slice(t * shape.ways, shape.ways);
                }
            }
        }
        if !self.op_hides.q.val() {
            self.hide.next = Word::zero(shape.ways);
        }
        let labels = shape.label_bits();
        let places = index_bits(shape.score_tiles());
        self.target.next = self.walker.target.val().zext(op.target_bits);
        if self.op_space.q.val() == Space::Banks as usize {
            let tile = mux(
                self.op_region.q.val(),
                self.walker.place.val().trunc(places),
                self.walker.tile.val().trunc(places),
            );
            let slot =
                cat!(self.walker.label.val().slice(1, labels - 1), self.op_region.q.val(), tile);
            let low = slot.zext(op.target_bits + labels + places).trunc(op.target_bits - 1);
            self.target.next = cat!(self.walker.label.val().bit(0), low);
        }
        self.feeder.step.valid.next = self.walker.valid.val();
        self.walker.ready.next = self.feeder.step.ready.val();
        self.feeder.step.data.next = cat!(
            self.hide.val(),
            self.walker.place.val(),
            self.walker.label.val(),
            self.walker.row.val(),
            self.walker.last.val(),
            self.walker.end.val() && self.op_ends.q.val(),
            !self.walker.tile.val().any(),
            self.op_flags.q.val().bit(ADDEND),
            self.op_flags.q.val().bit(SCORES),
            self.op_flags.q.val().bit(LOGITS),
            self.op_flags.q.val().bit(SUMS),
            self.op_flags.q.val().bit(WRITES) && self.walker.emits.val(),
            self.op_flags.q.val().bit(WIDE),
            self.walker.discard.val(),
            self.op_space.q.val(),
            self.target.val()
        );
        self.feeder.reads_source.next = self.op_reads.q.val().bit(READS_SOURCE);
        self.feeder.reads_scores.next = self.op_reads.q.val().bit(READS_SCORES);
        self.feeder.reads_constants.next = self.op_reads.q.val().bit(READS_CONSTANTS);
        self.feeder.reads_residual.next = self.op_reads.q.val().bit(READS_RESIDUAL);
        self.feeder.source.next = self.walker.source.val();
        self.feeder.operand.next = self.walker.operand.val();
        self.feeder.score_data.next = self.scores.read_data.val();
        self.scores.read_address.next = self.feeder.score_read.val();
        self.scores.write.next = Word::from(self.feeder.score_write.val());
        self.scores.write_address.next = self.feeder.score_address.val();
        self.scores.write_data.next = self.feeder.score.val();

        // The NPE.
        StreamSource::join(&mut self.feeder.out, &mut self.npe.r#in);
        StreamSource::join(&mut self.feeder.operands, &mut self.npe.operand);
        StreamSink::link(&mut self.rotation, &mut self.npe.rotation);
        self.npe.epsilon.next = self.epsilon.val();
        self.npe.mask.valid.next = false;
        self.npe.mask.data.next = Word::zero(shape.npe_rows + 1);
        self.npe.mask.last.next = false;
        self.npe.statistics.ready.next = true;
        StreamSource::join(&mut self.npe.out, &mut self.sink.r#in);
        ItemSource::join(&mut self.feeder.target, &mut self.sink.target);
        self.npe_busy.next = self.feeder.out.valid.val() && self.npe.r#in.ready.val();
        if self.closing.q.val().any() {
            self.closing.d.next = self.closing.q.val() - 1;
        }
        if self.npe_busy.val() && self.kind.val() == kind::ROUTE {
            self.closing.d.next = Word::new(self.closing.width(), self._closing as u128);
        }

        // What is waited for.
        let starved = self.driver.starved.val();
        let sums = state == PRODUCT && tiles_left.any() && !free && !self.steps.busy.val();
        self.waits.next = cat!(
            state == SETTLE && !self.quiet.val(),
            sums,
            starved && self.kind.val() == kind::ATTEND,
            starved && self.kind.val() == kind::MATMUL
        );

        let works = state != IDLE;
        self.executes.next = cat!(
            works && self.kind.val() == kind::ATTEND,
            works && self.kind.val() == kind::MATMUL
        );

        // Writes.
        let at = self.sink.address.val() >> shift;
        for t in 0..tiles {
            let mut here = true;
            if tiles > 1 {
                here = self.sink.address.val().trunc(shift) == t;
            }
            let w = self.sink.write.val();
            let x = (w.bit(0) && here) || (!w.bit(0) && self.scratchpad_write.valid.val());
            self.scratchpad.write.next.set_slice(t, &Word::from(x));
            self.operand0.write.next.set_slice(t, &Word::from(w.bit(1) && here));
            self.operand1.write.next.set_slice(t, &Word::from(w.bit(2) && here));
            self.bank0.write.next.set_slice(t, &Word::from(w.bit(3) && here));
            self.bank1.write.next.set_slice(t, &Word::from(w.bit(4) && here));
            self.constants.write.next.set_slice(t, &Word::from(self.constants_write.valid.val()));
            let data = self.scratchpad_write.data.val().slice(scratch_bits + t * half, half);
            self.scratchpad
                .write_data
                .next
                .set_slice(t * half, &mux(w.bit(0), self.sink.tile.val(), data));
            self.operand0.write_data.next.set_slice(t * half, &self.sink.tile.val());
            self.operand1.write_data.next.set_slice(t * half, &self.sink.tile.val());
            self.bank0.write_data.next.set_slice(t * half, &self.sink.tile.val());
            self.bank1.write_data.next.set_slice(t * half, &self.sink.tile.val());
        }
        self.scratchpad.write_address.next = mux(
            self.sink.write.val().bit(0),
            at.clone().trunc(scratch_bits),
            self.scratchpad_write.data.val().trunc(scratch_bits),
        );
        self.operand0.write_address.next = at.clone().trunc(shape.operand_bits());
        self.operand1.write_address.next = at.clone().trunc(shape.operand_bits());
        self.bank0.write_address.next = at.clone().trunc(shape.bank_bits());
        self.bank1.write_address.next = at.trunc(shape.bank_bits());
        self.scratchpad_write.ready.next = !self.sink.write.val().bit(0);
        self.constants_write.ready.next = true;
        self.constants.write_address.next = self.constants_write.data.val().trunc(constant_bits);
        self.constants.write_data.next =
            self.constants_write.data.val().slice(constant_bits, slice_bits);

        if reset {
            self.state.d.next = Word::zero(STATE_BITS);
            self.overflow.d.next = false;
            self.empty.d.next = false;
            self.closing.d.next = Word::zero(self.closing.width());
            self.parity.d.next = false;
            self.values_pending.d.next = false;
            self.queries_left.d.next = Word::zero(self.queries_left.width());
            self.draining.d.next = false;
        }
    }
}
