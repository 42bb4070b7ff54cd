//! Building models: the cache, missing tools, broken Verilog.

mod common;

use common::{adder, design, module};
use skipopu_hdl::{Design, Dir};
use skipopu_sim::{BuildError, Cache, CacheStats, Tool, Toolchain, Trace, Verilate};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A toolchain whose Verilator notes every call in a file.
fn counting(dir: &Path) -> (Toolchain, PathBuf) {
    let (real, _) = Toolchain::system().verilator().unwrap();
    let (script, log) = (dir.join("verilator"), dir.join("calls"));
    let text =
        format!("#!/bin/sh\necho \"$@\" >> {}\nexec {} \"$@\"\n", log.display(), real.display());
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    (Toolchain::system().with_tool(Tool::Verilator, script), log)
}

fn verilations(log: &Path) -> usize {
    fs::read_to_string(log).unwrap().lines().filter(|l| l.starts_with("--cc")).count()
}

/// The cached library of `module`.
fn library(cache: &Path, module: &str) -> PathBuf {
    let entries = fs::read_dir(cache).unwrap().map(|e| e.unwrap().path());
    let mut found = entries
        .filter(|p| p.is_dir() && p.file_name().unwrap().to_str().unwrap().starts_with(module));
    found.next().expect("an entry").join("model.so")
}

fn works(verilate: &Verilate) -> bool {
    let built = verilate.build().unwrap();
    let mut m = built.model().unwrap();
    let (clk, a, y) =
        (m.clock("clk").unwrap(), m.input("a", 16).unwrap(), m.output("y", 17).unwrap());
    m.set_u64(a, 77);
    m.tick(clk).unwrap();
    assert_eq!(m.get_u64(y), 77);
    built.cached()
}

#[test]
fn the_second_build_is_a_cache_hit_and_damage_is_repaired() {
    let dir = tempfile::tempdir().unwrap();
    let (tools, log) = counting(dir.path());
    let root = dir.path().join("cache");
    let cache = Cache::at(&root);
    let d = adder(16);
    let verilate = Verilate::new(&d).toolchain(&tools).cache(&cache);

    assert!(!works(&verilate));
    assert_eq!(verilations(&log), 1);
    // The model and Verilator's run time.
    assert_eq!(cache.stats(), CacheStats { built: 2, hits: 0, rebuilt: 0 });
    assert!(works(&verilate));
    assert_eq!(verilations(&log), 1, "a hit must not run Verilator");
    assert_eq!(cache.stats(), CacheStats { built: 2, hits: 1, rebuilt: 0 });

    // Cut short, as by a full disk.
    let so = library(&root, "Adder");
    let bytes = fs::read(&so).unwrap();
    fs::write(&so, &bytes[..bytes.len() / 2]).unwrap();
    assert!(!works(&verilate));
    assert_eq!(verilations(&log), 2);
    // The run time was a hit this time.
    assert_eq!(cache.stats(), CacheStats { built: 2, hits: 2, rebuilt: 1 });
    // Removed altogether.
    fs::remove_file(library(&root, "Adder")).unwrap();
    assert!(!works(&verilate));
    assert!(works(&verilate));
    assert_eq!(verilations(&log), 3);

    // Whatever goes into a model is in its key.
    assert!(!works(&verilate.clone().opt_level(1)));
    assert!(!works(&verilate.clone().arg("-Wno-WIDTH")));
    let mut other = d.clone();
    other.modules[0].text.push_str("// changed\n");
    assert!(!works(&Verilate::new(&other).toolchain(&tools).cache(&cache)));
    assert_eq!(verilations(&log), 6);
}

#[test]
fn threads_that_want_the_same_model_build_it_once() {
    let dir = tempfile::tempdir().unwrap();
    let (tools, log) = counting(dir.path());
    let cache = Cache::at(dir.path().join("cache"));
    let d = adder(16);
    std::thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| works(&Verilate::new(&d).toolchain(&tools).cache(&cache)));
        }
    });
    assert_eq!(verilations(&log), 1);
    assert_eq!(cache.stats(), CacheStats { built: 2, hits: 3, rebuilt: 0 });
}

#[test]
fn a_missing_tool_is_one_sentence_with_its_package() {
    let d = adder(16);
    let error =
        Verilate::new(&d).toolchain(&Toolchain::with_search([])).build().unwrap_err().to_string();
    assert!(
        error.contains("`verilator` was not found") && error.contains("Debian package `verilator`"),
        "{error}"
    );
    assert_eq!(error.lines().count(), 1);
    let (verilator, _) = Toolchain::system().verilator().unwrap();
    let no_compiler = Toolchain::with_search([]).with_tool(Tool::Verilator, verilator);
    let error = Verilate::new(&d).toolchain(&no_compiler).build().unwrap_err().to_string();
    assert!(error.contains("`c++` was not found") && error.contains("`g++`"), "{error}");
}

/// A toolchain whose C++ compiler fails with `message` on command lines that contain `pattern`.
fn failing(dir: &Path, pattern: &str, message: &str) -> Toolchain {
    let script = dir.join("compiler");
    let text = format!(
        "#!/bin/sh\ncase \"$*\" in *{pattern}*) echo '{message}' >&2; exit 1;; esac\nexec c++ \"$@\"\n"
    );
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    Toolchain::system().with_tool(Tool::Cxx, script)
}

