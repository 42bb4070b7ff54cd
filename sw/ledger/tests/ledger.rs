//! The ledger file and the pages made from it.

use insta::assert_snapshot;
use skipopu_ledger::{format_value, pages, Entry, Kind, Ledger, LedgerError};
use std::path::Path;

fn entry(key: &str, value: f64) -> Entry {
    Entry {
        key: key.into(),
        value,
        unit: "s".into(),
        kind: Kind::Measured,
        command: "make figures".into(),
        note: "tiny | preset".into(),
    }
}

fn ledger(folder: &Path, figures: &[(&str, f64)]) -> Ledger {
    let entries = figures.iter().map(|(k, v)| entry(k, *v));
    Ledger::update(folder.join("figures.json"), entries).unwrap()
}

#[test]
fn saves_sorted_and_reads_back() {
    let folder = tempfile::tempdir().unwrap();
    let saved = ledger(folder.path(), &[("b.two", 0.125), ("a.one", 8589934592.0)]);
    let text = std::fs::read_to_string(saved.path()).unwrap();
    assert_snapshot!(text, @r#"
    [
      {
        "key": "a.one",
        "value": 8589934592,
        "unit": "s",
        "kind": "measured",
        "command": "make figures",
        "note": "tiny | preset"
      },
      {
        "key": "b.two",
        "value": 0.125,
        "unit": "s",
        "kind": "measured",
        "command": "make figures",
        "note": "tiny | preset"
      }
    ]
    "#);
    assert_eq!(Ledger::load(saved.path()).unwrap(), saved);
    let again = ledger(folder.path(), &[("a.one", 1.0)]);
    assert_eq!(again.get("a.one").unwrap().value, 1.0);
    assert_eq!(again.entries().count(), 2);
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "no temporary file stays behind");
}

#[test]
fn a_whole_command_drops_what_it_no_longer_obtains() {
    let folder = tempfile::tempdir().unwrap();
    let other = Entry { command: "make model".into(), ..entry("b.other", 1.0) };
    let path = folder.path().join("figures.json");
    Ledger::update(&path, [entry("a.kept", 1.0), entry("a.stale", 2.0), other.clone()]).unwrap();
    let found = Ledger::replace(&path, [entry("a.kept", 3.0), entry("a.new", 4.0)]).unwrap();
    let expected = [entry("a.kept", 3.0), entry("a.new", 4.0), other];
    assert_eq!(found.entries().cloned().collect::<Vec<_>>(), expected);
    assert_eq!(Ledger::load(&path).unwrap(), found);
    let broken = Entry { command: " ".into(), ..entry("a.kept", 5.0) };
    Ledger::replace(&path, [entry("a.new", 5.0), broken]).unwrap_err();
    assert_eq!(Ledger::load(&path).unwrap(), found, "an error leaves the file as it was");
}

#[test]
fn concurrent_updates_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for t in 0..8 {
            let folder = folder.path();
            scope.spawn(move || {
                for i in 0..10 {
                    ledger(folder, &[(&format!("t{t}.i{i}"), 1.0)]);
                }
            });
        }
    });
    assert_eq!(Ledger::load(folder.path().join("figures.json")).unwrap().entries().count(), 80);
}

#[test]
fn refuses_what_cannot_be_a_claim() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("figures.json");
    let refuse =
        |e: Entry| Ledger::update(&path, [entry("a.good", 1.0), e]).unwrap_err().to_string();
    assert_snapshot!(refuse(entry("Seconds", 1.0)), @"figure key `Seconds` is not at least two dotted words of a-z, 0-9 and `_`, such as `emit.seconds`");
    assert_snapshot!(refuse(entry("a.b", f64::NAN)), @"figure `a.b` = NaN is not a finite number, so nothing was recorded");
    assert_snapshot!(refuse(Entry { command: " ".into(), ..entry("a.b", 1.0) }), @"figure `a.b` names no command that reproduces it, so nothing was recorded");
    for key in ["a", "a..b", ".a", "a.", "a.B", "a b.c", "a._b"] {
        assert!(matches!(entry(key, 1.0).validate(), Err(LedgerError::BadKey { .. })), "{key}");
    }
    assert!(!path.exists(), "an error leaves the file as it was");

    let twice = serde_json::to_string(&[entry("a.b", 1.0), entry("a.b", 2.0)]).unwrap();
    std::fs::write(&path, twice).unwrap();
    assert!(matches!(Ledger::load(&path), Err(LedgerError::Duplicate { .. })));
    std::fs::write(&path, "{}").unwrap();
    assert!(matches!(Ledger::load(&path), Err(LedgerError::Format { .. })));
}

