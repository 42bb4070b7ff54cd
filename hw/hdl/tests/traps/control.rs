//! Statements: constants, branches, cases, structs, enums, order of reads and writes.

use super::table::INPUTS;
use super::CYCLES;
use skipopu_fuzz::{refusals, Case, Suite};
use skipopu_hdl::prelude::*;

#[derive(Copy, Clone, Debug, PartialEq, Default, LogicStruct)]
pub struct Pair {
    pub lo: Bits<8>,
    pub hi: Bits<8>,
    pub flag: Bits<1>,
}

#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum Phase {
    Idle,
    Run,
    Stop,
}

traps! { #[hdl_gen] and #[hdl],
    ConstantOnly: Bits<8>, [] { fn update(&mut self) { self.y.next = 42.into(); } }
    ElseIf: Bits<8>, [] { fn update(&mut self) {
        if self.a.val() == 0 { self.y.next = 1.into(); } else if self.a.val().get_bit(7) { self.y.next = 2.into(); } else { self.y.next = 3.into(); }
    } }
    MatchNumber: Bits<8>, [] { fn update(&mut self) {
        match self.a.val().index() { 0 => { self.y.next = 7.into(); } 255 => { self.y.next = 9.into(); } _ => { self.y.next = 1.into(); } }
    } }
    MatchHex: Bit, [] { fn update(&mut self) {
        self.y.next = false;
        match self.a.val().index() { 0x10 => { self.y.next = true; } 0b1111_1111 => { self.y.next = true; } _ => { self.y.next = false; } }
    } }
    MatchBit: Bit, [] { fn update(&mut self) { match self.f.val() { true => { self.y.next = false; } false => { self.y.next = true; } } } }
    StructSum: Bits<16>, [p: Signal<Local, Pair>] { fn update(&mut self) {
        self.p.next.lo = self.a.val();
        self.p.next.hi = self.b.val();
        self.p.next.flag = self.f.val().into();
        self.y.next = bit_cast::<16, 8>(self.p.val().lo + self.p.val().hi) + self.p.val().flag.any();
    } }
    StructRegister: Bits<8>, [r: DFF<Pair>] { fn update(&mut self) {
        self.r.clock.next = self.clock.val();
        self.r.d.next.lo = self.r.q.val().hi;
        self.r.d.next.hi = self.a.val();
        self.r.d.next.flag = self.r.q.val().flag ^ 1;
        self.y.next = self.r.q.val().lo + self.r.q.val().flag.any();
    } }
    EnumWithoutDefault: Bits<8>, [state: DFF<Phase>] { fn update(&mut self) {
        dff_setup!(self, clock, state);
        match self.state.q.val() {
            Phase::Idle => { self.y.next = 1.into(); if self.f.val() { self.state.d.next = Phase::Run; } }
            Phase::Run => { self.y.next = 2.into(); if self.g.val() { self.state.d.next = Phase::Stop; } }
            Phase::Stop => { self.y.next = 3.into(); self.state.d.next = Phase::Idle; }
        }
    } }
    EnumCompare: Bit, [state: DFF<Phase>] { fn update(&mut self) {
        dff_setup!(self, clock, state);
        if self.f.val() { self.state.d.next = Phase::Stop; }
        if self.g.val() { self.state.d.next = Phase::Run; }
        self.y.next = self.state.q.val() == Phase::Stop;
    } }
    OfRegisterOnly: Bits<8>, [state: DFF<Phase>] { fn update(&mut self) {
        dff_setup!(self, clock, state);
        self.y.next = 1.into();
        if self.state.q.val() == Phase::Idle { self.y.next = 2.into(); }
        if self.a.val() == 0xFF { self.state.d.next = Phase::Stop; }
    } }
    // A process whose only inputs stand in a branch that is never taken does not run in Icarus.
    NeverTaken: Bits<8>, [] { fn update(&mut self) {
        self.y.next = 1.into();
        if (self.a.val() >> 8).any() { self.y.next = self.b.val(); }
        match (self.b.val() >> 9).index() { 0 => {} _ => { self.y.next = self.c.val(); } }
    } }
    ReadBetweenWrites: Bits<8>, [l: Signal<Local, Bits<8>>] { fn update(&mut self) {
        self.l.next = self.a.val();
        self.y.next = self.l.val() + 1;
        self.l.next = self.b.val();
        self.y.next = self.y.val() ^ self.l.val();
    } }
    OverwrittenDefault: Bits<8>, [l: Signal<Local, Bits<8>>] { fn update(&mut self) {
        self.l.next = 1.into();
        if self.f.val() { self.l.next = 2.into(); if self.g.val() { self.l.next = self.l.val() + 3; } }
        self.y.next = self.l.val();
    } }
    LocalChain: Bits<8>, [l: Signal<Local, Bits<8>>, m: Signal<Local, Bits<8>>] { fn update(&mut self) {
        if self.f.val() { self.l.next = self.a.val(); } else { self.l.next = self.b.val(); }
        if self.g.val() { self.m.next = self.l.val(); } else { self.m.next = !self.l.val(); }
        self.y.next = self.m.val() + self.l.val();
    } }
}

#[test]
fn agree_in_three_simulators() {
    let cases = both();
    let suite = Suite::new("control", &cases);
    for seed in 0..2 {
        assert!(suite.agree(CYCLES, seed, |_| {}) > 20_000);
    }
    suite.lint(&INPUTS);
}

mod wrong {
    use super::*;
    traps! { #[hdl_gen] and #[hdl],
        Latch: Bits<8>, [] { fn update(&mut self) { if self.f.val() { self.y.next = self.a.val(); } } }
        ReadBeforeWriteInIf: Bits<8>, [l: Signal<Local, Bit>] { fn update(&mut self) {
            self.y.next = 0.into();
            if self.l.val() { self.y.next = self.a.val(); }
            self.l.next = self.f.val();
        } }
        ReadBeforeWriteInArray: Bits<8>, [l: [Signal<Local, Bits<8>>; 1]] { fn update(&mut self) {
            for i in 0..1 { self.y.next = self.l[i].val(); }
            for i in 0..1 { self.l[i].next = self.a.val(); }
        } }
        // `l` is old in `y` when `f` is 0, though it is written on every path in the end.
        ReadOfHalfWritten: Bits<8>, [l: Signal<Local, Bits<8>>] { fn update(&mut self) {
            if self.f.val() { self.l.next = self.a.val(); }
            self.y.next = self.l.val();
            self.l.next = self.b.val();
        } }
        // A child's input reads as its final value in Rust, as its present one in a process.
        ReadOfChildInput: Bits<8>, [r: DFF<Bits<8>>] { fn update(&mut self) {
            self.r.clock.next = self.clock.val();
            self.r.d.next = self.a.val();
            self.y.next = self.r.d.val();
            if self.f.val() { self.r.d.next = self.b.val(); }
        } }
        ReadOfOwnOutputFirst: Bits<8>, [] { fn update(&mut self) {
            if self.f.val() { self.y.next = self.y.val() + 1; } else { self.y.next = 0.into(); }
        } }
    }
    pub fn cases() -> Vec<Case> {
        both()
    }
}

#[test]
fn what_has_no_hardware_is_refused() {
    insta::assert_snapshot!(refusals(&wrong::cases()));
}
