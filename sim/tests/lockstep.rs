//! One stimulus on several engines: rust-hdl, Verilator, Icarus.

mod common;

use common::{adder, design, model, port, word};
use rust_hdl::prelude::*;
use skipopu_hdl::{Design, Dir, Port, Ports, Word};
use skipopu_sim::icarus::{self, IcarusError};
use skipopu_sim::{
    lockstep, random_stimulus, record, Engine, EngineError, LockstepError, Phase, RustSim,
    Stimulus, Toolchain,
};

/// An accumulator with a combinational output beside the registered one.
#[derive(LogicBlock, Default)]
struct Accumulator {
    clock: Signal<In, Clock>,
    a: Signal<In, Bits<8>>,
    clear: Signal<In, Bit>,
    sum: Signal<Out, Bits<8>>,
    next: Signal<Out, Bits<8>>,
    r: DFF<Bits<8>>,
}

impl Logic for Accumulator {
    #[hdl_gen]
    fn update(&mut self) {
        self.r.clock.next = self.clock.val();
        self.next.next = self.r.q.val() + self.a.val();
        self.r.d.next = self.r.q.val() + self.a.val();
        if self.clear.val() {
            self.r.d.next = 0.into();
        }
        self.sum.next = self.r.q.val();
    }
}

impl Ports for Accumulator {
    fn ports(&self) -> Vec<Port> {
        common::ports(PORTS)
    }

    fn poke(&mut self, port: &str, value: &Word) {
        match port {
            "clock" => self.clock.next = value.any().into(),
            "a" => self.a.next = value.to_u64().into(),
            "clear" => self.clear.next = value.any(),
            other => panic!("no input {other}"),
        }
    }

    fn peek(&self, port: &str) -> Word {
        let bits = |b: Bits<8>| word(8, u64::from(b).into());
        match port {
            "clock" => self.clock.val().clk.into(),
            "a" => bits(self.a.val()),
            "clear" => self.clear.val().into(),
            "sum" => bits(self.sum.val()),
            "next" => bits(self.next.val()),
            other => panic!("no port {other}"),
        }
    }
}

const PORTS: &str = "clock clock; in a 8; in clear; out sum 8; out next 8";

fn twin(body: &str) -> Design {
    design("Accumulator", PORTS, body)
}

const TWIN: &str = "reg [7:0] r = 0; assign sum = r; assign next = r + a;
    always @(posedge clock) r <= clear ? 8'd0 : r + a;";

fn rust() -> RustSim {
    RustSim::new(Box::new(Accumulator::default())).unwrap()
}

#[test]
fn three_engines_agree() {
    let d = twin(TWIN);
    for seed in 0..4 {
        let stimulus = random_stimulus(&d.top().ports, 500, seed);
        let icarus = icarus::run(&Toolchain::system(), &d, "Accumulator", &stimulus).unwrap();
        let report = lockstep(&mut [&mut rust(), &mut model(&d)], &[&icarus], &stimulus).unwrap();
        // Two others, two outputs, two phases.
        assert_eq!((report.cycles, report.comparisons), (500, 500 * 2 * 2 * 2), "seed {seed}");
    }
}

#[test]
fn a_difference_names_cycle_port_values_and_inputs() {
    // Wrong only when the sum wraps to 0.
    let wrong = twin(&TWIN.replace("assign sum = r;", "assign sum = r == 8'd77 ? 8'd78 : r;"));
    let mut stimulus = Stimulus::new(&wrong.top().ports);
    for i in 0..8 {
        stimulus.push(vec![word(8, if i < 7 { 11 } else { 0 }), word(1, 0)]);
    }
    let error = lockstep(&mut [&mut rust(), &mut model(&wrong)], &[], &stimulus).unwrap_err();
    let text = error.to_string();
    let LockstepError::Mismatch(m) = error else { panic!("{text}") };
    assert_eq!((m.cycle, m.phase, m.port.as_str()), (6, Phase::Edge, "sum"));
    assert_eq!((m.expected.1, m.found.1), (word(8, 77), word(8, 78)));
    assert_eq!(text, "cycle 6, after the edge: `sum` is 8'h4d in rust-hdl but 8'h4e in Verilator:Accumulator with inputs a = 8'h0b, clear = 1'h0");
    // A combinational fault shows before the edge.
    let wrong = twin(&TWIN.replace("assign next = r + a;", "assign next = r | a;"));
    let mut stimulus = Stimulus::new(&wrong.top().ports).compare_from(1);
    for a in [4, 5] {
        stimulus.push(vec![word(8, a), word(1, 0)]);
    }
    let error = lockstep(&mut [&mut rust(), &mut model(&wrong)], &[], &stimulus).unwrap_err();
    assert!(
        matches!(&error, LockstepError::Mismatch(m) if m.phase == Phase::Settled && m.port == "next"),
        "{error}"
    );
    // Also when Icarus is the one that is wrong.
    let icarus = icarus::run(&Toolchain::system(), &wrong, "Accumulator", &stimulus).unwrap();
    let error = lockstep(&mut [&mut rust()], &[&icarus], &stimulus).unwrap_err();
    assert!(
        matches!(&error, LockstepError::Mismatch(m) if m.found.0 == "Icarus:Accumulator"),
        "{error}"
    );
}

