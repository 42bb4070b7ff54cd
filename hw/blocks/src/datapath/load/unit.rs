//! [`LoadUnit`]: the load unit's instructions.

use super::super::report::{self, ADDRESS_BITS, SITE_BITS};
use super::super::shape::DatapathShape;
use super::data_loader::{self, DataLoader};
use super::weight_queue::{WeightQueue, BEATS_BITS, UNIT_BITS};
use crate::control::decode::WORD;
use crate::parameter::ParameterError;
use crate::stream::{ItemSink, ItemSource, StreamSource};
use skipopu_config::Config;
use skipopu_hdl::prelude::*;
use skipopu_isa::set::by_mnemonic;

/// Opcodes and fields of the unit.
#[derive(Clone, Copy, Debug)]
struct Own {
    weights: u128,
    data: u128,
    kv: u128,
    unit: usize,
    beats: usize,
    fields: usize,
    layer: (usize, usize),
}

impl Own {
    fn new() -> Own {
        let spec = |name: &str| by_mnemonic(name).expect("the table has the unit's instructions");
        let opcode = |name: &str| u128::from(spec(name).opcode);
        let place = |name: &str, field: &str| {
            let f = spec(name).field(field).expect("the table has their fields");
            (f.low as usize, f.bits as usize)
        };
        Own {
            weights: opcode("load.weights"),
            data: opcode("load.data"),
            kv: opcode("load.kv"),
            unit: place("load.weights", "address").0,
            beats: place("load.weights", "beats").0,
            fields: place("load.data", "address").0,
            layer: place("load.kv", "layer"),
        }
    }
}

/// Bits of a layer in an instruction.
pub const KV_LAYER: usize = 8;

/// Executes `load.weights`, `load.data` and `load.kv`.
///
/// - Does: an instruction at a time. Weights are finished when the queue has taken the matrix, keys and values when the KV
///   adaptor has taken the layer, data when it is on chip.
#[derive(LogicBlock, Ports)]
pub struct LoadUnit {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops everything.
    pub reset: Signal<In, Bit>,
    /// Instructions.
    pub instruction: ItemSink,
    /// An instruction has finished.
    pub finished: Signal<Out, Bit>,
    /// Tokens of the block.
    pub rows: Wire<In>,
    /// Position of the first.
    pub position: Wire<In>,
    /// Layers whose keys and values attention wants.
    pub kv_layer: ItemSource,
    /// Reads of weights by HBM port, `{bytes, address}`.
    pub weights_command: Vec<ItemSource>,
    /// Their words.
    pub weights_read: Vec<ItemSink>,
    /// Load beats.
    pub weights: StreamSource,
    /// Reads of DDR.
    pub data_command: ItemSource,
    /// Their words.
    pub data_read: ItemSink,
    /// Slices of the scratchpad, `{slice, address}`.
    pub scratchpad: ItemSource,
    /// Slices of the constant memory.
    pub constants: ItemSource,
    /// RoPE factors.
    pub rotation: StreamSource,
    /// There are weights that no product took.
    pub left_over: Signal<Out, Bit>,
    /// An instruction goes beyond a memory.
    pub fault: Signal<Out, Bit>,
    /// Which, see [`report`].
    pub fault_site: Wire<Out>,
    /// The last slice or word that it would touch.
    pub fault_address: Wire<Out>,
    queue: WeightQueue,
    loader: DataLoader,
    waiting: DFF<Bit>,
    done: DFF<Bit>,
    taken: Signal<Local, Bit>,
    _own: Own,
    _shape: DatapathShape,
}

