//! [`DspMode`]: what one DSP48E2 is configured to do, and which configurations there are.

use super::Dsp48e2;

/// The multiplier's A operand, 27 bits. INMODE is static but for [`PreAdder::Select`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreAdder {
    /// A.
    A,
    /// -A.
    MinusA,
    /// D.
    D,
    /// D + A.
    DPlusA,
    /// D - A.
    DMinusA,
    /// A, or D while `use_d` is 1; `use_d` has as many registers as A.
    Select,
}

impl PreAdder {
    /// Is port A read?
    pub fn reads_a(self) -> bool {
        self != PreAdder::D
    }

    /// Is port D read?
    pub fn reads_d(self) -> bool {
        !matches!(self, PreAdder::A | PreAdder::MinusA)
    }
}

/// How the 48-bit adder is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Simd {
    /// One adder of 48 bits.
    One48,
    /// Two of 24 bits without carry between them.
    Two24,
    /// Four of 12 bits.
    Four12,
}

impl Simd {
    /// Number of adders.
    pub fn lanes(self) -> usize {
        match self {
            Simd::One48 => 1,
            Simd::Two24 => 2,
            Simd::Four12 => 4,
        }
    }

    /// Value of the attribute USE_SIMD.
    pub(super) fn attribute(self) -> &'static str {
        match self {
            Simd::One48 => "ONE48",
            Simd::Two24 => "TWO24",
            Simd::Four12 => "FOUR12",
        }
    }
}

/// X multiplexer, `OPMODE[1:0]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum X {
    /// 0.
    Zero,
    /// The product; only together with [`Y::Product`].
    Product,
    /// P.
    P,
    /// {A, B}, 30 and 18 bits.
    Ab,
}

/// Y multiplexer, `OPMODE[3:2]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Y {
    /// 0.
    Zero,
    /// The product's other half; only together with [`X::Product`].
    Product,
    /// All ones.
    Ones,
    /// C.
    C,
}

/// Z multiplexer, `OPMODE[6:4]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Z {
    /// 0.
    Zero,
    /// PCIN, from the DSP below.
    Pcin,
    /// P.
    P,
    /// C.
    C,
    /// PCIN shifted right by 17, arithmetically.
    PcinShift17,
    /// P shifted right by 17, arithmetically.
    PShift17,
}

/// W multiplexer, `OPMODE[8:7]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum W {
    /// 0.
    Zero,
    /// P.
    P,
    /// C.
    C,
}

/// What the adder does, ALUMODE; `c` is the carry input. The logic functions are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alu {
    /// Z + (W + X + Y + c).
    Add,
    /// Z - (W + X + Y + c).
    Subtract,
    /// -Z + (W + X + Y + c) - 1.
    ReverseSubtract,
    /// -(Z + W + X + Y + c) - 1.
    Complement,
}

impl Alu {
    /// ALUMODE.
    pub(super) fn code(self) -> u8 {
        match self {
            Alu::Add => 0b0000,
            Alu::Subtract => 0b0011,
            Alu::ReverseSubtract => 0b0001,
            Alu::Complement => 0b0010,
        }
    }
}

