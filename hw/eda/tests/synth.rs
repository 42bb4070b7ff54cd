//! Cell counts and logic depth of modules where both are known.

mod common;

use common::{design, module};
use skipopu_eda::cache::Cache;
use skipopu_eda::synth::{cached, run, Hierarchy, SynthOptions, SynthReport};
use skipopu_eda::EdaError;
use skipopu_hdl::{Design, Module};

fn options(hierarchy: Hierarchy) -> SynthOptions {
    SynthOptions { cache: Cache::off(), hierarchy, ..SynthOptions::default() }
}

fn synth(m: Module) -> SynthReport {
    let name = m.name.clone();
    run(&design(vec![m]), &name, &options(Hierarchy::Auto)).unwrap()
}

fn adder() -> Module {
    module(
        "add8",
        &["in clk", "in a 8", "in b 8", "out y 9"],
        &[],
        "    reg [7:0] ra, rb;\n    reg [8:0] s;\n    assign y = s;
    always @(posedge clk) begin ra <= a; rb <= b; s <= ra + rb; end",
    )
}

#[test]
fn a_registered_adder() {
    let r = synth(adder());
    assert_eq!((r.area.luts, r.area.ffs, r.area.carry8, r.area.dsps), (8, 25, 2, 0));
    let levels = |p: &Option<skipopu_eda::synth::Path>| p.as_ref().map(|p| p.levels);
    // One LUT for propagate, then one carry chain.
    assert_eq!(levels(&r.depth.reg_to_reg), Some(2));
    assert_eq!(levels(&r.depth.in_to_reg), Some(0));
    assert_eq!(levels(&r.depth.reg_to_out), Some(0));
    assert_eq!(r.depth.through, None);
    let path = r.depth.reg_to_reg.as_ref().unwrap();
    assert!(path.from.starts_with("ra[") || path.from.starts_with("rb["), "{path:?}");
    assert!(path.to.starts_with("s[") || path.to.starts_with("y["), "{path:?}");
    assert!(r
        .settings
        .starts_with("synth_xilinx -family xcup -flatten -abc9 -noiopad -noclkbuf -nosrl"));
}

#[test]
fn a_long_carry_chain_is_one_level() {
    let ports = ["in clk", "in a 64", "in b 64", "out y 64"];
    let text = "    reg [63:0] ra, rb, s;\n    assign y = s;
    always @(posedge clk) begin ra <= a; rb <= b; s <= ra + rb; end";
    let r = synth(module("add64", &ports, &[], text));
    assert_eq!((r.depth.levels(), r.area.carry8), (2, 8));
}

#[test]
fn a_path_of_three_luts() {
    // Instantiated, so that no mapper can shorten it.
    let text = "    reg r, s;\n    wire w0, w1, w2;\n    assign y = s;
    LUT2 #(.INIT(4'h8)) l0 (.I0(r), .I1(b[0]), .O(w0));
    LUT2 #(.INIT(4'h6)) l1 (.I0(w0), .I1(b[1]), .O(w1));
    LUT2 #(.INIT(4'h8)) l2 (.I0(w1), .I1(b[2]), .O(w2));
    assign z = w1;
    always @(posedge clk) begin r <= a; s <= w2; end";
    let r = synth(module("chain3", &["in clk", "in a", "in b 3", "out y", "out z"], &[], text));
    let d = &r.depth;
    let levels = [&d.reg_to_reg, &d.in_to_reg, &d.reg_to_out, &d.through]
        .map(|p| p.as_ref().unwrap().levels);
    assert_eq!((r.area.luts, levels), (3, [3, 3, 2, 2]));
    assert_eq!(d.worst().unwrap().from, "r");
}

#[test]
fn six_inputs_are_one_lut() {
    let r = synth(module("and6", &["in a 6", "out y"], &[], "    assign y = &a;"));
    assert_eq!((r.area.luts, r.depth.through.as_ref().unwrap().levels), (1, 1));
    assert_eq!((r.depth.levels(), r.area.ffs), (0, 0));
}

