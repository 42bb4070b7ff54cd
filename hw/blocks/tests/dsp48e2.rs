//! `Dsp48e2`: each mode against its equation in wide integers, latencies, the primitive, refusals.

use skipopu_eda::lint::{self, LintOptions};
use skipopu_eda::synth::{self, SynthOptions};
use skipopu_hdl::prelude::*;
use skipopu_hdl::{emit, Design, EmitOptions};
use skipopu_hw::primitives::dsp48e2::{
    Alu, Dsp48e2, DspError, DspMode, PreAdder, Simd, W, X, Y, Z,
};
use skipopu_sim::{
    icarus, lockstep, random_stimulus, record, Recording, RustSim, Stimulus, Toolchain, Verilate,
};

/// Signed operands of one cycle, P of the cycle before included.
struct Operands {
    a: i128,
    b: i128,
    ab: i128,
    c: i128,
    d: i128,
    pcin: i128,
    p: i128,
    carry: i128,
    /// D or A, as `use_d` says.
    selected: i128,
}

type Equation = fn(&Operands) -> i128;

fn mode() -> DspMode {
    DspMode::new()
}

/// `(D - A) * B` and its relatives: four cycles from A, B and D, two from C.
fn product(pre_adder: PreAdder) -> DspMode {
    mode().b_regs(2).pre_adder(pre_adder).product()
}

/// One adder of 48 bits: mode and what P becomes, modulo 2^48.
fn table() -> Vec<(&'static str, DspMode, Equation)> {
    use PreAdder::{DMinusA, DPlusA, MinusA, Select, A, D};
    vec![
        ("(D-A)*B+C", product(DMinusA).z(Z::C), |o| (o.d - o.a) * o.b + o.c),
        ("(D+A)*B+C", product(DPlusA).z(Z::C), |o| (o.d + o.a) * o.b + o.c),
        ("A*B+C", product(A).z(Z::C), |o| o.a * o.b + o.c),
        ("-A*B+C", product(MinusA).z(Z::C), |o| -o.a * o.b + o.c),
        ("D*B+C", product(D).z(Z::C), |o| o.d * o.b + o.c),
        ("C-(D-A)*B", product(DMinusA).z(Z::C).alu(Alu::Subtract), |o| o.c - (o.d - o.a) * o.b),
        ("M", product(A), |o| o.a * o.b),
        ("PCIN+M", product(A).z(Z::Pcin), |o| o.pcin + o.a * o.b),
        ("PCIN+C+M", product(A).z(Z::Pcin).w(W::C), |o| o.pcin + o.c + o.a * o.b),
        ("P+=M", product(A).z(Z::P), |o| o.p + o.a * o.b),
        ("P+=M+C", product(A).z(Z::C).w(W::P), |o| o.p + o.c + o.a * o.b),
        ("select+C", product(Select).z(Z::C), |o| o.selected * o.b + o.c),
        ("select+PCIN", product(Select).z(Z::Pcin), |o| o.selected * o.b + o.pcin),
        ("no MREG", product(DPlusA).z(Z::C).m_reg(false), |o| (o.d + o.a) * o.b + o.c),
        ("no ADREG", product(DPlusA).z(Z::C).ad_reg(false), |o| (o.d + o.a) * o.b + o.c),
        ("no ADREG, no MREG", product(A).ad_reg(false).m_reg(false), |o| o.a * o.b),
        ("AREG=2", product(A).a_regs(2).z(Z::Pcin), |o| o.pcin + o.a * o.b),
        (
            "no registers",
            product(DMinusA)
                .a_regs(0)
                .b_regs(0)
                .c_reg(false)
                .d_reg(false)
                .ad_reg(false)
                .m_reg(false)
                .p_reg(false)
                .z(Z::C),
            |o| (o.d - o.a) * o.b + o.c,
        ),
        ("A:B+C", mode().x(X::Ab).z(Z::C), |o| o.ab + o.c),
        ("A:B+C+carry", mode().x(X::Ab).z(Z::C).carry_in(), |o| o.ab + o.c + o.carry),
        (
            "PCIN-(A:B+C+carry)",
            mode().x(X::Ab).y(Y::C).z(Z::Pcin).carry_in().carry_reg(false).alu(Alu::Subtract),
            |o| o.pcin - (o.ab + o.c + o.carry),
        ),
        ("C-A:B", mode().x(X::Ab).z(Z::C).alu(Alu::Subtract), |o| o.c - o.ab),
        ("A:B-C-1", mode().x(X::Ab).z(Z::C).alu(Alu::ReverseSubtract), |o| o.ab - o.c - 1),
        ("-(A:B+C)-1", mode().x(X::Ab).z(Z::C).alu(Alu::Complement), |o| -(o.ab + o.c) - 1),
        ("C-1", mode().y(Y::Ones).z(Z::C), |o| o.c - 1),
        ("P+P+C", mode().x(X::P).z(Z::P).w(W::C).c_reg(false), |o| 2 * o.p + o.c),
        ("(PCIN>>17)+M", product(A).z(Z::PcinShift17), |o| (o.pcin >> 17) + o.a * o.b),
        ("(P>>17)+M", product(A).z(Z::PShift17), |o| (o.p >> 17) + o.a * o.b),
    ]
}

