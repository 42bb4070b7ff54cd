//! What the tests of blocks share: emission, lint, lock-step of three engines.
#![allow(dead_code)] // every test binary uses its own share

pub mod kv_delivery;
pub mod npe;
pub mod pe;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use skipopu_eda::lint::{check, LintOptions};
use skipopu_eda::synth::{self, SynthOptions, SynthReport};
use skipopu_hdl::{emit, Design, Dut, EmitOptions, Word};
use skipopu_sim::{
    icarus, lockstep, random_stimulus, Engine, Model, RustSim, Stimulus, Toolchain, Verilate,
    Verilated,
};
use std::panic::{catch_unwind, AssertUnwindSafe};

/// Seed 0 and one that changes with every run; both are printed.
pub fn seeds() -> [u64; 2] {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let other = now.map_or(1, |d| d.as_nanos() as u64);
    println!("seeds 0 and {other}");
    [0, other]
}

/// What a module's name begins with, a piece of its text, what takes its place.
pub type Fault<'a> = (&'a str, &'a str, &'a str);

/// A block under test: how to build it, and what was emitted for it.
pub struct Case {
    pub name: &'static str,
    pub design: Design,
    build: Box<dyn Fn() -> Box<dyn Dut>>,
}

impl Case {
    /// Emits the block and holds every module against the lint tools.
    pub fn new<B: Dut + 'static>(name: &'static str, build: impl Fn() -> B + 'static) -> Case {
        let design = emit(&build(), name, &EmitOptions::default())
            .unwrap_or_else(|e| panic!("{name} is not emitted:\n{e}"));
        let report = check(&design, &LintOptions::standard().unwrap()).unwrap();
        assert!(report.clean(), "{name}:\n{}\n{}", report.table().text(), design.text());
        Case { name, design, build: Box::new(move || Box::new(build())) }
    }

    pub fn rust(&self) -> RustSim {
        RustSim::new((self.build)()).unwrap()
    }

    pub fn verilated(&self) -> Verilated {
        Verilate::new(&self.design).build().unwrap_or_else(|e| panic!("{}: {e}", self.name))
    }

    /// Random vectors, changed by `shape`.
    pub fn random(&self, cycles: usize, seed: u64, shape: impl Fn(&mut Rows)) -> Stimulus {
        let stimulus = random_stimulus(self.rust().ports(), cycles, seed);
        let mut rows = Rows { stimulus, rng: SmallRng::seed_from_u64(!seed) };
        shape(&mut rows);
        rows.stimulus
    }

    /// The same vectors through Rust, Verilator and Icarus; all outputs equal in all cycles.
    pub fn agree(&self, stimulus: &Stimulus) {
        let icarus = icarus::run(&Toolchain::system(), &self.design, self.name, stimulus)
            .unwrap_or_else(|e| panic!("{}: {e}", self.name));
        let mut model = self.verilated().model().unwrap();
        let report = lockstep(&mut [&mut self.rust(), &mut model], &[&icarus], stimulus)
            .unwrap_or_else(|e| panic!("{}: {e}", self.name));
        assert_eq!(report.cycles, stimulus.rows.len());
    }

    /// The same vectors through Rust and through the vendor primitives that the Verilog instantiates
    /// under `SYNTHESIS`, in Icarus.
    pub fn primitives_agree(&self, stimulus: &Stimulus) {
        let mut design = self.design.clone();
        let models = include_str!("vendor.v");
        assert!(design.text().contains("`ifdef SYNTHESIS"), "{} has no primitive", self.name);
        let first = &mut design.modules[0].text;
        *first = format!("`define SYNTHESIS\n{models}{first}");
        let icarus = icarus::run(&Toolchain::system(), &design, self.name, stimulus)
            .unwrap_or_else(|e| panic!("{} under SYNTHESIS: {e}", self.name));
        lockstep(&mut [&mut self.rust()], &[&icarus], stimulus)
            .unwrap_or_else(|e| panic!("{} under SYNTHESIS: {e}", self.name));
    }

    /// As [`Case::agree`], with random vectors of every seed.
    pub fn agree_on_random(&self, cycles: usize, shape: impl Fn(&mut Rows)) {
        for seed in seeds() {
            self.agree(&self.random(cycles, seed, &shape));
        }
    }

    /// Plants each fault in the Verilog by itself: what passes without must fail or panic with it.
    pub fn finds(&self, faults: &[Fault], passes: impl Fn(&Verilated) -> bool) {
        assert!(passes(&self.verilated()), "{}: without a fault", self.name);
        for (module, from, to) in faults {
            let mut design = self.design.clone();
            let mut modules = design.modules.iter_mut();
            let at = modules.find(|m| m.name.starts_with(module)).expect("a module of that name");
            assert!(at.text.contains(from), "{from}:\n{}", at.text);
            at.text = at.text.replace(from, to);
            let built = Verilate::new(&design).build().unwrap_or_else(|e| panic!("{to}: {e}"));
            let passed = catch_unwind(AssertUnwindSafe(|| passes(&built))).unwrap_or(false);
            assert!(!passed, "{module}: {to} went unnoticed");
        }
    }

    /// What Yosys makes of it.
    pub fn synthesised(&self) -> SynthReport {
        synth::run(&self.design, self.name, &SynthOptions::default()).unwrap()
    }
}

