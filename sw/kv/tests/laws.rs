//! Laws of placement and schedule, over random masks.

use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use skipopu_config::Config;
use skipopu_kv::place::interleaved_stripe;
use skipopu_kv::{
    place, place_of, HbmRead, KvLayout, KvMachine, KvModel, KvOrder, KvSequencer, Masks, Place,
    Routing, Schedule, Scheduler, Source,
};
use std::collections::{HashMap, HashSet};

fn machine(ports: usize, read_ports: usize, slots: usize) -> KvMachine {
    KvMachine { ports, read_ports, slots, bank_words: 4096, context: 256, layers: 16 }
}

/// What lies in every slot of every bank: the owner layer and token last written there.
type Banks = HashMap<(usize, usize), (usize, usize)>;

/// Plays a schedule on a model of the banks and checks every rule that makes the data right.
fn play(schedule: &Schedule, routing: &Routing, tokens: usize, ports: usize, banks: &mut Banks) {
    let places = place_of(routing, schedule.layer, tokens, ports);
    let mut seen = HashSet::new();
    for round in schedule.rounds() {
        let mut written = Vec::new();
        let mut used = HashSet::new();
        for source in &round {
            let token = source.token();
            assert!(seen.insert(token), "token {token} twice");
            let (owner, at) = places[token];
            match *source {
                Source::Hbm(port, r) => {
                    assert!(used.insert((0, port)), "HBM port {port} twice in a round");
                    assert_eq!((port, r.slot, r.owner), (at.port, at.slot, owner));
                    if let Some(slot) = r.keep {
                        written.push(((port, slot), (owner, token)));
                    }
                }
                Source::Buffer(port, r) => {
                    assert!(used.insert((1, port)), "read port {port} twice in a round");
                    assert_eq!(banks.get(&(r.bank, r.slot)), Some(&(owner, token)));
                }
            }
        }
        // Reads of a round come before its writes.
        banks.extend(written);
    }
    assert_eq!(seen.len(), tokens);
    let mut order = schedule.token_order();
    order.sort_unstable();
    assert_eq!(order, (0..tokens).collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_token_comes_once_with_the_right_data(
        ports in 1usize..9, share in 1usize..9, slots in 0usize..9, skip in 0.0f64..0.9,
        layers in 2usize..9, seed: u64, kind in 0usize..3,
    ) {
        let read_ports = share.min(ports);
        let routing = Routing::random(layers, 60, skip, Masks::ALL[kind], seed).unwrap();
        let mut rng = SmallRng::seed_from_u64(seed);
        let machine = machine(ports, read_ports, 16);
        let mut scheduler = Scheduler::new(&machine, layers, slots).unwrap();
        let mut banks = Banks::new();
        for tokens in [0, 1, 2, 3, 30, 31, 60] {
            for layer in 0..layers {
                if rng.random_bool(0.3) {
                    continue; // the token skips this attention; nobody asked for a schedule
                }
                scheduler.retain(rng.random_bool(0.9));
                let schedule = scheduler.schedule(&routing, layer, tokens);
                let executed = (0..tokens).filter(|t| routing.executes(layer, *t)).count();
                prop_assert_eq!(schedule.append, place(executed, ports));
                if rng.random_bool(0.2) {
                    scheduler.drop_last();
                    continue;
                }
                prop_assert!(schedule.kept() <= slots * ports);
                play(&schedule, &routing, tokens, ports, &mut banks);
            }
        }
    }
}

#[test]
fn a_layer_of_its_own_tokens_fills_all_ports_alike() {
    let routing = Routing::random(4, 100, 0.4, Masks::Independent, 7).unwrap();
    for (ports, layer) in [(4, 0), (4, 3), (7, 2), (32, 1)] {
        let own: Vec<Place> = place_of(&routing, layer, 100, ports)
            .into_iter()
            .filter(|(owner, _)| *owner == layer)
            .map(|(_, at)| at)
            .collect();
        for (n, at) in own.iter().enumerate() {
            assert_eq!(*at, place(n, ports));
        }
    }
}

#[test]
fn the_buffer_keeps_what_the_next_layer_reuses() {
    // Without limits nothing but own tokens comes from HBM, from the second executed layer on.
    let routing = Routing::random(8, 200, 0.25, Masks::Independent, 1).unwrap();
    let machine = KvMachine { slots: 256, ..machine(8, 8, 256) };
    let mut scheduler = Scheduler::new(&machine, 8, 256).unwrap();
    for layer in 0..8 {
        let s = scheduler.schedule(&routing, layer, 200);
        let own = (0..200).filter(|t| routing.executes(layer, *t)).count();
        assert!(s.from_hbm() >= own && s.from_hbm() + s.from_buffer() == 200);
        // Reads of the buffer that give way to an HBM port with nothing to do.
        assert!(s.from_hbm() - own <= 200 / 20, "layer {layer}: {} of {own}", s.from_hbm());
    }
}

#[test]
fn traces_round_trip_and_bad_ones_are_refused() {
    let routing = Routing::random(6, 20, 0.3, Masks::Layers, 3).unwrap();
    assert_eq!(Routing::parse(&routing.text()).unwrap(), routing);
    let text = |t: &str| Routing::parse(t).unwrap_err().to_string();
    assert_eq!(text("# empty\n"), "trace line 1: there is no token");
    assert_eq!(text("101\n1x1\n"), "trace line 2: `x` where 0 or 1 is expected");
    assert_eq!(text("101\n\n11\n"), "trace line 3: 2 bits, but the first token has 3");
    assert_eq!(text("011"), "trace line 1: layer 0 is skipped; every token executes it");
    assert_eq!(text(&"1".repeat(129)), "trace line 1: layers is 129: use 1 to 128");
}

#[test]
fn random_masks_skip_as_much_as_asked() {
    for masks in Masks::ALL {
        for skip in [0.0, 0.25, 0.5] {
            let routing = Routing::random(32, 4000, skip, masks, 11).unwrap();
            let got = routing.skipped(4000);
            assert!((got - skip).abs() < 0.02, "{}: {got} for {skip}", masks.name());
        }
    }
}

#[test]
fn the_region_holds_every_value_once() {
    let machine = KvMachine { context: 16, ..machine(3, 2, 16) };
    for model in [
        KvModel { layers: 3, kv_heads: 3, head: 48 },
        KvModel { layers: 2, kv_heads: 4, head: 128 },
        KvModel { layers: 2, kv_heads: 1, head: 20 },
    ] {
        let layout = KvLayout::new(&model, &machine, 8192).unwrap();
        let mut bytes = HashSet::new();
        for layer in 0..model.layers {
            for sequence in 0..machine.context {
                for (head, v, dim) in (0..model.kv_heads)
                    .flat_map(|h| [false, true].map(|v| (h, v)))
                    .flat_map(|(h, v)| (0..model.head).map(move |d| (h, v, d)))
                {
                    let at = layout.locate(layer, place(sequence, 3), head, v, dim);
                    assert!(at.1 >= 8192 && at.1 + 2 <= 8192 + layout.bytes());
                    assert!(bytes.insert(at), "{at:?}");
                }
            }
        }
    }
}

#[test]
fn llama2_7b_on_the_u280() {
    let machine = KvMachine::of(&Config::resolve("u280").unwrap());
    let layout = KvLayout::new(&KvModel::LLAMA2_7B, &machine, 0).unwrap();
    // Two heads of 128 values are one burst of 16 beats of 32 bytes.
    assert_eq!((layout.passes, layout.words, layout.token_words() * 64), (32, 8, 16 << 10));
    assert_eq!(layout.address(0, 0, 1) - layout.address(0, 0, 0), 512);
    // 512 URAM288: 1,024 tokens.
    assert_eq!(machine.slots_for(&layout) * machine.ports, 1024);
    let bank = machine.bank_words;
    assert!(layout.bank_word(32, 31, 7, 31) == bank - 1, "the bank is full");
    assert_eq!(interleaved_stripe(8192, 32), 256);
    let error = KvLayout::new(&KvModel::LLAMA2_7B, &machine, 200 << 20).unwrap_err().to_string();
    assert!(error.contains("choose a shorter kv_buffer.context"), "{error}");
}

/// Checks a schedule's slots and what they read from the banks, which get what it keeps; how many tokens came from them.
fn check_slots(
    order: &KvOrder,
    schedule: &Schedule,
    routing: &Routing,
    bank: &mut [Vec<Option<(usize, usize)>>],
) -> usize {
    let slots = order.earlier(schedule);
    assert!(slots.len() % order.slice == 0);
    let mut tokens: Vec<usize> = slots.iter().flatten().map(Source::token).collect();
    assert_eq!(tokens, schedule.token_order(), "rounds, streams in order");
    tokens.sort_unstable();
    assert_eq!(tokens, (0..routing.tokens()).collect::<Vec<_>>());
    let mut buffered = 0;
    // Reads of a round come before what it keeps.
    for round in slots.chunks(order.round) {
        for source in round.iter().flatten() {
            if let Source::Buffer(_, r) = source {
                let owner = routing.owner(schedule.layer, r.token);
                assert_eq!(bank[r.bank][r.slot], Some((r.token, owner)));
                buffered += 1;
            }
        }
        for source in round.iter().flatten() {
            if let Source::Hbm(port, HbmRead { token, owner, keep: Some(slot), .. }) = source {
                bank[*port][*slot] = Some((*token, *owner));
            }
        }
    }
    buffered
}

/// A random text in blocks: what is played, with tokens kept in the buffer, against the definition.
#[test]
fn blocks_play_every_token_once_and_the_buffer_holds_what_it_says() {
    println!("seed 0");
    let mut rng = SmallRng::seed_from_u64(0);
    let (mut played, mut buffered, mut dropped) = (0, 0, 0);
    for _ in 0..120 {
        let machine = KvMachine { context: 64, ..machine(4, 2, 8) };
        let order = KvOrder::new(machine, 16, 16).unwrap();
        let layers = rng.random_range(1..6);
        let mut text = KvSequencer::new(&machine, layers, rng.random_range(0..=8)).unwrap();
        let mut bank = vec![vec![None; 8]; machine.ports];
        let mut appended = HashMap::new();
        for _ in 0..rng.random_range(1..6) {
            let rows = rng.random_range(1..10);
            text.begin(rows);
            let routing = text.routing().clone();
            for layer in 0..layers {
                let schedule = match rng.random_bool(0.7) {
                    true => text.play(layer).unwrap(),
                    false => None,
                };
                if let Some(schedule) = schedule {
                    played += 1;
                    assert!(text.play(layer).is_err(), "once a block");
                    buffered += check_slots(&order, &schedule, &routing, &mut bank);
                } else {
                    dropped += usize::from(routing.tokens() > 0);
                }
                for row in 0..rows {
                    if layer == 0 || rng.random_bool(0.6) {
                        let at = text.append(layer, row).unwrap();
                        assert!(text.append(layer, row).is_err(), "once a layer");
                        appended.insert((layer, routing.tokens() + row), at);
                    }
                }
            }
            text.end();
            assert_eq!(text.tokens(), routing.tokens() + rows);
        }
        // Appended places are those that readers are told.
        let routing = text.routing().clone();
        for layer in 0..layers {
            let places = place_of(&routing, layer, routing.tokens(), machine.ports);
            for (token, (owner, at)) in places.into_iter().enumerate() {
                assert_eq!(Some(&at), appended.get(&(owner, token)));
            }
        }
    }
    println!("{played} layers played, {dropped} not, {buffered} tokens from the buffer");
    assert!(played > 300 && dropped > 50 && buffered > 100);
}

#[test]
fn orders_that_no_array_takes_are_refused() {
    let machine = machine(4, 2, 8);
    let order = KvOrder::new(machine, 16, 32).unwrap();
    assert_eq!((order.round, order.slice, order.own(9).len()), (8, 32, 32));
    assert_eq!(order.own(9)[8..10], [Some(8), None]);
    let text = |columns, lanes| KvOrder::new(machine, columns, lanes).unwrap_err().to_string();
    assert!(text(8, 16).contains("use fewer memory.hbm_ports"), "{}", text(8, 16));
    assert!(text(48, 16).contains("array.columns is 48"), "{}", text(48, 16));
}