/// Split adders with their carries: A:B + C, in parts.
fn split() -> Vec<(&'static str, DspMode, u32)> {
    let sum = mode().x(X::Ab).z(Z::C).carry_out();
    vec![
        ("ONE48 carry", sum, 48),
        ("ONE48 carry in and out", sum.carry_in(), 48),
        ("TWO24", sum.simd(Simd::Two24), 24),
        ("TWO24 carry in", sum.simd(Simd::Two24).carry_in(), 24),
        ("TWO24 no registers", sum.simd(Simd::Two24).a_regs(0).b_regs(0).p_reg(false), 24),
        ("FOUR12", sum.simd(Simd::Four12), 12),
        ("FOUR12 AREG=2", sum.simd(Simd::Four12).a_regs(2).b_regs(2), 12),
    ]
}

fn block(mode: DspMode) -> Dsp48e2 {
    mode.build().unwrap_or_else(|e| panic!("{mode:?}: {e}"))
}

fn design(mode: DspMode) -> Design {
    let mut block = block(mode);
    skipopu_hdl::rust_hdl::prelude::Block::connect_all(&mut block);
    emit(&block, "dsp", &EmitOptions::default()).unwrap_or_else(|e| panic!("{e}"))
}

fn signed(value: u64, bits: u32) -> i128 {
    ((value as i64) << (64 - bits) >> (64 - bits)).into()
}

/// Runs Rust, Verilator and Icarus in lock-step and returns what P and CARRYOUT were after each edge.
fn run(name: &str, mode: DspMode, stimulus: &Stimulus) -> Recording {
    let design = design(mode);
    let model = Verilate::new(&design).build().unwrap_or_else(|e| panic!("{name}: {e}"));
    let icarus = icarus::run(&Toolchain::system(), &design, "dsp", stimulus);
    let icarus = icarus.unwrap_or_else(|e| panic!("{name}: {e}"));
    let mut rust = RustSim::new(Box::new(block(mode))).expect("the block settles");
    let mut verilated = model.model().expect("the model starts");
    let report = lockstep(&mut [&mut rust, &mut verilated], &[&icarus], stimulus);
    report.unwrap_or_else(|e| panic!("{name}: {e}"));
    record(&mut model.model().expect("the model starts"), stimulus).expect("the model runs")
}

struct Inputs<'s>(&'s Stimulus);

impl Inputs<'_> {
    /// What `port` was in cycle `cycle`; registers start as if everything had been 0.
    fn at(&self, port: &str, cycle: Option<usize>) -> u64 {
        let index = self.0.inputs.iter().position(|p| p.name == port).expect("an input");
        cycle.map_or(0, |cycle| self.0.rows[cycle].inputs[index].to_u64())
    }
}

