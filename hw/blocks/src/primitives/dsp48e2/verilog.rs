//! The two texts of a DSP48E2, from the same fields: the vendor primitive and its model.

use super::mode::{Alu, DspMode, PreAdder, Simd, W, X, Y, Z};
use std::fmt::Write as _;

/// The primitive with every attribute and port.
pub(super) fn primitive(mode: &DspMode) -> String {
    // ACASCREG and BCASCREG must equal AREG and BREG unless those are 2; ports that are not read keep
    // their registers and are tied, as the vendor recommends for power.
    let quoted = |s: &str| format!("\"{s}\"");
    let bit = |on: bool| u8::from(on).to_string();
    let cascade = |registers: usize| registers.to_string();
    let pre_adder = mode.multiplies() && (mode.pre_adder != PreAdder::A || mode.has_ad());
    let c_reg = !mode.reads_c() || mode.c_reg;
    let d_reg = !mode.reads_d() || mode.d_reg;
    let ad_reg = !pre_adder || mode.has_ad();
    let inmode_reg = mode.selects() && mode.a_regs > 0;
    let attributes = [
        ("A_INPUT", quoted("DIRECT")),
        ("B_INPUT", quoted("DIRECT")),
        ("AMULTSEL", quoted(if pre_adder { "AD" } else { "A" })),
        ("BMULTSEL", quoted("B")),
        ("PREADDINSEL", quoted("A")),
        ("USE_MULT", quoted(if mode.multiplies() { "MULTIPLY" } else { "NONE" })),
        ("USE_SIMD", quoted(mode.simd.attribute())),
        ("USE_WIDEXOR", quoted("FALSE")),
        ("XORSIMD", quoted("XOR24_48_96")),
        ("USE_PATTERN_DETECT", quoted("NO_PATDET")),
        ("AUTORESET_PATDET", quoted("NO_RESET")),
        ("AUTORESET_PRIORITY", quoted("RESET")),
        ("SEL_MASK", quoted("MASK")),
        ("SEL_PATTERN", quoted("PATTERN")),
        ("MASK", "48'h3fffffffffff".into()),
        ("PATTERN", "48'h000000000000".into()),
        ("RND", "48'h000000000000".into()),
        ("AREG", mode.a_regs.to_string()),
        ("ACASCREG", cascade(mode.a_regs)),
        ("BREG", mode.b_regs.to_string()),
        ("BCASCREG", cascade(mode.b_regs)),
        ("CREG", bit(c_reg)),
        ("DREG", bit(d_reg)),
        ("ADREG", bit(ad_reg)),
        ("MREG", bit(mode.has_m())),
        ("PREG", bit(mode.p_reg)),
        ("INMODEREG", bit(inmode_reg)),
        ("OPMODEREG", "0".into()),
        ("ALUMODEREG", "0".into()),
        ("CARRYINREG", bit(mode.carry_in && mode.carry_reg)),
        ("CARRYINSELREG", "0".into()),
    ];
    let tied = |used: bool, port: &str, width: usize| match used {
        true => port.to_string(),
        false => format!("{width}'d0"),
    };
    let inmode = match mode.selects() {
        true => "{2'b00, use_d, use_d, 1'b0}".to_string(),
        false => format!("5'b{:05b}", mode.inmode()),
    };
    let ports = [
        ("CLK", "clock".to_string()),
        ("A", tied(mode.reads_a(), "a", 30)),
        ("B", tied(mode.reads_b(), "b", 18)),
        ("C", tied(mode.reads_c(), "c", 48)),
        ("D", tied(mode.reads_d(), "d", 27)),
        ("PCIN", tied(mode.reads_pcin(), "pcin", 48)),
        ("CARRYIN", tied(mode.carry_in, "carryin", 1)),
        ("INMODE", inmode),
        ("OPMODE", format!("9'b{:09b}", mode.opmode())),
        ("ALUMODE", format!("4'b{:04b}", mode.alu.code())),
        ("CARRYINSEL", "3'd0".into()),
        ("ACIN", "30'd0".into()),
        ("BCIN", "18'd0".into()),
        ("CARRYCASCIN", "1'b0".into()),
        ("MULTSIGNIN", "1'b0".into()),
        // With one register the second is the one in use.
        ("CEA1", bit_literal(mode.a_regs == 2)),
        ("CEA2", bit_literal(mode.a_regs > 0)),
        ("CEB1", bit_literal(mode.b_regs == 2)),
        ("CEB2", bit_literal(mode.b_regs > 0)),
        ("CEC", bit_literal(c_reg)),
        ("CED", bit_literal(d_reg)),
        ("CEAD", bit_literal(ad_reg)),
        ("CEM", bit_literal(mode.has_m())),
        ("CEP", bit_literal(mode.p_reg)),
        ("CEINMODE", bit_literal(inmode_reg)),
        ("CEALUMODE", bit_literal(false)),
        ("CECTRL", bit_literal(false)),
        ("CECARRYIN", bit_literal(mode.carry_in && mode.carry_reg)),
        ("RSTA", bit_literal(false)),
        ("RSTB", bit_literal(false)),
        ("RSTC", bit_literal(false)),
        ("RSTD", bit_literal(false)),
        ("RSTM", bit_literal(false)),
        ("RSTP", bit_literal(false)),
        ("RSTINMODE", bit_literal(false)),
        ("RSTALUMODE", bit_literal(false)),
        ("RSTCTRL", bit_literal(false)),
        ("RSTALLCARRYIN", bit_literal(false)),
        ("P", "p".into()),
        ("PCOUT", "pcout".into()),
        ("CARRYOUT", "carries".into()),
        ("ACOUT", String::new()),
        ("BCOUT", String::new()),
        ("CARRYCASCOUT", String::new()),
        ("MULTSIGNOUT", String::new()),
        ("OVERFLOW", String::new()),
        ("UNDERFLOW", String::new()),
        ("PATTERNDETECT", String::new()),
        ("PATTERNBDETECT", String::new()),
        ("XOROUT", String::new()),
    ];
    let attributes: Vec<String> =
        attributes.iter().map(|(name, value)| format!("    .{name}({value})")).collect();
    let ports: Vec<String> =
        ports.iter().map(|(name, net)| format!("    .{name}({net})")).collect();
    format!(
        "wire [3:0] carries;\nDSP48E2 #(\n{}\n) dsp (\n{}\n);\nassign carryout = {};\n",
        attributes.join(",\n"),
        ports.join(",\n"),
        carry_bits(mode)
    )
}

