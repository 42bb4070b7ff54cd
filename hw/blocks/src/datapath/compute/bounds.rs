//! [`Bounds`]: what an instruction touches, against the sizes of the memories.

use super::super::shape::DatapathShape;
use super::fields::{kind, Fields, ENTRIES, SLICES};
use crate::control::decode::WORD;
use crate::kv::delivery::HEAD_BITS;
use crate::parameter::ParameterError;
use skipopu_hdl::prelude::*;
use skipopu_isa::value;

/// Bits of the end of what an instruction touches, in slices.
pub const END: usize = 28;
/// What an instruction touches, in the order in which it is checked: rows of the scratchpad, own keys, own values, constants, an
/// operand memory.
const ROWS_END: usize = 0;
const KEYS_END: usize = 1;
const VALUES_END: usize = 2;
const CONSTANTS_END: usize = 3;
const OPERAND_END: usize = 4;
const REACHED: usize = 5;

/// Where an instruction ends in each memory, checked while its first steps are on their way.
///
/// - Does: while `counting` it sees the instruction's rows, one a cycle from `first` on. After that the ends of what the
///   instruction reads and writes are computed; `beyond` says that one of them lies beyond its memory, and `last` the last slice
///   that would be touched there, of several the first in the order rows, own keys, own values, constants, operands.
/// - Does not: look at an instruction for no row.
/// - Guarantee: what there is to say is said [`Bounds::LATENCY`] cycles after the last one of `counting`, until then `checking`;
///   `beyond` stays until `reset`.
#[derive(LogicBlock, Ports)]
pub struct Bounds {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets what lay beyond.
    pub reset: Signal<In, Bit>,
    /// The instruction is being counted.
    pub counting: Signal<In, Bit>,
    /// The first cycle of that.
    pub first: Signal<In, Bit>,
    /// The next row is one of the instruction's.
    pub row: Signal<In, Bit>,
    /// The instruction has a row.
    pub any: Signal<In, Bit>,
    /// The instruction.
    pub word: Wire<In>,
    /// Its [`kind`].
    pub kind: Wire<In>,
    /// Its rows.
    pub count: Wire<In>,
    /// Rows of the block.
    pub rows: Wire<In>,
    /// Slices of a head.
    pub head_slices: Wire<In>,
    /// Slices of the query heads of a key-value head.
    pub shared_slices: Wire<In>,
    /// The last pair's first slice of queries.
    pub last_slices: Wire<In>,
    /// The last pair's first slice of keys.
    pub last_kv: Wire<In>,
    /// Slices of all query heads.
    pub width: Wire<In>,
    /// The last pair is a single head.
    pub single: Signal<In, Bit>,
    /// Not known yet.
    pub checking: Signal<Out, Bit>,
    /// A memory is too small.
    pub beyond: Signal<Out, Bit>,
    /// The last slice there.
    pub last: Wire<Out>,
    checks: Reg,
    scanned: Reg,
    last_row: Reg,
    row_offset: Reg,
    own_offset: Reg,
    dense_offset: Reg,
    ends: Vec<Reg>,
    over: Wire<Local>,
    found: DFF<Bit>,
    reached: Reg,
    _shape: DatapathShape,
    _fields: Fields,
}

impl Bounds {
    /// Cycles from the last one of `counting` until all is said.
    pub const LATENCY: usize = 3;

    /// For the memories of `shape`.
    ///
    /// # Errors
    /// There is none for a shape that passed its check.
    pub fn new(shape: &DatapathShape) -> Result<Bounds, ParameterError> {
        Ok(Bounds {
            clock: Default::default(),
            reset: Default::default(),
            counting: Default::default(),
            first: Default::default(),
            row: Default::default(),
            any: Default::default(),
            word: Wire::new(WORD),
            kind: Wire::new(kind::BITS),
            count: Wire::new(ENTRIES),
            rows: Wire::new(shape.row_count_bits()),
            head_slices: Wire::new(HEAD_BITS),
            shared_slices: Wire::new(SLICES),
            last_slices: Wire::new(SLICES),
            last_kv: Wire::new(SLICES),
            width: Wire::new(SLICES),
            single: Default::default(),
            checking: Default::default(),
            beyond: Default::default(),
            last: Wire::new(END),
            checks: Reg::new(2),
            scanned: Reg::new(shape.row_bits()),
            last_row: Reg::new(shape.row_bits()),
            row_offset: Reg::new(END),
            own_offset: Reg::new(END),
            dense_offset: Reg::new(END),
            ends: (0..REACHED).map(|_| Reg::new(END)).collect(),
            over: Wire::new(REACHED),
            found: Default::default(),
            reached: Reg::new(END),
            _shape: *shape,
            _fields: Fields::new(),
        })
    }

    /// Slices of each memory.
    fn sizes(&self) -> [usize; REACHED] {
        let s = &self._shape;
        [s.scratchpad, s.scratchpad, s.scratchpad, s.constants, s.operand]
    }
}