fn output(recording: &Recording, port: &str, cycle: usize) -> u64 {
    let index = recording.outputs.iter().position(|p| p.name == port).expect("an output");
    recording.edge[cycle][index].to_u64()
}

/// Operands that determine P after the edge of `cycle`.
fn operands(mode: &DspMode, stimulus: &Stimulus, cycle: usize, p: i128) -> Operands {
    let inputs = Inputs(stimulus);
    // Latency 1 means: seen by the edge of this cycle; without registers the same value is seen.
    let ago = |latency: usize| (cycle + 1).checked_sub(latency.max(1));
    let read = |port, latency, bits| signed(inputs.at(port, ago(latency)), bits);
    let ab = inputs.at("a", ago(mode.latency_a())) << 18 | inputs.at("b", ago(mode.latency_b()));
    let (a, d) = (read("a", mode.latency_a(), 27), read("d", mode.latency_d(), 27));
    let use_d = inputs.at("use_d", ago(mode.latency_a())) == 1;
    Operands {
        a,
        b: read("b", mode.latency_b(), 18),
        ab: signed(ab, 48),
        c: read("c", mode.latency_c(), 48),
        d,
        selected: if use_d { d } else { a },
        pcin: read("pcin", mode.latency_pcin(), 48),
        carry: inputs.at("carryin", ago(mode.latency_carryin())).into(),
        p,
    }
}

/// Operands of any sign whose pre-adder result stays within its 27 bits: the equation has no wrap there.
fn stimulus(mode: DspMode, cycles: usize, seed: u64) -> Stimulus {
    let mut stimulus = random_stimulus(&design(mode).top().ports, cycles, seed);
    for (index, port) in stimulus.inputs.clone().iter().enumerate() {
        for row in stimulus.rows.iter_mut().filter(|_| ["a", "d"].contains(&port.name.as_str())) {
            let value = row.inputs[index].to_u64();
            let small = signed(value, 26);
            // Bits 29 to 27 of A stay random: the multiplier must ignore them.
            let high = if port.width == 30 { value >> 27 << 27 } else { 0 };
            let low = Word::from_i128(27, small).to_u64();
            if mode.multiplies() {
                row.inputs[index] = Word::new(port.width, (high | low).into());
            }
        }
    }
    stimulus
}

#[test]
fn every_mode_computes_its_equation() {
    let mut compared = 0;
    for (name, mode, equation) in table() {
        for seed in 0..2 {
            println!("{name}, seed {seed}");
            let stimulus = stimulus(mode, 600, seed);
            let recording = run(name, mode, &stimulus);
            let mut p = 0;
            for cycle in 0..stimulus.rows.len() {
                let exact = equation(&operands(&mode, &stimulus, cycle, p));
                let expected = Word::from_i128(48, exact).to_u64();
                assert_eq!(output(&recording, "p", cycle), expected, "{name}, cycle {cycle}");
                assert_eq!(output(&recording, "pcout", cycle), expected, "{name}, cycle {cycle}");
                assert_eq!(output(&recording, "carryout", cycle), 0, "{name}, cycle {cycle}");
                p = signed(expected, 48);
                compared += 1;
            }
        }
    }
    assert_eq!(compared, table().len() * 2 * 600);
}

#[test]
fn split_adders_do_not_carry_into_each_other() {
    let mut carries = 0;
    for (name, mode, bits) in split() {
        println!("{name}, seed 0");
        let stimulus = stimulus(mode, 600, 0);
        let recording = run(name, mode, &stimulus);
        for cycle in 0..stimulus.rows.len() {
            let o = operands(&mode, &stimulus, cycle, 0);
            let (mut p, mut carry) = (0, 0);
            for lane in 0..48 / bits {
                let part = |v: i128| (v >> (lane * bits)) & ((1 << bits) - 1);
                // Only modes that ask for it have a carry input.
                let cin = if lane == 0 && name.contains("carry in") { o.carry } else { 0 };
                let sum = part(o.ab) + part(o.c) + cin;
                p |= (sum & ((1 << bits) - 1)) << (lane * bits);
                carry |= (sum >> bits) << ((lane + 1) * bits / 12 - 1);
            }
            assert_eq!(i128::from(output(&recording, "p", cycle)), p, "{name}, cycle {cycle}");
            let found = output(&recording, "carryout", cycle);
            assert_eq!(i128::from(found), carry, "{name}, cycle {cycle}");
            carries += found.count_ones();
        }
    }
    assert!(carries > 1000, "only {carries} carries occurred");
}