/// A configuration that no DSP48E2 has, or that computes with misaligned operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DspError {
    /// AREG or BREG above 2.
    #[error("port {port} with {registers} registers: a DSP48E2 has 0 to 2 of them on A and B")]
    Registers {
        /// The port.
        port: char,
        /// Registers asked for.
        registers: usize,
    },
    /// Only one of X and Y is the product.
    #[error("X and Y take the product together: select it in both or in neither")]
    HalfProduct,
    /// A pre-adder or ADREG or MREG without a product.
    #[error("the pre-adder and the registers AD and M serve the product only: select it in X and Y, or leave them out")]
    NoProduct,
    /// A product and a split adder.
    #[error("USE_SIMD = {simd}: the product needs the whole adder, use ONE48")]
    ProductInSimd {
        /// USE_SIMD.
        simd: &'static str,
    },
    /// A and D reach the pre-adder in different cycles.
    #[error("AREG = {a} and DREG = {d} misalign the operands of the pre-adder: give A and D the same number of registers")]
    Misaligned {
        /// Registers on A.
        a: usize,
        /// Registers on D.
        d: usize,
    },
    /// A and B differ as halves of one operand.
    #[error("AREG = {a} and BREG = {b} misalign the halves of {{A, B}}: give both the same number of registers")]
    SplitOperand {
        /// Registers on A.
        a: usize,
        /// Registers on B.
        b: usize,
    },
    /// P selected as an operand without its register.
    #[error("P as an operand without PREG is a combinational loop: keep the register P")]
    Loop,
    /// Shifted operands in a split adder.
    #[error("USE_SIMD = {simd}: a shift by 17 crosses the borders of a split adder, use ONE48")]
    ShiftInSimd {
        /// USE_SIMD.
        simd: &'static str,
    },
    /// CARRYOUT where it has no meaning.
    #[error("CARRYOUT is the carry of a plain sum of two operands: select Add, no product, and at most two of W, X, Y and Z")]
    CarryOut,
}

/// The configuration of a [`Dsp48e2`]: set what is needed, then [`DspMode::build`].
///
/// Starts as one register on every port and stage, no product, all multiplexers at zero. A register of
/// a port or stage that the mode does not use does not exist.
///
/// ```
/// use skipopu_hw::primitives::dsp48e2::{DspMode, PreAdder, Z};
/// // (D - A) * B + C in four cycles
/// let mode = DspMode::new().b_regs(2).pre_adder(PreAdder::DMinusA).product().z(Z::C);
/// assert_eq!((mode.latency_a(), mode.latency_b(), mode.latency_c()), (4, 4, 2));
/// assert!(mode.build().is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DspMode {
    pub(super) a_regs: usize,
    pub(super) b_regs: usize,
    pub(super) c_reg: bool,
    pub(super) d_reg: bool,
    pub(super) ad_reg: Option<bool>,
    pub(super) m_reg: Option<bool>,
    pub(super) p_reg: bool,
    pub(super) carry_reg: bool,
    pub(super) pre_adder: PreAdder,
    pub(super) simd: Simd,
    pub(super) x: X,
    pub(super) y: Y,
    pub(super) z: Z,
    pub(super) w: W,
    pub(super) alu: Alu,
    pub(super) carry_in: bool,
    pub(super) carry_out: bool,
}

impl Default for DspMode {
    fn default() -> DspMode {
        DspMode::new()
    }
}

impl DspMode {
    /// Registers everywhere, nothing selected.
    pub fn new() -> DspMode {
        DspMode {
            a_regs: 1,
            b_regs: 1,
            c_reg: true,
            d_reg: true,
            ad_reg: None,
            m_reg: None,
            p_reg: true,
            carry_reg: true,
            pre_adder: PreAdder::A,
            simd: Simd::One48,
            x: X::Zero,
            y: Y::Zero,
            z: Z::Zero,
            w: W::Zero,
            alu: Alu::Add,
            carry_in: false,
            carry_out: false,
        }
    }

    /// AREG, 0 to 2.
    pub fn a_regs(self, registers: usize) -> DspMode {
        DspMode { a_regs: registers, ..self }
    }

    /// BREG, 0 to 2.
    pub fn b_regs(self, registers: usize) -> DspMode {
        DspMode { b_regs: registers, ..self }
    }

    /// CREG.
    pub fn c_reg(self, on: bool) -> DspMode {
        DspMode { c_reg: on, ..self }
    }

    /// DREG.
    pub fn d_reg(self, on: bool) -> DspMode {
        DspMode { d_reg: on, ..self }
    }

    /// ADREG; on by default where there is a product.
    pub fn ad_reg(self, on: bool) -> DspMode {
        DspMode { ad_reg: Some(on), ..self }
    }

    /// MREG; on by default where there is a product.
    pub fn m_reg(self, on: bool) -> DspMode {
        DspMode { m_reg: Some(on), ..self }
    }

