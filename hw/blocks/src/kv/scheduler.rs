//! [`KvScheduler`]: the lists of one layer, token by token.

use super::place::PlaceGenerator;
use super::shape::KvShape;
use crate::parameter::ParameterError;
use crate::primitives::{Bram, Lutram};
use crate::stream::ItemSink;
use skipopu_hdl::prelude::*;
use skipopu_kv::READ_PORT_LEAD;

/// States.
const FILL: usize = 0;
const IDLE: usize = 1;
const SCAN: usize = 2;
const PUBLISH: usize = 3;
const READY: usize = 4;

/// Makes the schedule of a layer and knows what the buffer holds (`skipopu_kv::Scheduler` is its text).
///
/// - Does: takes a layer, reads the routing of every earlier token in order, and writes each token to the
///   list of its HBM port or of a read port of the buffer. Then it gives the lengths of all lists, one
///   port a cycle, and waits until the schedule is played or dropped.
/// - Does not: wait for data. One layer is scheduled while another is played.
/// - Guarantee: a token every [`KvScheduler::INTERVAL`] cycles; [`KvScheduler::cycles`] from a request to
///   `ready`. After `clear` (and at first) it fills the lists of free slots for
///   [`KvScheduler::fill_cycles`] cycles.
#[derive(LogicBlock, Ports)]
pub struct KvScheduler {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forget what the buffer holds: a new text begins.
    pub clear: Signal<In, Bit>,
    /// Slots of a bank in use, 0 to the shape's.
    pub slots: Wire<In>,
    /// Layers of the model.
    pub layers: Wire<In>,
    /// Take up new tokens?
    pub retain: Signal<In, Bit>,
    /// Earlier tokens.
    pub tokens: Wire<In>,
    /// The layer to schedule.
    pub request: ItemSink,
    /// May the lists be written? A request waits for it.
    pub free: Signal<In, Bit>,
    /// A schedule waits to be played or dropped.
    pub ready: Signal<Out, Bit>,
    /// It is played; its lists must not be written any more.
    pub play: Signal<In, Bit>,
    /// It is dropped.
    pub drop: Signal<In, Bit>,
    /// Its rounds.
    pub rounds: Wire<Out>,
    /// HBM port of the current token's own K and V.
    pub append_port: Wire<Out>,
    /// Its slot there.
    pub append_slot: Wire<Out>,
    /// Read the routing of `row_token`?
    pub row_enable: Signal<Out, Bit>,
    /// Which token.
    pub row_token: Wire<Out>,
    /// Its routing, a cycle later.
    pub row: Wire<In>,
    /// Which of the two lists of every port is written.
    pub half: Signal<Out, Bit>,
    /// Write to the list of HBM port `hbm_port`?
    pub hbm_write: Signal<Out, Bit>,
    /// HBM port.
    pub hbm_port: Wire<Out>,
    /// Round.
    pub hbm_round: Wire<Out>,
    /// `{tag, layer, slot}`.
    pub hbm_entry: Wire<Out>,
    /// Write to the list of read port `buffer_port`?
    pub buffer_write: Signal<Out, Bit>,
    /// Read port.
    pub buffer_port: Wire<Out>,
    /// Round.
    pub buffer_round: Wire<Out>,
    /// `{token, select, bank slot}`.
    pub buffer_entry: Wire<Out>,
    /// The lengths of the lists of port `load_port` are known.
    pub load: Signal<Out, Bit>,
    /// Port.
    pub load_port: Wire<Out>,
    /// Entries for that HBM port.
    pub hbm_count: Wire<Out>,
    /// Entries for that read port, if there is one of that number.
    pub buffer_count: Wire<Out>,

    place: PlaceGenerator,
    hbm_counts: Lutram,
    buffer_counts: Lutram,
    heads: Lutram,
    tails: Lutram,
    push_tails: Lutram,
    olds: Lutram,
    free_slots: Bram,
    records: Bram,

    state: Reg,
    index: Reg,
    fill_slot: Reg,
    layer_below: Reg,
    layer_next: Reg,
    last_layer: Reg,
    total: Reg,
    known: Reg,
    issued: Reg,
    turn: DFF<Bit>,
    issuing: DFF<Bit>,
    dropped: DFF<Bit>,
    which: DFF<Bit>,
    most: Reg,
    own_place: Reg,
    // A token on its way to its place; a probe asks for the place of the current token.
    wait: Reg,
    probe: Reg,
    record_token: Reg,
    // The token whose turn it is to be written.
    token: Reg,
    known_token: DFF<Bit>,
    y_valid: DFF<Bit>,
    y_hit: DFF<Bit>,
    y_owner: Reg,
    y_port: Reg,
    y_slot: Reg,
    y_reused: DFF<Bit>,
    y_bank_slot: Reg,
    y_hbm_count: Reg,
    y_limit: Reg,
    y_buffer_count: Reg,
    y_head: Reg,
    y_old: Reg,
    y_some: DFF<Bit>,
    counted: DFF<Bit>,
    counted_rounds: Reg,
    group: Wire<Local>,
    y_group: Wire<Local>,
    y_select: Wire<Local>,
    _shape: KvShape,
}