fn bit_literal(on: bool) -> String {
    format!("1'b{}", u8::from(on))
}

/// The valid bits of the primitive's CARRYOUT, the others 0.
fn carry_bits(mode: &DspMode) -> &'static str {
    match mode.simd {
        _ if !mode.carry_out => "4'd0",
        Simd::One48 => "{carries[3], 3'd0}",
        Simd::Two24 => "{carries[3], 1'b0, carries[1], 1'b0}",
        Simd::Four12 => "carries",
    }
}

/// Declarations, the clocked assignments and the rest of a model under construction.
#[derive(Default)]
struct Model {
    nets: String,
    clocked: String,
}

impl Model {
    /// A register, or with `on` unset just another name for `value`.
    fn stage(&mut self, on: bool, sign: &str, width: usize, name: &str, value: &str) {
        let range = if width == 1 { String::new() } else { format!("[{}:0] ", width - 1) };
        if on {
            let _ = writeln!(self.nets, "reg {sign}{range}{name} = {width}'d0;");
            let _ = writeln!(self.clocked, "    {name} <= {value};");
        } else {
            let _ = writeln!(self.nets, "wire {sign}{range}{name} = {value};");
        }
    }

    /// A port with 0 to 2 registers; `name` is the last.
    fn port(&mut self, registers: usize, sign: &str, width: usize, name: &str, port: &str) {
        if registers == 2 {
            self.stage(true, sign, width, &format!("{name}1"), port);
            self.stage(true, sign, width, name, &format!("{name}1"));
        } else {
            self.stage(registers == 1, sign, width, name, port);
        }
    }
}

/// The model: the registers that exist and the functions that are used.
pub(super) fn model(mode: &DspMode) -> String {
    let mut m = Model::default();
    if mode.x == X::Ab {
        m.port(mode.a_regs, "", 30, "ar", "a");
        m.port(mode.b_regs, "", 18, "br", "b");
    }
    if mode.multiplies() {
        if mode.pre_adder.reads_a() {
            m.port(mode.a_regs, "signed ", 27, "ar", "a[26:0]");
        }
        m.port(mode.b_regs, "signed ", 18, "br", "b");
        if mode.pre_adder.reads_d() {
            m.port(mode.d_reg.into(), "signed ", 27, "dr", "d");
        }
        if mode.selects() {
            m.stage(mode.a_regs > 0, "", 1, "dsel", "use_d");
        }
        let sum = match mode.pre_adder {
            PreAdder::A => "ar",
            PreAdder::MinusA => "-ar",
            PreAdder::D => "dr",
            PreAdder::DPlusA => "dr + ar",
            PreAdder::DMinusA => "dr - ar",
            PreAdder::Select => "dsel ? dr : ar",
        };
        m.stage(mode.has_ad(), "signed ", 27, "adr", sum);
        let product = "{{18{adr[26]}}, adr} * {{27{br[17]}}, br}";
        m.stage(mode.has_m(), "signed ", 45, "mr", product);
    }
    if mode.reads_c() {
        m.port(mode.c_reg.into(), "", 48, "cr", "c");
    }
    if mode.carry_in {
        m.stage(mode.carry_reg, "", 1, "carry", "carryin");
    }
    let feedback = mode.x == X::P || mode.w == W::P || matches!(mode.z, Z::P | Z::PShift17);
    let p = if feedback { "pr" } else { "" };
    let x = match mode.x {
        X::Zero => "",
        X::Product => "{{3{mr[44]}}, mr}",
        X::P => p,
        X::Ab => "{ar, br}",
    };
    let y = match mode.y {
        Y::Zero | Y::Product => "",
        Y::Ones => "48'hffffffffffff",
        Y::C => "cr",
    };
    let z = match mode.z {
        Z::Zero => "",
        Z::Pcin => "pcin",
        Z::P => p,
        Z::C => "cr",
        Z::PcinShift17 => "{{17{pcin[47]}}, pcin[47:17]}",
        Z::PShift17 => "{{17{pr[47]}}, pr[47:17]}",
    };
    let w = match mode.w {
        W::Zero => "",
        W::P => p,
        W::C => "cr",
    };
    sum(&mut m, mode, [x, y, w], z);
    let mut text = m.nets;
    if !m.clocked.is_empty() {
        let _ = write!(text, "always @(posedge clock) begin\n{}end\n", m.clocked);
    }
    let carries = if mode.carry_out { "carries" } else { "4'd0" };
    let _ = writeln!(text, "assign p = pr;\nassign pcout = pr;\nassign carryout = {carries};");
    let unused = unused(mode);
    if !unused.is_empty() {
        let _ = writeln!(text, "wire unused = &{{1'b0, {}}};", unused.join(", "));
    }
    text
}

