//! Runs the C++ compiler: files in parallel, one log, readable failures.

use crate::toolchain::Compiler;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};

/// One file to compile.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    /// The C++ file.
    pub source: PathBuf,
    /// The object file.
    pub object: PathBuf,
    /// Optimisation level, 0 to 3.
    pub opt: u8,
    /// Further arguments.
    pub args: Vec<OsString>,
}

/// A tool that ended with an error.
#[derive(Debug)]
pub(super) struct Failed {
    /// What it printed, or why it did not start.
    pub output: String,
}

/// Appends a command and its output to the log file.
pub(super) fn logged(log: &Path, command: &mut Command) -> Result<Output, Failed> {
    let out = command.output();
    // Not the command's `Debug`, which may list the environment.
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect();
    let mut text = format!("$ {}\n", words.join(" "));
    match &out {
        Ok(o) => {
            let _ = write!(
                text,
                "{}{}",
                String::from_utf8_lossy(&o.stdout),
                String::from_utf8_lossy(&o.stderr)
            );
        }
        Err(e) => {
            let _ = writeln!(text, "{e}");
        }
    }
    // A log that cannot be written is no reason to fail the build.
    let _ = append(log, &text);
    let out = out.map_err(|e| Failed { output: e.to_string() })?;
    if out.status.success() {
        return Ok(out);
    }
    let mut output = String::from_utf8_lossy(&out.stderr).into_owned();
    output.push_str(&String::from_utf8_lossy(&out.stdout));
    let _ = writeln!(output, "({})", out.status);
    Err(Failed { output })
}

fn append(log: &Path, text: &str) -> io::Result<()> {
    std::fs::OpenOptions::new().create(true).append(true).open(log)?.write_all(text.as_bytes())
}

/// Compiles all units, as many at a time as the machine has cores.
pub(super) fn compile(compiler: &Compiler, units: &[Unit], log: &Path) -> Result<(), Failed> {
    let next = AtomicUsize::new(0);
    let failed: Mutex<Option<Failed>> = Mutex::new(None);
    let worker = || loop {
        let Some(unit) = units.get(next.fetch_add(1, Ordering::Relaxed)) else { return };
        if failed.lock().unwrap_or_else(|e| e.into_inner()).is_some() {
            return;
        }
        let _job = Job::take();
        let mut command = compiler.command();
        command.arg(format!("-O{}", unit.opt)).args(&unit.args);
        command.arg("-c").arg(&unit.source).arg("-o").arg(&unit.object);
        if let Err(e) = logged(log, &mut command) {
            failed.lock().unwrap_or_else(|e| e.into_inner()).get_or_insert(e);
        }
    };
    std::thread::scope(|s| {
        for _ in 0..cores().min(units.len()) {
            s.spawn(worker);
        }
    });
    failed.into_inner().unwrap_or_else(|e| e.into_inner()).map_or(Ok(()), Err)
}

/// Links objects into a shared library.
pub(super) fn link(
    compiler: &Compiler,
    objects: &[PathBuf],
    args: &[&str],
    to: &Path,
    log: &Path,
) -> Result<(), Failed> {
    let mut command = compiler.command();
    command.arg("-shared").arg("-o").arg(to).args(objects).args(args);
    logged(log, &mut command).map(drop)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// A place among the compilers this process runs at once, whatever the number of builds.
struct Job;

static RUNNING: Mutex<usize> = Mutex::new(0);
static FREED: Condvar = Condvar::new();

impl Job {
    fn take() -> Job {
        let mut running = RUNNING.lock().unwrap_or_else(|e| e.into_inner());
        while *running >= cores() {
            running = FREED.wait(running).unwrap_or_else(|e| e.into_inner());
        }
        *running += 1;
        Job
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        *RUNNING.lock().unwrap_or_else(|e| e.into_inner()) -= 1;
        FREED.notify_one();
    }
}