    /// PREG, which also delays `carryout`.
    pub fn p_reg(self, on: bool) -> DspMode {
        DspMode { p_reg: on, ..self }
    }

    /// CARRYINREG.
    pub fn carry_reg(self, on: bool) -> DspMode {
        DspMode { carry_reg: on, ..self }
    }

    /// The multiplier's A operand.
    pub fn pre_adder(self, pre_adder: PreAdder) -> DspMode {
        DspMode { pre_adder, ..self }
    }

    /// How the adder is split.
    pub fn simd(self, simd: Simd) -> DspMode {
        DspMode { simd, ..self }
    }

    /// The product in X and Y.
    pub fn product(self) -> DspMode {
        DspMode { x: X::Product, y: Y::Product, ..self }
    }

    /// X multiplexer.
    pub fn x(self, x: X) -> DspMode {
        DspMode { x, ..self }
    }

    /// Y multiplexer.
    pub fn y(self, y: Y) -> DspMode {
        DspMode { y, ..self }
    }

    /// Z multiplexer.
    pub fn z(self, z: Z) -> DspMode {
        DspMode { z, ..self }
    }

    /// W multiplexer.
    pub fn w(self, w: W) -> DspMode {
        DspMode { w, ..self }
    }

    /// What the adder does.
    pub fn alu(self, alu: Alu) -> DspMode {
        DspMode { alu, ..self }
    }

    /// Adds `carryin`, in the lowest part of a split adder.
    pub fn carry_in(self) -> DspMode {
        DspMode { carry_in: true, ..self }
    }

    /// Drives `carryout`; it is 0 otherwise.
    pub fn carry_out(self) -> DspMode {
        DspMode { carry_out: true, ..self }
    }

    /// The block.
    ///
    /// # Errors
    /// A combination that the device does not have, in a sentence.
    pub fn build(self) -> Result<Dsp48e2, DspError> {
        self.check()?;
        Ok(Dsp48e2::of(self))
    }

    fn check(&self) -> Result<(), DspError> {
        for (port, registers) in [('A', self.a_regs), ('B', self.b_regs)] {
            if registers > 2 {
                return Err(DspError::Registers { port, registers });
            }
        }
        let simd = self.simd.attribute();
        if (self.x == X::Product) != (self.y == Y::Product) {
            return Err(DspError::HalfProduct);
        }
        let stages = self.ad_reg == Some(true) || self.m_reg == Some(true);
        if !self.multiplies() && (stages || self.pre_adder != PreAdder::A) {
            return Err(DspError::NoProduct);
        }
        if self.multiplies() && self.simd != Simd::One48 {
            return Err(DspError::ProductInSimd { simd });
        }
        let (a, b, d) = (self.a_regs, self.b_regs, usize::from(self.d_reg));
        if self.pre_adder.reads_a() && self.pre_adder.reads_d() && a != d {
            return Err(DspError::Misaligned { a, d });
        }
        if self.x == X::Ab && a != b {
            return Err(DspError::SplitOperand { a, b });
        }
        let feedback = self.x == X::P || self.w == W::P || matches!(self.z, Z::P | Z::PShift17);
        if feedback && !self.p_reg {
            return Err(DspError::Loop);
        }
        if matches!(self.z, Z::PShift17 | Z::PcinShift17) && self.simd != Simd::One48 {
            return Err(DspError::ShiftInSimd { simd });
        }
        let operands = [self.x != X::Zero, self.y != Y::Zero, self.z != Z::Zero, self.w != W::Zero];
        let operands = operands.into_iter().filter(|used| *used).count();
        if self.carry_out && (self.alu != Alu::Add || self.multiplies() || operands > 2) {
            return Err(DspError::CarryOut);
        }
        Ok(())
    }

    /// Is the multiplier used?
    pub fn multiplies(&self) -> bool {
        self.x == X::Product
    }

    /// Is there a register AD?
    pub(super) fn has_ad(&self) -> bool {
        self.multiplies() && self.ad_reg.unwrap_or(true)
    }

    /// Is there a register M?
    pub(super) fn has_m(&self) -> bool {
        self.multiplies() && self.m_reg.unwrap_or(true)
    }

