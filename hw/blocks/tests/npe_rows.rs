//! What surrounds the engine's datapath: terms, reductions, statistics, masks.

mod common;

use common::{both, get, seeds, set, tick, Case};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use skipopu_hdl::Word;
use skipopu_hw::npe::reduction::{RowAccumulator, TileSum};
use skipopu_hw::npe::statistics::{MaskedRead, StatisticsBuffer};
use skipopu_hw::npe::term::{TermOf, EXPONENT_BIAS, EXPONENT_BITS, SIGNIFICAND_BITS};
use skipopu_hw::npe::tile::TileShape;
use skipopu_hw::npe::{Compact, Visible};
use skipopu_reference::npe::term::{square, LOWEST};
use skipopu_reference::npe::{Contribution, RowSum, Term};
use skipopu_sim::stream::{Beat, Pattern, StreamBench};
use skipopu_sim::Engine;
use std::collections::VecDeque;

fn biased(exponent: i32) -> u128 {
    (i64::from(exponent) + EXPONENT_BIAS) as u128
}

/// Contributions of a tile: near each other, far apart, few, or extreme.
fn tile(rng: &mut SmallRng, ways: usize) -> Vec<Contribution> {
    let (centre, spread) = (
        [0, -20, 3000, LOWEST + 40, -LOWEST - 41][rng.random_range(0..5usize)],
        [0, 3, 12, 30, 40][rng.random_range(0..5usize)],
    );
    let present = [1.0, 0.7, 0.1, 0.0][rng.random_range(0..4usize)];
    let mut one = || {
        if rng.random_bool(0.002) {
            return Contribution::Invalid;
        }
        if !rng.random_bool(present) {
            return Contribution::Nothing;
        }
        let significand = rng.random_range(0..1 << SIGNIFICAND_BITS as u32);
        Contribution::Term(Term {
            exponent: centre + rng.random_range(-spread..=spread),
            significand,
        })
    };
    (0..ways).map(|_| one()).collect()
}

/// A tile as the ports of [`TileSum`].
fn ports(tile: &[Contribution]) -> (Word, Word, Word) {
    let ways = tile.len();
    let (mut s, mut e, mut i) =
        (Word::zero(ways * SIGNIFICAND_BITS), Word::zero(ways * EXPONENT_BITS), Word::zero(ways));
    for (way, c) in tile.iter().enumerate() {
        match c {
            Contribution::Term(t) => {
                let significand = Word::new(SIGNIFICAND_BITS, t.significand.into());
                s.set_slice(way * SIGNIFICAND_BITS, &significand);
                e.set_slice(way * EXPONENT_BITS, &Word::new(EXPONENT_BITS, biased(t.exponent)));
            }
            Contribution::Invalid => i.set_slice(way, &Word::ones(1)),
            Contribution::Nothing => {}
        }
    }
    (s, e, i)
}

#[test]
fn tiles_are_summed() {
    for ways in [4, 8] {
        let case = Case::new("tile_sum", move || TileSum::new(ways).unwrap());
        let latency = TileSum::latency(ways);
        assert_eq!(case.design.top().latency, Some(latency));
        for seed in seeds() {
            both(&case, |e: &mut dyn Engine| {
                let mut rng = SmallRng::seed_from_u64(seed);
                let mut expected = VecDeque::new();
                let mut compared = 0;
                for _ in 0..1500 {
                    let tile = tile(&mut rng, ways);
                    let (s, x, i) = ports(&tile);
                    e.set("significands", &s).unwrap();
                    e.set("exponents", &x).unwrap();
                    e.set("invalid", &i).unwrap();
                    expected.push_back(RowSum::of_tile(&tile));
                    tick(e);
                    if expected.len() == latency {
                        let want = expected.pop_front().unwrap();
                        assert_eq!(get(e, "exponent"), biased(want.exponent));
                        assert_eq!(get(e, "sum"), want.sum.into());
                        assert_eq!(get(e, "spoilt") == 1, want.invalid);
                        compared += 1;
                    }
                }
                assert!(compared > 1000);
            });
        }
        case.agree_on_random(300, |_| {});
    }
}

