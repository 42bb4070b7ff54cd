//! A regular design in plain rust-hdl (`#[hdl_gen]`, const generics), so that rust-hdl's own
//! `generate_verilog` and our emitter can be given the same blocks.
//!
//! `columns` columns of `N` multipliers each; a multiplier makes two 11 x 11-bit products from one
//! 27 x 18-bit DSP, a column adds and accumulates them, the shared operand moves from column to column.

use rust_hdl::prelude::*;
use skipopu_hdl::kernel::{assign, sig};
use skipopu_hdl::{ast, block_tag, Ports};

/// Cycles from the operands of [`Multiplier`] to its products.
pub const MULTIPLIER_LATENCY: usize = 3;

/// `p = a * b`, registered at operands, product and output.
#[derive(LogicBlock, Default)]
pub struct Dsp {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Signed 27-bit operand.
    pub a: Signal<In, Bits<27>>,
    /// Signed 18-bit operand.
    pub b: Signal<In, Bits<18>>,
    /// Signed product.
    pub p: Signal<Out, Bits<48>>,
    _a: i64,
    _b: i64,
    _m: i64,
}

fn signed(v: u64, bits: u32) -> i64 {
    ((v << (64 - bits)) as i64) >> (64 - bits)
}

impl Logic for Dsp {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self.p.next = (self._m as u64 & 0xffff_ffff_ffff).to_bits();
            self._m = self._a * self._b;
            self._a = signed(self.a.val().to_u64(), 27);
            self._b = signed(self.b.val().to_u64(), 18);
        }
    }
    fn connect(&mut self) {
        self.p.connect();
    }
    fn hdl(&self) -> Verilog {
        let code = r#"`ifdef SYNTHESIS
DSP48E2 #(.AREG(1), .ACASCREG(1), .BREG(1), .BCASCREG(1), .MREG(1), .PREG(1), .CREG(0), .DREG(0), .ADREG(0),
          .INMODEREG(0), .OPMODEREG(0), .ALUMODEREG(0), .CARRYINREG(0), .CARRYINSELREG(0), .USE_MULT("MULTIPLY"))
    dsp (.CLK(clock), .A({{3{a[26]}}, a}), .B(b), .C(48'd0), .D(27'd0), .P(p),
         .OPMODE(9'b000000101), .ALUMODE(4'd0), .INMODE(5'd0), .CARRYIN(1'b0), .CARRYINSEL(3'd0),
         .CEA1(1'b0), .CEA2(1'b1), .CEB1(1'b0), .CEB2(1'b1), .CEM(1'b1), .CEP(1'b1), .CEC(1'b0), .CED(1'b0),
         .CEAD(1'b0), .CEALUMODE(1'b0), .CECTRL(1'b0), .CECARRYIN(1'b0), .CEINMODE(1'b0),
         .RSTA(1'b0), .RSTB(1'b0), .RSTC(1'b0), .RSTD(1'b0), .RSTM(1'b0), .RSTP(1'b0), .RSTALUMODE(1'b0),
         .RSTCTRL(1'b0), .RSTALLCARRYIN(1'b0), .RSTINMODE(1'b0),
         .ACIN(30'd0), .BCIN(18'd0), .PCIN(48'd0), .CARRYCASCIN(1'b0), .MULTSIGNIN(1'b0));
`else
reg signed [26:0] ar = 27'd0;
reg signed [17:0] br = 18'd0;
reg signed [44:0] mr = 45'd0;
reg signed [47:0] pr = 48'd0;
always @(posedge clock) begin
    ar <= a;
    br <= b;
    mr <= ar * br;
    pr <= {{3{mr[44]}}, mr};
end
assign p = pr;
`endif"#;
        Verilog::Wrapper(ast::Wrapper { code: code.into(), cores: String::new() })
    }
    block_tag!(self; latency = MULTIPLIER_LATENCY);
}

/// `p0 = u0 * v` and `p1 = u1[9:0] * v` from one DSP.
#[derive(LogicBlock, Default)]
pub struct Multiplier {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// First factor.
    pub u0: Signal<In, Bits<11>>,
    /// Second factor, 10 bits used.
    pub u1: Signal<In, Bits<11>>,
    /// Shared factor.
    pub v: Signal<In, Bits<11>>,
    /// First product.
    pub p0: Signal<Out, Bits<22>>,
    /// Second product.
    pub p1: Signal<Out, Bits<22>>,
    dsp: Dsp,
    low0: DFF<Bits<6>>,
    low1: DFF<Bits<6>>,
    low2: DFF<Bits<6>>,
    mul: Signal<Local, Bits<32>>,
    hi: Signal<Local, Bits<6>>,
    l16: Signal<Local, Bits<16>>,
    ul: Signal<Local, Bits<6>>,
    vl: Signal<Local, Bits<6>>,
    u1x: Signal<Local, Bits<10>>,
}

impl Logic for Multiplier {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, low0, low1, low2);
        self.dsp.clock.next = self.clock.val();
        self.ul.next = self.u1.val().get_bits::<6>(0);
        self.vl.next = self.v.val().get_bits::<6>(0);
        self.u1x.next = self.u1.val().get_bits::<10>(0);
        self.mul.next = bit_cast::<16, 6>(self.ul.val()) * bit_cast::<16, 6>(self.vl.val());
        self.low0.d.next = self.mul.val().get_bits::<6>(0);
        self.low1.d.next = self.low0.q.val();
        self.low2.d.next = self.low1.q.val();
        self.dsp.a.next =
            (bit_cast::<27, 10>(self.u1x.val()) << 16) | bit_cast::<27, 11>(self.u0.val());
        self.dsp.b.next = bit_cast::<18, 11>(self.v.val());
        self.hi.next = self.dsp.p.val().get_bits::<6>(16) - self.low2.q.val();
        self.l16.next = self.dsp.p.val().get_bits::<16>(0);
        self.p0.next =
            bit_cast::<22, 16>(self.l16.val()) | (bit_cast::<22, 6>(self.hi.val()) << 16);
        self.p1.next = self.dsp.p.val().get_bits::<22>(16) - bit_cast::<22, 6>(self.hi.val());
    }
    block_tag!(self; latency = MULTIPLIER_LATENCY);
}

/// `N` multipliers (`W = 11 * N`), their sums, and two accumulators.
#[derive(LogicBlock)]
pub struct Column<const N: usize, const W: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Start new sums.
    pub clear: Signal<In, Bit>,
    /// First factors, lane 0 lowest.
    pub u0: Signal<In, Bits<W>>,
    /// Second factors.
    pub u1: Signal<In, Bits<W>>,
    /// Shared factors.
    pub v: Signal<In, Bits<W>>,
    /// `clear`, a cycle later.
    pub clear_out: Signal<Out, Bit>,
    /// `v`, a cycle later.
    pub v_out: Signal<Out, Bits<W>>,
    /// Sum of the first products.
    pub acc0: Signal<Out, Bits<32>>,
    /// Sum of the second products.
    pub acc1: Signal<Out, Bits<32>>,
    lane: Vec<Multiplier>,
    vr: DFF<Bits<W>>,
    cr: DFF<Bit>,
    a0: DFF<Bits<32>>,
    a1: DFF<Bits<32>>,
    s0: Signal<Local, Bits<32>>,
    s1: Signal<Local, Bits<32>>,
    t0: Signal<Local, Bits<22>>,
    t1: Signal<Local, Bits<22>>,
    _no_inline: bool,
}

impl<const N: usize, const W: usize> Column<N, W> {
    /// A column; with `no_inline` Verilator compiles it once for all instances.
    pub fn new(no_inline: bool) -> Self {
        assert_eq!(W, 11 * N, "W is 11 bits a lane");
        Column {
            clock: Default::default(),
            clear: Default::default(),
            u0: Default::default(),
            u1: Default::default(),
            v: Default::default(),
            clear_out: Default::default(),
            v_out: Default::default(),
            acc0: Default::default(),
            acc1: Default::default(),
            lane: (0..N).map(|_| Default::default()).collect(),
            vr: Default::default(),
            cr: Default::default(),
            a0: Default::default(),
            a1: Default::default(),
            s0: Default::default(),
            s1: Default::default(),
            t0: Default::default(),
            t1: Default::default(),
            _no_inline: no_inline,
        }
    }
}

impl<const N: usize, const W: usize> Logic for Column<N, W> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, vr, cr, a0, a1);
        self.vr.d.next = self.v.val();
        self.v_out.next = self.vr.q.val();
        self.cr.d.next = self.clear.val();
        self.clear_out.next = self.cr.q.val();
        self.s0.next = 0.into();
        self.s1.next = 0.into();
        for i in 0..N {
            self.lane[i].clock.next = self.clock.val();
            self.lane[i].u0.next = self.u0.val().get_bits::<11>(i * 11);
            self.lane[i].u1.next = self.u1.val().get_bits::<11>(i * 11);
            self.lane[i].v.next = self.vr.q.val().get_bits::<11>(i * 11);
            // A cast of an indexed signal does not compile in stock rust-hdl.
            self.t0.next = self.lane[i].p0.val();
            self.t1.next = self.lane[i].p1.val();
            self.s0.next = self.s0.val() + bit_cast::<32, 22>(self.t0.val());
            self.s1.next = self.s1.val() + bit_cast::<32, 22>(self.t1.val());
        }
        if self.cr.q.val() {
            self.a0.d.next = self.s0.val();
            self.a1.d.next = self.s1.val();
        } else {
            self.a0.d.next = self.a0.q.val() + self.s0.val();
            self.a1.d.next = self.a1.q.val() + self.s1.val();
        }
        self.acc0.next = self.a0.q.val();
        self.acc1.next = self.a1.q.val();
    }
    block_tag!(self; lanes = N; no_inline = self._no_inline);
}