    pub(super) fn reads_a(&self) -> bool {
        self.x == X::Ab || (self.multiplies() && self.pre_adder.reads_a())
    }

    pub(super) fn reads_b(&self) -> bool {
        self.x == X::Ab || self.multiplies()
    }

    pub(super) fn reads_c(&self) -> bool {
        self.y == Y::C || self.z == Z::C || self.w == W::C
    }

    pub(super) fn reads_d(&self) -> bool {
        self.multiplies() && self.pre_adder.reads_d()
    }

    pub(super) fn reads_pcin(&self) -> bool {
        matches!(self.z, Z::Pcin | Z::PcinShift17)
    }

    pub(super) fn selects(&self) -> bool {
        self.multiplies() && self.pre_adder == PreAdder::Select
    }

    fn behind_pre_adder(&self) -> usize {
        usize::from(self.has_ad()) + self.behind_multiplier()
    }

    fn behind_multiplier(&self) -> usize {
        usize::from(self.has_m()) + usize::from(self.p_reg)
    }

    /// Cycles from `a` to `p`.
    pub fn latency_a(&self) -> usize {
        self.a_regs + self.behind_pre_adder()
    }

    /// Cycles from `b` to `p`.
    pub fn latency_b(&self) -> usize {
        self.b_regs + self.behind_multiplier()
    }

    /// Cycles from `c` to `p`.
    pub fn latency_c(&self) -> usize {
        usize::from(self.c_reg) + usize::from(self.p_reg)
    }

    /// Cycles from `d` to `p`.
    pub fn latency_d(&self) -> usize {
        usize::from(self.d_reg) + self.behind_pre_adder()
    }

    /// Cycles from `carryin` to `p`.
    pub fn latency_carryin(&self) -> usize {
        usize::from(self.carry_reg) + usize::from(self.p_reg)
    }

    /// Cycles from `pcin` to `p`.
    pub fn latency_pcin(&self) -> usize {
        usize::from(self.p_reg)
    }

    /// Short text for the module name's parameters: OPMODE and ALUMODE, pre-adder, registers.
    pub(super) fn name(&self) -> String {
        let register = |on: bool| u8::from(on);
        format!(
            "{:09b}_{:04b}_{:?}_{}_a{}b{}c{}d{}ad{}m{}p{}{}{}",
            self.opmode(),
            self.alu.code(),
            self.pre_adder,
            self.simd.attribute(),
            self.a_regs,
            self.b_regs,
            register(self.c_reg),
            register(self.d_reg),
            register(self.has_ad()),
            register(self.has_m()),
            register(self.p_reg),
            if self.carry_in { "_cin" } else { "" },
            if self.carry_out { "_cout" } else { "" },
        )
        .to_lowercase()
    }

    /// INMODE; bit 1 and 2 of [`PreAdder::Select`] come from `use_d`.
    pub(super) fn inmode(&self) -> u8 {
        match self.pre_adder {
            PreAdder::A | PreAdder::Select => 0b00000,
            PreAdder::MinusA => 0b01000,
            PreAdder::D => 0b00110,
            PreAdder::DPlusA => 0b00100,
            PreAdder::DMinusA => 0b01100,
        }
    }

    /// OPMODE.
    pub(super) fn opmode(&self) -> u16 {
        let w = match self.w {
            W::Zero => 0,
            W::P => 0b01,
            W::C => 0b11,
        };
        let z = match self.z {
            Z::Zero => 0,
            Z::Pcin => 0b001,
            Z::P => 0b010,
            Z::C => 0b011,
            Z::PcinShift17 => 0b101,
            Z::PShift17 => 0b110,
        };
        let y = match self.y {
            Y::Zero => 0,
            Y::Product => 0b01,
            Y::Ones => 0b10,
            Y::C => 0b11,
        };
        let x = match self.x {
            X::Zero => 0,
            X::Product => 0b01,
            X::P => 0b10,
            X::Ab => 0b11,
        };
        w << 7 | z << 4 | y << 2 | x
    }
}
