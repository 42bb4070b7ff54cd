//! Memories, delays and shift registers: latency, collisions, cells, three engines in lock-step.

mod common;

use common::{both, get, seeds, set, tick, Case};
use skipopu_hw::primitives::{Bram, Delay, DelayReset, Lutram, Srl, Uram, UramMemory};
use skipopu_sim::Engine;

/// Cycles until an impulse on `d` shows on `q`.
fn measured_delay(engine: &mut dyn Engine) -> usize {
    set(engine, &[("enable", 1), ("d", 1)]);
    for cycle in 1..200 {
        tick(engine);
        set(engine, &[("d", 0)]);
        engine.eval().unwrap();
        if get(engine, "q") == 1 {
            return cycle;
        }
    }
    panic!("nothing came out");
}

#[test]
fn delays_take_the_cycles_they_state_and_stand_still_without_enable() {
    type Make = fn(usize, usize) -> Result<Delay, skipopu_hw::parameter::ParameterError>;
    let plain = [1, 2, 3, 4, 33, 34, 35, 70].map(|stages| (stages, Delay::new as Make));
    let sparing = [1, 7, 8, 36, 39].map(|stages| (stages, Delay::sparing_luts as Make));
    for (stages, make) in plain.into_iter().chain(sparing) {
        let case = Case::new("delay", move || make(5, stages).unwrap());
        assert_eq!(case.design.top().latency, Some(stages));
        both(&case, |e| {
            assert_eq!(measured_delay(e), stages);
            set(e, &[("enable", 0), ("d", 7)]);
            tick(e);
            assert_eq!(get(e, "q"), 1, "it stands still");
        });
        case.agree_on_random(300, |r| r.often("enable", 0.8));
    }
}

#[test]
fn a_delay_with_reset_forgets_everything() {
    for stages in [1, 2, 5] {
        let case = Case::new("delay_reset", move || DelayReset::new(3, stages).unwrap());
        both(&case, |e| {
            assert_eq!(measured_delay(e), stages);
            set(e, &[("d", 5)]);
            (0..stages).for_each(|_| tick(e));
            assert_eq!(get(e, "q"), 5);
            set(e, &[("d", 0), ("reset", 1), ("enable", 0)]);
            tick(e);
            set(e, &[("reset", 0), ("enable", 1)]);
            for _ in 0..=stages {
                assert_eq!(get(e, "q"), 0);
                tick(e);
            }
        });
        case.agree_on_random(300, |r| {
            r.often("enable", 0.8);
            r.often("reset", 0.05);
        });
    }
}

#[test]
fn shift_registers_are_srl_cells() {
    for (width, depth) in [(1, 1), (3, 32), (2, 33)] {
        let case = Case::new("srl", move || Srl::new(width, depth).unwrap());
        both(&case, |e| assert_eq!(measured_delay(e), depth));
        case.agree_on_random(300, |r| r.often("enable", 0.8));
        let area = case.synthesised().area;
        assert_eq!(area.srls as usize, Srl::new(width, depth).unwrap().cells());
        assert_eq!((area.ffs, area.luts, area.latches), (0, 0, 0));
    }
    for (stages, srls, ffs) in [(3, 0, 24), (4, 8, 8), (33, 8, 8), (34, 8, 16), (35, 16, 8)] {
        let area = Case::new("delay", move || Delay::new(8, stages).unwrap()).synthesised().area;
        assert_eq!((area.srls, area.ffs), (srls, ffs), "{stages} stages");
    }
    for (stages, srls, ffs) in [(7, 0, 56), (8, 8, 8), (36, 8, 32), (39, 8, 56), (40, 16, 8)] {
        let make = move || Delay::sparing_luts(8, stages).unwrap();
        let area = Case::new("delay", make).synthesised().area;
        assert_eq!((area.srls, area.ffs), (srls, ffs), "{stages} stages");
    }
}

/// What is simulated and what is synthesised are one block: the instances with their parameters.
#[test]
fn the_vendor_primitives_do_what_the_models_do() {
    for (width, depth) in [(1, 1), (3, 32), (2, 33), (5, 70)] {
        let case = Case::new("srl", move || Srl::new(width, depth).unwrap());
        for seed in seeds() {
            case.primitives_agree(&case.random(400, seed, |r| r.often("enable", 0.8)));
        }
    }
    for latency in [1, 2, 3] {
        let case = Case::new("uram", move || Uram::new(latency).unwrap());
        for seed in seeds() {
            case.primitives_agree(&case.random(1000, seed, |r| {
                r.few("a_address", &[0, 1, 4095]);
                r.few("b_address", &[0, 1, 4095]);
            }));
        }
    }
    let case = Case::new("uram_memory", || UramMemory::new(80, 8192, 3).unwrap());
    for seed in seeds() {
        case.primitives_agree(&case.random(600, seed, |r| {
            r.few("write_address", &[0, 1, 4096, 8191]);
            r.few("read_address", &[0, 1, 4096, 8191]);
        }));
    }
}