#[test]
fn rows_are_accumulated_in_any_order() {
    let shape = TileShape { ways: 4, rows: 16 };
    let case = Case::new("row_accumulator", move || RowAccumulator::new(shape).unwrap());
    assert_eq!(case.design.top().latency, Some(RowAccumulator::LATENCY));
    for seed in seeds() {
        both(&case, |e: &mut dyn Engine| {
            let mut rng = SmallRng::seed_from_u64(seed);
            let mut open: Vec<Option<RowSum>> = vec![None; 32];
            let mut expected = VecDeque::from(vec![None; RowAccumulator::LATENCY - 1]);
            let (mut ended, mut address) = (0, 0);
            for cycle in 0..4000 {
                // Often the row before again, so that sums follow each other at full rate.
                if rng.random_bool(0.5) {
                    address = rng.random_range(0..32);
                }
                let valid = rng.random_bool(0.8);
                let sum = RowSum::of_tile(&tile(&mut rng, 4));
                let first = open[address].is_none();
                let last = rng.random_bool(0.15) || cycle > 3900;
                set(
                    e,
                    &[
                        ("valid", valid.into()),
                        ("first", first.into()),
                        ("last", last.into()),
                        ("address", address as u128),
                        ("sum", sum.sum.into()),
                        ("exponent", biased(sum.exponent)),
                        ("invalid", sum.invalid.into()),
                    ],
                );
                let mut out = None;
                if valid {
                    let row = open[address].get_or_insert_default();
                    row.add(sum);
                    if last {
                        out = open[address].take().map(|row| (address, row));
                    }
                }
                expected.push_back(out);
                tick(e);
                let want = expected.pop_front().unwrap();
                assert_eq!(get(e, "done") == 1, want.is_some());
                if let Some((address, row)) = want {
                    assert_eq!(get(e, "row"), address as u128);
                    assert_eq!(get(e, "total"), row.sum.into());
                    assert_eq!(get(e, "scale"), biased(row.exponent));
                    assert_eq!(get(e, "spoilt") == 1, row.invalid);
                    ended += 1;
                }
            }
            assert!(ended > 200, "{ended} rows ended");
        });
    }
    case.agree_on_random(500, |r| r.few("address", &[0, 1, 17]));
}

#[test]
fn squares_and_exponentials_become_terms() {
    let case = Case::new("term_of", || TermOf::new().unwrap());
    assert_eq!(case.design.top().latency, Some(TermOf::LATENCY));
    let mut model = case.verilated().model().unwrap();
    let e: &mut dyn Engine = &mut model;
    // All FP16 values, every seventh masked.
    set(e, &[("squares", 1)]);
    let ahead = TermOf::LATENCY - 1;
    for x in 0..(1 << 16) + ahead {
        set(e, &[("magnitude", x as u128 & 0x7FFF), ("visible", u128::from(x % 7 != 0))]);
        tick(e);
        if x >= ahead {
            let y = x - ahead;
            let want = if y % 7 == 0 { Contribution::Nothing } else { square(y as u16) };
            let (s, exponent, bad) = match want {
                Contribution::Term(t) => (t.significand.into(), biased(t.exponent), 0),
                Contribution::Nothing => (0, 0, 0),
                Contribution::Invalid => (get(e, "significand"), get(e, "exponent"), 1),
            };
            assert_eq!(get(e, "significand"), s, "{y:#x}");
            assert_eq!((get(e, "exponent"), get(e, "invalid")), (exponent, bad), "{y:#x}");
        }
    }
    case.agree_on_random(600, |r| {
        r.often("squares", 0.4);
        r.often("exponentials", 0.4);
        r.often("present", 0.8);
    });
}

#[test]
fn the_values_that_count() {
    for ways in [4usize, 64] {
        let shape = TileShape { ways, rows: 16 };
        let case = Case::new("visible", move || Visible::new(shape).unwrap());
        assert_eq!(case.design.top().latency, Some(Visible::LATENCY));
        both(&case, |e: &mut dyn Engine| {
            let mut rng = SmallRng::seed_from_u64(ways as u64);
            let mut before = 0;
            let edges = [0, 1, ways - 1, ways, ways + 1, 4096, 16384];
            for i in 0..2000 {
                let length = if i % 2 == 0 { edges[i / 2 % 7] } else { rng.random_range(0..300) };
                let index = [rng.random_range(0..300), 65535][usize::from(i % 17 == 0)];
                let place = [rng.random_range(0..6), 4095][usize::from(i % 31 == 0)];
                let causal = rng.random_bool(0.5);
                set(
                    e,
                    &[
                        ("length", length as u128),
                        ("causal", causal.into()),
                        ("index", index as u128),
                        ("place", place as u128),
                    ],
                );
                tick(e);
                if i > 0 {
                    assert_eq!(get(e, "count"), before);
                }
                let limit = if causal { length.min(index + 1) } else { length };
                before = limit.saturating_sub(place * ways).min(ways) as u128;
            }
        });
        case.agree_on_random(200, |_| {});
    }
}

#[test]
fn pairs_are_gathered() {
    let case = Case::new("compact", || Compact::new(4).unwrap());
    assert_eq!(case.design.top().latency, Some(Compact::LATENCY));
    both(&case, |e: &mut dyn Engine| {
        let tile = |a: u128, b: u128, c: u128, d: u128| a | b << 32 | c << 64 | d << 96;
        set(e, &[("values", tile(1, 2, 3, 4)), ("valid", 1), ("gather", 0)]);
        tick(e);
        assert_eq!(get(e, "tile"), tile(1, 2, 3, 4));
        set(e, &[("values", tile(5, 6, 7, 8)), ("gather", 1), ("second", 0)]);
        tick(e);
        assert_eq!(get(e, "tile"), tile(6, 8, 0, 0));
        // A cycle without values keeps what was gathered.
        set(e, &[("values", tile(9, 9, 9, 9)), ("valid", 0)]);
        tick(e);
        set(e, &[("values", tile(10, 11, 12, 13)), ("valid", 1), ("second", 1)]);
        tick(e);
        assert_eq!(get(e, "tile"), tile(6, 8, 11, 13));
    });
    case.agree_on_random(300, |_| {});
}

