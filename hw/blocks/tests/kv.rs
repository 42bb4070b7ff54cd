//! The KV unit against its text: every word of K and V that attention takes, and when.

mod common;

use common::{agree, clean, seeds, Case};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use skipopu_config::Config;
use skipopu_hw::kv::{
    BufferReader, HbmReader, KvScheduler, KvShape, PlaceGenerator, RoundJoin, RoutingTable,
};
use skipopu_kv::{KvMachine, KvModel, Masks, Routing};
use skipopu_system::kv::{Bench, KvTiming, RandomTiming, Rig, SteadyTiming};

/// A small machine: `ports` HBM ports, `read_ports` read ports.
fn machine(ports: usize, read_ports: usize) -> KvMachine {
    KvMachine { ports, read_ports, slots: 8, bank_words: 4096, context: 32, layers: 6 }
}

const SMALL: KvModel = KvModel { layers: 6, kv_heads: 3, head: 40 };

fn bench(machine: KvMachine) -> Bench {
    let bench = Bench::new(machine).unwrap_or_else(|e| panic!("{e}"));
    clean(&bench.design);
    bench
}

/// One token of a text: its layers one after the other, each scheduled while the one before is played, some
/// skipped, some schedules dropped.
fn token(rig: &mut Rig, layers: usize, skip: f64, drops: f64, rng: &mut SmallRng) {
    for layer in 0..layers {
        if layer > 0 && rng.random_bool(skip) {
            continue;
        }
        let (schedule, _) = rig.schedule(layer).unwrap_or_else(|e| panic!("{e}"));
        if layer > 0 && rng.random_bool(drops) {
            rig.drop_schedule().unwrap_or_else(|e| panic!("{e}"));
        } else {
            rig.play(schedule).unwrap_or_else(|e| panic!("{e}"));
        }
    }
}

/// Texts of several lengths over one machine, under every disturbance.
fn texts(bench: &Bench, model: &KvModel, slots: usize, seed: u64) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let ports = bench.machine.ports;
    for (latency, gap, refuse, receiver) in [
        ((1, 1), 0.0, 0.0, 1.0),
        ((20, 60), 0.3, 0.3, 1.0),
        ((1, 9), 0.0, 0.0, 0.4),
        ((1, 90), 0.5, 0.2, 0.6),
    ] {
        let timing = RandomTiming::new(ports, latency, gap, refuse, seed);
        let mut rig = bench.rig(model, slots, Box::new(timing)).unwrap_or_else(|e| panic!("{e}"));
        rig.receiver(receiver, seed);
        let mut layers = 0;
        for text in 0..2 {
            let skip = [0.25, 0.6][text];
            let masks = Masks::ALL[rng.random_range(0..3)];
            let context = bench.machine.context;
            let routing =
                Routing::random(model.layers, context, skip, masks, rng.random()).unwrap();
            // No token, one, a few, the full context.
            for n in 0..=context {
                if [0, 1, 2, 3, 9, context - 1, context].contains(&n) {
                    token(&mut rig, model.layers, skip / 2.0, 0.15, &mut rng);
                }
                if n < context {
                    rig.append(routing.row(n)).unwrap_or_else(|e| panic!("{e}"));
                }
            }
            rig.drain().unwrap_or_else(|e| panic!("{e}"));
            layers += rig.finished().len();
            rig.clear().unwrap_or_else(|e| panic!("{e}"));
        }
        let (words, hbm) = (rig.words(), rig.hbm_words());
        assert!(words > 500 && layers > 20, "{words} words, {layers} layers");
        assert!(if slots == 0 { hbm == words } else { hbm < words }, "{hbm} of {words}");
        assert!(receiver == 1.0 || rig.stalls() > 100, "{} stalls", rig.stalls());
    }
}

#[test]
fn every_word_is_delivered_once_and_right() {
    for (ports, read_ports) in [(4, 2), (3, 1)] {
        let bench = bench(machine(ports, read_ports));
        for seed in seeds() {
            for slots in [8, 2, 0] {
                texts(&bench, &SMALL, slots, seed);
            }
            // One word a round, and heads of which the last has no partner.
            texts(&bench, &KvModel { layers: 5, kv_heads: 1, head: 8 }, 8, seed);
        }
    }
}

/// Plays all layers of one token and gives the cycles of the deliveries.
fn cycles(bench: &Bench, routing: &Routing, retain: impl Fn(usize) -> bool) -> Vec<u64> {
    let timing: Box<dyn KvTiming> = Box::new(SteadyTiming::new(bench.machine.ports, 30));
    let mut rig = bench.rig(&SMALL, 8, timing).unwrap();
    for t in 0..routing.tokens() {
        rig.append(routing.row(t)).unwrap();
    }
    for layer in 0..SMALL.layers {
        rig.retain(retain(layer));
        let (schedule, _) = rig.schedule(layer).unwrap();
        rig.play(schedule).unwrap();
    }
    rig.drain().unwrap();
    rig.finished().iter().map(|p| p.delivery).collect()
}

