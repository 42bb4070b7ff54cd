//! Stream runs: a correct skid buffer passes under every pattern, and every way of breaking it fails.

mod common;

use common::design;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rust_hdl::prelude::*;
use skipopu_hdl::{Design, Port, Ports, Word};
use skipopu_sim::stream::{
    Beat, Kind, Pattern, ProtocolChecker, StreamBench, StreamError, StreamReport,
};
use skipopu_sim::{Engine, Model, RustSim, Verilate};

const PORTS: &str = "clock clock; in in_valid; out in_ready; in in_data 8; in in_last; \
                     out out_valid; in out_ready; out out_data 8; out out_last";

/// A skid buffer: one register at the output, one behind it for the beat that comes while `ready` falls.
const SKID: &str = "
    reg full = 0; reg skid = 0; reg [8:0] head = 0; reg [8:0] tail = 0; reg [7:0] count = 0;
    assign in_ready = !skid;
    assign out_valid = full;
    assign {out_last, out_data} = head;
    wire take = in_valid && in_ready;
    wire give = out_valid && out_ready;
    always @(posedge clock) begin
        if (take) count <= count + 8'd1;
        if (give || !full) begin
            if (skid) begin head <= tail; full <= 1'b1; skid <= 1'b0; end
            else begin head <= {in_last, in_data}; full <= take; end
        end else begin
            if (take) begin tail <= {in_last, in_data}; skid <= 1'b1; end
        end
    end";

fn skid() -> Design {
    design("Skid", PORTS, SKID)
}

/// The skid buffer with one line changed.
fn broken(name: &str, line: &str, instead: &str) -> Model {
    assert!(SKID.contains(line), "{line}");
    model(&design(name, PORTS, &SKID.replace(line, instead)))
}

fn model(design: &Design) -> Model {
    Verilate::new(design).build().unwrap().model().unwrap()
}

fn beats(n: usize, seed: u64) -> Vec<Beat> {
    let mut rng = SmallRng::seed_from_u64(seed);
    (0..n)
        .map(|_| Beat { data: Word::new(8, rng.random::<u8>().into()), last: rng.random_bool(0.2) })
        .collect()
}

fn bench(pattern: Pattern, seed: u64) -> StreamBench {
    let b = beats(300, seed);
    StreamBench::new("clock").input("in", b.clone()).output("out", b).pattern(pattern).seed(seed)
}

#[test]
fn a_skid_buffer_passes_every_pattern() {
    let built = Verilate::new(&skid()).build().unwrap();
    for pattern in Pattern::ALL {
        for seed in 0..20 {
            let run = |bench: StreamBench| bench.run(&mut built.model().unwrap());
            let report = run(bench(pattern, seed))
                .unwrap_or_else(|e| panic!("{pattern:?}, seed {seed}: {e}"));
            assert_eq!(
                (report.compared, report.inputs[0].beats, report.outputs[0].beats),
                (300, 300, 300)
            );
            let latency = report.first_output_latency.unwrap();
            assert!(latency >= 1 && (latency == 1 || pattern.stalls()), "{latency} cycles");
            let wanted: Vec<Kind> =
                [(Kind::Idle, pattern.idles()), (Kind::BackPressure, pattern.stalls())]
                    .into_iter()
                    .filter_map(|(kind, on)| on.then_some(kind))
                    .collect();
            assert_eq!(report.hit, wanted);
            if pattern == Pattern::None {
                // Full rate: one beat per cycle.
                assert_eq!((report.cycles, report.stalls()), (301, 0));
            } else {
                assert!(report.cycles > 400, "{pattern:?}: {} cycles", report.cycles);
            }
            assert_eq!(report.stalls() > 0, pattern.stalls());
            // The same seed gives the same run.
            assert_eq!(run(bench(pattern, seed)).unwrap(), report);
        }
    }
}

fn fails(mut model: Model, pattern: Pattern) -> StreamError {
    match bench(pattern, 0).run(&mut model) {
        Ok(StreamReport { compared, .. }) => {
            panic!("the broken block passed {compared} comparisons under {pattern:?}")
        }
        Err(e) => {
            println!("{pattern:?}: {e}");
            e
        }
    }
}

