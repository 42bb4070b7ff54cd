//! Clock-domain crossings: data under every ratio of clocks, bits that arrive late, constraints.

mod common;

use common::{seeds, Case};
use skipopu_hw::cdc::{AsyncFifo, AsyncFifoOptions, AsyncStorage};
use skipopu_hw::primitives::{Synchroniser, TwoClockBram, TwoClockLutram, JITTER};
use skipopu_sim::{ClockDomain, InitialState, Model, Verilate, Verilated};
use skipopu_system::crossing::Crossing;

#[test]
fn synchroniser() {
    for (width, stages) in [(1, 2), (5, 3), (9, 4)] {
        let case = Case::new("synchroniser", move || Synchroniser::new(width, stages).unwrap());
        case.agree_on_random(1000, |_| {});
        let area = case.synthesised().area;
        assert_eq!((area.ffs as usize, area.luts, area.srls), (width * (stages + 1), 0, 0));
    }
}

#[test]
fn memories() {
    let case = Case::new("two_clock_bram", || TwoClockBram::new(40, 16).unwrap());
    apart(&case, 16);
    let case = Case::new("two_clock_bram", || TwoClockBram::new(72, 512).unwrap());
    assert_eq!(case.synthesised().area.brams(), 1.0);
    let case = Case::new("two_clock_lutram", || TwoClockLutram::new(9, 8).unwrap());
    apart(&case, 8);
    let area = case.synthesised().area;
    assert!(area.lutrams > 0 && area.brams() == 0.0, "{area:?}");
}

/// Lock-step, the addresses never equal.
fn apart(case: &Case, depth: usize) {
    let (low, high): (Vec<usize>, Vec<usize>) = (0..depth).partition(|a| a % 2 == 0);
    case.agree_on_random(1000, |r| {
        // The halves swap roles, so that what is read has been written.
        r.few("write_address", &low);
        r.few("read_address", &high);
        for (at, row) in r.stimulus.rows.iter_mut().enumerate() {
            if at / 50 % 2 == 1 {
                let i = r.stimulus.inputs.iter().position(|p| p.name == "write_address").unwrap();
                let j = r.stimulus.inputs.iter().position(|p| p.name == "read_address").unwrap();
                row.inputs.swap(i, j);
            }
        }
    });
}

fn options(width: usize, depth: usize, storage: AsyncStorage, stages: usize) -> AsyncFifoOptions {
    AsyncFifoOptions { storage: Some(storage), stages, ..AsyncFifoOptions::new(width, depth) }
}

/// Verilated with every bit that changes arriving now or an edge later.
fn jittery(case: &Case) -> Verilated {
    let define = format!("-D{JITTER}");
    Verilate::new(&case.design).arg(define).build().unwrap_or_else(|e| panic!("{e}"))
}

fn crossing(clocks: (ClockDomain, ClockDomain), words: u64, seed: u64) -> Crossing {
    Crossing { clocks, words, idle: 0.0, stall: 0.0, seed }
}

#[test]
fn async_fifos() {
    for (width, depth, storage, stages) in [
        (70, 16, AsyncStorage::Lutram, 2),
        (16, 4, AsyncStorage::Lutram, 3),
        (33, 64, AsyncStorage::Bram, 2),
    ] {
        let o = options(width, depth, storage, stages);
        let case = {
            let o = o.clone();
            Case::new("async_fifo", move || AsyncFifo::new(&o).unwrap())
        };
        // Any inputs at all, resets of one side too: the engines agree.
        case.agree_on_random(1000, |r| {
            r.often("write_reset", 0.01);
            r.often("read_reset", 0.01);
        });
        let built = jittery(&case);
        for seed in seeds() {
            for clocks in ClockDomain::crossings(seed, 8) {
                let model = || built.model_from(InitialState::Random(seed as u32)).unwrap();
                let full_rate = crossing(clocks, 2000, seed);
                let done = full_rate.run(&mut model(), width).unwrap();
                assert_eq!(done.words, 2000);
                // One edge more where the edges meet, one more for a bit that is late.
                let edges = o.read_edges() as u64;
                assert!((edges..=edges + 2).contains(&done.latency), "{done:?} {clocks:?}");
                for (idle, stall) in [(0.6, 0.0), (0.0, 0.6), (0.4, 0.4)] {
                    let run = Crossing { idle, stall, ..full_rate };
                    assert_eq!(run.run(&mut model(), width).unwrap().words, 2000);
                }
            }
        }
    }
}