/// Cycles until P shows a change of `port` alone, all else constant; 0 within the cycle.
fn measure(mode: DspMode, port: &str) -> Option<usize> {
    const CHANGE: usize = 10;
    let mut stimulus = Stimulus::new(&design(mode).top().ports);
    for cycle in 0..CHANGE + 10 {
        let value = |p: &skipopu_hdl::Port| {
            let changed = u128::from(p.name == port && cycle >= CHANGE);
            let base = if p.name == "use_d" || p.name == "carryin" { 0 } else { 3 };
            Word::new(p.width, if p.name == "d" { base + 2 } else { base } + changed)
        };
        let row = stimulus.inputs.iter().map(value).collect();
        stimulus.push(row);
    }
    let recording = run(port, mode, &stimulus);
    let index = recording.outputs.iter().position(|p| p.name == "p").expect("an output");
    let (before, after) = (&recording.settled, &recording.edge);
    if before[CHANGE][index] != before[CHANGE - 1][index] {
        return Some(0);
    }
    let steady = &before[CHANGE][index];
    (CHANGE..after.len()).find(|c| &after[*c][index] != steady).map(|c| c + 1 - CHANGE)
}

#[test]
fn latencies_are_as_declared() {
    let full = product(PreAdder::DMinusA).z(Z::Pcin).w(W::C).carry_in();
    let short = full.a_regs(0).d_reg(false).b_regs(1).c_reg(false).ad_reg(false).carry_reg(false);
    let bare = short.b_regs(0).m_reg(false).p_reg(false);
    for mode in [full, short, bare] {
        let declared = [
            ("a", mode.latency_a()),
            ("b", mode.latency_b()),
            ("c", mode.latency_c()),
            ("d", mode.latency_d()),
            ("pcin", mode.latency_pcin()),
            ("carryin", mode.latency_carryin()),
        ];
        for (port, latency) in declared {
            assert_eq!(measure(mode, port), Some(latency), "{port} in {mode:?}");
        }
        assert_eq!(measure(mode, "use_d"), None, "the mode does not read use_d");
    }
    let select = product(PreAdder::Select);
    assert_eq!(measure(select, "use_d"), Some(select.latency_a()));
    assert_eq!(
        (full.latency_a(), full.latency_b(), full.latency_c(), full.latency_d()),
        (4, 4, 2, 4)
    );
}

/// A slice of every mode, so that the tools see all of them at once.
#[derive(LogicBlock, Ports)]
struct Slices {
    pub clock: Signal<In, Clock>,
    pub a: Wire<In>,
    pub b: Wire<In>,
    pub c: Wire<In>,
    pub d: Wire<In>,
    pub pcin: Wire<In>,
    pub carryin: Signal<In, Bit>,
    pub use_d: Signal<In, Bit>,
    pub p: Wire<Out>,
    pub pcout: Wire<Out>,
    pub carryout: Wire<Out>,
    slices: Vec<Dsp48e2>,
    _count: usize,
}

impl Slices {
    fn new(modes: Vec<DspMode>) -> Slices {
        let slices: Vec<Dsp48e2> = modes.into_iter().map(|m| m.build().unwrap()).collect();
        let count = slices.len();
        Slices {
            clock: Default::default(),
            a: Wire::new(30),
            b: Wire::new(18),
            c: Wire::new(48),
            d: Wire::new(27),
            pcin: Wire::new(48),
            carryin: Default::default(),
            use_d: Default::default(),
            p: Wire::new(48 * count),
            pcout: Wire::new(48 * count),
            carryout: Wire::new(4 * count),
            slices,
            _count: count,
        }
    }
}