#[test]
fn statistics_are_kept_by_row() {
    let case = Case::new("statistics_buffer", || StatisticsBuffer::new(16).unwrap());
    assert_eq!(case.design.top().latency, Some(StatisticsBuffer::LATENCY));
    both(&case, |e: &mut dyn Engine| {
        let mut rng = SmallRng::seed_from_u64(0);
        let (mut held, mut closed) = ([(0u128, 0u128); 32], [false; 32]);
        for _ in 0..3000 {
            let (soft, square) = (rng.random_range(0..16usize), rng.random_range(0..16usize));
            let writes = [rng.random_bool(0.3), rng.random_bool(0.3)];
            let open = rng.random_bool(0.2);
            let opened = rng.random_range(0..32usize);
            let entry = (rng.random_range(0..1u128 << 25), rng.random_range(0..1u128 << 18));
            let (read, look) = (rng.random_range(0..32usize), rng.random_range(0..32usize));
            set(
                e,
                &[
                    ("softmax_write", writes[1].into()),
                    ("softmax_row", soft as u128),
                    ("softmax_factor", entry.0),
                    ("softmax_exponent", entry.1),
                    ("square_write", writes[0].into()),
                    ("square_row", square as u128),
                    ("square_factor", entry.0 ^ 1),
                    ("open", open.into()),
                    ("open_row", opened as u128),
                    ("ask_row", read as u128),
                    ("read_row", read as u128),
                    ("look_row", look as u128),
                ],
            );
            e.eval().unwrap();
            assert_eq!(get(e, "closed") == 1, closed[read]);
            assert_eq!(get(e, "look_closed") == 1, closed[look]);
            assert_eq!(get(e, "look_factor"), held[look].0);
            let want = held[read];
            tick(e);
            assert_eq!(get(e, "factor"), want.0);
            if read >= 16 {
                assert_eq!(get(e, "exponent"), want.1);
            }
            if open {
                closed[opened] = false;
            }
            if writes[0] {
                held[square] = (entry.0 ^ 1, 0);
                closed[square] = true;
            }
            if writes[1] {
                held[16 + soft] = entry;
                closed[16 + soft] = true;
            }
        }
    });
    case.agree_on_random(400, |r| r.often("reset", 0.01));
}

#[test]
fn masks_select_rows() {
    let rows = 20;
    let case = Case::new("masked_read", move || MaskedRead::new(rows).unwrap());
    assert_eq!(case.design.top().latency, Some(MaskedRead::LATENCY));
    let verilated = case.verilated();
    for seed in seeds() {
        let mut rng = SmallRng::seed_from_u64(seed);
        let masks: Vec<u128> = (0..60)
            .map(|i| if i % 9 == 0 { 0 } else { rng.random_range(0..1 << (rows + 1)) })
            .collect();
        let mut expected = Vec::new();
        for mask in &masks {
            let set: Vec<usize> = (0..rows).filter(|r| mask >> r & 1 == 1).collect();
            for (i, row) in set.iter().enumerate() {
                let number = (mask >> rows) << 5 | *row as u128;
                let data = Word::new(MaskedRead::entry_bits(rows), number << 43);
                expected.push(Beat { data, last: i + 1 == set.len() });
            }
        }
        for pattern in Pattern::ALL {
            let run = |e: &mut dyn Engine| {
                set(e, &[("closed", 1)]);
                let report = StreamBench::new("clock")
                    .input("in", masks.iter().map(|m| Word::new(rows + 1, *m)))
                    .output("out", expected.clone())
                    .pattern(pattern)
                    .seed(seed)
                    .run(e)
                    .unwrap_or_else(|e| panic!("{pattern:?}: {e}"));
                assert_eq!(report.compared, expected.len() as u64);
            };
            run(&mut verilated.model().unwrap());
            run(&mut case.rust());
        }
    }
    // A row that is not closed is waited for.
    both(&case, |e: &mut dyn Engine| {
        set(e, &[("in_valid", 1), ("in_data", 0b100), ("out_ready", 1)]);
        tick(e);
        set(e, &[("in_valid", 0)]);
        for _ in 0..5 {
            assert_eq!((get(e, "row"), get(e, "out_valid")), (2, 0));
            tick(e);
        }
        set(e, &[("closed", 1), ("factor", 77)]);
        tick(e);
        assert_eq!((get(e, "out_valid"), get(e, "out_last")), (1, 1));
        assert_eq!(get(e, "out_data"), 2 << 43 | 77);
        tick(e);
        assert_eq!(get(e, "out_valid"), 0);
    });
    case.agree_on_random(800, |r| r.often("reset", 0.02));
}
