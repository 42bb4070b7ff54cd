//! The built program: what it prints, what it writes, how it exits.

use insta::assert_snapshot;
use std::path::Path;
use std::process::{Command, Output};

fn skipopu(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_skipopu")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Standard output of a run that must succeed.
fn succeeds(arguments: &[&str]) -> String {
    let output = skipopu(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// Exit code and last line on standard error of a run that must fail.
fn fails(arguments: &[&str]) -> String {
    let output = skipopu(arguments);
    let errors = text(&output.stderr);
    let last = errors.lines().last().unwrap_or_default();
    assert_ne!(output.status.code(), Some(0), "{arguments:?}");
    format!("{}: {last}", output.status.code().unwrap())
}

/// Name of the first block of the catalogue.
fn first_block() -> String {
    let json: serde_json::Value = serde_json::from_str(&succeeds(&["blocks", "--json"])).unwrap();
    json["blocks"][0]["name"].as_str().unwrap().to_string()
}

fn files(folder: &Path) -> Vec<String> {
    let items = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = items.map(|i| i.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn configurations() {
    assert_snapshot!(fails(&["config", "check", "u820"]), @"2: skipopu: no configuration `u820`: give a TOML file or one of the presets tiny, cosim, u280, u280-paper, the nearest is `u280`");
    assert_snapshot!(fails(&["emit", "-c", "none.toml", "--all", "--out", "x"]), @"2: skipopu: cannot read the configuration file none.toml: No such file or directory (os error 2)");
    let shown = succeeds(&["config", "show", "tiny"]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    let path = path.to_str().unwrap();
    std::fs::write(path, shown.replace("lanes = 8", "lanes = 16")).unwrap();
    assert!(succeeds(&["config", "check", path])
        .contains("legal, 16 lanes x 8 columns (aligned), hash "));
    std::fs::write(path, shown.replace("lanes = 8", "lanes = 7")).unwrap();
    assert_snapshot!(fails(&["config", "check", path]), @"2: skipopu: array.lanes = 7: must be a power of two because the adder tree is balanced (2 to 128)");
    assert!(succeeds(&["config", "fields"]).contains("| `array.lanes` |"));
}

#[test]
fn any_legal_file_emits_without_a_rebuild() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("odd.toml");
    let odd = succeeds(&["config", "show", "tiny"]).replace("columns = 8", "columns = 5");
    std::fs::write(&config, odd).unwrap();
    let out = folder.path().join("out");
    let (config, out_text) = (config.to_str().unwrap(), out.to_str().unwrap());
    let block = first_block();
    succeeds(&["emit", "--config", config, "--block", &block, "--out", out_text]);
    let names = files(&out);
    assert!(names.iter().any(|n| n == "manifest.json"), "{names:?}");
    assert!(names.iter().any(|n| n.ends_with(".v")), "{names:?}");

    let listed = succeeds(&["emit", "--block", &block, "--list"]);
    assert!(listed.starts_with("block") && listed.lines().count() >= 2, "{listed}");

    succeeds(&["emit", "--all", "--out", out_text]);
    assert!(files(&out).contains(&block), "one folder per block");
    assert_eq!(files(folder.path()), ["odd.toml", "out"], "no temporary folder stays behind");
}

#[test]
fn emission_is_deterministic() {
    let folder = tempfile::tempdir().unwrap();
    let block = first_block();
    let emit = |name: &str| {
        let out = folder.path().join(name);
        succeeds(&["emit", "--block", &block, "--out", out.to_str().unwrap()]);
        files(&out)
            .into_iter()
            .map(|f| (std::fs::read(out.join(&f)).unwrap(), f))
            .collect::<Vec<_>>()
    };
    assert!(emit("a") == emit("b"));
}

#[test]
fn wrong_requests_write_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let inside = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let block = first_block();
    let typo = format!("{block}x");
    let expected = format!(
        "2: skipopu: no block `{typo}`, the nearest is `{block}`; `skipopu blocks` lists them"
    );
    assert_eq!(fails(&["emit", "--block", &typo, "--out", &inside("out")]), expected);
    assert_eq!(fails(&["synth", "--block", &typo]), expected);
    assert_eq!(fails(&["lint", "--block", &typo]), expected);
    assert!(files(folder.path()).is_empty());

    std::fs::write(folder.path().join("thesis.tex"), "years of work").unwrap();
    let shown = |message: String| message.replace(folder.path().to_str().unwrap(), "DIR");
    let to = |out: &str| shown(fails(&["emit", "--block", &block, "--out", out]));
    assert_snapshot!(to(&inside("thesis.tex/out")), @"2: skipopu: cannot write to the folder DIR/thesis.tex/out (not a directory): give a writable folder with --out");
    assert_snapshot!(to(&inside("thesis.tex")), @"2: skipopu: DIR/thesis.tex is a file: give a folder with --out");
    assert_snapshot!(to(folder.path().to_str().unwrap()), @"2: skipopu: the folder DIR holds other files: give an empty or new folder with --out");
    assert_eq!(files(folder.path()), ["thesis.tex"]);
    assert_eq!(skipopu(&["emit", "--block", &block]).status.code(), Some(2), "--out is required");
    assert_eq!(skipopu(&["emit", "--out", "x"]).status.code(), Some(2), "a selection is required");
}

#[test]
fn a_missing_tool_is_one_sentence_and_its_own_exit_code() {
    let empty = tempfile::tempdir().unwrap();
    let block = first_block();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skipopu"));
        for variable in ["SKIPOPU_YOSYS", "SKIPOPU_VERILATOR", "SKIPOPU_IVERILOG"] {
            command.env_remove(variable);
        }
        let output = command
            .args(arguments)
            .env("PATH", empty.path())
            .env("SKIPOPU_CACHE", empty.path().join("cache"))
            .output()
            .unwrap();
        let errors = text(&output.stderr);
        format!("{:?}: {}", output.status.code(), errors.lines().last().unwrap_or_default())
    };
    assert_snapshot!(run(&["synth", "--block", &block]), @"Some(3): skipopu: Yosys is not installed: run `make deps`, or install the package `yosys`, or set SKIPOPU_YOSYS to the program");
    assert!(run(&["lint", "--block", &block]).starts_with("Some(3): skipopu: "));
    assert!(run(&["demo", "--cycles", "1"]).starts_with("Some(3): skipopu: "));
}

#[test]
fn figures() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    let wrong = fails(&["figures", "check", "--root", root]).replace(root, "DIR");
    assert_snapshot!(wrong, @"2: skipopu: DIR holds neither README.md nor docs/: run in the project's folder or give --root");

    std::fs::create_dir(folder.path().join("docs")).unwrap();
    let ledger = r#"[{"key":"emit.seconds","value":0.5,"unit":"s","kind":"measured","command":"make bench","note":""}]"#;
    std::fs::write(folder.path().join("docs/figures.json"), ledger).unwrap();
    let page = "<!-- figures:begin emit -->\n<!-- figures:end -->\n";
    std::fs::write(folder.path().join("README.md"), page).unwrap();
    let stale = fails(&["figures", "check", "--root", root]).replace(root, "DIR");
    assert_snapshot!(stale, @"1: skipopu: DIR/README.md, line 2: the figures are out of date, run `skipopu figures tables`");
    succeeds(&["figures", "tables", "--root", root]);
    assert_snapshot!(succeeds(&["figures", "check", "--root", root]), @"1 figures, 1 pages, 1 generated places: all current");
    assert!(succeeds(&["figures", "show", "--root", root]).contains("| `emit.seconds` | 0.5 | s |"));
    assert_snapshot!(fails(&["figures", "show", "emti", "--root", root]), @"2: skipopu: no figure matches `emti`");
}

#[test]
fn the_catalogue_page() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    let shown = |message: String| message.replace(root, "DIR");
    let wrong = shown(fails(&["blocks", "--check", "--root", root]));
    assert_snapshot!(wrong, @"2: skipopu: cannot read DIR/hw/README.md: No such file or directory (os error 2); give --root");

    std::fs::create_dir(folder.path().join("hw")).unwrap();
    let page = folder.path().join("hw/README.md");
    std::fs::write(&page, "# Blocks\n").unwrap();
    let wrong = shown(fails(&["blocks", "--update", "--root", root]));
    assert_snapshot!(wrong, @"1: skipopu: DIR/hw/README.md has no lines `<!-- blocks:begin -->` and `<!-- blocks:end -->`");

    std::fs::write(&page, "# Blocks\n<!-- blocks:begin -->\n<!-- blocks:end -->\nEnd.\n").unwrap();
    let stale = shown(fails(&["blocks", "--check", "--root", root]));
    assert_snapshot!(stale, @"1: skipopu: DIR/hw/README.md, line 3: the catalogue is out of date, run `skipopu blocks --update`");
    succeeds(&["blocks", "--update", "--root", root]);
    succeeds(&["blocks", "--check", "--root", root]);
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(text.contains(&format!("`{}`", first_block())) && text.ends_with("End.\n"), "{text}");
    assert!(text.contains(&succeeds(&["blocks", "--markdown"])));
}

/// The page of the repository, and the sources and tests it names.
#[test]
fn the_catalogue_of_the_project_is_current() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    succeeds(&["blocks", "--check", "--root", root]);
    let text = std::fs::read_to_string(format!("{root}/hw/README.md")).unwrap();
    let links: Vec<&str> = text.split("](").skip(1).filter_map(|l| l.split(')').next()).collect();
    assert!(!links.is_empty());
    for link in links {
        assert!(Path::new(root).join("hw").join(link).exists(), "{link} does not exist");
    }
}