impl KvScheduler {
    /// Cycles between two tokens.
    pub const INTERVAL: usize = 2;

    /// For the machine of `shape`.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(shape: KvShape) -> Result<KvScheduler, ParameterError> {
        let m = shape.machine;
        let (count, port, slot) = (shape.count(), shape.port(), shape.bank_slot());
        let (ports, pointer) = (shape.port_words(), slot + 1);
        Ok(KvScheduler {
            clock: Default::default(),
            clear: Default::default(),
            slots: Wire::new(pointer),
            layers: Wire::new(shape.layer() + 1),
            retain: Default::default(),
            tokens: Wire::new(count),
            request: ItemSink::new(shape.layer()),
            free: Default::default(),
            ready: Default::default(),
            play: Default::default(),
            drop: Default::default(),
            rounds: Wire::new(count),
            append_port: Wire::new(port),
            append_slot: Wire::new(shape.slot()),
            row_enable: Default::default(),
            row_token: Wire::new(shape.token()),
            row: Wire::new(m.layers),
            half: Default::default(),
            hbm_write: Default::default(),
            hbm_port: Wire::new(port),
            hbm_round: Wire::new(shape.token()),
            hbm_entry: Wire::new(shape.hbm_entry()),
            buffer_write: Default::default(),
            buffer_port: Wire::new(shape.read_port()),
            buffer_round: Wire::new(shape.token()),
            buffer_entry: Wire::new(shape.buffer_entry()),
            load: Default::default(),
            load_port: Wire::new(port),
            hbm_count: Wire::new(count),
            buffer_count: Wire::new(count),
            place: PlaceGenerator::new(shape)?,
            hbm_counts: Lutram::new(count, ports)?,
            buffer_counts: Lutram::new(count, shape.read_port_words())?,
            heads: Lutram::new(pointer, ports)?,
            tails: Lutram::new(pointer, ports)?,
            push_tails: Lutram::new(pointer, ports)?,
            olds: Lutram::new(pointer, ports)?,
            free_slots: Bram::new(slot + count, ports << slot, 1)?,
            records: Bram::new(shape.record(), m.context, 1)?,
            state: Reg::new(3),
            index: Reg::new(port),
            fill_slot: Reg::new(slot),
            layer_below: Reg::new(m.layers),
            layer_next: Reg::new(m.layers),
            last_layer: Reg::new(shape.layer()),
            total: Reg::new(count),
            known: Reg::new(count),
            issued: Reg::new(count),
            turn: Default::default(),
            issuing: Default::default(),
            dropped: Default::default(),
            which: Default::default(),
            most: Reg::new(count),
            own_place: Reg::new(port + shape.slot()),
            wait: Reg::new(3),
            probe: Reg::new(4),
            record_token: Reg::new(shape.token()),
            token: Reg::new(shape.token()),
            known_token: Default::default(),
            y_valid: Default::default(),
            y_hit: Default::default(),
            y_owner: Reg::new(shape.layer()),
            y_port: Reg::new(port),
            y_slot: Reg::new(shape.slot()),
            y_reused: Default::default(),
            y_bank_slot: Reg::new(slot),
            y_hbm_count: Reg::new(count),
            y_limit: Reg::new(count + 1),
            y_buffer_count: Reg::new(count),
            y_head: Reg::new(pointer),
            y_old: Reg::new(pointer),
            y_some: Default::default(),
            counted: Default::default(),
            counted_rounds: Reg::new(count),
            group: Wire::new(shape.read_port()),
            y_group: Wire::new(shape.read_port()),
            y_select: Wire::new(shape.select()),
            _shape: shape,
        })
    }

    /// Cycles from a request taken to `ready`, with `tokens` earlier tokens.
    pub fn cycles(shape: &KvShape, tokens: usize) -> usize {
        // The probe, its way to the place, the lengths.
        KvScheduler::INTERVAL * tokens + 1 + 1 + PlaceGenerator::LATENCY + 1 + shape.machine.ports
    }

    /// Cycles in which the lists of free slots are filled.
    pub fn fill_cycles(shape: &KvShape) -> usize {
        shape.machine.ports * shape.machine.slots
    }
}

