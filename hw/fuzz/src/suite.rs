//! Blocks by name, their agreement in three simulators, their refusal.

use skipopu_eda::lint::{self, LintOptions, Waiver};
use skipopu_hdl::{emit, Design, Dut, EmitOptions};
use skipopu_sim::{icarus, lockstep, random_stimulus, record};
use skipopu_sim::{Bundle, Cache, RustSim, Stimulus, Toolchain, Verilate};

/// A block of a suite.
pub struct Case {
    /// Its name, and its top module's.
    pub name: String,
    /// A new one.
    pub make: Box<dyn Fn() -> Box<dyn Dut>>,
}

/// A case of a Rust type.
pub fn case<D: Dut + 'static>(name: &str, make: impl Fn() -> D + 'static) -> Case {
    Case { name: name.into(), make: Box::new(move || Box::new(make())) }
}

impl Case {
    /// The emitted design, its module names those of this case alone.
    ///
    /// # Errors
    /// The refusal as text.
    pub fn emit(&self) -> Result<Design, String> {
        let mut block = (self.make)();
        block.connect_all();
        let options = EmitOptions { prefix: format!("{}_", self.name) };
        emit(&*block, &self.name, &options).map_err(|e| e.to_string())
    }
}

/// What a comparison found.
#[derive(Default)]
pub struct Comparison {
    /// Output values compared with the Rust simulation's.
    pub comparisons: u64,
    /// Number of the case, and its first mismatch with the emitted text.
    pub wrong: Vec<(usize, String)>,
}

/// Blocks under one top.
pub struct Suite<'a> {
    cases: &'a [Case],
    /// The top that holds them all.
    pub bundle: Bundle,
    cache: Cache,
    faulty: bool,
}

impl<'a> Suite<'a> {
    /// Emits every case. Panics with all refusals.
    pub fn new(name: &str, cases: &'a [Case]) -> Suite<'a> {
        let (mut designs, mut refused) = (Vec::new(), String::new());
        for c in cases {
            match c.emit() {
                Ok(d) => designs.push(d),
                Err(e) => refused += &format!("{}: {e}\n", c.name),
            }
        }
        assert!(refused.is_empty(), "refused:\n{refused}");
        Suite::of(name, cases, &designs)
    }

    /// Designs emitted before, one per case. Panics where two have modules of one name.
    pub fn of(name: &str, cases: &'a [Case], designs: &[Design]) -> Suite<'a> {
        let bundle = Bundle::new(name, designs).unwrap_or_else(|e| panic!("{e}"));
        Suite { cases, bundle, cache: Cache::standard(), faulty: false }
    }

    /// Another cache than the standard one, for suites that are built once.
    pub fn cache(mut self, cache: Cache) -> Suite<'a> {
        self.cache = cache;
        self
    }

    /// Text with a planted fault may earn warnings, or be undefined where Icarus can say so; what is
    /// looked for are wrong values.
    pub fn faulty(mut self, faulty: bool) -> Suite<'a> {
        self.faulty = faulty;
        self
    }

    /// Every output of every block is equal in the Rust simulation, under Verilator and under Icarus,
    /// in all `cycles`; returns the number of comparisons.
    pub fn agree(&self, cycles: usize, seed: u64, shape: impl Fn(&mut Stimulus)) -> u64 {
        let outcome = self.compare(cycles, seed, shape);
        let text: String = outcome.wrong.iter().map(|(_, text)| format!("{text}\n")).collect();
        assert!(text.is_empty(), "the engines disagree (seed {seed}):\n{text}");
        outcome.comparisons
    }