#[test]
fn a_deep_enough_fifo_keeps_the_rate_of_the_slower_clock() {
    let o = options(16, 16, AsyncStorage::Lutram, 2);
    let case = Case::new("async_fifo", move || AsyncFifo::new(&o).unwrap());
    let built = case.verilated();
    let of = ClockDomain::new;
    for clocks in [
        (of(2222), of(4444)),
        (of(4444), of(2222)),
        (of(4000), of(4000)),
        (of(4000), of(4012)),
        (of(4000).phase(5370), of(4000)),
    ] {
        let done = crossing(clocks, 5000, 0).run(&mut built.model().unwrap(), 16).unwrap();
        let slower_is_read = clocks.0.period_ps() <= clocks.1.period_ps();
        let edges = if slower_is_read { done.read_edges } else { done.write_edges };
        assert!(edges < 5000 + 64 + 30 + 90, "{clocks:?}: {done:?}");
    }
}

#[test]
fn a_million_words_cross_unchanged() {
    let o = options(64, 16, AsyncStorage::Lutram, 2);
    let case = Case::new("async_fifo", move || AsyncFifo::new(&o).unwrap());
    let built = jittery(&case);
    let mut words = 0;
    for clocks in ClockDomain::crossings(0, 2) {
        let run = Crossing { idle: 0.1, stall: 0.1, ..crossing(clocks, 105_000, words) };
        let done = run.run(&mut built.model_from(InitialState::Random(1)).unwrap(), 64).unwrap();
        words += done.words;
    }
    assert!(words >= 1_000_000, "{words}");
}

#[test]
fn a_reset_of_both_sides_drops_what_is_held() {
    let o = options(16, 16, AsyncStorage::Bram, 2);
    let case = Case::new("async_fifo", move || AsyncFifo::new(&o).unwrap());
    let built = jittery(&case);
    for clocks in ClockDomain::crossings(0, 8) {
        let mut m = built.model_from(InitialState::Random(7)).unwrap();
        let input = |m: &Model, n: &str, w| m.input(n, w).unwrap();
        let (valid, ready) = (input(&m, "in_valid", 1), input(&m, "out_ready", 1));
        let resets = [input(&m, "write_reset", 1), input(&m, "read_reset", 1)];
        let (write, read) = (m.clock("write_clock").unwrap(), m.clock("read_clock").unwrap());
        resets.iter().for_each(|r| m.set_u64(*r, 0));
        m.add_clock(write, clocks.0);
        m.add_clock(read, clocks.1);
        let slow = clocks.0.period_ps().max(clocks.1.period_ps());
        let pass = |m: &mut Model, cycles: u64| {
            let end = m.time_ps() + cycles * slow;
            while m.time_ps() < end {
                m.advance().unwrap();
            }
        };
        m.set_u64(valid, 1);
        m.set_u64(ready, 0);
        pass(&mut m, 40);
        let [full, offered] = [("in_ready", 0), ("out_valid", 1)];
        for (port, value) in [full, offered] {
            assert_eq!(m.get_u64(m.output(port, 1).unwrap()), value, "{port}");
        }
        m.set_u64(valid, 0);
        resets.iter().for_each(|r| m.set_u64(*r, 1));
        pass(&mut m, 9);
        // The sides are released at different times.
        m.set_u64(resets[0], 0);
        pass(&mut m, 3);
        m.set_u64(resets[1], 0);
        pass(&mut m, 9);
        assert_eq!(m.get_u64(m.output("out_valid", 1).unwrap()), 0);
        // `run` starts its clocks anew, at a rising edge.
        m.set_u64(write, 0);
        m.set_u64(read, 0);
        let done = crossing(clocks, 200, 3).run(&mut m, 16).unwrap();
        assert_eq!(done.words, 200);
    }
}