#[test]
fn comparing_nothing_is_an_error() {
    let d = twin(TWIN);
    let empty = Stimulus::new(&d.top().ports);
    let error = lockstep(&mut [&mut rust(), &mut model(&d)], &[], &empty).unwrap_err();
    assert!(matches!(error, LockstepError::NothingCompared { .. }), "{error}");
    let stimulus = random_stimulus(&d.top().ports, 10, 0);
    let late = stimulus.clone().compare_from(10);
    let error = lockstep(&mut [&mut rust(), &mut model(&d)], &[], &late).unwrap_err();
    assert!(matches!(error, LockstepError::NothingCompared { .. }), "{error}");
    let error = lockstep(&mut [&mut rust()], &[], &stimulus).unwrap_err();
    assert!(error.to_string().contains("fewer than two"), "{error}");
    let deaf = design(
        "Deaf",
        "clock clock; in a 8",
        "reg [7:0] r = 0; always @(posedge clock) r <= a; wire unused = &r;",
    );
    let stimulus = random_stimulus(&deaf.top().ports, 10, 0);
    let error = lockstep(&mut [&mut model(&deaf), &mut model(&deaf)], &[], &stimulus).unwrap_err();
    assert!(error.to_string().contains("no outputs"), "{error}");
}

#[test]
fn engines_that_are_no_twins_are_refused() {
    let stimulus = random_stimulus(&twin(TWIN).top().ports, 10, 0);
    let error = lockstep(&mut [&mut rust(), &mut model(&adder(8))], &[], &stimulus).unwrap_err();
    assert!(matches!(error, LockstepError::PortsDiffer { .. }), "{error}");
    let mut short = record(&mut rust(), &stimulus).unwrap();
    short.edge.pop();
    let error = lockstep(&mut [&mut rust()], &[&short], &stimulus).unwrap_err();
    assert!(matches!(error, LockstepError::Short { have: 9, want: 10, .. }), "{error}");
    short.outputs.pop();
    let error = lockstep(&mut [&mut rust()], &[&short], &stimulus).unwrap_err();
    assert!(matches!(error, LockstepError::PortsDiffer { .. }), "{error}");
}

/// Two clocks in random combinations; a register of one samples a register of the other.
#[test]
fn two_clocks_agree_in_verilator_and_icarus() {
    let list = "clock ca; clock cb; in a 70; out y 70; out z 70";
    let body = "reg [69:0] p = 0; reg [69:0] q = 0; assign y = p; assign z = q ^ a;
        always @(posedge ca) p <= a; always @(posedge cb) q <= p + 70'd1;";
    let d = design("Cross", list, body);
    let stimulus = random_stimulus(&d.top().ports, 400, 0);
    let icarus = icarus::run(&Toolchain::system(), &d, "Cross", &stimulus).unwrap();
    let report = lockstep(&mut [&mut model(&d)], &[&icarus], &stimulus).unwrap();
    assert_eq!(report.comparisons, 400 * 2 * 2);
}

#[test]
fn combinational_blocks_need_no_clock() {
    let d = design("Mux", "in s; in a 100; in b 100; out y 100", "assign y = s ? a : b;");
    let stimulus = random_stimulus(&d.top().ports, 100, 0);
    let icarus = icarus::run(&Toolchain::system(), &d, "Mux", &stimulus).unwrap();
    let report = lockstep(&mut [&mut model(&d)], &[&icarus], &stimulus).unwrap();
    assert_eq!(report.comparisons, 100);
}

