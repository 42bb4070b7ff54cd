//! Models of hand-written Verilog: ports of every width, clocks, reset, traces, failures.

mod common;

use common::{adder, design, model, module, word};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use skipopu_hdl::{Design, Word};
use skipopu_sim::{
    dut, random_word, ActiveLevel, ClockDomain, InitialState, ModelError, Trace, Verilate,
};

dut! {
    /// A registered adder.
    pub struct AdderPorts(width: usize) {
        clock clk;
        in a: width;
        /// The other operand.
        in b: width;
        out y: width + 1;
    }
}

#[test]
fn ports_of_every_width_carry_every_bit() {
    const WIDTHS: [usize; 16] = [1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 128, 1000];
    let mut list = String::from("clock clk");
    let mut body = String::new();
    for w in WIDTHS {
        list += &format!("; in a{w} {w}; out n{w} {w}; out q{w} {w}");
        body += &format!(
            "assign n{w} = ~a{w};\nreg [{}:0] r{w} = 0;\nassign q{w} = r{w};\nalways @(posedge clk) r{w} <= a{w};\n",
            w - 1
        );
    }
    let mut m = model(&design("Widths", &list, &body));
    let clk = m.clock("clk").unwrap();
    let handles: Vec<_> = WIDTHS
        .map(|w| {
            let out = |p: &str| m.output(&format!("{p}{w}"), w).unwrap();
            (w, m.input(&format!("a{w}"), w).unwrap(), out("n"), out("q"))
        })
        .to_vec();
    let mut rng = SmallRng::seed_from_u64(0);
    let mut compared = 0;
    for _ in 0..500 {
        let values: Vec<Word> = handles.iter().map(|(w, ..)| random_word(&mut rng, *w)).collect();
        for ((_, a, ..), value) in handles.iter().zip(&values) {
            // Every way of writing a port in turn.
            match rng.random_range(0..3) {
                0 if a.width() <= 64 => m.set_u64(*a, value.to_u64()),
                1 => m.set_limbs(*a, value.limbs()),
                _ => m.set(*a, value),
            }
            assert_eq!(m.input_value(*a), *value);
        }
        m.eval().unwrap();
        for ((w, _, n, _), value) in handles.iter().zip(&values) {
            assert_eq!(m.get(*n), !value.clone(), "width {w}");
        }
        m.tick(clk).unwrap();
        for ((w, _, _, q), value) in handles.iter().zip(&values) {
            assert_eq!(m.get(*q), *value, "width {w}");
            let mut limbs = vec![u64::MAX; w.div_ceil(64)];
            m.get_limbs(*q, &mut limbs);
            assert_eq!(limbs, value.limbs(), "width {w}");
            if *w <= 64 {
                assert_eq!(m.get_u64(*q), value.to_u64(), "width {w}");
            }
            compared += 1;
        }
    }
    assert_eq!(compared, 500 * WIDTHS.len());
}

#[test]
fn a_handle_struct_binds_every_port_or_says_why_not() {
    let mut m = model(&adder(16));
    let p = AdderPorts::bind(&m, 16).unwrap();
    m.set_u64(p.a, 0xffff);
    m.set_u64(p.b, 2);
    m.tick(p.clk).unwrap();
    assert_eq!(m.get_u64(p.y), 0x1_0001);

    dut! { struct Short { clock clk; in a: 16; out y: 17; } }
    dut! { struct Backwards { clock clk; in a: 16; in b: 16; in y: 17; } }
    dut! { struct NotAClock { in clk: 1; in a: 16; in b: 16; out y: 17; } }
    dut! { struct Misnamed { clock clk; in a: 16; in c: 16; out y: 17; } }
    let narrow = AdderPorts::bind(&m, 15).unwrap_err().to_string();
    assert!(narrow.contains("`a`") && narrow.contains("16 bits, not 15"), "{narrow}");
    let error = Short::bind(&m).unwrap_err();
    assert_eq!(error, ModelError::Unbound { top: "Adder".into(), ports: vec!["b".into()] });
    let error = Backwards::bind(&m).unwrap_err();
    assert!(
        matches!(&error, ModelError::WrongKind { port, found: "an output", .. } if port == "y"),
        "{error}"
    );
    let error = NotAClock::bind(&m).unwrap_err();
    assert!(
        matches!(&error, ModelError::WrongKind { port, found: "a clock", .. } if port == "clk"),
        "{error}"
    );
    let error = Misnamed::bind(&m).unwrap_err().to_string();
    assert!(error.contains("`c`") && error.contains("clk, a, b, y"), "{error}");
}

#[test]
#[should_panic(expected = "does not fit port `a` of 16 bits")]
fn a_value_wider_than_its_port_is_refused() {
    let mut m = model(&adder(16));
    let a = m.input("a", 16).unwrap();
    m.set_u64(a, 0x1_0000);
}

