//! Every check must be able to fail, and to pass.

mod common;

use common::{design, module};
use skipopu_eda::cache::Cache;
use skipopu_eda::lint::{check, LintOptions, LintReport, Waiver};
use skipopu_eda::tool::{Tool, Toolbox};
use skipopu_eda::EdaError;
use skipopu_hdl::{Design, Module};

fn options() -> LintOptions {
    LintOptions {
        toolbox: Toolbox::standard(),
        cache: Cache::off(),
        waivers: Waiver::project().unwrap(),
    }
}

fn lint(modules: Vec<Module>) -> LintReport {
    check(&design(modules), &options()).unwrap()
}

/// `(tool, module, warning)` of every finding, sorted.
fn kinds(report: &LintReport) -> Vec<(Tool, &str, &str)> {
    let mut kinds: Vec<_> =
        report.findings.iter().map(|f| (f.tool, f.module.as_str(), f.warning.as_str())).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

fn register() -> Module {
    let text =
        "    reg q;\n    assign y = q;\n    assign n = ~q;\n    always @(posedge clk) q <= d;";
    module("register", &["in clk", "in d", "out y", "out n"], &[], text)
}

fn pair() -> Design {
    let text = "    wire t;
    register r0 (.clk(clk), .d(d), .y(t), .n());
    register r1 (.clk(clk), .d(t), .y(), .n(y));";
    design(vec![register(), module("pair", &["in clk", "in d", "out y"], &["register"], text)])
}

#[test]
fn a_sound_design_passes_every_check() {
    let report = check(&pair(), &options()).unwrap();
    assert!(report.clean(), "{:?}", report.findings);
    // Two modules each in Verilator and Icarus, the design once in Yosys.
    assert_eq!((report.modules, report.checks, report.cached), (2, 5, 0));
    assert_eq!(report.waived[0], 2, "two outputs left open, waived by the house rule");
}

#[test]
fn waivers_are_needed_and_name_their_signal() {
    let none = LintOptions { waivers: vec![], ..options() };
    let report = check(&pair(), &none).unwrap();
    assert_eq!(kinds(&report), [(Tool::Verilator, "pair", "PINCONNECTEMPTY")]);

    let unused = || vec![module("m", &["in a", "in b", "out y"], &[], "    assign y = a;")];
    let report = lint(unused());
    assert_eq!(kinds(&report), [(Tool::Verilator, "m", "UNUSEDSIGNAL")]);
    assert_eq!(report.findings[0].signal.as_deref(), Some("b"));
    assert!(report.findings[0].to_string().starts_with("m.v:3: UNUSEDSIGNAL (Verilator): "));

    let waiver = |signal: &str| {
        let text = format!("[[waiver]]\nmodule = \"m\"\nwarning = \"UNUSEDSIGNAL\"\nsignal = \"{signal}\"\nreason = \"the low bit is never needed\"\n");
        LintOptions { waivers: Waiver::parse(&text).unwrap(), ..options() }
    };
    assert!(check(&design(unused()), &waiver("b")).unwrap().clean());
    assert!(!check(&design(unused()), &waiver("a")).unwrap().clean());
}

#[test]
fn a_latch_is_found_by_two_tools() {
    let text = "    reg z;\n    assign y = z;\n    always @* if (a) z = b;";
    let report = lint(vec![module("m", &["in a", "in b", "out y"], &[], text)]);
    let kinds = kinds(&report);
    assert!(kinds.contains(&(Tool::Verilator, "m", "LATCH")), "{kinds:?}");
    assert!(kinds.contains(&(Tool::Yosys, "m", "LATCH")), "{kinds:?}");
}

#[test]
fn undriven_wires_and_loops_are_found_by_yosys() {
    let inner = module("inner", &["in a", "out y"], &[], "    wire u;\n    assign y = u & a;");
    let outer = module("outer", &["in a", "out y"], &["inner"], "    inner i (.a(a), .y(y));");
    let report = lint(vec![inner, outer]);
    assert!(kinds(&report).contains(&(Tool::Yosys, "inner", "CHECK")), "{:?}", report.findings);

    let ring = module("ring", &["in a", "out y"], &[], "    wire w = ~(y & a);\n    assign y = w;");
    let report = lint(vec![ring]);
    assert!(kinds(&report).contains(&(Tool::Yosys, "ring", "CHECK")), "{:?}", report.findings);
}

#[test]
fn a_child_is_checked_alone_too() {
    // The fault is in the child; the parent's own run must not repeat it.
    let child = module("child", &["in a", "in b", "out y"], &[], "    assign y = a;");
    let parent =
        module("parent", &["in a", "out y"], &["child"], "    child c (.a(a), .b(a), .y(y));");
    let report = lint(vec![child, parent]);
    assert_eq!(kinds(&report), [(Tool::Verilator, "child", "UNUSEDSIGNAL")]);
}

#[test]
fn text_that_is_not_verilog_2005_is_refused_by_icarus() {
    let m = module(
        "m",
        &["in a 4", "out y"],
        &[],
        "    logic t;\n    assign t = ^a;\n    assign y = t;",
    );
    assert!(kinds(&lint(vec![m])).contains(&(Tool::Icarus, "m", "ERROR")));
    let broken = lint(vec![module("m", &["in a", "out y"], &[], "    assign y = a")]);
    for tool in [Tool::Verilator, Tool::Icarus, Tool::Yosys] {
        assert!(kinds(&broken).contains(&(tool, "m", "ERROR")), "{tool}: {:?}", broken.findings);
    }
}

#[test]
fn both_branches_of_synthesis_are_checked() {
    let branches = |primitive: &str, model: &str| {
        let text = format!("`ifdef SYNTHESIS\n{primitive}\n`else\n{model}\n`endif");
        lint(vec![module("m", &["in a", "out y"], &[], &text)])
    };
    let lut = "    LUT1 #(.INIT(2'h2)) l (.I0(a), .O(y));";
    let good = branches(lut, "    assign y = a;");
    assert!(good.clean(), "{:?}", good.findings);
    assert_eq!(good.checks, 4);
    let unknown = branches("    NO_SUCH_CELL l (.I0(a), .O(y));", "    assign y = a;");
    assert_eq!(kinds(&unknown), [(Tool::Yosys, "m", "ERROR")]);
    let undriven = branches("    wire u;\n    assign y = u & a;", "    assign y = a;");
    assert_eq!(kinds(&undriven), [(Tool::Yosys, "m", "CHECK")]);
    assert!(!branches(lut, "    wire u;\n    assign y = u & a;").clean());
}

#[test]
fn passes_are_remembered_by_content_and_errors_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let o = LintOptions { cache: Cache::at(folder.path()), ..options() };
    let first = check(&pair(), &o).unwrap();
    let again = check(&pair(), &o).unwrap();
    assert_eq!((first.cached, again.cached), (0, 5));
    assert_eq!((first.findings, first.waived), (again.findings, again.waived));

    let broken = design(vec![module("m", &["in a", "out y"], &[], "    assign y = a")]);
    check(&broken, &o).unwrap();
    let report = check(&broken, &o).unwrap();
    assert_eq!(report.cached, 0);
    assert!(!report.clean());
}

#[test]
fn nothing_checked_is_no_success() {
    assert!(matches!(check(&design(vec![]), &options()), Err(EdaError::Empty)));
    assert!(!LintReport::default().clean());
    let empty = tempfile::tempdir().unwrap();
    let o = LintOptions { toolbox: Toolbox::within(empty.path()), ..options() };
    assert!(matches!(check(&pair(), &o), Err(EdaError::Missing { .. })));
}
