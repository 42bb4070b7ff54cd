//! Programs from text and back, and what is said of wrong ones.

use std::process::{Command, Output};

fn skipopu(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_skipopu")).args(args).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn text_to_program_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let text =
        "sync\nagain: set register=head value=288\nbranch rows=attention target=@again\nend\n";
    std::fs::write(path("a.s"), text).unwrap();
    let done = skipopu(&["asm", "--config", "cosim", &path("a.s"), "--out", &path("a.bin")]);
    assert!(done.status.success(), "{done:?}");
    assert!(stdout(&done).contains("4 instructions for cosim"));
    let back = stdout(&skipopu(&["disasm", &path("a.bin")]));
    assert!(back.contains("L1:") && back.contains("branch rows=attention target=@L1"), "{back}");

    std::fs::write(path("b.s"), "end\nsett register=head value=1\n").unwrap();
    let refused = skipopu(&["asm", &path("b.s"), "--out", &path("b.bin")]);
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("line 2: no instruction `sett`: did you mean `set`?"), "{said}");
    assert!(!folder.path().join("b.bin").exists());

    let mut bytes = std::fs::read(path("a.bin")).unwrap();
    bytes[40] ^= 1;
    std::fs::write(path("c.bin"), bytes).unwrap();
    let damaged = skipopu(&["disasm", &path("c.bin")]);
    assert_eq!(damaged.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&damaged.stderr).contains("it is damaged"));
}
