//! State: clocks, memories, FIFOs of rust-hdl's own library.

use super::table::INPUTS;
use super::CYCLES;
use skipopu_fuzz::{case, refusals, Case, Suite};
use skipopu_hdl::prelude::*;

traps! { #[hdl_gen] and #[hdl],
    Delay: Bits<8>, [r0: DFF<Bits<8>>, r1: DFF<Bits<8>>] { fn update(&mut self) {
        self.r0.clock.next = self.clock.val();
        self.r1.clock.next = self.clock.val();
        self.r0.d.next = self.a.val();
        self.r1.d.next = self.r0.q.val();
        self.y.next = self.r1.q.val();
    } }
    Wraps: Bits<8>, [r: DFF<Bits<3>>, n: DFF<Bits<8>>] { fn update(&mut self) {
        dff_setup!(self, clock, r, n);
        if self.f.val() { self.r.d.next = self.r.q.val() + 1; }
        if self.r.q.val() + 1 == 0 { self.n.d.next = self.n.q.val() + 1; }
        self.y.next = bit_cast::<8, 3>(self.r.q.val()) ^ self.n.q.val();
    } }
    SignedRegister: Bit, [r: DFF<Signed<8>>] { fn update(&mut self) {
        dff_setup!(self, clock, r);
        self.r.d.next = self.r.q.val() + self.s.val();
        self.y.next = self.r.q.val() < self.t.val();
    } }
    WideRegister: Bits<128>, [r: DFF<Bits<128>>] { fn update(&mut self) {
        dff_setup!(self, clock, r);
        self.r.d.next = (self.r.q.val() << 1) ^ self.x.val();
        self.y.next = self.r.q.val();
    } }
    HoldTakesBack: Bits<8>, [r: DFF<Bits<8>>] { fn update(&mut self) {
        dff_setup!(self, clock, r);
        if self.f.val() { self.r.d.next = self.a.val(); }
        if self.g.val() { self.r.d.next = self.r.q.val(); }
        self.y.next = self.r.q.val();
    } }
    HoldTakesAllBack: Bits<8>, [r: DFF<Bits<8>>] { fn update(&mut self) {
        dff_setup!(self, clock, r);
        if self.f.val() { self.r.d.next = self.a.val(); }
        self.r.d.next = self.r.q.val();
        self.y.next = self.r.q.val();
    } }
    NextStateRead: Bits<8>, [r: DFF<Bits<8>>, n: Signal<Local, Bits<8>>] { fn update(&mut self) {
        self.r.clock.next = self.clock.val();
        self.n.next = self.r.q.val() + self.a.val();
        if self.f.val() { self.n.next = self.b.val(); }
        self.r.d.next = self.n.val();
        self.y.next = self.n.val();
    } }
}

traps! { #[hdl_gen] as library,
    Memory: Bits<8>, [m: RAM<Bits<8>, 3>] { fn update(&mut self) {
        self.m.read_clock.next = self.clock.val();
        self.m.write_clock.next = self.clock.val();
        self.m.read_address.next = bit_cast::<3, 8>(self.a.val());
        self.m.write_address.next = bit_cast::<3, 8>(self.b.val());
        self.m.write_data.next = self.c.val();
        self.m.write_enable.next = self.f.val();
        self.y.next = self.m.read_data.val();
    } }
    SyncFifo: Bits<16>, [q: SynchronousFIFO<Bits<8>, 3, 4, 2>] { fn update(&mut self) {
        self.q.clock.next = self.clock.val();
        self.q.data_in.next = self.a.val();
        self.q.write.next = self.f.val() & !self.q.full.val();
        self.q.read.next = self.g.val() & !self.q.empty.val();
        self.y.next = bit_cast::<16, 8>(self.q.data_out.val()) | (bit_cast::<16, 1>(self.q.empty.val().into()) << 8) | (bit_cast::<16, 1>(self.q.full.val().into()) << 9);
    } }
}