#[test]
fn two_clocks_run_at_their_own_rates_and_fire_together() {
    let body = "reg [15:0] a = 0; reg [15:0] b = 0; reg [15:0] s = 0;
        assign na = a; assign nb = b; assign seen = s;
        always @(posedge ca) a <= a + 16'd1;
        always @(posedge cb) begin b <= b + 16'd1; s <= a; end";
    let list = "clock ca; clock cb; out na 16; out nb 16; out seen 16";
    let d = design("TwoClocks", list, body);
    let built = Verilate::new(&d).build().unwrap();
    for (i, (fast, slow)) in ClockDomain::crossings(0, 4).into_iter().enumerate() {
        let mut m = built.model().unwrap();
        let (na, nb, seen) = (
            m.output("na", 16).unwrap(),
            m.output("nb", 16).unwrap(),
            m.output("seen", 16).unwrap(),
        );
        let a = m.add_clock(m.clock("ca").unwrap(), fast);
        let b = m.add_clock(m.clock("cb").unwrap(), slow);
        let (mut want_a, mut want_b, mut want_seen, mut together) = (0, 0, 0, 0);
        for _ in 0..400 {
            let edges = m.advance().unwrap();
            assert_eq!(edges.time_ps, m.time_ps());
            if edges.rises(b.index()) {
                // Both registers sample before either changes, also when the clocks rise together.
                want_seen = want_a;
                want_b += 1;
            }
            if edges.rises(a.index()) {
                want_a += 1;
            }
            together += u32::from(edges.rises(a.index()) && edges.rises(b.index()));
            let now = (m.get_u64(na), m.get_u64(nb), m.get_u64(seen));
            assert_eq!(now, (want_a, want_b, want_seen), "pair {i} at {} ps", m.time_ps());
        }
        let rise = |d: ClockDomain| (m.time_ps() + d.period_ps() - d.phase_ps()) / d.period_ps();
        assert_eq!((want_a, want_b), (rise(fast), rise(slow)), "pair {i}");
        if i == 0 {
            assert!(together > 50, "aligned clocks rise together");
        }
    }
    let mut lone = built.model().unwrap();
    assert!(matches!(lone.advance(), Err(ModelError::NoClock { .. })));
}

#[test]
fn reset_and_initial_state() {
    let body = "reg [31:0] q; assign y = q;
        always @(posedge clk) if (!rst_n) q <= 32'd7; else q <= q + 32'd1;";
    let d = design("Reset", "clock clk; in rst_n; out y 32", body);
    let built = Verilate::new(&d).build().unwrap();
    let start = |initial| {
        let m = built.model_from(initial).unwrap();
        m.get_u64(m.output("y", 32).unwrap())
    };
    assert_eq!(start(InitialState::Zero), 0);
    assert_ne!(start(InitialState::Random(1)), 0);
    assert_ne!(start(InitialState::Random(1)), start(InitialState::Random(2)));
    assert_eq!(start(InitialState::Random(5)), start(InitialState::Random(5)));

    let mut m = built.model().unwrap();
    let (clk, rst) = (m.clock("clk").unwrap(), m.input("rst_n", 1).unwrap());
    let y = m.output("y", 32).unwrap();
    m.reset(clk, rst, ActiveLevel::Low, 2).unwrap();
    assert_eq!(m.get_u64(y), 7);
    m.tick(clk).unwrap();
    assert_eq!(m.get_u64(y), 8);
}

/// The values a VCD file gives the signal `name`, in order.
fn vcd_values(text: &str, name: &str) -> Vec<String> {
    let declaration =
        text.lines().find(|l| l.contains("$var") && l.contains(&format!(" {name} "))).unwrap();
    let id = declaration.split_whitespace().nth(3).unwrap();
    let vector = format!(" {id}");
    let value = |l: &str| l.strip_prefix('b')?.strip_suffix(vector.as_str()).map(str::to_string);
    text.lines().filter_map(value).collect()
}

#[test]
fn vcd_traces_show_inputs_with_their_effect() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("wave.vcd");
    let d = adder(16);
    let mut m = Verilate::new(&d).trace(Trace::Vcd).build().unwrap().model().unwrap();
    let p = AdderPorts::bind(&m, 16).unwrap();
    m.open_trace(&path).unwrap();
    for i in 0..5u64 {
        m.set_u64(p.a, i);
        m.set_u64(p.b, 10 * i);
        m.tick(p.clk).unwrap();
    }
    drop(m);
    let text = std::fs::read_to_string(&path).unwrap();
    let sums: Vec<u64> =
        vcd_values(&text, "y").iter().map(|v| u64::from_str_radix(v, 2).unwrap()).collect();
    assert_eq!(sums, [0, 11, 22, 33, 44]);
    assert!(text.contains("$timescale"), "{text}");
    let times: Vec<u64> = text.lines().filter_map(|l| l.strip_prefix('#')?.parse().ok()).collect();
    assert!(times.windows(2).all(|w| w[0] < w[1]) && times.len() >= 10, "{times:?}");
}

