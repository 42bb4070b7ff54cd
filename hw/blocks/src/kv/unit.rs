//! [`KvUnit`]: routing table, scheduler, readers, banks and the join of a round.

use super::hbm_port::HbmReader;
use super::join::RoundJoin;
use super::read_port::{BufferReader, BANK_LATENCY};
use super::routing::RoutingTable;
use super::scheduler::KvScheduler;
use super::shape::{KvShape, PASSES_BITS, WORDS_BITS, WORD_ADDRESS_BITS, WORD_BITS};
use crate::parameter::ParameterError;
use crate::primitives::UramMemory;
use crate::stream::{ItemSink, ItemSource, StreamSink, StreamSource};
use skipopu_hdl::prelude::*;

/// Everything between the routers' decisions and the words of K and V that attention takes.
///
/// - Does: keeps the routing of earlier tokens; schedules a layer on `request`; plays the schedule on `play`:
///   commands to the DMA, reads of the buffer, and on `out` the rounds, all passes. Meanwhile the next layer
///   may be scheduled, and its commands may go out while the last words of this one come in.
/// - Does not: append the current token's own K and V; `append_port` and `append_slot` say where they go.
/// - Guarantee: as the blocks it is made of. Bank p is written with words of HBM port p alone, and read by
///   read port p modulo their number alone: there is no crossbar.
#[derive(LogicBlock, Ports)]
pub struct KvUnit {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets all tokens and what the buffer holds; commands in flight must have been answered.
    pub clear: Signal<In, Bit>,

    /// Layers of the model.
    pub layers: Wire<In>,
    /// Passes of a layer.
    pub passes: Wire<In>,
    /// Words of a token and pass.
    pub words: Wire<In>,
    /// Words of a pseudo-channel from a pass to the next.
    pub pass_words: Wire<In>,
    /// Slots of a bank in use, 0 to the shape's.
    pub slots: Wire<In>,
    /// Does the buffer take up new tokens?
    pub retain: Signal<In, Bit>,
    /// Write the base of a layer?
    pub base_write: Signal<In, Bit>,
    /// Of which layer.
    pub base_layer: Wire<In>,
    /// First word of the layer in a pseudo-channel.
    pub base: Wire<In>,

    /// A decision for the current token is known.
    pub note: Signal<In, Bit>,
    /// Its layer.
    pub note_layer: Wire<In>,
    /// Does the token execute it?
    pub note_executes: Signal<In, Bit>,
    /// The current token is complete.
    pub append: Signal<In, Bit>,
    /// Earlier tokens.
    pub tokens: Wire<Out>,

    /// A layer to schedule.
    pub request: ItemSink,
    /// Its schedule is made.
    pub ready: Signal<Out, Bit>,
    /// HBM port of the current token's own K and V of that layer.
    pub append_port: Wire<Out>,
    /// Its slot there.
    pub append_slot: Wire<Out>,
    /// Rounds of the schedule.
    pub rounds: Wire<Out>,
    /// Play it, as soon as `playable`.
    pub play: Signal<In, Bit>,
    /// May it be played now?
    pub playable: Signal<Out, Bit>,
    /// The current token skips that attention: drop it.
    pub drop: Signal<In, Bit>,

    /// Commands by HBM port: `{tag, bytes, address}`.
    pub command: Vec<ItemSource>,
    /// Their words, `{tag, word}`.
    pub read: Vec<StreamSink>,
    /// The rounds: `{present, tokens, words}`, HBM ports, then read ports; `last` ends a pass.
    pub out: StreamSource,
    /// A layer is being played.
    pub busy: Signal<Out, Bit>,
    /// A token's words from HBM did not end where its round does; stays until `clear`.
    pub out_of_step: Signal<Out, Bit>,

    table: RoutingTable,
    scheduler: KvScheduler,
    readers: Vec<HbmReader>,
    buffers: Vec<BufferReader>,
    banks: Vec<UramMemory>,
    join: RoundJoin,
    pending: DFF<Bit>,
    idle: Wire<Local>,
    _shape: KvShape,
}