/// Faults planted in the Verilog: each is found under some pair of clocks.
#[test]
fn planted_faults_are_found() {
    let o = options(16, 16, AsyncStorage::Lutram, 2);
    let case = Case::new("async_fifo", move || AsyncFifo::new(&o).unwrap());
    for (from, to) in [
        // Full is seen one word late.
        ("~((push & full_if_pushed) | ((~push) & full))", "~full"),
        // The reading side does not wait for the write pointer.
        ("held = read != to_read_q", "held = 1'd1"),
        // A stalled word is overwritten.
        ("out_free = (~valid) | out_ready", "out_free = 1'd1"),
        // The pointer's address misses a bit.
        ("write_address = {written[4] ^ written[3], written[2:0]}", "write_address = written[3:0]"),
    ] {
        let mut design = case.design.clone();
        let top = design.modules.last_mut().unwrap();
        assert!(top.text.contains(from), "{from}:\n{}", top.text);
        top.text = top.text.replace(from, to);
        let built = Verilate::new(&design).build().unwrap();
        let passes = |clocks| {
            let run = Crossing { stall: 0.5, ..crossing(clocks, 3000, 0) };
            run.run(&mut built.model().unwrap(), 16).is_ok()
        };
        assert!(!ClockDomain::crossings(0, 8).into_iter().all(passes), "{to} went unnoticed");
    }
}

/// With late bits a Gray-coded count arrives as a count that was; a binary one does not.
#[test]
fn late_bits_need_a_gray_code() {
    let case = Case::new("synchroniser", || Synchroniser::new(8, 2).unwrap());
    let built = jittery(&case);
    let code = |gray: bool, n: u64| if gray { n ^ n >> 1 } else { n };
    let strays = |gray: bool| {
        let mut strays = 0;
        for clocks in ClockDomain::crossings(0, 8) {
            let mut m = built.model_from(InitialState::Random(1)).unwrap();
            let (d, q) = (m.input("d", 8).unwrap(), m.output("q", 8).unwrap());
            m.set_u64(d, 0);
            let ports = [m.clock("source_clock").unwrap(), m.clock("clock").unwrap()];
            let source = m.add_clock(ports[0], clocks.0);
            let sink = m.add_clock(ports[1], clocks.1);
            let (mut count, mut arrived) = (0u64, 0u64);
            for _ in 0..4000 {
                let edges = m.advance().unwrap();
                if edges.rises(source.index()) {
                    count += u64::from(count < 250);
                    m.set_u64(d, code(gray, count));
                }
                if edges.rises(sink.index()) {
                    let seen = (0..=count).find(|n| code(gray, *n) == m.get_u64(q));
                    match seen.filter(|n| *n >= arrived) {
                        Some(n) => arrived = n,
                        None => strays += 1,
                    }
                }
            }
            assert_eq!(m.get_u64(q), code(gray, 250), "the last count arrives");
        }
        strays
    };
    assert_eq!(strays(true), 0);
    assert!(strays(false) > 100);
}

#[test]
fn constraints_name_what_the_verilog_declares() {
    for o in [options(8, 16, AsyncStorage::Lutram, 2), options(8, 64, AsyncStorage::Bram, 3)] {
        let case = Case::new("async_fifo", move || AsyncFifo::new(&o).unwrap());
        let with: Vec<&str> = case
            .design
            .modules
            .iter()
            .filter(|m| !m.constraints.is_empty())
            .map(|m| m.name.as_str())
            .collect();
        assert!(with.iter().any(|m| m.starts_with("Synchroniser")), "{with:?}");
        for m in &case.design.modules {
            for c in &m.constraints {
                assert_eq!(c.unmet(&m.ports, &m.text), Vec::<String>::new());
                // Renaming a register is noticed.
                assert!(!c.unmet(&m.ports, &m.text.replace("reg [", "reg_ [")).is_empty());
            }
        }
    }
}