#[test]
fn a_lost_beat_is_found() {
    // The beat that arrives while `ready` falls is not kept.
    let m = || broken("Loses", "tail <= {in_last, in_data}; skid <= 1'b1;", "");
    bench(Pattern::None, 0).run(&mut m()).expect("the fault shows only under back-pressure");
    let error = fails(m(), Pattern::BackPressure);
    assert!(
        matches!(error, StreamError::Mismatch { .. })
            && error.to_string().contains("a beat seems lost"),
        "{error}"
    );
}

#[test]
fn a_repeated_beat_is_found() {
    // Every 32nd beat stays at the output after it has fired.
    let m = broken(
        "Repeats",
        "if (give || !full) begin",
        "if ((give && count[4:0] != 5'd31) || !full) begin",
    );
    let error = fails(m, Pattern::None);
    assert!(matches!(&error, StreamError::Mismatch { beat, .. } if *beat > 20), "{error}");
    assert!(error.to_string().contains("a beat seems repeated"), "{error}");
}

#[test]
fn a_payload_that_changes_while_stalled_is_found() {
    let m = || broken("Changes", "end else begin\n", "end else begin head[0] <= !head[0];\n");
    bench(Pattern::Idle, 0).run(&mut m()).expect("the fault shows only under back-pressure");
    let error = fails(m(), Pattern::Both);
    assert!(matches!(error, StreamError::PayloadChanged { .. }), "{error}");
}

#[test]
fn a_dropped_valid_is_found() {
    let m = broken("Drops", "end else begin\n", "end else begin full <= 1'b0;\n");
    let error = fails(m, Pattern::Both);
    assert!(matches!(error, StreamError::ValidDropped { .. }), "{error}");
}

#[test]
fn a_block_that_hangs_is_found() {
    let m =
        broken("Hangs", "assign in_ready = !skid;", "assign in_ready = !skid && count < 8'd40;");
    let error = fails(m, Pattern::None);
    let text = error.to_string();
    assert!(matches!(error, StreamError::Budget { .. }), "{text}");
    assert!(
        text.contains("260 beats have not gone into `in`")
            && text.contains("260 beats have not come out of `out`"),
        "{text}"
    );
}

#[test]
fn valid_that_depends_on_ready_is_found() {
    let m = broken("Combines", "assign out_valid = full;", "assign out_valid = full && out_ready;");
    let error = fails(m, Pattern::None);
    assert!(matches!(error, StreamError::DependsOnReady { what: "valid", .. }), "{error}");
    let m = broken(
        "Tints",
        "assign {out_last, out_data} = head;",
        "assign {out_last, out_data} = head ^ {9{!out_ready}};",
    );
    let error = fails(m, Pattern::None);
    assert!(matches!(error, StreamError::DependsOnReady { what: "the payload", .. }), "{error}");
}

#[test]
fn a_sender_that_waits_for_ready_is_found() {
    let line = "assign out_valid = full;";
    let waits = "reg seen = 0; assign out_valid = full && seen;
        always @(posedge clock) seen <= full && !give && (seen || out_ready);";
    let m = || broken("Waits", line, waits);
    bench(Pattern::None, 0).run(&mut m()).expect("an always ready receiver does not notice");
    let error = fails(m(), Pattern::BackPressure);
    assert!(matches!(error, StreamError::Budget { .. }), "{error}");
}