    /// Runs every block in all three simulators. Panics when a tool refuses the text.
    pub fn compare(&self, cycles: usize, seed: u64, shape: impl Fn(&mut Stimulus)) -> Comparison {
        let design = self.bundle.design();
        let mut whole = random_stimulus(&design.top().ports, cycles, seed);
        shape(&mut whole);
        // Random blocks compare things with themselves; Verilator's default warnings are fatal.
        let build = Verilate::new(design).opt_level(0).cache(&self.cache);
        let mut build = build.arg("-Wno-UNSIGNED").arg("-Wno-CMPCONST");
        if self.faulty {
            build = build.arg("-Wno-fatal");
        }
        let verilated = build.build();
        let verilated = verilated.unwrap_or_else(|e| panic!("{e}"));
        let verilated = record(&mut verilated.model().unwrap(), &whole).unwrap();
        let mut recordings = vec![verilated];
        match icarus::run(&Toolchain::system(), design, &design.top().name, &whole) {
            Ok(icarus) => recordings.push(icarus),
            Err(_) if self.faulty => {}
            Err(e) => panic!("{e}"),
        }
        let mut outcome = Comparison::default();
        for (i, c) in self.cases.iter().enumerate() {
            let parts: Vec<_> = recordings.iter().map(|r| self.bundle.recording(i, r)).collect();
            let parts: Vec<_> = parts.iter().collect();
            let stimulus = self.bundle.stimulus(i, &whole);
            let mut rust = RustSim::new((c.make)()).unwrap_or_else(|e| panic!("{}: {e}", c.name));
            match lockstep(&mut [&mut rust], &parts, &stimulus) {
                Ok(report) => outcome.comparisons += report.comparisons,
                Err(e) => {
                    let modules = design.closure(self.bundle.top(i));
                    let text: String = modules.iter().map(|m| m.text.as_str()).collect();
                    outcome.wrong.push((i, format!("{}: {e}\n{text}", c.name)));
                }
            }
        }
        outcome
    }

    /// Does any block differ from the Rust simulation under Icarus, which needs no build?
    pub fn differs_in_icarus(&self, cycles: usize) -> bool {
        let design = self.bundle.design();
        let whole = random_stimulus(&design.top().ports, cycles, 0);
        let Ok(icarus) = icarus::run(&Toolchain::system(), design, &design.top().name, &whole)
        else {
            return true;
        };
        self.cases.iter().enumerate().any(|(i, c)| {
            let mut rust = RustSim::new((c.make)()).unwrap_or_else(|e| panic!("{}: {e}", c.name));
            let stimulus = self.bundle.stimulus(i, &whole);
            lockstep(&mut [&mut rust], &[&self.bundle.recording(i, &icarus)], &stimulus).is_err()
        })
    }

    /// Every module passes Verilator's `-Wall`, Icarus and Yosys (no latch, no loop, nothing undriven).
    ///
    /// The blocks of a suite all have the same `inputs`, whether they read all their bits or not; that
    /// is the only warning waived beside the project's own.
    pub fn lint(&self, inputs: &[&str]) {
        let mut options = LintOptions::standard().unwrap();
        options.waivers.extend(inputs.iter().map(|i| Waiver {
            module: "*".into(),
            warning: "UNUSEDSIGNAL".into(),
            signal: i.to_string(),
            reason: "every block of the suite has the same inputs".into(),
        }));
        let report = lint::check(self.bundle.design(), &options).unwrap();
        assert!(report.clean(), "{:#?}", report.findings);
    }
}

/// The refusals of `cases`, one paragraph each. Panics when one is emitted.
pub fn refusals(cases: &[Case]) -> String {
    let text = |c: &Case| match c.emit() {
        Ok(d) => panic!("{} was emitted:\n{}", c.name, d.text()),
        Err(e) => {
            // Lines of this file move; the block's name says enough.
            let lines = e.lines().map(|l| match (l.find(" ("), l.find("): ")) {
                (Some(a), Some(b)) if a < b => format!("{}{}", &l[..a], &l[b + 1..]),
                _ => l.to_string(),
            });
            format!("{}\n    {}\n", c.name, lines.collect::<Vec<_>>().join("\n    "))
        }
    };
    cases.iter().map(text).collect()
}