#[test]
fn a_compiler_that_fails_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::at(dir.path().join("cache"));
    let d = adder(16);
    let message = "fstapi.c: fatal error: zlib.h: No such file or directory";
    let tools = failing(dir.path(), "verilated_fst_c", message);
    let error =
        Verilate::new(&d).toolchain(&tools).cache(&cache).trace(Trace::Fst).build().unwrap_err();
    assert!(
        matches!(error, BuildError::MissingZlib) && error.to_string().contains("`zlib1g-dev`"),
        "{error}"
    );

    let dir = tempfile::tempdir().unwrap();
    let tools = failing(dir.path(), "unit0.cc", "unit0.cc: no room");
    let error = Verilate::new(&d).toolchain(&tools).cache(&cache).build().unwrap_err();
    let text = error.to_string();
    let BuildError::Compile { log, .. } = error else { panic!("{text}") };
    assert!(text.contains("`Adder`") && text.contains("unit0.cc: no room"), "{text}");
    assert!(fs::read_to_string(log).unwrap().contains("no room"));
}

#[test]
fn broken_verilog_is_reported_with_line_and_log() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::at(dir.path());
    let d = design("Bad", "in a 4; out y 4", "assign y = nowhere;\nassign oops");
    let error = Verilate::new(&d).cache(&cache).build().unwrap_err();
    let text = error.to_string();
    let BuildError::Verilator { log, .. } = error else { panic!("{text}") };
    assert!(
        text.contains("`Bad`") && text.contains("design.v:4") && text.contains("syntax error"),
        "{text}"
    );
    assert!(fs::read_to_string(&log).unwrap().contains("syntax error"));
    assert!(log.parent().unwrap().join("design.v").exists());

    // Warnings that Verilator gives by itself are errors too.
    let d = design("Narrow", "in a 4; out y 3", "assign y = a;");
    let error = Verilate::new(&d).cache(&cache).build().unwrap_err().to_string();
    assert!(error.contains("WIDTH"), "{error}");
    assert!(Verilate::new(&d).cache(&cache).arg("-Wno-WIDTH").build().is_ok());
}

#[test]
fn a_port_list_that_does_not_match_the_text_is_refused() {
    let mut d = adder(16);
    d.modules[0].ports[1].width = 15;
    let error = Verilate::new(&d).build().unwrap_err().to_string();
    assert!(
        error.contains("`a`") && error.contains("15 bit") && error.contains("16 bit"),
        "{error}"
    );
    let mut d = adder(16);
    d.modules[0].ports.pop();
    let error = Verilate::new(&d).build().unwrap_err().to_string();
    assert!(error.contains("`y`") && error.contains("missing"), "{error}");
    let mut d = adder(16);
    d.modules[0].ports[3].dir = Dir::In;
    assert!(matches!(Verilate::new(&d).build(), Err(BuildError::PortsDiffer { .. })));
    let mut d = design("Pad", "in a; out y", "assign y = a;");
    d.modules[0].text = "module Pad (inout wire a, output wire y); assign y = a; endmodule".into();
    assert!(matches!(Verilate::new(&d).build(), Err(BuildError::InOut { .. })));
}

#[test]
fn an_unknown_top_names_the_modules_there_are() {
    let error = Verilate::new(&adder(16)).top("Adler").build().unwrap_err().to_string();
    assert!(error.contains("`Adler`") && error.contains("Adder"), "{error}");
    let none = Design { modules: Vec::new(), blocks: 0, externs: Vec::new() };
    assert!(matches!(Verilate::new(&none).build(), Err(BuildError::NoSuchModule { .. })));
}

#[test]
fn an_unwritable_cache_is_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let cache = Cache::at(dir.path().join("file/cache"));
    let error = Verilate::new(&adder(16)).cache(&cache).build().unwrap_err().to_string();
    assert!(error.contains("file/cache") && error.contains("SKIPOPU_CACHE"), "{error}");
}

/// Large enough for several C++ files, compiled in several pieces.
#[test]
fn a_large_design_is_compiled_in_pieces() {
    const STAGES: usize = 1500;
    let mut body = String::new();
    let mut rng: u32 = 1;
    for i in 0..STAGES {
        rng = rng.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let from = if i == 0 { "a".to_string() } else { format!("r{}", i - 1) };
        body += &format!(
            "reg [31:0] r{i} = 32'd0; always @(posedge clk) r{i} <= ({from} ^ 32'd{rng}) + {{{from}[7:0], {from}[31:8]}};\n"
        );
    }
    body += &format!("assign y = r{};", STAGES - 1);
    let d = Design {
        modules: vec![module("Deep", "clock clk; in a 32; out y 32", &body)],
        blocks: 1,
        externs: Vec::new(),
    };
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::at(dir.path());
    let verilate = Verilate::new(&d).cache(&cache).opt_level(1).arg("--output-split").arg("500");
    let mut m = verilate.build().unwrap().model().unwrap();
    let log = fs::read_to_string(library(dir.path(), "Deep").with_file_name("build.log")).unwrap();
    let units = log.lines().filter(|l| l.starts_with('$') && l.contains("unit")).count();
    assert!(units > 2, "{units} compiler runs");

    let (clk, a, y) =
        (m.clock("clk").unwrap(), m.input("a", 32).unwrap(), m.output("y", 32).unwrap());
    let mut pipe = vec![0u32; STAGES];
    let mut keys = Vec::new();
    let mut rng: u32 = 1;
    for _ in 0..STAGES {
        rng = rng.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        keys.push(rng);
    }
    for cycle in 0..2 * STAGES as u32 {
        let input = cycle.wrapping_mul(2_654_435_761);
        m.set_u64(a, input.into());
        m.tick(clk).unwrap();
        for i in (0..STAGES).rev() {
            let from = if i == 0 { input } else { pipe[i - 1] };
            pipe[i] = (from ^ keys[i]).wrapping_add(from.rotate_right(8));
        }
        assert_eq!(m.get_u64(y), u64::from(pipe[STAGES - 1]), "cycle {cycle}");
    }
}