impl Logic for KvScheduler {
    #[hdl(
        ports = self._shape.machine.ports,
        read_ports = self._shape.machine.read_ports,
        slots = self._shape.machine.slots,
        layers = self._shape.machine.layers,
        context = self._shape.machine.context
    )]
    fn update(&mut self) {
        dff_setup!(self, clock, state, index, fill_slot, layer_below, layer_next, last_layer);
        dff_setup!(
            self, clock, total, known, issued, turn, issuing, dropped, which, most, own_place
        );
        dff_setup!(self, clock, wait, probe, record_token, token, known_token);
        dff_setup!(self, clock, y_valid, y_hit, y_owner, y_port, y_slot, y_reused, y_bank_slot);
        dff_setup!(self, clock, y_hbm_count, y_limit, y_buffer_count, y_head, y_old, y_some);
        dff_setup!(self, clock, counted, counted_rounds);
        clock!(self, clock, place, hbm_counts, buffer_counts, heads, tails, push_tails, olds);
        clock!(self, clock, free_slots, records);
        let shape = self._shape;
        let machine = self._shape.machine;
        let (slot_bits, count_bits) = (shape.bank_slot(), shape.count());
        let group_bits = machine.read_ports.ilog2() as usize;
        let filling = self.state.q.val() == FILL;
        let publishing = self.state.q.val() == PUBLISH;
        let last_index = self.index.q.val() == machine.ports - 1;

        // What is to be done.
        self.request.ready.next = self.state.q.val() == IDLE && self.free.val();
        let taken = self.request.valid.val() && self.state.q.val() == IDLE && self.free.val();
        let layer = self.request.data.val();
        if filling {
            self.fill_slot.d.next = self.fill_slot.q.val() + 1;
            if self.fill_slot.q.val() == machine.slots - 1 {
                self.fill_slot.d.next = 0.into();
                self.index.d.next = self.index.q.val() + 1;
                if last_index {
                    self.index.d.next = 0.into();
                    self.state.d.next = IDLE.into();
                }
            }
        }
        if taken {
            self.state.d.next = SCAN.into();
            self.total.d.next = self.tokens.val();
            self.issued.d.next = 0.into();
            self.record_token.d.next = 0.into();
            self.turn.d.next = false;
            self.issuing.d.next = true;
            self.most.d.next = 0.into();
            self.last_layer.d.next = layer.clone();
            for l in 0..machine.layers {
                self.layer_below.d.next.set_slice(l, &Word::from(layer.clone() >= l));
                if l + 1 < machine.layers {
                    let follows = layer.clone() == l && self.layers.val() > l + 1;
                    self.layer_next.d.next.set_slice(l + 1, &Word::from(follows));
                } else {
                    self.layer_next.d.next.set_slice(0, &Word::zero(1));
                }
            }
        }

        // A token every other cycle, then the probe.
        let at_end = self.issued.q.val() == self.total.q.val();
        let issue = self.issuing.q.val() && !self.turn.q.val();
        self.turn.d.next = self.issuing.q.val() && !self.turn.q.val() && !at_end;
        if issue {
            self.issued.d.next = self.issued.q.val() + 1;
            if at_end {
                self.issuing.d.next = false;
            }
        }
        self.row_enable.next = issue;
        self.row_token.next = self.issued.q.val().trunc(shape.token());
        self.wait.d.next = cat!(self.wait.q.val().trunc(2), issue && !at_end);
        self.probe.d.next = cat!(self.probe.q.val().trunc(3), issue && at_end);
        self.place.restart.next = taken;
        self.place.valid.next = self.wait.q.val().bit(0) || self.probe.q.val().bit(0);
        self.place.row.next =
            mux(self.probe.q.val().bit(0), Word::ones(machine.layers), self.row.val());
        self.place.below.next = self.layer_below.q.val();
        self.place.next_layer.next = self.layer_next.q.val();

        // Its record comes when its place does.
        let record_due = self.wait.q.val().bit(2);
        self.records.read_enable.next = record_due;
        self.records.read_address.next = self.record_token.q.val();
        if record_due {
            self.record_token.d.next = self.record_token.q.val() + 1;
            self.token.d.next = self.record_token.q.val();
            self.known_token.d.next =
                self.record_token.q.val().zext(count_bits) < self.known.q.val();
        }

        // First cycle: what the buffer knows of it, and how long the lists are.
        let x = self.place.out_valid.val() && !self.probe.q.val().bit(3);
        let port = self.place.port.val();
        if group_bits == 0 {
            self.group.next = Word::zero(1);
            self.y_group.next = Word::zero(1);
        } else {
            self.group.next = port.trunc(group_bits);
            self.y_group.next = self.y_port.q.val().trunc(group_bits);
        }
        if shape.port() > group_bits {
            self.y_select.next = self.y_port.q.val().slice(group_bits, shape.port() - group_bits);
        } else {
            self.y_select.next = Word::zero(shape.select());
        }
        let record = self.records.read_data.val();
        let record_slot = record.trunc(slot_bits);
        let record_bank = record.slice(slot_bits, shape.port());
        let record_owner = record.slice(slot_bits + shape.port(), shape.layer());
        let fresh = record.bit(shape.record() - 2);
        let held = record.bit(shape.record() - 1) && self.known_token.q.val();
        let right = record_owner == self.place.owner.val() && !(fresh && self.dropped.q.val());
        let stale = x && held && !right;

        let hbm_index = mux(publishing, self.index.q.val(), port.clone());
        self.hbm_counts.read_address.next = hbm_index.clone();
        self.heads.read_address.next = hbm_index.clone();
        self.tails.read_address.next = hbm_index.clone();
        self.olds.read_address.next = hbm_index;
        if shape.port() >= shape.read_port() {
            self.buffer_counts.read_address.next =
                mux(publishing, self.index.q.val().trunc(shape.read_port()), self.group.val());
        } else {
            self.buffer_counts.read_address.next = self.group.val();
        }
        let head = self.heads.read_data.val();
        let tail = self.tails.read_data.val();
        self.free_slots.read_enable.next = x;
        self.free_slots.read_address.next = cat!(port.clone(), head.trunc(slot_bits));
        self.y_valid.d.next = x;
        self.y_hit.d.next = held && right;
        self.y_owner.d.next = self.place.owner.val();
        self.y_port.d.next = port;
        self.y_slot.d.next = self.place.slot.val();
        self.y_reused.d.next = self.place.reused.val();
        self.y_bank_slot.d.next = record_slot.clone();
        self.y_hbm_count.d.next = self.hbm_counts.read_data.val();
        self.y_limit.d.next = self.hbm_counts.read_data.val().zext(count_bits + 1) + READ_PORT_LEAD;
        self.y_buffer_count.d.next = self.buffer_counts.read_data.val();
        self.y_head.d.next = head.clone();
        self.y_old.d.next = self.olds.read_data.val();
        self.y_some.d.next = head.clone() != tail.clone();

        // Second cycle: where it is read, whether it is kept.
        let y = self.y_valid.q.val();
        let y_port = self.y_port.q.val();
        let hbm_count = self.y_hbm_count.q.val();
        let buffer_count = self.y_buffer_count.q.val();
        let longest = self.y_limit.q.val();
        let from_buffer = self.y_hit.q.val() && buffer_count.zext(count_bits + 1) <= longest;
        let oldest = self.free_slots.read_data.val();
        let in_time = self.y_old.q.val().any() || oldest.trunc(count_bits) <= hbm_count;
        let keep = !self.y_hit.q.val()
            && self.y_reused.q.val()
            && self.retain.val()
            && self.y_some.q.val()
            && in_time;
        let stays = self.y_hit.q.val() && self.y_reused.q.val();
        let leaves = y && self.y_hit.q.val() && !self.y_reused.q.val();
        let kept_slot = mux(keep, oldest.slice(count_bits, slot_bits), self.y_bank_slot.q.val());
        self.records.write_enable.next = y;
        self.records.write_address.next = self.token.q.val();
        self.records.write_data.next =
            cat!(keep || stays, keep, self.y_owner.q.val(), y_port.clone(), kept_slot.clone());

        // Lists.
        self.hbm_write.next = y && !from_buffer;
        self.hbm_port.next = y_port.clone();
        self.hbm_round.next = hbm_count.trunc(shape.token());
        self.hbm_entry.next =
            cat!(keep, kept_slot, self.token.q.val(), self.y_owner.q.val(), self.y_slot.q.val());
        self.buffer_write.next = y && from_buffer;
        self.buffer_port.next = self.y_group.val();
        self.buffer_round.next = buffer_count.trunc(shape.token());
        self.buffer_entry.next =
            cat!(self.token.q.val(), self.y_select.val(), self.y_bank_slot.q.val());
        self.half.next = self.which.q.val();

        // Lengths of the lists.
        let longer = mux(from_buffer, buffer_count.clone(), hbm_count.clone()) + 1;
        self.counted.d.next = y;
        self.counted_rounds.d.next = longer.clone();
        if self.counted.q.val() && self.counted_rounds.q.val() > self.most.q.val() {
            self.most.d.next = self.counted_rounds.q.val();
        }
        let zero = filling || publishing;
        self.hbm_counts.write_enable.next = zero || (y && !from_buffer);
        self.hbm_counts.write_address.next = mux(zero, self.index.q.val(), y_port.clone());
        self.hbm_counts.write_data.next = mux(zero, Word::zero(count_bits), longer.clone());
        self.buffer_counts.write_enable.next = zero || (y && from_buffer);
        if shape.port() >= shape.read_port() {
            self.buffer_counts.write_address.next =
                mux(zero, self.index.q.val().trunc(shape.read_port()), self.y_group.val());
        } else {
            self.buffer_counts.write_address.next = self.y_group.val();
        }
        self.buffer_counts.write_data.next = mux(zero, Word::zero(count_bits), longer);
        self.load.next = publishing;
        self.load_port.next = self.index.q.val();
        self.hbm_count.next = self.hbm_counts.read_data.val();
        self.buffer_count.next = self.buffer_counts.read_data.val();

        // Free slots: a ring per bank, taken at the head, given back at the tail. `olds` counts those given
        // back before this scan, which may be written in any round.
        let take = y && keep;
        let old = self.y_old.q.val();
        self.heads.write_enable.next = filling || take;
        self.heads.write_address.next = mux(filling, self.index.q.val(), y_port.clone());
        self.heads.write_data.next =
            mux(filling, Word::zero(slot_bits + 1), self.y_head.q.val() + 1);
        self.olds.write_enable.next = zero || (take && old.any());
        self.olds.write_address.next = mux(zero, self.index.q.val(), y_port.clone());
        let all_old = mux(filling, self.slots.val(), tail - head);
        self.olds.write_data.next = mux(zero, all_old, old - 1);
        let push_bank = mux(y, y_port, record_bank);
        self.push_tails.read_address.next = push_bank.clone();
        let push_tail = self.push_tails.read_data.val();
        let pushed = mux(filling, self.slots.val(), push_tail.clone() + 1);
        let push_index = mux(filling, self.index.q.val(), push_bank.clone());
        self.tails.write_enable.next = filling || stale || leaves;
        self.tails.write_address.next = push_index.clone();
        self.tails.write_data.next = pushed.clone();
        self.push_tails.write_enable.next = filling || stale || leaves;
        self.push_tails.write_address.next = push_index.clone();
        self.push_tails.write_data.next = pushed;
        let given_slot = mux(y, self.y_bank_slot.q.val(), record_slot);
        let given_round = mux(leaves && from_buffer, buffer_count, Word::zero(count_bits));
        self.free_slots.write_enable.next = filling || stale || leaves;
        self.free_slots.write_address.next =
            cat!(push_index, mux(filling, self.fill_slot.q.val(), push_tail.trunc(slot_bits)));
        self.free_slots.write_data.next = cat!(
            mux(filling, self.fill_slot.q.val(), given_slot),
            mux(filling, Word::zero(count_bits), given_round)
        );

        // The place of the current token ends the scan.
        if self.probe.q.val().bit(3) {
            self.own_place.d.next = cat!(self.place.slot.val(), self.place.port.val());
            self.state.d.next = PUBLISH.into();
        }
        if publishing {
            self.index.d.next = self.index.q.val() + 1;
            if last_index {
                self.index.d.next = 0.into();
                self.state.d.next = READY.into();
                self.known.d.next = self.total.q.val();
                self.dropped.d.next = false;
            }
        }
        let waiting = self.state.q.val() == READY;
        if waiting && self.play.val() {
            self.state.d.next = IDLE.into();
            self.which.d.next = !self.which.q.val();
        } else if waiting && self.drop.val() {
            self.state.d.next = IDLE.into();
            self.dropped.d.next = true;
        }
        if self.clear.val() {
            self.state.d.next = FILL.into();
            self.index.d.next = 0.into();
            self.fill_slot.d.next = 0.into();
            self.known.d.next = 0.into();
            self.issuing.d.next = false;
            self.wait.d.next = 0.into();
            self.probe.d.next = 0.into();
            self.y_valid.d.next = false;
            self.dropped.d.next = false;
        }
        self.ready.next = waiting;
        self.rounds.next = self.most.q.val();
        self.append_port.next = self.own_place.q.val().trunc(shape.port());
        self.append_slot.next = self.own_place.q.val().slice(shape.port(), shape.slot());
    }
}