/// A row of columns; `P = 32` bits a column.
#[derive(LogicBlock, Ports)]
pub struct Array<const N: usize, const W: usize, const P: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Start new sums.
    pub clear: Signal<In, Bit>,
    /// First factors, the same for all columns.
    pub u0: Signal<In, Bits<W>>,
    /// Second factors.
    pub u1: Signal<In, Bits<W>>,
    /// Shared factors, passed from column to column.
    pub v: Signal<In, Bits<W>>,
    /// Sums of the first products, column 0 lowest.
    pub acc0: Signal<Out, Bits<P>>,
    /// Sums of the second products.
    pub acc1: Signal<Out, Bits<P>>,
    column: Vec<Column<N, W>>,
}

impl<const N: usize, const W: usize, const P: usize> Array<N, W, P> {
    /// `P / 32` columns.
    pub fn new(no_inline: bool) -> Self {
        Array {
            clock: Default::default(),
            clear: Default::default(),
            u0: Default::default(),
            u1: Default::default(),
            v: Default::default(),
            acc0: Default::default(),
            acc1: Default::default(),
            column: (0..P / 32).map(|_| Column::new(no_inline)).collect(),
        }
    }
}

impl<const N: usize, const W: usize, const P: usize> Logic for Array<N, W, P> {
    fn update(&mut self) {
        for i in 0..self.column.len() {
            let (v, clear) = match i {
                0 => (self.v.val(), self.clear.val()),
                _ => (self.column[i - 1].v_out.val(), self.column[i - 1].clear_out.val()),
            };
            let c = &mut self.column[i];
            c.clock.next = self.clock.val();
            c.clear.next = clear;
            c.u0.next = self.u0.val();
            c.u1.next = self.u1.val();
            c.v.next = v;
            self.acc0.next.set_bits(i * 32, c.acc0.val());
            self.acc1.next.set_bits(i * 32, c.acc1.val());
        }
    }
    fn connect(&mut self) {
        self.acc0.connect();
        self.acc1.connect();
        for c in &mut self.column {
            c.clock.connect();
            c.clear.connect();
            c.u0.connect();
            c.u1.connect();
            c.v.connect();
        }
    }
    fn hdl(&self) -> Verilog {
        // Stock rust-hdl cannot write a slice in a kernel, so the tree is built by hand.
        let mut code = Vec::new();
        for i in 0..self.column.len() {
            let before = |port: &str, out: &str| match i {
                0 => sig(port),
                _ => sig(format!("column${}${out}", i - 1)),
            };
            code.push(assign(format!("column${i}$clock"), sig("clock")));
            code.push(assign(format!("column${i}$clear"), before("clear", "clear_out")));
            code.push(assign(format!("column${i}$u0"), sig("u0")));
            code.push(assign(format!("column${i}$u1"), sig("u1")));
            code.push(assign(format!("column${i}$v"), before("v", "v_out")));
            for acc in ["acc0", "acc1"] {
                code.push(ast::VerilogStatement::SliceAssignment {
                    base: sig(acc),
                    width: 32,
                    offset: ast::VerilogExpression::Literal((i * 32).into()),
                    replacement: sig(format!("column${i}${acc}")),
                });
            }
        }
        Verilog::Combinatorial(code)
    }
    block_tag!(self; lanes = N, columns = P / 32);
}