impl KvUnit {
    /// A unit of `shape`.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(shape: KvShape) -> Result<KvUnit, ParameterError> {
        let m = shape.machine;
        let readers =
            (0..m.ports).map(|p| HbmReader::new(shape, p)).collect::<Result<Vec<_>, _>>()?;
        let command = readers[0].command.data.width();
        let share = |g: usize| (g..m.ports).step_by(m.read_ports).len();
        let buffers = (0..m.read_ports).map(|g| BufferReader::new(shape, share(g)));
        let banks = (0..m.ports).map(|_| UramMemory::new(WORD_BITS, m.bank_words, BANK_LATENCY));
        Ok(KvUnit {
            clock: Default::default(),
            clear: Default::default(),
            layers: Wire::new(shape.layer() + 1),
            passes: Wire::new(PASSES_BITS),
            words: Wire::new(WORDS_BITS),
            pass_words: Wire::new(WORD_ADDRESS_BITS),
            slots: Wire::new(shape.bank_slot() + 1),
            retain: Default::default(),
            base_write: Default::default(),
            base_layer: Wire::new(shape.layer()),
            base: Wire::new(WORD_ADDRESS_BITS),
            note: Default::default(),
            note_layer: Wire::new(shape.layer()),
            note_executes: Default::default(),
            append: Default::default(),
            tokens: Wire::new(shape.count()),
            request: ItemSink::new(shape.layer()),
            ready: Default::default(),
            append_port: Wire::new(shape.port()),
            append_slot: Wire::new(shape.slot()),
            rounds: Wire::new(shape.count()),
            play: Default::default(),
            playable: Default::default(),
            drop: Default::default(),
            command: (0..m.ports).map(|_| ItemSource::new(command)).collect(),
            read: (0..m.ports).map(|_| StreamSink::new(shape.tag() + WORD_BITS)).collect(),
            out: StreamSource::new(shape.delivery()),
            busy: Default::default(),
            out_of_step: Default::default(),
            table: RoutingTable::new(shape)?,
            scheduler: KvScheduler::new(shape)?,
            readers,
            buffers: buffers.collect::<Result<_, _>>()?,
            banks: banks.collect::<Result<_, _>>()?,
            join: RoundJoin::new(shape)?,
            pending: Default::default(),
            idle: Wire::new(m.ports),
            _shape: shape,
        })
    }
}