/// Counts one clock's edges, samples the count with another clock.
#[derive(LogicBlock, Ports, Default)]
struct TwoClocks {
    pub clock: Signal<In, Clock>,
    pub other: Signal<In, Clock>,
    pub y: Signal<Out, Bits<8>>,
    n: DFF<Bits<8>>,
    m: DFF<Bits<8>>,
}

impl Logic for TwoClocks {
    #[hdl]
    fn update(&mut self) {
        self.n.clock.next = self.clock.val();
        self.m.clock.next = self.other.val();
        self.n.d.next = self.n.q.val() + 1;
        self.m.d.next = self.n.q.val() ^ self.m.q.val();
        self.y.next = self.m.q.val();
    }
}

#[test]
fn agree_in_three_simulators() {
    let mut cases: Vec<Case> = both();
    cases.push(case("TwoClocks", TwoClocks::default));
    let suite = Suite::new("registers", &cases);
    for seed in 0..2 {
        assert!(suite.agree(CYCLES, seed, |_| {}) > 10_000);
    }
    suite.lint(&INPUTS);
}

/// A memory has no initial value in Verilog and zeros in Rust: compared once every word is written.
#[test]
fn library_memories_agree_once_written() {
    let cases = library::cases();
    let suite = Suite::new("memories", &cases);
    assert!(suite.agree(4 * CYCLES, 0, |s| s.compare_from = CYCLES) > 6_000);
}

#[derive(LogicBlock, Default)]
struct ClockBuffer {
    pub i: Signal<In, Clock>,
    pub o: Signal<Out, Clock>,
}

impl Logic for ClockBuffer {
    #[hdl_gen]
    fn update(&mut self) {
        self.o.next = self.i.val();
    }
}

mod refused {
    use super::*;
    traps! { #[hdl_gen] and #[hdl],
        // rust-hdl's simulator delays such a clock by an iteration, so `r1` samples the new `r0` (#18).
        ClockThroughSibling: Bits<8>, [k: ClockBuffer, r0: DFF<Bits<8>>, r1: DFF<Bits<8>>] { fn update(&mut self) {
            self.k.i.next = self.clock.val();
            self.r0.clock.next = self.clock.val();
            self.r1.clock.next = self.k.o.val();
            self.r0.d.next = self.a.val();
            self.r1.d.next = self.r0.q.val();
            self.y.next = self.r1.q.val();
        } }
        // rust-hdl's own FIFO between clocks does so.
        AsyncFifo: Bits<16>, [q: AsynchronousFIFO<Bits<8>, 3, 4, 2>] { fn update(&mut self) {
            self.q.read_clock.next = self.clock.val();
            self.q.write_clock.next = self.clock.val();
            self.q.data_in.next = self.a.val();
            self.q.write.next = self.f.val() & !self.q.full.val();
            self.q.read.next = self.g.val() & !self.q.empty.val();
            self.y.next = bit_cast::<16, 8>(self.q.data_out.val()) | (bit_cast::<16, 1>(self.q.empty.val().into()) << 8) | (bit_cast::<16, 1>(self.q.full.val().into()) << 9);
        } }
        NoClock: Bits<8>, [r: DFF<Bits<8>>] { fn update(&mut self) {
            self.r.d.next = self.a.val();
            self.y.next = self.r.q.val();
        } }
        TwoDrivenClock: Bits<8>, [r: DFF<Bits<8>>] { fn update(&mut self) {
            self.r.clock.next = self.clock.val();
            if self.f.val() { self.r.clock.next = self.clock.val(); }
            self.r.d.next = self.a.val();
            self.y.next = self.r.q.val();
        } }
    }
    pub fn cases() -> Vec<Case> {
        both()
    }
}

#[test]
fn clocks_that_are_not_top_down_are_refused() {
    insta::assert_snapshot!(refusals(&refused::cases()));
}
