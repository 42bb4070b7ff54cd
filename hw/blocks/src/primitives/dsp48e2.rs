//! [`Dsp48e2`]: the DSP slice of UltraScale+ (UG579), configured by a [`DspMode`].

mod mode;
mod verilog;

pub use mode::{Alu, DspError, DspMode, PreAdder, Simd, W, X, Y, Z};

use skipopu_hdl::ast::{Verilog, Wrapper};
use skipopu_hdl::block_tag;
use skipopu_hdl::prelude::*;

/// One DSP48E2.
///
/// - Does: pre-adder, 27x18-bit signed multiplier, adder of four 48-bit operands, the registers of its
///   [`DspMode`]; a new operation every cycle.
/// - Does not: logic functions, pattern detection, clock enables, resets, A and B cascades, CARRYCASC.
///   Operands come from ports A and B and the P cascade.
///
/// Ports that the mode does not use are ignored: tie them to 0. All registers start at 0.
#[derive(LogicBlock, Ports)]
pub struct Dsp48e2 {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// A, 30 bits; the multiplier takes the low 27.
    pub a: Wire<In>,
    /// B, 18 bits.
    pub b: Wire<In>,
    /// C, 48 bits.
    pub c: Wire<In>,
    /// D, 27 bits.
    pub d: Wire<In>,
    /// P cascade from the DSP below, 48 bits; only ever another DSP's `pcout`.
    pub pcin: Wire<In>,
    /// Carry into the lowest bit.
    pub carryin: Signal<In, Bit>,
    /// The product takes D instead of A ([`PreAdder::Select`]).
    pub use_d: Signal<In, Bit>,
    /// P, 48 bits.
    pub p: Wire<Out>,
    /// P cascade to the DSP above.
    pub pcout: Wire<Out>,
    /// CARRYOUT: bit 3 of one adder; bits 1 and 3 of two; all of four. Other bits are 0.
    pub carryout: Wire<Out>,
    _mode: DspMode,
    _state: State,
}

const ONES48: u64 = (1 << 48) - 1;

/// What the registers hold; those the mode leaves out stay 0.
#[derive(Clone, Copy, Default)]
struct State {
    a: [u64; 2],
    b: [u64; 2],
    c: u64,
    d: u64,
    use_d: bool,
    carry: bool,
    ad: i64,
    m: i64,
    p: u64,
    carryout: u64,
}

/// What the stages see in the present cycle.
struct Operands {
    a: u64,
    b: u64,
    c: u64,
    d: u64,
    pcin: u64,
    use_d: bool,
    carry: bool,
}

fn signed(value: u64, bits: u32) -> i64 {
    (value << (64 - bits)) as i64 >> (64 - bits)
}

impl Dsp48e2 {
    /// For [`DspMode::build`], which checks the mode.
    fn of(mode: DspMode) -> Dsp48e2 {
        Dsp48e2 {
            clock: Default::default(),
            a: Wire::new(30),
            b: Wire::new(18),
            c: Wire::new(48),
            d: Wire::new(27),
            pcin: Wire::new(48),
            carryin: Default::default(),
            use_d: Default::default(),
            p: Wire::new(48),
            pcout: Wire::new(48),
            carryout: Wire::new(4),
            _mode: mode,
            _state: State::default(),
        }
    }

    /// The configuration.
    pub fn mode(&self) -> &DspMode {
        &self._mode
    }

    /// Operands behind the input registers.
    fn operands(&self) -> Operands {
        let (mode, s) = (&self._mode, &self._state);
        let port = |used: bool, wire: &Wire<In>| if used { wire.val().to_u64() } else { 0 };
        let held = |registers: usize, state: u64, wire: &Wire<In>, used: bool| match registers {
            0 => port(used, wire),
            _ => state,
        };
        Operands {
            a: held(mode.a_regs, s.a[0], &self.a, mode.reads_a()),
            b: held(mode.b_regs, s.b[0], &self.b, mode.reads_b()),
            c: held(mode.c_reg.into(), s.c, &self.c, mode.reads_c()),
            d: held(mode.d_reg.into(), s.d, &self.d, mode.reads_d()),
            pcin: port(mode.reads_pcin(), &self.pcin),
            use_d: if mode.a_regs == 0 { self.use_d.val() } else { s.use_d },
            carry: mode.carry_in && if mode.carry_reg { s.carry } else { self.carryin.val() },
        }
    }