impl Logic for KvUnit {
    #[hdl(
        ports = self._shape.machine.ports,
        read_ports = self._shape.machine.read_ports,
        slots = self._shape.machine.slots,
        bank_words = self._shape.machine.bank_words,
        context = self._shape.machine.context,
        layers = self._shape.machine.layers
    )]
    fn update(&mut self) {
        dff_setup!(self, clock, pending);
        clock!(self, clock, table, scheduler, join);
        let ports = self._shape.machine.ports;
        let read_ports = self._shape.machine.read_ports;
        let address = self._shape.bank_address();

        // The routing of every token.
        self.table.clear.next = self.clear.val();
        self.table.note.next = self.note.val();
        self.table.note_layer.next = self.note_layer.val();
        self.table.note_executes.next = self.note_executes.val();
        self.table.append.next = self.append.val();
        self.tokens.next = self.table.tokens.val();

        // A layer's schedule, made while the layer before is played.
        self.scheduler.clear.next = self.clear.val();
        self.scheduler.slots.next = self.slots.val();
        self.scheduler.layers.next = self.layers.val();
        self.scheduler.retain.next = self.retain.val();
        self.scheduler.tokens.next = self.table.tokens.val();
        ItemSink::link(&mut self.request, &mut self.scheduler.request);
        self.scheduler.free.next = !self.pending.q.val();
        self.table.read_enable.next = self.scheduler.row_enable.val();
        self.table.read_token.next = self.scheduler.row_token.val();
        self.scheduler.row.next = self.table.read_row.val();
        self.ready.next = self.scheduler.ready.val();
        self.rounds.next = self.scheduler.rounds.val();
        self.append_port.next = self.scheduler.append_port.val();
        self.append_slot.next = self.scheduler.append_slot.val();
        self.scheduler.drop.next = self.drop.val();

        // It starts when all commands of the layer before are out, and goes when that is delivered.
        for p in 0..ports {
            self.idle.next.set_slice(p, &Word::from(self.readers[p].idle.val()));
        }
        let playable = self.scheduler.ready.val() && self.idle.val().all() && !self.pending.q.val();
        let start = playable && self.play.val();
        let go = self.pending.q.val() && !self.join.busy.val();
        self.playable.next = playable;
        self.scheduler.play.next = start;
        if go {
            self.pending.d.next = false;
        }
        if start {
            self.pending.d.next = true;
        }
        if self.clear.val() {
            self.pending.d.next = false;
        }

        // HBM ports.
        for p in 0..ports {
            self.readers[p].clock.next = self.clock.val();
            self.readers[p].reset.next = self.clear.val();
            self.readers[p].write.next =
                self.scheduler.hbm_write.val() && self.scheduler.hbm_port.val() == p;
            self.readers[p].write_list.next = self.scheduler.half.val();
            self.readers[p].write_round.next = self.scheduler.hbm_round.val();
            self.readers[p].write_entry.next = self.scheduler.hbm_entry.val();
            self.readers[p].load.next =
                self.scheduler.load.val() && self.scheduler.load_port.val() == p;
            self.readers[p].load_count.next = self.scheduler.hbm_count.val();
            self.readers[p].start.next = start;
            self.readers[p].start_list.next = self.scheduler.half.val();
            self.readers[p].passes.next = self.passes.val();
            self.readers[p].words.next = self.words.val();
            self.readers[p].pass_words.next = self.pass_words.val();
            self.readers[p].base_write.next = self.base_write.val();
            self.readers[p].base_layer.next = self.base_layer.val();
            self.readers[p].base.next = self.base.val();
            ItemSource::link(&mut self.command[p], &mut self.readers[p].command);
            StreamSink::link(&mut self.read[p], &mut self.join.hbm[p]);
        }

        // Read ports of the buffer.
        for g in 0..read_ports {
            self.buffers[g].clock.next = self.clock.val();
            self.buffers[g].reset.next = self.clear.val();
            self.buffers[g].write.next =
                self.scheduler.buffer_write.val() && self.scheduler.buffer_port.val() == g;
            self.buffers[g].write_list.next = self.scheduler.half.val();
            self.buffers[g].write_round.next = self.scheduler.buffer_round.val();
            self.buffers[g].write_entry.next = self.scheduler.buffer_entry.val();
            self.buffers[g].load.next =
                self.scheduler.load.val() && self.scheduler.load_port.val() == g;
            self.buffers[g].load_count.next = self.scheduler.buffer_count.val();
            self.buffers[g].start.next = start;
            self.buffers[g].start_list.next = self.scheduler.half.val();
            self.buffers[g].go.next = go;
            self.buffers[g].passes.next = self.passes.val();
            self.buffers[g].words.next = self.words.val();
            self.buffers[g].slots.next = self.slots.val();
            ItemSource::join(&mut self.buffers[g].out, &mut self.join.buffer[g]);
        }

        // Banks: written by their HBM port, read by their read port.
        for p in 0..ports {
            let (g, i) = (p % read_ports, p / read_ports);
            self.banks[p].clock.next = self.clock.val();
            self.banks[p].write_enable.next = self.join.bank_write.val().bit(p);
            self.banks[p].write_address.next =
                self.join.bank_address.val().slice(p * address, address);
            self.banks[p].byte_enable.next = Word::ones(WORD_BITS / 8);
            self.banks[p].write_data.next = self.read[p].data.val().trunc(WORD_BITS);
            self.banks[p].read_enable.next = self.buffers[g].bank_enable.val().bit(i);
            self.banks[p].read_address.next = self.buffers[g].bank_address.val();
            self.buffers[g]
                .bank_words
                .next
                .set_slice(i * WORD_BITS, &self.banks[p].read_data.val());
        }

        // The rounds.
        self.join.reset.next = self.clear.val();
        self.join.load.next = self.scheduler.load.val();
        self.join.load_port.next = self.scheduler.load_port.val();
        self.join.hbm_count.next = self.scheduler.hbm_count.val();
        self.join.buffer_count.next = self.scheduler.buffer_count.val();
        self.join.rounds.next = self.scheduler.rounds.val();
        self.join.start.next = start;
        self.join.go.next = go;
        self.join.passes.next = self.passes.val();
        self.join.words.next = self.words.val();
        self.join.slots.next = self.slots.val();
        StreamSource::link(&mut self.out, &mut self.join.out);
        self.out_of_step.next = self.join.out_of_step.val();
        self.busy.next = self.join.busy.val() || self.pending.q.val();
    }
}