#[test]
fn values_are_readable() {
    let text = [0.0, 12.0, -1234567.0, 0.017612, 12.5, 129.44, 30123.7, 4.25e-7, 99.996]
        .map(format_value)
        .join(" ");
    assert_snapshot!(text, @"0 12 -1,234,567 0.01761 12.5 129.4 30,124 4.250e-7 100");
}

const PAGE: &str = "Emission takes <!-- figure:emit.seconds -->?<!-- /figure -->.
<!-- figures:begin emit -->
old
<!-- figures:end -->
A marker in code, `<!-- figure:no.such -->`, is left alone.
```
<!-- figures:begin no.such -->
```
";

#[test]
fn pages_are_filled_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let figures =
        ledger(folder.path(), &[("emit.seconds", 0.25), ("emitter.x", 1.0), ("emit.a", 2.0)]);
    std::fs::create_dir_all(folder.path().join("docs/deep")).unwrap();
    let page = folder.path().join("docs/deep/page.md");
    std::fs::write(&page, PAGE).unwrap();
    std::fs::write(folder.path().join("README.md"), "plain\n").unwrap();
    let found = pages::find(folder.path()).unwrap();
    assert_eq!(found, [folder.path().join("README.md"), page.clone()]);

    let stale = pages::check(&figures, &found).unwrap_err();
    assert!(matches!(stale, LedgerError::Stale { line: 1, .. }), "{stale}");
    assert_eq!(pages::regenerate(&figures, &found).unwrap(), std::slice::from_ref(&page));
    assert_snapshot!(std::fs::read_to_string(&page).unwrap(), @r"
    Emission takes <!-- figure:emit.seconds -->0.25 s<!-- /figure -->.
    <!-- figures:begin emit -->
    | figure | value | unit | kind | reproduce with | note |
    |---|---:|---|---|---|---|
    | `emit.a` | 2 | s | measured | `make figures` | tiny \| preset |
    | `emit.seconds` | 0.25 | s | measured | `make figures` | tiny \| preset |
    <!-- figures:end -->
    A marker in code, `<!-- figure:no.such -->`, is left alone.
    ```
    <!-- figures:begin no.such -->
    ```
    ");
    assert_eq!(pages::check(&figures, &found).unwrap(), 2, "markers in code do not count");
    assert!(pages::regenerate(&figures, &found).unwrap().is_empty(), "stable");
}

#[test]
fn wrong_pages_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let figures = ledger(folder.path(), &[("emit.seconds", 0.25)]);
    let refuse = |text: &str| pages::render(&figures, "p.md", text).unwrap_err().to_string();
    assert_snapshot!(refuse("\n<!-- figures:begin emitt -->\n<!-- figures:end -->\n"), @"p.md, line 2: no figure matches `emitt`, the nearest is `emit.seconds`");
    assert_snapshot!(refuse("<!-- figure:emit.second -->1<!-- /figure -->"), @"p.md, line 1: no figure matches `emit.second`, the nearest is `emit.seconds`");
    assert_snapshot!(refuse("<!-- figures:begin emit -->\n"), @"p.md, line 1: `<!-- figures:begin emit -->` has no matching `<!-- figures:end -->`");
    assert_snapshot!(refuse("<!-- figures:end -->\n"), @"p.md, line 1: `<!-- figures:end -->` has no matching `<!-- figures:begin ... -->`");
    assert_snapshot!(refuse("x <!-- figure:emit.seconds -->1"), @"p.md, line 1: `<!-- figure:` has no matching `<!-- /figure -->`");
    let empty = Ledger::load(folder.path().join("none.json")).unwrap();
    let page = "<!-- figures:begin * -->\n<!-- figures:end -->\n";
    let filled = pages::render(&empty, "p.md", page).unwrap();
    assert!(filled.contains("No figures are recorded yet."));
}