#[test]
fn a_lutram_reads_at_once() {
    for (width, depth) in [(1, 2), (16, 32), (9, 64), (20, 256)] {
        let case = Case::new("lutram", move || Lutram::new(width, depth).unwrap());
        assert_eq!(case.design.top().latency, Some(Lutram::LATENCY));
        both(&case, |e| {
            assert_eq!(get(e, "read_data"), 0);
            set(e, &[("write_enable", 1), ("write_address", 1), ("write_data", 1)]);
            set(e, &[("read_address", 1)]);
            e.eval().unwrap();
            assert_eq!(get(e, "read_data"), 0, "before the edge");
            tick(e);
            assert_eq!(get(e, "read_data"), 1, "after the edge");
        });
        case.agree_on_random(400, |_| {});
        case.agree_on_random(400, |r| {
            r.few("write_address", &[0, 1, depth - 1]);
            r.few("read_address", &[0, 1, depth - 1]);
        });
    }
    let area = Case::new("lutram", || Lutram::new(16, 32).unwrap()).synthesised().area;
    assert!(area.lutrams > 0 && area.ffs == 0 && area.latches == 0, "{area:?}");
}

/// Writes `value` to address 3 in one cycle and reads address 3 in cycle `read` after it (0: the same
/// cycle); returns what shows, and after how many cycles, given that address 3 held `old` before.
fn write_then_read(e: &mut dyn Engine, old: u128, value: u128, read: usize) -> (u128, usize) {
    set(e, &[("write_address", 3), ("read_address", 3), ("write_enable", 1), ("write_data", old)]);
    tick(e);
    set(e, &[("write_enable", 0)]);
    (0..4).for_each(|_| tick(e));
    let before = get(e, "read_data");
    set(e, &[("write_enable", 1), ("write_data", value)]);
    for cycle in 0..=read {
        set(e, &[("read_enable", u128::from(cycle == read))]);
        tick(e);
        set(e, &[("write_enable", 0)]);
    }
    set(e, &[("read_enable", 0)]);
    for cycle in 1..10 {
        if get(e, "read_data") != before {
            return (get(e, "read_data"), cycle);
        }
        tick(e);
    }
    panic!("nothing was read");
}

#[test]
fn a_bram_gives_the_old_word_after_the_stated_cycles() {
    for latency in [1, 2] {
        for (width, depth) in [(72, 512), (5, 4), (80, 2048)] {
            let case = Case::new("bram", move || Bram::new(width, depth, latency).unwrap());
            assert_eq!(case.design.top().latency, Some(latency));
            both(&case, |e| {
                assert_eq!(get(e, "read_data"), 0);
                assert_eq!(write_then_read(e, 9, 17, 1), (17, latency));
                assert_eq!(write_then_read(e, 21, 30, 0), (21, latency), "old word");
            });
            case.agree_on_random(300, |_| {});
            case.agree_on_random(300, |r| {
                r.few("write_address", &[0, 1, depth - 1]);
                r.few("read_address", &[0, 1, depth - 1]);
            });
        }
    }
}

#[test]
fn a_bram_is_one_ramb36() {
    for (width, depth) in [(72, 512), (36, 1024)] {
        let area =
            Case::new("bram", move || Bram::new(width, depth, 1).unwrap()).synthesised().area;
        assert_eq!((area.brams(), area.luts, area.ffs, area.latches), (1.0, 0, 0, 0));
    }
}