#[test]
fn fst_traces_are_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("wave.fst");
    let d = adder(16);
    let mut m = Verilate::new(&d).trace(Trace::Fst).build().unwrap().model().unwrap();
    let p = AdderPorts::bind(&m, 16).unwrap();
    m.open_trace(&path).unwrap();
    for i in 0..100 {
        m.set_u64(p.a, i);
        m.tick(p.clk).unwrap();
    }
    m.close_trace().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    // Block type 0 (header), whose length field is 329, opens every FST file.
    assert_eq!(bytes[..9], [0, 0, 0, 0, 0, 0, 0, 1, 73]);
    assert!(bytes.len() > 400, "{} bytes", bytes.len());
}

#[test]
fn traces_that_cannot_be_written_are_refused() {
    let d = adder(16);
    let mut untraced = model(&d);
    let error = untraced.open_trace("unused.vcd").unwrap_err().to_string();
    assert!(error.contains("`Adder`") && error.contains("Trace::Vcd"), "{error}");
    let built = Verilate::new(&d).trace(Trace::Vcd).build().unwrap();
    let error = built.model().unwrap().open_trace("/nonexistent/wave.vcd").unwrap_err();
    assert_eq!(error, ModelError::TraceFile { path: "/nonexistent/wave.vcd".into() });
}

#[test]
fn two_models_run_in_two_threads() {
    let d = adder(40);
    let built = Verilate::new(&d).build().unwrap();
    let run = |seed: u64| {
        let mut m = built.model().unwrap();
        let p = AdderPorts::bind(&m, 40).unwrap();
        let mut rng = SmallRng::seed_from_u64(seed);
        for i in 0..100_000 {
            let (a, b) = (rng.random::<u64>() >> 24, rng.random::<u64>() >> 24);
            m.set_u64(p.a, a);
            m.set_u64(p.b, b);
            m.tick(p.clk).unwrap();
            assert_eq!(m.get_u64(p.y), a + b, "seed {seed}, cycle {i}");
        }
        m
    };
    std::thread::scope(|s| {
        let threads = [s.spawn(|| run(0)), s.spawn(|| run(1))];
        for t in threads {
            // A model may end its life in another thread than the one it began in.
            let mut m = t.join().unwrap();
            m.eval().unwrap();
        }
    });
}

#[test]
fn a_multithreaded_model_runs() {
    let d = adder(64);
    let mut m = Verilate::new(&d).threads(2).build().unwrap().model().unwrap();
    let p = AdderPorts::bind(&m, 64).unwrap();
    m.set_u64(p.a, u64::MAX);
    m.set_u64(p.b, 1);
    m.tick(p.clk).unwrap();
    assert_eq!(m.get(p.y), word(65, 1 << 64));
}

#[test]
fn a_stopped_simulation_is_an_error_and_not_the_end_of_the_process() {
    let body = "reg [7:0] n = 0; assign y = n;
        always @(posedge clk) begin n <= n + 8'd1; if (n == 8'd3) $stop; end";
    let mut m = model(&design("Stops", "clock clk; out y 8", body));
    let clk = m.clock("clk").unwrap();
    for _ in 0..3 {
        m.tick(clk).unwrap();
    }
    let error = m.tick(clk).unwrap_err();
    assert!(
        matches!(error, ModelError::Simulation { .. }) && error.to_string().contains("$stop"),
        "{error}"
    );
    assert!(m.eval().is_err(), "a failed model stays failed");

    let body = "reg [7:0] n = 0; assign y = n;
        always @(posedge clk) begin n <= n + 8'd1; if (n == 8'd3) $finish; end";
    let mut m = model(&design("Finishes", "clock clk; out y 8", body));
    let clk = m.clock("clk").unwrap();
    for i in 0..8 {
        assert_eq!(m.finished(), i > 3);
        m.tick(clk).unwrap();
    }
}

#[test]
fn logic_that_never_settles_is_an_error() {
    let body = "/* verilator lint_off UNOPTFLAT */ wire x; assign x = a ? ~x : 1'b0; assign y = x;";
    let mut m = model(&design("Loop", "in a; out y", body));
    let a = m.input("a", 1).unwrap();
    m.set_u64(a, 1);
    let error = m.eval().unwrap_err().to_string();
    assert!(error.contains("`Loop`") && error.contains("converge"), "{error}");
}

#[test]
fn awkward_names_and_several_modules() {
    let inner = module("Inner__x", "in a 4; out y 4", "assign y = a ^ 4'd5;");
    let mut outer = module(
        "Outer",
        "in delete 4; in a__b 4; in c___ 4; out int_y 4",
        "wire [3:0] t; Inner__x i (.a(delete), .y(t)); assign int_y = t ^ a__b ^ c___;",
    );
    outer.children = vec!["Inner__x".into()];
    let d = Design { modules: vec![inner, outer], blocks: 2, externs: Vec::new() };
    let mut m = model(&d);
    for (name, value) in [("delete", 1), ("a__b", 2), ("c___", 8)] {
        let port = m.input(name, 4).unwrap();
        m.set_u64(port, value);
    }
    m.eval().unwrap();
    assert_eq!(m.get_u64(m.output("int_y", 4).unwrap()), 1 ^ 5 ^ 2 ^ 8);
    // A module below the top, alone.
    let inner = Verilate::new(&d).top("Inner__x").build().unwrap().model().unwrap();
    assert_eq!(inner.ports().len(), 2);
}