    fn pre_add(&self, o: &Operands) -> i64 {
        let (a, d) = (signed(o.a, 27), signed(o.d, 27));
        let sum = match self._mode.pre_adder {
            PreAdder::A => a,
            PreAdder::MinusA => -a,
            PreAdder::D => d,
            PreAdder::DPlusA => d + a,
            PreAdder::DMinusA => d - a,
            PreAdder::Select if o.use_d => d,
            PreAdder::Select => a,
        };
        signed(sum as u64, 27)
    }

    /// P and CARRYOUT from the operands and the product.
    fn add(&self, o: &Operands, m: i64) -> (u64, u64) {
        let (mode, p) = (&self._mode, self._state.p);
        let product = m as u64 & ONES48;
        // The product's two halves are one number here; X carries it.
        let x = match mode.x {
            X::Zero => 0,
            X::Product => product,
            X::P => p,
            X::Ab => o.a << 18 | o.b,
        };
        let y = match mode.y {
            Y::Zero | Y::Product => 0,
            Y::Ones => ONES48,
            Y::C => o.c,
        };
        let z = match mode.z {
            Z::Zero => 0,
            Z::Pcin => o.pcin,
            Z::P => p,
            Z::C => o.c,
            Z::PcinShift17 => (signed(o.pcin, 48) >> 17) as u64 & ONES48,
            Z::PShift17 => (signed(p, 48) >> 17) as u64 & ONES48,
        };
        let w = match mode.w {
            W::Zero => 0,
            W::P => p,
            W::C => o.c,
        };
        let lanes = mode.simd.lanes();
        let bits = 48 / lanes;
        let (mut sum, mut carries) = (0, 0);
        for lane in 0..lanes {
            let part = |v: u64| (v >> (lane * bits)) as i64 & ((1 << bits) - 1);
            let carry = i64::from(o.carry && lane == 0);
            let (rest, z) = (part(w) + part(x) + part(y) + carry, part(z));
            let r = match mode.alu {
                Alu::Add => z + rest,
                Alu::Subtract => z - rest,
                Alu::ReverseSubtract => rest - z - 1,
                Alu::Complement => -(z + rest) - 1,
            };
            sum |= (r as u64 & ((1 << bits) - 1)) << (lane * bits);
            carries |= (r as u64 >> bits & 1) << ((lane + 1) * 4 / lanes - 1);
        }
        (sum, if mode.carry_out { carries } else { 0 })
    }
}

impl Logic for Dsp48e2 {
    fn update(&mut self) {
        let mode = self._mode;
        if self.clock.pos_edge() {
            let o = self.operands();
            let ad = self.pre_add(&o);
            let m = if mode.has_ad() { self._state.ad } else { ad } * signed(o.b, 18);
            let (p, carryout) = self.add(&o, if mode.has_m() { self._state.m } else { m });
            let port = |used: bool, wire: &Wire<In>| if used { wire.val().to_u64() } else { 0 };
            let s = &mut self._state;
            let a = port(mode.reads_a(), &self.a);
            let b = port(mode.reads_b(), &self.b);
            s.a = [if mode.a_regs == 2 { s.a[1] } else { a }, a];
            s.b = [if mode.b_regs == 2 { s.b[1] } else { b }, b];
            s.c = port(mode.reads_c(), &self.c);
            s.d = port(mode.reads_d(), &self.d);
            s.use_d = self.use_d.val();
            s.carry = self.carryin.val();
            (s.ad, s.m) = (ad, m);
            if mode.p_reg {
                (s.p, s.carryout) = (p, carryout);
            }
        }
        let (p, carryout) = if mode.p_reg {
            (self._state.p, self._state.carryout)
        } else {
            let o = self.operands();
            let ad = if mode.has_ad() { self._state.ad } else { self.pre_add(&o) };
            let m = if mode.has_m() { self._state.m } else { ad * signed(o.b, 18) };
            self.add(&o, m)
        };
        self.p.next = Word::new(48, p.into());
        self.pcout.next = Word::new(48, p.into());
        self.carryout.next = Word::new(4, carryout.into());
    }
    fn connect(&mut self) {
        self.p.connect();
        self.pcout.connect();
        self.carryout.connect();
    }
    fn hdl(&self) -> Verilog {
        let (primitive, model) = (verilog::primitive(&self._mode), verilog::model(&self._mode));
        let code = format!("`ifdef SYNTHESIS\n{primitive}`else\n{model}`endif");
        Verilog::Wrapper(Wrapper { code, cores: String::new() })
    }
    block_tag!(self; mode = self._mode.name());
}
