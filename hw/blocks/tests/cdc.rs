//! Clock-domain crossings: data under every ratio of clocks, bits that arrive late, constraints.

mod common;

use common::{get, seeds, set, Case};
use skipopu_eda::tool::{Tool, Toolbox};
use skipopu_hdl::bundle::{self, BundleInfo};
use skipopu_hw::cdc::{AsyncFifo, AsyncFifoOptions, AsyncStorage};
use skipopu_hw::primitives::{Synchroniser, TwoClockBram, TwoClockLutram, JITTER};
use skipopu_sim::{ClockDomain, Engine, InitialState, Model, RustSim, Verilate, Verilated};
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
    let faults = [
        // Full is seen one word late.
        ("async_fifo", "~((push & full_if_pushed) | ((~push) & full))", "~full"),
        // The reading side does not wait for the write pointer.
        ("async_fifo", "held = read != to_read_q", "held = 1'd1"),
        // A stalled word is overwritten.
        ("async_fifo", "out_free = (~valid) | out_ready", "out_free = 1'd1"),
        // The pointer's address misses a bit.
        (
            "async_fifo",
            "write_address = {written[4] ^ written[3], written[2:0]}",
            "write_address = written[3:0]",
        ),
    ];
    case.finds(&faults, |built| {
        let passes = |clocks| {
            let run = Crossing { stall: 0.5, ..crossing(clocks, 3000, 0) };
            run.run(&mut built.model().unwrap(), 16).is_ok()
        };
        ClockDomain::crossings(0, 8).into_iter().all(passes)
    });
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

/// One column a cycle of the write clock, which is twice as fast as the read clock: a cycle of that is two
/// columns wide.
fn waveform(storage: AsyncStorage, offer: &str, ready: &str) -> String {
    let o = options(8, 16, storage, 2);
    let mut sim = RustSim::new(Box::new(AsyncFifo::new(&o).unwrap())).unwrap();
    let e: &mut dyn Engine = &mut sim;
    let clocks = ["write_clock", "read_clock"].map(|n| e.clock_index(n).unwrap());
    // `ready` is a register that starts at 0.
    for _ in 0..2 {
        e.edge(&clocks, true).unwrap();
        e.edge(&clocks, false).unwrap();
    }
    let letter = |n: u128| char::from(b'A' + (n as u8 - 1));
    let flag = |b: bool| if b { '1' } else { '.' };
    let mut rows = vec![String::new(); 4];
    let (mut next, mut pending) = (1u128, false);
    let readies: Vec<char> = ready.chars().collect();
    for (n, offers) in offer.chars().enumerate() {
        pending |= offers == '1';
        set(e, &[("in_valid", pending.into()), ("in_data", next)]);
        let slow = n % 2 == 0;
        if slow {
            set(e, &[("out_ready", (readies[n / 2] == '1').into())]);
        }
        e.eval().unwrap();
        let taken = pending && get(e, "in_ready") == 1;
        rows[0].push(if pending { letter(next) } else { '.' });
        rows[1].push(flag(get(e, "in_ready") == 1));
        // The read clock rises at the end of every second column.
        let valid = get(e, "out_valid") == 1;
        rows[2].push(if valid { letter(get(e, "out_data")) } else { '.' });
        rows[3].push(flag(readies[n / 2] == '1'));
        if taken {
            (next, pending) = (next + 1, false);
        }
        let rising = if slow { &clocks[..1] } else { &clocks[..] };
        e.edge(rising, true).unwrap();
        e.edge(rising, false).unwrap();
    }
    let names = ["in", "in_ready", "out", "out_ready"];
    let title = format!("{storage:?}").to_lowercase();
    let line = |(i, row): (usize, &String)| {
        format!("{:10}{:10} {row}\n", if i == 0 { title.as_str() } else { "" }, names[i])
    };
    rows.iter().enumerate().map(line).collect()
}

#[test]
fn waveforms_are_what_the_fifo_does() {
    let text = waveform(AsyncStorage::Lutram, "111.....................", "11111...1111")
        + &waveform(AsyncStorage::Bram, "1111....................", "111111111111");
    let doc: String = text.lines().map(|l| format!("/// {}\n", l.trim_end())).collect();
    let source = include_str!("../src/cdc/async_fifo.rs");
    assert!(source.contains(&doc), "the documentation should hold:\n{doc}");
}

