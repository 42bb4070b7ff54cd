//! [`Wire`] and [`Reg`]: rust-hdl atoms whose width is a run-time value.
//!
//! A `Wire` stands wherever a rust-hdl `Signal` may stand: in a `#[derive(LogicBlock)]` struct, in an
//! interface, in an `update` kernel. Control bits and clocks stay ordinary `Signal<_, Bit>` and
//! `Signal<In, Clock>`; data whose width depends on the configuration is a `Wire`.

use crate::Word;
use rust_hdl::core::constraint::PinConstraint;
use rust_hdl::core::signal::get_signal_id;
use rust_hdl::prelude::ast::VerilogLink;
use rust_hdl::prelude::*;
use std::marker::PhantomData;

/// A signal of run-time width. `D` is rust-hdl's direction: `In`, `Out` or `Local`.
#[derive(Clone, Debug)]
pub struct Wire<D: Direction> {
    /// The value to drive; an unsized literal takes the wire's width.
    pub next: Word,
    val: Word,
    width: usize,
    changed: bool,
    claimed: bool,
    id: usize,
    dir: PhantomData<D>,
}

impl<D: Direction> Wire<D> {
    /// A wire of `width` bits, initially 0. Panics when `width` is 0.
    pub fn new(width: usize) -> Self {
        Self::with_default(Word::zero(width))
    }

    fn with_default(init: Word) -> Self {
        Wire {
            width: init.width(),
            next: init.clone(),
            val: init,
            changed: false,
            claimed: false,
            id: get_signal_id(),
            dir: PhantomData,
        }
    }

    /// Bits.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The present value: what was driven for an output or a local, what has arrived for an input.
    pub fn val(&self) -> Word {
        match D::KIND {
            AtomKind::InputParameter => self.val.clone(),
            _ => self.next.clone().sized(self.width),
        }
    }
}

impl<D: Direction> Logic for Wire<D> {
    fn update(&mut self) {}
    fn connect(&mut self) {
        self.claimed = true;
    }
}

impl<D: Direction> Block for Wire<D> {
    fn connect_all(&mut self) {}
    fn update_all(&mut self) {
        if self.next.width() != self.width {
            self.next = std::mem::replace(&mut self.next, Word::zero(1)).sized(self.width);
        }
        self.changed = self.val != self.next;
        if self.changed {
            self.val.clone_from(&self.next);
        }
    }
    fn has_changed(&self) -> bool {
        self.changed
    }
    fn accept(&self, name: &str, probe: &mut dyn Probe) {
        probe.visit_atom(name, self);
    }
}

impl<D: Direction> Atom for Wire<D> {
    fn bits(&self) -> usize {
        self.width
    }
    fn connected(&self) -> bool {
        self.claimed
    }
    fn changed(&self) -> bool {
        self.changed
    }
    fn kind(&self) -> AtomKind {
        D::KIND
    }
    fn descriptor(&self) -> TypeDescriptor {
        TypeDescriptor { name: format!("Word({})", self.width), kind: TypeKind::Bits(self.width) }
    }
    fn vcd(&self) -> VCDValue {
        let bit = |i| if self.val.bit(i) { vcd::Value::V1 } else { vcd::Value::V0 };
        VCDValue::Vector((0..self.width).rev().map(bit).collect())
    }
    fn id(&self) -> usize {
        self.id
    }
    fn verilog(&self) -> VerilogLiteral {
        // Only asked for constants, which a wire never is.
        0u32.into()
    }
    fn constraints(&self) -> Vec<PinConstraint> {
        Vec::new()
    }
}

impl Wire<In> {
    /// Takes its value from an output of a sibling.
    pub fn join(&mut self, other: &mut Wire<Out>) {
        self.next = other.val();
    }
    #[doc(hidden)]
    pub fn join_hdl(my_name: &str, owner_name: &str, other_name: &str) -> Vec<VerilogLink> {
        Signal::<In, Bit>::join_hdl(my_name, owner_name, other_name)
    }
}

impl Wire<Out> {
    /// Drives an input of a sibling.
    pub fn join(&mut self, other: &mut Wire<In>) {
        other.next = self.val();
    }
    #[doc(hidden)]
    pub fn join_hdl(my_name: &str, owner_name: &str, other_name: &str) -> Vec<VerilogLink> {
        Signal::<Out, Bit>::join_hdl(my_name, owner_name, other_name)
    }
}

impl<D: Direction> LogicJoin for Wire<D> {
    fn join_connect(&mut self) {
        self.connect();
    }
}

impl LogicLink for Wire<In> {
    fn link(&mut self, other: &mut Self) {
        other.next = self.val();
    }
    fn link_hdl(my_name: &str, this: &str, that: &str) -> Vec<VerilogLink> {
        Signal::<In, Bit>::link_hdl(my_name, this, that)
    }
    fn link_connect_source(&mut self) {}
    fn link_connect_dest(&mut self) {
        self.connect();
    }
}

impl LogicLink for Wire<Out> {
    fn link(&mut self, other: &mut Self) {
        self.next = other.val();
    }
    fn link_hdl(my_name: &str, this: &str, that: &str) -> Vec<VerilogLink> {
        Signal::<Out, Bit>::link_hdl(my_name, this, that)
    }
    fn link_connect_source(&mut self) {
        self.connect();
    }
    fn link_connect_dest(&mut self) {}
}

/// A D flip-flop of run-time width: `q` takes `d` at the rising edge of `clock`; the value before the
/// first edge is `init`, which the FPGA loads at configuration.
///
/// Use it like rust-hdl's `DFF`, `dff_setup!` included. It has no reset: a block that needs one
/// writes `if reset { self.r.d.next = 0.into(); }`.
#[derive(Clone, Debug, LogicBlock)]
pub struct Reg {
    /// Next state.
    pub d: Wire<In>,
    /// State.
    pub q: Wire<Out>,
    /// Clock.
    pub clock: Signal<In, Clock>,
    _init: Word,
}

impl Reg {
    /// A register of `width` bits that starts at 0.
    pub fn new(width: usize) -> Reg {
        Reg::with_init(Word::zero(width))
    }

    /// A register that starts at `init`.
    pub fn with_init(init: Word) -> Reg {
        Reg {
            d: Wire::new(init.width()),
            q: Wire::with_default(init.clone()),
            clock: Signal::default(),
            _init: init,
        }
    }

    /// Bits.
    pub fn width(&self) -> usize {
        self.q.width
    }
}

impl Logic for Reg {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self.q.next = self.d.val();
        }
    }
    fn connect(&mut self) {
        self.q.connect();
    }
    fn hdl(&self) -> Verilog {
        // The shape of rust-hdl's own DFF, so that the emitter inlines both alike.
        Verilog::Custom(format!(
            "initial begin\n   q = {};\nend\n\nalways @(posedge clock) begin\n   q <= d;\nend\n",
            self._init
        ))
    }
    fn timing(&self) -> Vec<TimingInfo> {
        vec![TimingInfo {
            name: "dff".into(),
            clock: "clock".into(),
            inputs: vec!["d".into()],
            outputs: vec!["q".into()],
        }]
    }
}