#[test]
fn one_dsp() {
    let text = |preg: u8, mreg: u8| {
        format!("    DSP48E2 #(.AREG(1), .BREG(1), .MREG({mreg}), .PREG({preg})) d (.CLK(clk), .A(a), .B(b), .C(c), .P(p),
        .OPMODE(9'b000110101), .ALUMODE(4'd0), .INMODE(5'd0), .CARRYINSEL(3'd0),
        .CEA2(1'b1), .CEB2(1'b1), .CEM(1'b1), .CEP(1'b1), .CEC(1'b1));")
    };
    let ports = ["in clk", "in a 30", "in b 18", "in c 48", "out p 48"];
    let r = synth(module("mac", &ports, &[], &text(1, 1)));
    assert_eq!((r.area.dsps, r.area.luts, r.area.ffs), (1, 0, 0));
    assert_eq!(r.depth.reg_to_out.as_ref().unwrap().levels, 0);
    let r = synth(module("mac", &ports, &[], &text(0, 0)));
    assert_eq!(r.depth.reg_to_out.as_ref().unwrap().levels, 1);
}

#[test]
fn one_uram_and_one_bram() {
    let uram = "    URAM288 u (.CLK(clk), .ADDR_A({11'd0, a}), .EN_A(1'b1), .RDB_WR_A(we), .DIN_A(d), .DOUT_A(q));";
    let r = synth(module("u", &["in clk", "in a 12", "in we", "in d 72", "out q 72"], &[], uram));
    assert_eq!((r.area.urams, r.area.bram_halves, r.area.luts), (1, 0, 0));
    assert_eq!(r.depth.reg_to_out.as_ref().unwrap().levels, 0);

    let bram = "    RAMB36E2 #(.READ_WIDTH_A(36)) b (.CLKARDCLK(clk), .ADDRARDADDR(a), .ENARDEN(1'b1), .DOUTADOUT(q));";
    let r = synth(module("b", &["in clk", "in a 15", "out q 32"], &[], bram));
    assert_eq!((r.area.urams, r.area.brams(), r.area.luts), (0, 1.0, 0));
}

#[test]
fn shift_registers_are_flip_flops_unless_allowed() {
    let text =
        "    reg [31:0] s;\n    assign y = s[31];\n    always @(posedge clk) s <= {s[30:0], a};";
    let d = design(vec![module("shift", &["in clk", "in a", "out y"], &[], text)]);
    let plain = run(&d, "shift", &options(Hierarchy::Auto)).unwrap();
    assert_eq!((plain.area.ffs, plain.area.srls), (32, 0));
    let allowed = SynthOptions { infer_srl: true, ..options(Hierarchy::Auto) };
    let r = run(&d, "shift", &allowed).unwrap();
    assert!(r.area.srls >= 1 && r.area.ffs <= 1, "{:?}", r.area);
    assert_eq!(r.area.lut_sites(), r.area.luts + r.area.srls);
}

/// Two levels of hierarchy: three adders in each of two pairs... six adders in all.
fn hierarchy() -> Design {
    let group = module(
        "group3",
        &["in clk", "in a 8", "in b 8", "out y 27", "out parity"],
        &["add8"],
        "    genvar i;\n    generate for (i = 0; i < 3; i = i + 1) begin : g
        add8 u (.clk(clk), .a(a), .b(b ^ {8{i == 1}}), .y(y[9*i +: 9]));
    end endgenerate\n    assign parity = ^a;",
    );
    let top = module(
        "top6",
        &["in clk", "in a 8", "in b 8", "out y 54", "out p"],
        &["group3"],
        "    wire p0, p1;\n    reg r;\n    assign p = r;
    group3 g0 (.clk(clk), .a(a), .b(b), .y(y[26:0]), .parity(p0));
    group3 g1 (.clk(clk), .a(y[7:0]), .b(b), .y(y[53:27]), .parity(p1));
    always @(posedge clk) r <= p0 ^ p1;",
    );
    design(vec![adder(), group, top])
}

#[test]
fn a_kept_hierarchy_counts_every_instance_and_measures_across_borders() {
    let d = hierarchy();
    let kept = run(&d, "top6", &options(Hierarchy::Keep)).unwrap();
    let counts: Vec<(&str, u64)> =
        kept.modules.iter().map(|m| (m.module.as_str(), m.instances)).collect();
    assert_eq!(counts, [("add8", 6), ("group3", 2), ("top6", 1)]);
    assert_eq!((kept.area.carry8, kept.area.ffs), (12, 6 * 25 + 1));
    // A group adds 8 inverters and a parity of at least 2; the top adds the final XOR.
    let luts: Vec<u64> = kept.modules.iter().map(|m| m.area.luts).collect();
    assert_eq!(luts[0], 8);
    assert!((10..=11).contains(&(luts[1] - 3 * luts[0])), "{luts:?}");
    assert_eq!(luts[2], 2 * luts[1] + 1);
    // Register y[..] of one group, parity of the other (8 inputs: two LUTs), the final XOR.
    let worst = kept.depth.reg_to_reg.as_ref().unwrap();
    assert_eq!(worst.levels, 3, "{worst:?}");
    assert!(worst.from.starts_with("g0."), "{worst:?}");
    assert_eq!(worst.to, "p.D", "a register is named by what it drives");

    let flat = run(&d, "top6", &options(Hierarchy::Flatten)).unwrap();
    assert_eq!(flat.modules.len(), 1);
    assert!(flat.area.luts <= kept.area.luts && flat.depth.levels() <= 3);
}

#[test]
fn a_loop_is_reported() {
    let text = "    wire w;
    LUT2 #(.INIT(4'h6)) l0 (.I0(y), .I1(a), .O(w));
    LUT2 #(.INIT(4'h8)) l1 (.I0(w), .I1(b), .O(y));";
    let d = design(vec![module("ring", &["in a", "in b", "out y"], &[], text)]);
    match run(&d, "ring", &options(Hierarchy::Auto)) {
        Err(EdaError::Loop { module, nets }) => {
            assert_eq!(module, "ring");
            assert!(nets.iter().any(|n| n == "w") && nets.iter().any(|n| n == "y"), "{nets:?}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_adder_fed_by_its_own_low_bits_is_no_loop() {
    // The high operand bits come from the low sum bits of the same carry element.
    let text = "    wire [7:0] s = a + {s[1:0] ^ b[5:4], b};\n    assign y = s;";
    let r = synth(module("fold", &["in a 8", "in b 6", "out y 8"], &[], text));
    assert!(r.depth.through.as_ref().unwrap().levels >= 3);
}

#[test]
fn reports_are_remembered_by_content() {
    let folder = tempfile::tempdir().unwrap();
    let o = SynthOptions { cache: Cache::at(folder.path()), ..SynthOptions::default() };
    let d = design(vec![adder()]);
    assert_eq!(cached(&d, "add8", &o), None);
    let report = run(&d, "add8", &o).unwrap();
    assert_eq!(cached(&d, "add8", &o), Some(report));
    let other = SynthOptions { infer_srl: true, ..o };
    assert_eq!(cached(&d, "add8", &other), None);
}

#[test]
fn wrong_requests_are_one_sentence() {
    let d = design(vec![adder()]);
    let error = run(&d, "add9", &options(Hierarchy::Auto)).unwrap_err();
    assert_eq!(error.to_string(), "the design of `add8` has no module `add9`");
    let broken = design(vec![module("m", &["in a"], &[], "    assign = a;")]);
    let error = run(&broken, "m", &options(Hierarchy::Auto)).unwrap_err();
    assert!(error.to_string().starts_with("Yosys failed on m:\n"), "{error}");
}