/// The commands of Vivado that the scripts use, over the cells of one instance; what was constrained
/// is printed.
const VIVADO: &str = r#"
set cells {CELLS}
proc get_cells {args} {
    global cells
    if {[lsearch $args -regexp] < 0} { return top/fifo }
    set pattern [lindex $args [expr {[lsearch $args -regexp] + 1}]]
    set found {}
    foreach c $cells { if {[regexp "^$pattern\$" $c]} { lappend found $c } }
    return $found
}
proc get_pins {name} { return $name }
proc get_clocks {args} { return "clk_[file tail [lindex $args end]]" }
proc get_property {args} { return [expr {[lindex $args end] eq "clk_source_clock" ? 4.4 : 2.2}] }
proc set_property {name value cells} { puts "SET $name $value [llength $cells]" }
proc set_max_delay {args} { puts "MAX [lindex $args end] [llength [lindex $args 4]]" }
proc set_bus_skew {args} { puts "SKEW [lindex $args end] [llength [lindex $args 3]]" }
"#;

#[test]
fn constraint_scripts_run_and_find_their_registers() {
    let folder = tempfile::tempdir().unwrap();
    let o = options(8, 16, AsyncStorage::Lutram, 2);
    let case = Case::new("async_fifo", move || AsyncFifo::new(&o).unwrap());
    let written = bundle::write(&case.design, folder.path(), &BundleInfo::default()).unwrap();
    assert_eq!(written.constraints.len(), 2, "{:?}", written.constraints);
    let manifest = std::fs::read_to_string(&written.manifest).unwrap();
    let yosys = Toolbox::standard().find(Tool::Yosys).unwrap();
    for script in &written.constraints {
        let name = script.file_name().unwrap().to_string_lossy().to_string();
        assert!(manifest.contains(&format!("\"constraints\": \"{name}\"")), "{manifest}");
        let module = case.design.module(name.trim_end_matches(".tcl")).unwrap();
        // The cells as synthesis names them: one per bit of every register of the text.
        let register = |line: &str| {
            let code = line.rsplit("*)").next()?.trim().strip_prefix("reg [")?;
            let (range, rest) = code.split_once(']')?;
            let top: usize = range.split(':').next()?.parse().ok()?;
            let name = rest.trim().split([' ', ';']).next()?;
            Some((0..=top).map(|n| format!("top/fifo/{name}_reg\\[{n}\\]")).collect::<Vec<_>>())
        };
        let cells: Vec<String> = module.text.lines().filter_map(register).flatten().collect();
        assert!(!cells.is_empty(), "{}", module.text);
        let run = |cells: &[String]| {
            let text = VIVADO.replace("CELLS", &cells.join(" "))
                + &std::fs::read_to_string(script).unwrap();
            let path = folder.path().join("run.tcl");
            std::fs::write(&path, text).unwrap();
            // Yosys brings the Tcl interpreter.
            let out =
                std::process::Command::new(&yosys.path).arg("-Q").arg("-c").arg(path).output();
            let out = out.unwrap();
            let text = String::from_utf8_lossy(&out.stdout).to_string()
                + &String::from_utf8_lossy(&out.stderr);
            (out.status.success(), text)
        };
        let (ok, text) = run(&cells);
        assert!(ok, "{text}");
        let lines: Vec<&str> = text.lines().filter(|l| l.starts_with(['S', 'M'])).collect();
        if name.starts_with("Synchroniser") {
            let want = ["SET ASYNC_REG TRUE 5", "SET ASYNC_REG TRUE 5", "MAX 4.4 5", "SKEW 2.2 5"];
            assert_eq!(lines, want, "{text}");
        } else {
            assert_eq!(lines, ["MAX 2.2 9"], "{text}");
        }
        // A register that synthesis has removed stops the flow.
        let (ok, text) = run(&["top/fifo/other_reg".to_string()]);
        assert!(!ok && text.contains("no register"), "{text}");
    }
}
