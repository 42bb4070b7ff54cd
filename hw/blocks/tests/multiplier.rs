//! The overpacked multiplier against the reference and against plain products.

mod common;

use common::{agree, cells, design_of, seeds, shallow, verilated};
use rand::{rngs::SmallRng, Rng, SeedableRng};
use skipopu_hw::pe_array::product::{Kept, OverpackedMultiplier};
use skipopu_reference::pe::overpack::multiply;
use skipopu_sim::{dut, Model};

dut! {
    struct Ports(kept: usize) {
        clock clock;
        in u0: 11;
        in u1: 11;
        in v: 11;
        out p0: kept;
        out p1_not: kept;
    }
}

const LATENCY: usize = OverpackedMultiplier::LATENCY;

fn build(kept: Kept) -> Box<OverpackedMultiplier> {
    Box::new(OverpackedMultiplier::new(kept).unwrap())
}

/// A triple every cycle, each product compared [`LATENCY`] cycles later.
struct Run {
    model: Model,
    ports: Ports,
    dropped: u32,
    expected: [(u32, u32); LATENCY],
    fed: u64,
    compared: u64,
}

impl Run {
    fn new(kept: Kept, name: &str) -> Run {
        let model = verilated(&design_of(build(kept), name).1);
        let ports = Ports::bind(&model, kept.bits()).unwrap();
        let dropped = 22 - kept.bits() as u32;
        Run { model, ports, dropped, expected: [(0, 0); LATENCY], fed: 0, compared: 0 }
    }

    fn feed(&mut self, u0: u32, u1: u32, v: u32) {
        self.model.set_u64(self.ports.u0, u0.into());
        self.model.set_u64(self.ports.u1, u1.into());
        self.model.set_u64(self.ports.v, v.into());
        self.model.tick(self.ports.clock).unwrap();
        self.fed += 1;
        let slot = self.fed as usize % LATENCY;
        // The slot was filled LATENCY - 1 feeds ago: exactly what must come out now.
        let next = (slot + 1) % LATENCY;
        self.expected[slot] = multiply(u0, u1, v);
        debug_assert_eq!(self.expected[slot], (u0 * v, u1 * v));
        if self.fed >= LATENCY as u64 {
            let (p0, p1) = self.expected[next];
            let got0 = self.model.get_u64(self.ports.p0) as u32;
            let ones = (1 << (22 - self.dropped)) - 1;
            let got1 = self.model.get_u64(self.ports.p1_not) as u32 ^ ones;
            let wanted = (p0 >> self.dropped, p1 >> self.dropped);
            assert_eq!((got0, got1), wanted, "{} cycles before {u0} {u1} {v}", LATENCY - 1);
            self.compared += 1;
        }
    }
}

/// Significands at which something happens: bits alone, runs, borders of the fields.
fn edges() -> Vec<u32> {
    let mut all =
        vec![0, 1, 2, 3, 31, 32, 33, 63, 64, 65, 0x2AA, 0x555, 1023, 1024, 1025, 2046, 2047];
    all.extend((0..11).flat_map(|i| [1 << i, (1 << i) - 1, 2047 ^ (1 << i)]));
    all.sort_unstable();
    all.dedup();
    all
}

#[test]
fn exact_on_edges() {
    for (kept, name) in [(Kept::All, "multiplier"), (Kept::Upper16, "multiplier16")] {
        let mut run = Run::new(kept, name);
        let edges = edges();
        for u0 in &edges {
            for u1 in &edges {
                for v in &edges {
                    run.feed(*u0, *u1, *v);
                }
            }
        }
        // Every u1 and v once: the low bits and the borrow depend on nothing else.
        for u1 in 0..2048 {
            for v in 0..2048 {
                run.feed((u1 ^ v) & 2047, u1, v);
            }
        }
        assert_eq!(run.compared, run.fed - LATENCY as u64 + 1);
        assert!(run.compared > 4_000_000);
    }
}

#[test]
fn exact_on_random_triples() {
    for seed in seeds() {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut run = Run::new(Kept::All, "multiplier");
        for _ in 0..5_100_000 {
            let bits: u64 = rng.random();
            let field = |at: u32| (bits >> at) as u32 & 2047;
            run.feed(field(0), field(11), field(22));
        }
        assert!(run.compared >= 5_000_000);
    }
}

#[test]
fn every_engine_agrees() {
    agree(|| build(Kept::All), "multiplier", 400);
    agree(|| build(Kept::Upper16), "multiplier16", 400);
}

#[test]
fn one_dsp_and_few_luts() {
    for (kept, name, most) in [(Kept::Upper16, "multiplier16", 18), (Kept::All, "multiplier", 25)] {
        let report = cells(&design_of(build(kept), name).1);
        shallow(&report, 6);
        assert_eq!(report.area.dsps, 1);
        assert!(report.area.luts <= most, "{name}: {} LUTs", report.area.luts);
    }
}
