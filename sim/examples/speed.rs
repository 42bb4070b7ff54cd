//! Measures the harness: build time cold and warm, cycles a second through the safe handles, through
//! the engine interface and under a stream bench.
//!
//! `cargo run --release -p skipopu-sim --example speed`

use skipopu_hdl::{Design, Dir, Module, Port, Word};
use skipopu_sim::stream::{Pattern, StreamBench};
use skipopu_sim::{lockstep, random_stimulus, Cache, Trace, Verilate};
use std::error::Error;
use std::time::{Duration, Instant};

fn port(name: &str, dir: Dir, width: usize, clock: bool) -> Port {
    Port { name: name.into(), dir, width, clock, signed: false }
}

fn design(name: &str, ports: Vec<Port>, text: &str) -> Design {
    let module = Module {
        name: name.into(),
        ports,
        text: text.into(),
        instances: 1,
        parameters: Vec::new(),
        latency: None,
        children: Vec::new(),
        rust_type: None,
        source: None,
        constraints: Vec::new(),
    };
    Design { modules: vec![module], blocks: 1, externs: Vec::new() }
}

/// A multiply-accumulate: `y <= y + a * b`.
fn mac() -> Design {
    let ports = vec![
        port("clock", Dir::In, 1, true),
        port("a", Dir::In, 16, false),
        port("b", Dir::In, 16, false),
        port("y", Dir::Out, 48, false),
    ];
    let text = "module Mac (input wire clock, input wire [15:0] a, input wire [15:0] b, output wire [47:0] y);
        reg [47:0] sum = 48'd0;
        assign y = sum;
        always @(posedge clock) sum <= sum + {32'd0, a} * {32'd0, b};
        endmodule";
    design("Mac", ports, text)
}

/// A one-place stream register.
fn stage() -> Design {
    let ports = vec![
        port("clock", Dir::In, 1, true),
        port("in_valid", Dir::In, 1, false),
        port("in_ready", Dir::Out, 1, false),
        port("in_data", Dir::In, 32, false),
        port("out_valid", Dir::Out, 1, false),
        port("out_ready", Dir::In, 1, false),
        port("out_data", Dir::Out, 32, false),
    ];
    let text = "module Stage (input wire clock, input wire in_valid, output wire in_ready, input wire [31:0] in_data,
        output wire out_valid, input wire out_ready, output wire [31:0] out_data);
        reg full = 1'b0;
        reg [31:0] data = 32'd0;
        assign in_ready = !full || out_ready;
        assign out_valid = full;
        assign out_data = data;
        always @(posedge clock) if (in_ready) begin full <= in_valid; data <= in_data; end
        endmodule";
    design("Stage", ports, text)
}

fn rate(what: &str, cycles: u64, time: Duration) {
    println!("{what:<44} {:>8.3} M cycles/s", cycles as f64 / time.as_secs_f64() / 1e6);
}

fn main() -> Result<(), Box<dyn Error>> {
    let mac = mac();
    let folder = tempfile::tempdir()?;
    let cache = Cache::at(folder.path());
    for (what, trace) in [("no trace", Trace::None), ("VCD", Trace::Vcd), ("FST", Trace::Fst)] {
        let build = |d: &Design| Verilate::new(d).trace(trace).cache(&cache).build();
        let (first, warm) = (build(&mac)?, build(&mac)?);
        let mut other = mac.clone();
        other.modules[0].text.push_str("\n// another\n");
        let cold = build(&other)?;
        assert!(!first.cached() && !cold.cached() && warm.cached());
        let s = |v: &skipopu_sim::Verilated| v.elapsed().as_secs_f64();
        println!(
            "build, {what:<10} first {:.2} s (with the run time), cold {:.2} s, warm {:.4} s",
            s(&first),
            s(&cold),
            s(&warm)
        );
    }

    const CYCLES: u64 = 10_000_000;
    let built = Verilate::new(&mac).cache(&cache).build()?;
    let mut m = built.model()?;
    let (clock, a, b) = (m.clock("clock")?, m.input("a", 16)?, m.input("b", 16)?);
    let y = m.output("y", 48)?;
    let (mut want, start) = (0u64, Instant::now());
    for i in 0..CYCLES {
        let (x, z) = (i & 0xffff, i >> 8 & 0xffff);
        m.set_u64(a, x);
        m.set_u64(b, z);
        m.tick(clock)?;
        want = (want + x * z) & ((1 << 48) - 1);
        assert_eq!(m.get_u64(y), want, "cycle {i}");
    }
    rate("typed handles, every output compared", CYCLES, start.elapsed());

    let stimulus = random_stimulus(built.ports(), 200_000, 0);
    let start = Instant::now();
    let report = lockstep(&mut [&mut built.model()?, &mut built.model()?], &[], &stimulus)?;
    rate("lockstep of two models", report.cycles as u64, start.elapsed());

    let stage = Verilate::new(&stage()).cache(&cache).build()?;
    let beats: Vec<Word> = (0..200_000).map(|i| Word::new(32, i)).collect();
    for pattern in [Pattern::None, Pattern::Both] {
        let bench =
            StreamBench::new("clock").input("in", beats.clone()).output("out", beats.clone());
        let start = Instant::now();
        let report = bench.pattern(pattern).run(&mut stage.model()?)?;
        rate(&format!("stream bench, {pattern:?}"), report.cycles, start.elapsed());
    }
    Ok(())
}