impl Logic for Slices {
    #[hdl(count = self._count)]
    fn update(&mut self) {
        for i in 0..self._count {
            self.slices[i].clock.next = self.clock.val();
            self.slices[i].a.next = self.a.val();
            self.slices[i].b.next = self.b.val();
            self.slices[i].c.next = self.c.val();
            self.slices[i].d.next = self.d.val();
            self.slices[i].pcin.next = self.pcin.val();
            self.slices[i].carryin.next = self.carryin.val();
            self.slices[i].use_d.next = self.use_d.val();
            self.p.next.set_slice(48 * i, &self.slices[i].p.val());
            self.pcout.next.set_slice(48 * i, &self.slices[i].pcout.val());
            self.carryout.next.set_slice(4 * i, &self.slices[i].carryout.val());
        }
    }
}

#[test]
fn each_mode_is_one_slice_and_lints_clean() {
    let modes = table().into_iter().map(|(_, mode, _)| mode);
    let modes: Vec<DspMode> = modes.chain(split().into_iter().map(|(_, mode, _)| mode)).collect();
    let count = modes.len() as u64;
    let mut block = Slices::new(modes);
    block.connect_all();
    let design = emit(&block, "slices", &EmitOptions::default()).expect("it is emitted");
    let kinds = design.modules.len() as u64 - 1;
    assert!(count > 20 && kinds > count / 2, "{count} modes, {kinds} modules");
    let options = LintOptions::standard().expect("the waivers are readable");
    let report = lint::check(&design, &options).expect("the tools run");
    assert!(report.clean(), "{}", report.table().text());
    // Slices of one mode see the same operands: Yosys makes one of them.
    let report = synth::run(&design, "slices", &SynthOptions::default()).expect("Yosys runs");
    let area = &report.area;
    assert_eq!((area.dsps, area.luts, area.ffs, area.latches), (kinds, 0, 0, 0));
}

#[test]
fn what_the_device_lacks_is_refused_in_a_sentence() {
    let refused = |mode: DspMode| mode.build().err();
    let split = mode().simd(Simd::Two24);
    assert_eq!(refused(mode().a_regs(3)), Some(DspError::Registers { port: 'A', registers: 3 }));
    assert_eq!(refused(mode().x(X::Product)), Some(DspError::HalfProduct));
    assert_eq!(refused(mode().y(Y::Product).x(X::Ab)), Some(DspError::HalfProduct));
    assert_eq!(refused(mode().x(X::Ab).m_reg(true)), Some(DspError::NoProduct));
    assert_eq!(refused(mode().x(X::Ab).pre_adder(PreAdder::D)), Some(DspError::NoProduct));
    assert_eq!(refused(split.product()), Some(DspError::ProductInSimd { simd: "TWO24" }));
    let misaligned = product(PreAdder::DPlusA).a_regs(2);
    assert_eq!(refused(misaligned), Some(DspError::Misaligned { a: 2, d: 1 }));
    assert_eq!(refused(mode().x(X::Ab).a_regs(2)), Some(DspError::SplitOperand { a: 2, b: 1 }));
    assert_eq!(refused(product(PreAdder::A).z(Z::P).p_reg(false)), Some(DspError::Loop));
    let shift = split.x(X::Ab).z(Z::PcinShift17);
    assert_eq!(refused(shift), Some(DspError::ShiftInSimd { simd: "TWO24" }));
    assert_eq!(refused(product(PreAdder::A).carry_out()), Some(DspError::CarryOut));
    let three = mode().x(X::Ab).y(Y::C).z(Z::Pcin).carry_out();
    assert_eq!(refused(three), Some(DspError::CarryOut));
    assert_eq!(
        DspError::Misaligned { a: 2, d: 1 }.to_string(),
        "AREG = 2 and DREG = 1 misalign the operands of the pre-adder: give A and D the same number of registers"
    );
}