/// Random vectors in the making.
pub struct Rows {
    pub stimulus: Stimulus,
    rng: SmallRng,
}

impl Rows {
    fn column(&self, input: &str) -> usize {
        let mut ports = self.stimulus.inputs.iter();
        ports.position(|p| p.name == input).unwrap_or_else(|| panic!("no input {input}"))
    }

    /// Draws the input from a few values, so that two of them meet often.
    pub fn few(&mut self, input: &str, values: &[usize]) {
        let at = self.column(input);
        let width = self.stimulus.inputs[at].width;
        for row in &mut self.stimulus.rows {
            let value = values[self.rng.random_range(0..values.len())];
            row.inputs[at] = Word::new(width, value as u128);
        }
    }

    /// Makes a one-bit input 1 with the given probability.
    pub fn often(&mut self, input: &str, probability: f64) {
        let at = self.column(input);
        for row in &mut self.stimulus.rows {
            row.inputs[at] = Word::from(self.rng.random_bool(probability));
        }
    }
}

/// Sets several inputs.
pub fn set(engine: &mut dyn Engine, values: &[(&str, u128)]) {
    for (port, value) in values {
        let width = engine.ports()[engine.index(port).unwrap()].width;
        engine.set(port, &Word::new(width, *value)).unwrap();
    }
}

/// One cycle.
pub fn tick(engine: &mut dyn Engine) {
    engine.tick("clock").unwrap();
}

/// A port's value.
pub fn get(engine: &dyn Engine, port: &str) -> u128 {
    engine.get(port).unwrap().to_u128()
}

/// Runs `body` on the Rust block and on the Verilated one.
pub fn both(case: &Case, mut body: impl FnMut(&mut dyn Engine)) {
    body(&mut case.rust());
    body(&mut case.verilated().model().unwrap());
}

/// Elaborates and emits a block.
pub fn design_of(block: Box<dyn Dut>, name: &str) -> (Box<dyn Dut>, Design) {
    let mut block = block;
    block.connect_all();
    let design = emit(&*block, name, &EmitOptions::default()).unwrap_or_else(|e| panic!("{e}"));
    (block, design)
}

/// A Verilated instance.
pub fn verilated(design: &Design) -> Model {
    let built = Verilate::new(design).build().unwrap_or_else(|e| panic!("{e}"));
    built.model().unwrap_or_else(|e| panic!("{e}"))
}

/// A Verilated instance of a design of many like blocks: without gate optimisation Verilator keeps their
/// ports apart from what drives them and compiles each kind once.
pub fn verilated_array(design: &Design) -> Model {
    let built = Verilate::new(design).arg("-fno-gate").build().unwrap_or_else(|e| panic!("{e}"));
    built.model().unwrap_or_else(|e| panic!("{e}"))
}

/// Rust simulation, Verilator and Icarus in lock-step on random inputs, and lint.
pub fn agree(make: impl Fn() -> Box<dyn Dut>, name: &str, cycles: usize) -> Design {
    let mut last = None;
    for seed in seeds() {
        let (block, design) = design_of(make(), name);
        let stimulus = random_stimulus(&design.top().ports, cycles, seed);
        let recorded = icarus::run(&Toolchain::system(), &design, name, &stimulus)
            .unwrap_or_else(|e| panic!("{e}"));
        let mut rust = RustSim::new(block).unwrap_or_else(|e| panic!("{e}"));
        let report = lockstep(&mut [&mut rust, &mut verilated(&design)], &[&recorded], &stimulus)
            .unwrap_or_else(|e| panic!("{name}, seed {seed}: {e}"));
        assert_eq!(report.cycles, cycles);
        last = Some(design);
    }
    let design = last.expect("there are seeds");
    clean(&design);
    design
}

/// Every module of the design passes lint.
pub fn clean(design: &Design) {
    let options = LintOptions::standard().unwrap_or_else(|e| panic!("{e}"));
    let report = check(design, &options).unwrap_or_else(|e| panic!("{e}"));
    assert!(report.clean(), "{}", report.table().text());
}

/// Cells and depth of a design's top.
pub fn cells(design: &Design) -> SynthReport {
    let report = synth::run(design, &design.top().name, &SynthOptions::default())
        .unwrap_or_else(|e| panic!("{e}"));
    println!("{}", report.table().text());
    report
}

/// No path has more than `most` levels of logic.
pub fn shallow(report: &SynthReport, most: u32) {
    let worst = report.depth.worst().expect("there is logic");
    assert!(worst.levels <= most, "{} levels from {} to {}", worst.levels, worst.from, worst.to);
}