#[test]
fn a_uram_does_port_a_before_port_b() {
    for latency in [1, 2, 3] {
        let case = Case::new("uram", move || Uram::new(latency).unwrap());
        assert_eq!(case.design.top().latency, Some(latency));
        let all = (1u128 << 72) - 1;
        both(&case, |e| {
            let settle = |e: &mut dyn Engine| {
                set(e, &[("a_enable", 0), ("b_enable", 0)]);
                (0..latency).for_each(|_| tick(e));
            };
            set(e, &[("a_byte_enable", 0x1ff), ("b_byte_enable", 0x1ff)]);
            set(e, &[("a_address", 77), ("b_address", 77), ("a_enable", 1), ("b_enable", 1)]);
            // A writes, B reads: new.
            set(e, &[("a_write", 1), ("a_write_data", all), ("b_write", 0)]);
            tick(e);
            settle(e);
            assert_eq!((get(e, "a_read_data"), get(e, "b_read_data")), (0, all));
            // B writes, A reads: old. B's output stays.
            set(e, &[("a_enable", 1), ("b_enable", 1), ("a_write", 0), ("b_write", 1)]);
            set(e, &[("b_write_data", 5)]);
            tick(e);
            settle(e);
            assert_eq!((get(e, "a_read_data"), get(e, "b_read_data")), (all, all));
            // Both write, different bytes and one in common: B's stays.
            set(e, &[("a_enable", 1), ("b_enable", 1), ("a_write", 1), ("b_write", 1)]);
            set(e, &[("a_byte_enable", 3), ("b_byte_enable", 6)]);
            set(e, &[("a_write_data", 0x111111), ("b_write_data", 0x222222)]);
            tick(e);
            set(e, &[("a_enable", 0), ("b_write", 0)]);
            tick(e);
            settle(e);
            assert_eq!(get(e, "b_read_data"), 0x22_22_11);
        });
        case.agree_on_random(500, |_| {});
        case.agree_on_random(1000, |r| {
            r.few("a_address", &[0, 1, 4095]);
            r.few("b_address", &[0, 1, 4095]);
        });
        let area = case.synthesised().area;
        assert_eq!((area.urams, area.luts, area.ffs, area.brams()), (1, 0, 0, 0.0));
    }
}

#[test]
fn a_uram_memory_gives_the_new_word_after_the_stated_cycles() {
    for (width, depth, latency, blocks) in [(72, 4096, 1, 1), (64, 4096, 2, 1), (128, 8192, 3, 4)] {
        let new = move || UramMemory::new(width, depth, latency).unwrap();
        assert_eq!(new().blocks(), blocks);
        let case = Case::new("uram_memory", new);
        assert_eq!(case.design.top().latency, Some(latency));
        both(&case, |e| {
            set(e, &[("byte_enable", (1 << width.div_ceil(8)) - 1)]);
            assert_eq!(write_then_read(e, 9, 17, 1), (17, latency));
            assert_eq!(write_then_read(e, 21, 30, 0), (30, latency), "new word");
        });
        case.agree_on_random(300, |_| {});
        case.agree_on_random(600, |r| {
            r.few("write_address", &[0, 1, 4095, depth - 4096, depth - 1]);
            r.few("read_address", &[0, 1, 4095, depth - 4096, depth - 1]);
        });
        let area = case.synthesised().area;
        assert_eq!((area.urams as usize, area.brams(), area.latches), (blocks, 0.0, 0));
    }
}

#[test]
fn what_cannot_be_built_is_refused_in_one_sentence() {
    let text = |e: Result<(), skipopu_hw::parameter::ParameterError>| e.unwrap_err().to_string();
    insta::assert_snapshot!(text(Bram::new(0, 512, 1).map(drop)), @"bram: width = 0: must be 1 to 65536 bits");
    insta::assert_snapshot!(text(Bram::new(72, 500, 1).map(drop)), @"bram: depth = 500: must be a power of two, 2 to 65536");
    insta::assert_snapshot!(text(Bram::new(72, 512, 3).map(drop)), @"bram: latency = 3: must be 1 or 2");
    insta::assert_snapshot!(text(Lutram::new(8, 1).map(drop)), @"lutram: depth = 1: must be a power of two, 2 to 1024");
    insta::assert_snapshot!(text(Uram::new(0).map(drop)), @"uram: latency = 0: must be 1, 2 or 3");
    insta::assert_snapshot!(text(UramMemory::new(72, 2048, 1).map(drop)), @"uram memory: depth = 2048: must be a power of two, 4096 to 262144");
    insta::assert_snapshot!(text(Srl::new(8, 0).map(drop)), @"srl: depth = 0: must be 1 to 1024 cycles");
    insta::assert_snapshot!(text(Delay::new(8, 1025).map(drop)), @"delay: stages = 1025: must be 1 to 1024");
    insta::assert_snapshot!(text(DelayReset::new(70_000, 1).map(drop)), @"delay with reset: width = 70000: must be 1 to 65536 bits");
}