/// The adder, in as many parts as there are, and P.
fn sum(m: &mut Model, mode: &DspMode, rest: [&str; 3], z: &str) {
    let lanes = mode.simd.lanes();
    let bits = 48 / lanes;
    // Of several parts each needs its bits by name.
    let mut name = |operand: &str, name: &str| match operand {
        "" => String::new(),
        _ if lanes == 1 => operand.to_string(),
        _ => {
            let _ = writeln!(m.nets, "wire [47:0] {name} = {operand};");
            name.to_string()
        }
    };
    let rest = [name(rest[0], "x"), name(rest[1], "y"), name(rest[2], "w")];
    let z = name(z, "z");
    let (mut parts, mut carries) = (Vec::new(), vec!["1'b0".to_string(); 4]);
    let wide = bits + usize::from(mode.carry_out);
    for lane in 0..lanes {
        let part = |operand: &String| {
            let slice = match lanes {
                1 => operand.clone(),
                _ => format!("{operand}[{}:{}]", (lane + 1) * bits - 1, lane * bits),
            };
            if mode.carry_out {
                format!("{{1'b0, {slice}}}")
            } else {
                slice
            }
        };
        let mut terms: Vec<String> = rest.iter().filter(|o| !o.is_empty()).map(part).collect();
        if mode.carry_in && lane == 0 {
            terms.push(format!("{{{}'d0, carry}}", wide - 1));
        }
        let others = match terms.len() {
            0 => format!("{wide}'d0"),
            _ => terms.join(" + "),
        };
        let z = if z.is_empty() { format!("{wide}'d0") } else { part(&z) };
        let value = match mode.alu {
            Alu::Add => match (terms.is_empty(), mode.z == Z::Zero) {
                (true, _) => z,
                (false, true) => others,
                (false, false) => format!("{z} + {others}"),
            },
            Alu::Subtract => format!("{z} - ({others})"),
            Alu::ReverseSubtract => format!("~{z} + {others}"),
            Alu::Complement => format!("~({z} + {others})"),
        };
        let _ = writeln!(m.nets, "wire [{}:0] sum{lane} = {value};", wide - 1);
        parts.insert(0, format!("sum{lane}[{}:0]", bits - 1));
        if mode.carry_out {
            carries[3 - ((lane + 1) * 4 / lanes - 1)] = format!("sum{lane}[{bits}]");
        }
    }
    m.stage(mode.p_reg, "", 48, "pr", &format!("{{{}}}", parts.join(", ")));
    if mode.carry_out {
        m.stage(mode.p_reg, "", 4, "carries", &format!("{{{}}}", carries.join(", ")));
    }
}

/// Inputs the mode does not read, in a list that linters know as deliberate.
fn unused(mode: &DspMode) -> Vec<&'static str> {
    let clocked = mode.p_reg
        || mode.has_ad()
        || mode.has_m()
        || (mode.reads_a() && mode.a_regs > 0)
        || (mode.reads_b() && mode.b_regs > 0)
        || (mode.reads_c() && mode.c_reg)
        || (mode.reads_d() && mode.d_reg)
        || (mode.carry_in && mode.carry_reg);
    let high_a = if mode.x == X::Ab { "" } else { "a[29:27]" };
    let shifted = mode.z == Z::PcinShift17;
    let all = [
        ("clock", clocked),
        ("a", mode.reads_a()),
        (high_a, !mode.reads_a() || high_a.is_empty()),
        ("b", mode.reads_b()),
        ("c", mode.reads_c()),
        ("d", mode.reads_d()),
        (if shifted { "pcin[16:0]" } else { "pcin" }, mode.reads_pcin() && !shifted),
        ("carryin", mode.carry_in),
        ("use_d", mode.selects()),
    ];
    all.into_iter().filter(|(_, used)| !used).map(|(port, _)| port).collect()
}