impl Logic for Bounds {
    #[hdl(
        rows = self._shape.rows,
        scratchpad = self._shape.scratchpad,
        constants = self._shape.constants,
        operand = self._shape.operand,
        latency = Self::LATENCY
    )]
    fn update(&mut self) {
        dff_setup!(self, clock, checks, scanned, last_row, row_offset, own_offset, dense_offset);
        dff_setup!(self, clock, found, reached);
        let f = self._fields;
        let sizes = self.sizes();
        for k in 0..REACHED {
            self.ends[k].clock.next = self.clock.val();
            self.ends[k].d.next = Word::zero(END);
        }
        if self.counting.val() {
            self.checks.d.next = Word::ones(2);
            if self.first.val() {
                self.scanned.d.next = Word::zero(self.scanned.width());
                self.last_row.d.next = Word::zero(self.last_row.width());
            } else {
                self.scanned.d.next = self.scanned.q.val() + 1;
                if self.row.val() {
                    self.last_row.d.next = self.scanned.q.val();
                }
            }
        } else if self.checks.q.val().any() {
            self.checks.d.next = self.checks.q.val() - 1;
        }
        self.checking.next = self.checks.q.val().any();

        let routes = self.kind.val() == kind::ROUTE;
        let norms = self.kind.val() == kind::NORMALISE;
        let multiplies = self.kind.val() == kind::MATMUL;
        let attends = self.kind.val() == kind::ATTEND;
        let mut stride = self.word.val().slice(f.route_stride.0, f.route_stride.1);
        let mut start = self.word.val().slice(f.route_address.0, f.route_address.1);
        let mut length = self.word.val().slice(f.route_slices.0, f.route_slices.1).zext(SLICES);
        let mut dense = Word::zero(SLICES);
        let heads = mux(self.single.val(), self.shared_slices.val(), self.shared_slices.val() << 1);
        if norms {
            stride = self.word.val().slice(f.normalise_stride.0, f.normalise_stride.1);
            start = self.word.val().slice(f.normalise_address.0, f.normalise_address.1);
            length = self.word.val().slice(f.normalise_slices.0, f.normalise_slices.1).zext(SLICES);
            dense = length.clone();
        } else if multiplies {
            stride = self.word.val().slice(f.matmul_stride.0, f.matmul_stride.1);
            start = self.word.val().slice(f.matmul_address.0, f.matmul_address.1);
            length = self.word.val().slice(f.matmul_outputs.0, f.matmul_outputs.1).zext(SLICES);
            dense = stride.zext(SLICES);
        } else if attends {
            stride = self.word.val().slice(f.attend_stride.0, f.attend_stride.1);
            start = self.word.val().slice(f.attend_address.0, f.attend_address.1);
            length = self.last_slices.val() + heads;
            dense = self.width.val();
        }
        let before = mux(multiplies, self.count.val() - 1, self.count.val());
        self.row_offset.d.next = (self.last_row.q.val() * stride).zext(END);
        self.dense_offset.d.next = (before * dense).zext(END);
        let own = self.rows.val() - 1;
        let own_stride = self.word.val().slice(f.attend_kv_stride.0, f.attend_kv_stride.1);
        self.own_offset.d.next = (own * own_stride).zext(END);
        let target = self.word.val().slice(f.matmul_target.0, f.matmul_target.1);
        let head = self.head_slices.val().zext(SLICES);
        let own_length = self.last_kv.val() + mux(self.single.val(), head.clone(), head << 1);
        let own_end = self.own_offset.q.val() + own_length.zext(END);
        if !multiplies || !target.any() {
            self.ends[ROWS_END].d.next =
                start.zext(END) + self.row_offset.q.val() + length.zext(END);
        }
        if attends {
            let keys = self.word.val().slice(f.attend_keys.0, f.attend_keys.1);
            let values = self.word.val().slice(f.attend_values.0, f.attend_values.1);
            self.ends[KEYS_END].d.next = keys.zext(END) + own_end.clone();
            self.ends[VALUES_END].d.next = values.zext(END) + own_end;
        }
        if routes {
            let routers = self.word.val().slice(f.route_routers.0, f.route_routers.1);
            let slices = self.word.val().slice(f.route_slices.0, f.route_slices.1).zext(END);
            let weights = self.word.val().slice(f.route_weights.0, f.route_weights.1);
            let mut taken = slices.clone() << 1;
            if routers == value::Routers::Both as usize {
                taken = slices << 2;
            } else if !routers.any() {
                taken = Word::zero(END);
            }
            self.ends[CONSTANTS_END].d.next = weights.zext(END) + taken;
        } else if norms {
            let gain = self.word.val().slice(f.normalise_gain.0, f.normalise_gain.1);
            self.ends[CONSTANTS_END].d.next = gain.zext(END) + length.zext(END);
        }
        if multiplies {
            if target.any() {
                self.ends[OPERAND_END].d.next =
                    start.zext(END) + self.dense_offset.q.val() + length.zext(END);
            }
        } else if !routes {
            self.ends[OPERAND_END].d.next = self.dense_offset.q.val();
        }
        for (k, size) in sizes.into_iter().enumerate() {
            let over = self.ends[k].q.val() > Word::new(END, size as u128);
            self.over.next.set_slice(k, &Word::from(over));
        }
        if self.checks.q.val() == 1 && self.over.val().any() && self.any.val() {
            self.found.d.next = true;
            self.reached.d.next = self.ends[OPERAND_END].q.val() - 1;
            for k in 0..REACHED {
                let at = REACHED - 1 - k;
                if self.over.val().bit(at) {
                    self.reached.d.next = self.ends[at].q.val() - 1;
                }
            }
        }
        self.beyond.next = self.found.q.val();
        self.last.next = self.reached.q.val();
        if self.reset.val() {
            self.found.d.next = false;
            self.checks.d.next = Word::zero(2);
        }
    }
}
