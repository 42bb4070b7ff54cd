//! Many designs in one build: each member gets its own vectors and answers back.

mod common;

use common::{adder, design, module};
use skipopu_hdl::Design;
use skipopu_sim::{icarus, lockstep, random_stimulus, record};
use skipopu_sim::{Bundle, BundleError, LockstepError, Toolchain};

/// `y = a op b`, not clocked, with another width of `a` than the adder's.
fn gate(name: &str, op: &str) -> Design {
    design(name, "in a 4; in b 16; out y 16", &format!("assign y = {{12'd0, a}} {op} b;"))
}

#[test]
fn members_answer_as_they_do_alone() {
    let designs = [adder(16), gate("And", "&"), gate("Xor", "^")];
    let bundle = Bundle::new("suite", &designs).unwrap();
    assert_eq!((bundle.len(), bundle.design().blocks), (3, 4));
    let names: Vec<&str> = bundle.design().top().ports.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["clk", "a", "b", "a__4", "m0__y", "m1__y", "m2__y"]);

    let whole = random_stimulus(&bundle.design().top().ports, 300, 0);
    let verilated = record(&mut common::model(bundle.design()), &whole).unwrap();
    let icarus = icarus::run(&Toolchain::system(), bundle.design(), "suite", &whole).unwrap();
    for (i, d) in designs.iter().enumerate() {
        let own = bundle.stimulus(i, &whole);
        let parts = [bundle.recording(i, &verilated), bundle.recording(i, &icarus)];
        let report = lockstep(&mut [&mut common::model(d)], &[&parts[0], &parts[1]], &own).unwrap();
        // Two recordings, one output; the adder is also compared after each edge.
        assert_eq!(report.comparisons, if i == 0 { 1200 } else { 600 }, "{}", bundle.top(i));
    }
}

#[test]
fn a_wrong_member_is_found_and_named() {
    let right = [gate("And", "&"), gate("Xor", "^")];
    let wrong = [gate("And", "&"), gate("Xor", "|")];
    let bundle = Bundle::new("suite", &wrong).unwrap();
    let whole = random_stimulus(&bundle.design().top().ports, 100, 0);
    let all = record(&mut common::model(bundle.design()), &whole).unwrap();
    let outcome: Vec<_> = (0..2)
        .map(|i| {
            let part = bundle.recording(i, &all);
            lockstep(&mut [&mut common::model(&right[i])], &[&part], &bundle.stimulus(i, &whole))
        })
        .collect();
    assert!(outcome[0].is_ok());
    match &outcome[1] {
        Err(LockstepError::Mismatch(m)) => {
            assert_eq!((m.port.as_str(), m.found.0.as_str()), ("y", "Verilator:suite/Xor"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_cannot_be_bundled_is_refused() {
    let twice = [gate("And", "&"), gate("And", "|")];
    assert_eq!(
        Bundle::new("suite", &twice).unwrap_err().to_string(),
        "two designs have a module `And`: emit each with a prefix of its own"
    );
    let mut pad = module("Pad", "in a 1; out y 1", "");
    pad.ports[1].dir = skipopu_hdl::Dir::InOut;
    let pad = Design { modules: vec![pad], blocks: 1, externs: Vec::new() };
    let error = Bundle::new("suite", &[pad]).unwrap_err();
    assert!(matches!(error, BundleError::InOut { .. }), "{error}");
    // A clock and a data bit of one name stay apart.
    let clocked = design("C", "clock a; out y 1", "assign y = a;");
    let data = design("D", "in a 1; out y 1", "assign y = a;");
    let ports = &Bundle::new("suite", &[clocked, data]).unwrap().design().top().ports.clone();
    let kinds: Vec<(&str, bool)> =
        ports.iter().take(2).map(|p| (p.name.as_str(), p.clock)).collect();
    assert_eq!(kinds, [("a", true), ("a__1", false)]);
}