#[test]
fn a_beat_too_many_is_found() {
    // After 300 = 44 modulo 256 beats, an idle input makes one more.
    let line = "else begin head <= {in_last, in_data}; full <= take; end";
    let extra = "else begin head <= {in_last, in_data}; full <= take || (count == 8'd44 && !done && wait_4 == 2'd3); end
        if (count == 8'd44 && !in_valid && out_ready) wait_4 <= wait_4 + 2'd1;
        if (count == 8'd44 && wait_4 == 2'd3) done <= 1'b1;";
    let text = format!("reg done = 0; reg [1:0] wait_4 = 0;{}", SKID.replace(line, extra));
    let b = beats(300, 0);
    let error = StreamBench::new("clock")
        .input("in", b.clone())
        .output("out", b)
        .drain(32)
        .run(&mut model(&design("Adds", PORTS, &text)))
        .unwrap_err();
    assert!(matches!(error, StreamError::Extra { expected: 300, .. }), "{error}");
}

#[test]
fn a_wrong_last_is_found() {
    let m = broken(
        "Ends",
        "assign {out_last, out_data} = head;",
        "assign {out_last, out_data} = {1'b0, head[7:0]};",
    );
    assert!(matches!(fails(m, Pattern::Idle), StreamError::Mismatch { .. }));
}

#[test]
fn a_run_that_proves_nothing_is_refused() {
    let mut m = model(&skid());
    let none: [Beat; 0] = [];
    let error = StreamBench::new("clock").run(&mut m).unwrap_err();
    assert_eq!(error, StreamError::NothingCompared);
    let error = StreamBench::new("clock")
        .input("in", beats(4, 0))
        .output("out", none)
        .run(&mut m)
        .unwrap_err();
    assert_eq!(error, StreamError::NothingCompared);

    // A disturbance that was asked for and did not happen.
    for (pattern, kind, stream) in
        [(Pattern::Idle, Kind::Idle, "in"), (Pattern::BackPressure, Kind::BackPressure, "out")]
    {
        let error =
            bench(pattern, 0).idle(0.0).back_pressure(0.0).run(&mut model(&skid())).unwrap_err();
        assert_eq!(error, StreamError::NeverHit { kind, stream: stream.into() });
    }
}

#[test]
fn mistakes_of_the_bench_are_named() {
    let run = |b: StreamBench| b.run(&mut model(&skid())).unwrap_err().to_string();
    let new = || StreamBench::new("clock");
    let text = run(new().input("inn", beats(1, 0)).output("out", beats(1, 0)));
    assert!(text.contains("`inn`") && text.contains("`inn_valid`"), "{text}");
    let text = run(new().input("out", beats(1, 0)).output("in", beats(1, 0)));
    assert!(text.contains("`out`") && text.contains("outputs where inputs"), "{text}");
    let text = run(new().input("in", [Word::new(9, 1)]).output("out", beats(1, 0)));
    assert!(text.contains("beat 0") && text.contains("9 bits, the stream 8"), "{text}");
    let text = run(StreamBench::new("clk").output("out", beats(1, 0)));
    assert!(text.contains("`clk`"), "{text}");
    let text = run(new().output("out", beats(1, 0)).pattern(Pattern::Idle));
    assert!(text.contains("no input stream"), "{text}");
    let text = run(bench(Pattern::Both, 0).idle(1.0));
    assert!(text.contains("probability of 1 for idle"), "{text}");
}

/// Two input streams joined into one output, and a stream without `ready`.
#[test]
fn several_streams_and_streams_that_cannot_stall() {
    let list = "clock clock; in a_valid; out a_ready; in a_data 8; in b_valid; out b_ready; in b_data 16; \
                out y_valid; in y_ready; out y_data 16; out tap_valid; out tap_data 8";
    let body = "reg full = 0; reg [15:0] q = 0; reg tv = 0; reg [7:0] tap = 0;
        wire go = a_valid && b_valid && (!full || y_ready);
        assign a_ready = go; assign b_ready = go;
        assign y_valid = full; assign y_data = q; assign tap_valid = tv; assign tap_data = tap;
        always @(posedge clock) begin
            if (go) begin q <= {8'd0, a_data} + b_data; tap <= a_data; end
            full <= go || (full && !y_ready); tv <= go;
        end";
    let built = Verilate::new(&design("Join", list, body)).build().unwrap();
    let mut rng = SmallRng::seed_from_u64(3);
    let a: Vec<u8> = (0..200).map(|_| rng.random()).collect();
    let b: Vec<u16> = (0..200).map(|_| rng.random()).collect();
    let words = |w: usize, v: Vec<u128>| v.into_iter().map(|v| Word::new(w, v)).collect::<Vec<_>>();
    let sums = a.iter().zip(&b).map(|(a, b)| u128::from(u16::from(*a).wrapping_add(*b))).collect();
    let new = StreamBench::new("clock")
        .input("a", words(8, a.iter().map(|v| u128::from(*v)).collect()))
        .input("b", words(16, b.iter().map(|v| u128::from(*v)).collect()))
        .output("y", words(16, sums));
    for pattern in Pattern::ALL {
        let report = new.clone().pattern(pattern).run(&mut built.model().unwrap()).unwrap();
        assert_eq!((report.compared, report.inputs.len()), (200, 2));
    }
    let tapped = new.output("tap", words(8, a.iter().map(|v| u128::from(*v)).collect()));
    let report = tapped.clone().pattern(Pattern::Idle).run(&mut built.model().unwrap()).unwrap();
    assert_eq!(report.compared, 400);
    let error =
        tapped.pattern(Pattern::Both).run(&mut built.model().unwrap()).unwrap_err().to_string();
    assert!(error.contains("`tap_ready`") && error.contains("cannot be stalled"), "{error}");
}

/// A stream through wires.
#[derive(LogicBlock, Default)]
struct Wires {
    clock: Signal<In, Clock>,
    in_valid: Signal<In, Bit>,
    in_ready: Signal<Out, Bit>,
    in_data: Signal<In, Bits<8>>,
    out_valid: Signal<Out, Bit>,
    out_ready: Signal<In, Bit>,
    out_data: Signal<Out, Bits<8>>,
}

impl Logic for Wires {
    #[hdl_gen]
    fn update(&mut self) {
        self.in_ready.next = self.out_ready.val();
        self.out_valid.next = self.in_valid.val();
        self.out_data.next = self.in_data.val();
    }
}

impl Ports for Wires {
    fn ports(&self) -> Vec<Port> {
        let list = "clock clock; in in_valid; out in_ready; in in_data 8; \
                    out out_valid; in out_ready; out out_data 8";
        common::ports(list)
    }

    fn poke(&mut self, port: &str, value: &Word) {
        match port {
            "clock" => self.clock.next = value.any().into(),
            "in_valid" => self.in_valid.next = value.any(),
            "in_data" => self.in_data.next = value.to_u64().into(),
            "out_ready" => self.out_ready.next = value.any(),
            other => panic!("no input {other}"),
        }
    }

    fn peek(&self, port: &str) -> Word {
        match port {
            "clock" => self.clock.val().clk.into(),
            "in_valid" => self.in_valid.val().into(),
            "in_ready" => self.in_ready.val().into(),
            "in_data" => Word::new(8, u64::from(self.in_data.val()).into()),
            "out_valid" => self.out_valid.val().into(),
            "out_ready" => self.out_ready.val().into(),
            "out_data" => Word::new(8, u64::from(self.out_data.val()).into()),
            other => panic!("no port {other}"),
        }
    }
}

#[test]
fn a_rust_hdl_block_runs_on_the_same_bench() {
    let words: Vec<Word> = beats(200, 0).into_iter().map(|b| b.data).collect();
    for pattern in Pattern::ALL {
        let run = |expected: Vec<Word>| {
            StreamBench::new("clock")
                .input("in", words.clone())
                .output("out", expected)
                .pattern(pattern)
                .run(&mut RustSim::new(Box::<Wires>::default()).unwrap())
        };
        let report = run(words.clone()).unwrap();
        assert_eq!((report.compared, report.first_output_latency), (200, Some(0)));
        let mut wrong = words.clone();
        wrong[150] = !wrong[150].clone();
        assert!(matches!(run(wrong), Err(StreamError::Mismatch { beat: 150, .. })));
    }
}

#[test]
fn the_checker_counts_beats_stalls_and_idle_cycles() {
    let m: &mut dyn Engine = &mut model(&skid());
    let mut checker = ProtocolChecker::new(m, "out").unwrap();
    let bit = |b: bool| Word::from(b);
    // in_valid, out_ready per cycle; the output lags one cycle.
    for (valid, ready) in
        [(true, true), (true, true), (false, false), (false, false), (false, true), (false, true)]
    {
        m.set("in_valid", &bit(valid)).unwrap();
        m.set("out_ready", &bit(ready)).unwrap();
        m.eval().unwrap();
        checker.observe(m).unwrap();
        m.tick("clock").unwrap();
    }
    let counts = (checker.cycles(), checker.beats(), checker.stalls(), checker.idle());
    assert_eq!(counts, (6, 2, 2, 2));
}