impl LoadUnit {
    /// For a configuration.
    ///
    /// # Errors
    /// Sizes that do not go together.
    pub fn new(config: &Config) -> Result<LoadUnit, ParameterError> {
        let shape = DatapathShape::of(config)?;
        let queue = WeightQueue::new(&shape)?;
        let loader = DataLoader::new(config)?;
        let command = queue.read_command[0].data.width();
        let ports = shape.hbm_ports;
        let (scratchpad, constants) =
            (loader.scratchpad.data.width(), loader.constants.data.width());
        Ok(LoadUnit {
            clock: Default::default(),
            reset: Default::default(),
            instruction: ItemSink::new(WORD),
            finished: Default::default(),
            rows: Wire::new(shape.row_count_bits()),
            position: Wire::new(16),
            kv_layer: ItemSource::new(KV_LAYER),
            weights_command: (0..ports).map(|_| ItemSource::new(command)).collect(),
            weights_read: (0..ports).map(|_| ItemSink::new(crate::kv::WORD_BITS)).collect(),
            weights: StreamSource::new(shape.beat_bits()),
            data_command: ItemSource::new(loader.read_command.data.width()),
            data_read: ItemSink::new(loader.read.data.width()),
            scratchpad: ItemSource::new(scratchpad),
            constants: ItemSource::new(constants),
            rotation: StreamSource::new(loader.rotation.data.width()),
            left_over: Default::default(),
            fault: Default::default(),
            fault_site: Wire::new(SITE_BITS),
            fault_address: Wire::new(ADDRESS_BITS),
            queue,
            loader,
            waiting: Default::default(),
            done: Default::default(),
            taken: Default::default(),
            _own: Own::new(),
            _shape: shape,
        })
    }
}

impl Logic for LoadUnit {
    #[hdl(lanes = self._shape.lanes, ports = self._shape.hbm_ports, rows = self._shape.rows)]
    fn update(&mut self) {
        dff_setup!(self, clock, waiting, done);
        clock!(self, clock, queue, loader);
        self.queue.reset.next = self.reset.val();
        self.loader.reset.next = self.reset.val();
        let own = self._own;
        let opcode = self.instruction.data.val().trunc(8);
        let idle = !self.waiting.q.val() && !self.done.q.val();
        let offered = self.instruction.valid.val() && idle;
        let weights = opcode == Word::new(8, own.weights);
        let data = opcode == Word::new(8, own.data);
        let kv = opcode == Word::new(8, own.kv);
        self.queue.command.valid.next = offered && weights;
        self.queue.command.data.next = cat!(
            self.instruction.data.val().slice(own.beats, BEATS_BITS),
            self.instruction.data.val().slice(own.unit, UNIT_BITS)
        );
        self.loader.command.valid.next = offered && data;
        self.loader.command.data.next =
            self.instruction.data.val().slice(own.fields, data_loader::COMMAND_BITS);
        // Words of a port come in the order of its reads: keys and values asked for before the weights that attention's
        // products still need would wait in front of them for ever.
        let follows = kv && !self.queue.behind.val();
        self.kv_layer.valid.next = offered && follows;
        self.kv_layer.data.next = self.instruction.data.val().slice(own.layer.0, KV_LAYER);
        self.taken.next = offered
            && ((weights && self.queue.command.ready.val())
                || (data && self.loader.command.ready.val())
                || (follows && self.kv_layer.ready.val()));
        self.instruction.ready.next = self.taken.val();
        self.done.d.next = false;
        if self.taken.val() {
            if data {
                self.waiting.d.next = true;
            } else {
                self.done.d.next = true;
            }
        }
        if self.loader.finished.val() {
            self.waiting.d.next = false;
            self.done.d.next = true;
        }
        self.finished.next = self.done.q.val();
        if self.reset.val() {
            self.waiting.d.next = false;
            self.done.d.next = false;
        }

        self.left_over.next = self.queue.left_over.val();
        self.fault.next = self.queue.fault.val() || self.loader.fault.val();
        self.fault_site.next = mux(
            self.queue.fault.val(),
            Word::new(SITE_BITS, report::HBM as u128),
            self.loader.fault_site.val(),
        );
        self.fault_address.next = mux(
            self.queue.fault.val(),
            self.queue.fault_unit.val().zext(ADDRESS_BITS) << 6,
            self.loader.fault_address.val(),
        );
        self.loader.rows.next = self.rows.val();
        self.loader.position.next = self.position.val();
        for p in 0..self._shape.hbm_ports {
            ItemSource::link(&mut self.weights_command[p], &mut self.queue.read_command[p]);
            ItemSink::link(&mut self.weights_read[p], &mut self.queue.read[p]);
        }
        StreamSource::link(&mut self.weights, &mut self.queue.out);
        ItemSource::link(&mut self.data_command, &mut self.loader.read_command);
        ItemSink::link(&mut self.data_read, &mut self.loader.read);
        ItemSource::link(&mut self.scratchpad, &mut self.loader.scratchpad);
        ItemSource::link(&mut self.constants, &mut self.loader.constants);
        StreamSource::link(&mut self.rotation, &mut self.loader.rotation);
    }
}
