//! Kernels written with `#[hdl]` and with rust-hdl's own `hdl_gen`: what is emitted, what is refused.

use skipopu_hdl::prelude::*;
use skipopu_hdl::{emit, EmitOptions};

/// Sum of `n` lanes of a packed bus, registered.
#[derive(LogicBlock, Ports)]
struct LaneSum {
    pub clock: Signal<In, Clock>,
    pub enable: Signal<In, Bit>,
    pub lanes: Wire<In>,
    pub sum: Wire<Out>,
    total: Reg,
    _lanes: usize,
    _width: usize,
}

impl LaneSum {
    fn new(lanes: usize, width: usize) -> LaneSum {
        let out = width + lanes.ilog2() as usize;
        LaneSum {
            clock: Default::default(),
            enable: Default::default(),
            lanes: Wire::new(lanes * width),
            sum: Wire::new(out),
            total: Reg::new(out),
            _lanes: lanes,
            _width: width,
        }
    }
}

impl Logic for LaneSum {
    #[hdl(lanes = self._lanes, width = self._width, latency = 1)]
    fn update(&mut self) {
        dff_setup!(self, clock, total);
        let w = self.total.width();
        let mut acc = Word::zero(w).zext(w) + self.lanes.val().slice(0, self._width).sext(w);
        for i in 1..self._lanes {
            acc = acc + self.lanes.val().slice(i * self._width, self._width).sext(w);
        }
        if self.enable.val() {
            self.total.d.next = acc;
        }
        self.sum.next = self.total.q.val();
    }
}

#[test]
fn a_parametric_block_emits_and_simulates() {
    let mut b = LaneSum::new(4, 8);
    b.connect_all();
    let d = emit(&b, "lane_sum", &EmitOptions::default()).unwrap_or_else(|e| panic!("{e}"));
    println!("{}", d.text());
    b.poke("lanes", &Word::new(32, 0x01_02_03_ff));
    b.poke("enable", &Word::from(true));
    assert!(simulate(&mut b, 100));
    b.poke("clock", &Word::from(true));
    assert!(simulate(&mut b, 100));
    assert_eq!(b.peek("sum"), Word::new(10, 5));
}

/// A bool that starts as a literal, and a bus written by one slice that covers it.
#[derive(LogicBlock, Ports)]
struct FlagAndSlice {
    pub a: Wire<In>,
    pub y: Wire<Out>,
}

impl Logic for FlagAndSlice {
    #[hdl]
    fn update(&mut self) {
        let mut high = false;
        if self.a.val() >= Word::new(4, 8) {
            high = true;
        }
        self.y.next.set_slice(0, &cat!(high, self.a.val()));
    }
}

#[test]
fn bool_literals_have_one_bit_and_one_slice_may_be_the_whole() {
    let mut b = FlagAndSlice { a: Wire::new(4), y: Wire::new(5) };
    b.connect_all();
    let d = emit(&b, "flag_and_slice", &EmitOptions::default()).unwrap_or_else(|e| panic!("{e}"));
    assert!(d.text().contains("output wire [4:0] y"), "{}", d.text());
    b.poke("a", &Word::new(4, 9));
    assert!(simulate(&mut b, 100));
    assert_eq!(b.peek("y"), Word::new(5, 0b11001));
}

/// Bits of a bus, each from a `let` made after the bit before was written.
#[derive(LogicBlock, Ports)]
struct BitByBit {
    pub a: Wire<In>,
    pub y: Wire<Out>,
}

impl Logic for BitByBit {
    #[hdl]
    fn update(&mut self) {
        for i in 0..4 {
            let pair = self.a.val().slice(i, 2);
            self.y.next.set_slice(i, &Word::from(pair.any()));
        }
    }
}

#[test]
fn slices_may_be_interleaved_with_lets() {
    let mut b = BitByBit { a: Wire::new(5), y: Wire::new(4) };
    b.connect_all();
    emit(&b, "bit_by_bit", &EmitOptions::default()).unwrap_or_else(|e| panic!("{e}"));
    b.poke("a", &Word::new(5, 0b10010));
    assert!(simulate(&mut b, 100));
    assert_eq!(b.peek("y"), Word::new(4, 0b1011));
}

/// Overwrites what a slice was made of before the bus is complete.
#[derive(LogicBlock, Ports)]
struct Reused {
    pub a: Wire<In>,
    pub y: Wire<Out>,
}

impl Logic for Reused {
    #[hdl]
    fn update(&mut self) {
        self.y.next = 0.into();
        let mut part = self.a.val().slice(0, 4);
        self.y.next.set_slice(0, &part);
        part = self.a.val().slice(4, 4);
        self.y.next.set_slice(4, &part);
    }
}

#[test]
fn slices_of_a_reused_let_stay_in_order() {
    let b = Reused { a: Wire::new(8), y: Wire::new(8) };
    let d = emit(&b, "reused", &EmitOptions::default()).unwrap_or_else(|e| panic!("{e}"));
    assert!(!d.text().contains("assign y = {"), "{}", d.text());
}