#[test]
fn undefined_outputs_are_errors_in_icarus() {
    let tools = Toolchain::system();
    let run = |body: &str, from: usize| {
        let d = design("Unset", "clock clock; in a 8; out y 8; out z 4", body);
        let stimulus = random_stimulus(&d.top().ports, 8, 0).compare_from(from);
        icarus::run(&tools, &d, "Unset", &stimulus)
    };
    let body = "reg [7:0] r; assign y = r; assign z = a[3:0]; always @(posedge clock) r <= a;";
    let error = run(body, 0).unwrap_err();
    let text = error.to_string();
    let IcarusError::Unknown { port, cycle, phase, .. } = error else { panic!("{text}") };
    assert_eq!((port.as_str(), cycle, phase), ("y", 0, Phase::Settled));
    assert!(text.contains("`y`") && text.contains("cycle 0") && text.contains("xx"), "{text}");
    run(body, 1).expect("defined from the first edge on");
    // One undefined bit is enough.
    let error = run("assign y = {1'bx, a[6:0]}; assign z = 4'd0;", 0).unwrap_err();
    assert!(matches!(error, IcarusError::Unknown { .. }), "{error}");
    let error = run("assign y = a; assign z[2:0] = 3'd0;", 4).unwrap_err();
    assert!(
        matches!(&error, IcarusError::Unknown { port, cycle: 4, .. } if port == "z"),
        "{error}"
    );
}

#[test]
fn icarus_failures_are_readable() {
    let tools = Toolchain::system();
    let bad = design("Bad", "in a; out y", "assign y = a +;");
    let stimulus = random_stimulus(&bad.top().ports, 4, 0);
    let text = icarus::run(&tools, &bad, "Bad", &stimulus).unwrap_err().to_string();
    assert!(
        text.contains("`Bad`") && text.contains("design.v:2") && text.contains("syntax error"),
        "{text}"
    );
    let text = icarus::run(&tools, &bad, "Worse", &stimulus).unwrap_err().to_string();
    assert!(text.contains("`Worse`"), "{text}");
    let text =
        icarus::run(&Toolchain::with_search([]), &bad, "Bad", &stimulus).unwrap_err().to_string();
    assert!(
        text.contains("`iverilog` was not found") && text.contains("package `iverilog`"),
        "{text}"
    );
    let text = icarus::run(&tools, &adder(4), "Adder", &stimulus).unwrap_err().to_string();
    assert!(text.contains("no input `a` of 1 bits"), "{text}");
    let d = design("Stops", "clock clock; in a; out y", "assign y = a; reg [3:0] n = 0; always @(posedge clock) begin n <= n + 4'd1; if (n == 4'd2) $finish; end");
    let stimulus = random_stimulus(&d.top().ports, 8, 0);
    let text = icarus::run(&tools, &d, "Stops", &stimulus).unwrap_err().to_string();
    assert!(text.contains("no outputs for cycle"), "{text}");
}

#[test]
fn an_engine_refuses_wrong_names_directions_and_widths() {
    let d = twin(TWIN);
    let engines: [&mut dyn Engine; 2] = [&mut rust(), &mut model(&d)];
    for e in engines {
        assert!(matches!(e.set("b", &word(8, 1)), Err(EngineError::NoSuchPort { .. })));
        assert!(matches!(e.get("b"), Err(EngineError::NoSuchPort { .. })));
        assert!(matches!(e.set("sum", &word(8, 1)), Err(EngineError::WrongKind { .. })));
        assert!(matches!(
            e.set("a", &word(9, 1)),
            Err(EngineError::WrongWidth { given: 9, width: 8, .. })
        ));
        assert!(matches!(e.set("a", &256.into()), Err(EngineError::WrongWidth { given: 0, .. })));
        assert!(matches!(e.tick("a"), Err(EngineError::WrongKind { .. })));
        e.set("a", &255.into()).unwrap();
        e.tick("clock").unwrap();
        assert_eq!(e.get("sum").unwrap(), word(8, 255));
        e.set("a", &word(8, 2)).unwrap();
        e.eval().unwrap();
        assert_eq!(e.get("next").unwrap(), word(8, 1));
    }
}

/// A ring of inverters.
#[derive(Default)]
struct Ring {
    value: bool,
    changed: bool,
}

impl Logic for Ring {
    fn update(&mut self) {}
}

impl Block for Ring {
    fn connect_all(&mut self) {}
    fn update_all(&mut self) {
        self.value = !self.value;
        self.changed = true;
    }
    fn has_changed(&self) -> bool {
        self.changed
    }
    fn accept(&self, _: &str, _: &mut dyn Probe) {}
}

impl Ports for Ring {
    fn ports(&self) -> Vec<Port> {
        vec![Port { dir: Dir::Out, ..port("out", "y", 1) }]
    }
    fn poke(&mut self, _: &str, _: &Word) {}
    fn peek(&self, _: &str) -> Word {
        self.value.into()
    }
}

#[test]
fn a_block_that_never_settles_is_an_error() {
    let error = RustSim::new(Box::<Ring>::default()).err().unwrap();
    assert!(matches!(error, EngineError::NotConverging { .. }), "{error}");
}