#[test]
fn keeping_tokens_costs_no_cycle_and_rounds_follow_each_other() {
    let bench = bench(machine(4, 2));
    let routing = Routing::random(6, 32, 0.4, Masks::Independent, 5).unwrap();
    let with = cycles(&bench, &routing, |_| true);
    // The same reads, with and without writing to the banks in the layer.
    for (layer, cost) in with.iter().enumerate() {
        assert_eq!(cycles(&bench, &routing, |l| l != layer)[layer], *cost, "layer {layer}");
    }
    // A word a cycle, no gap between rounds or passes.
    let mut scheduler = skipopu_kv::Scheduler::new(&bench.machine, 6, 8).unwrap();
    let layout = skipopu_kv::KvLayout::new(&SMALL, &bench.machine, 0).unwrap();
    let mut kept = 0;
    for (layer, got) in with.iter().enumerate() {
        let schedule = scheduler.schedule(&routing, layer, 32);
        kept += schedule.kept();
        assert_eq!(*got, (schedule.len() * layout.token_words()) as u64, "layer {layer}");
    }
    assert!(kept > 20, "{kept} tokens kept");
}

#[test]
fn a_wrong_word_is_found() {
    let bench = bench(machine(4, 2));
    let mut rig = bench.rig(&SMALL, 8, Box::new(SteadyTiming::new(4, 10))).unwrap();
    for row in [0b111, 0b101, 0b001, 0b011, 0b111] {
        rig.append(row).unwrap();
    }
    let (schedule, _) = rig.schedule(1).unwrap();
    rig.flip(7);
    let error = rig.play(schedule).and_then(|()| rig.drain()).unwrap_err().to_string();
    assert!(error.contains("not the word of token"), "{error}");
}

/// Layer 0 and layer 1 of the token after eight, of which four skip layer 1.
#[test]
fn the_waveform_is_what_the_unit_does() {
    let bench = bench(machine(2, 1));
    let model = KvModel { layers: 3, kv_heads: 1, head: 16 };
    let mut rig = bench.rig(&model, 8, Box::new(SteadyTiming::new(2, 4))).unwrap();
    for row in [0b011, 0b001, 0b101, 0b011, 0b001, 0b111, 0b101, 0b011] {
        rig.append(row).unwrap();
    }
    let (first, _) = rig.schedule(0).unwrap();
    rig.record();
    rig.play(first).unwrap();
    let (second, _) = rig.schedule(1).unwrap();
    rig.play(second).unwrap();
    rig.drain().unwrap();
    let wave = rig.recorded();
    let document = include_str!("../../../docs/memory.md");
    assert!(document.contains(&wave), "docs/memory.md should hold:\n{wave}");
}

#[test]
fn a_schedule_takes_as_long_as_stated() {
    let bench = bench(machine(4, 2));
    let timing = Box::new(SteadyTiming::new(4, 10));
    let mut rig = bench.rig(&SMALL, 8, timing).unwrap();
    let shape = KvShape::new(bench.machine).unwrap();
    for n in 0..=32 {
        if n == 0 || n % 7 == 0 || n == 32 {
            let (schedule, cycles) = rig.schedule(2).unwrap();
            assert_eq!(cycles as usize, KvScheduler::cycles(&shape, n), "{n} tokens");
            rig.play(schedule).unwrap();
        }
        if n < 32 {
            rig.append(0b101).unwrap();
        }
    }
    rig.drain().unwrap();
}

#[test]
fn every_engine_agrees() {
    let shape =
        KvShape::new(KvMachine { slots: 2, context: 8, layers: 3, ..machine(2, 1) }).unwrap();
    agree(|| Box::new(RoutingTable::new(shape).unwrap()), "kv_routing", 400);
    agree(|| Box::new(PlaceGenerator::new(shape).unwrap()), "kv_place", 400);
    agree(|| Box::new(KvScheduler::new(shape).unwrap()), "kv_scheduler", 600);
    agree(|| Box::new(HbmReader::new(shape, 1).unwrap()), "kv_hbm_reader", 400);
    agree(|| Box::new(BufferReader::new(shape, 2).unwrap()), "kv_buffer_reader", 400);
    agree(|| Box::new(RoundJoin::new(shape).unwrap()), "kv_join", 400);
}

#[test]
fn latencies() {
    let shape = KvShape::new(machine(4, 2)).unwrap();
    let case = Case::new("kv_place", move || PlaceGenerator::new(shape).unwrap());
    assert_eq!(case.design.top().latency, Some(PlaceGenerator::LATENCY));
}

#[test]
fn budgets() {
    let shape = KvShape::of(&Config::resolve("u280").unwrap()).unwrap();
    let scheduler =
        Case::new("kv_scheduler", move || KvScheduler::new(shape).unwrap()).synthesised();
    println!("{}", scheduler.table().text());
    assert_eq!(scheduler.area.latches, 0);
    common::shallow(&scheduler, 12);
}
