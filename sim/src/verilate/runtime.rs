//! Verilator's own run-time library, compiled once per compiler and trace format.

use super::cxx::{self, Failed, Unit};
use crate::cache::{content_key, seal, unsealed, Cache, CacheError};
use crate::model::Trace;
use crate::toolchain::Compiler;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// Why the run-time library is not there.
pub(super) enum RuntimeError {
    /// The cache folder cannot be used.
    Cache(CacheError),
    /// It did not compile.
    Failed(Failed),
}

impl From<CacheError> for RuntimeError {
    fn from(e: CacheError) -> RuntimeError {
        RuntimeError::Cache(e)
    }
}

/// Include paths and macros, as Verilator's own makefile gives them. The shim defines `vl_fatal`,
/// `vl_stop` and `vl_finish`, because the library's would end the process.
pub(super) fn flags(include: &Path, trace: Trace) -> Vec<OsString> {
    let bit = |on: bool| u8::from(on);
    let mut flags: Vec<OsString> = Vec::new();
    for dir in [include.to_path_buf(), include.join("vltstd")] {
        flags.extend([OsString::from("-isystem"), dir.into()]);
    }
    flags.extend([
        "-DVM_SC=0".into(),
        "-DVM_COVERAGE=0".into(),
        "-DVL_USER_FATAL".into(),
        "-DVL_USER_STOP".into(),
        "-DVL_USER_FINISH".into(),
        format!("-DVM_TRACE={}", bit(trace != Trace::None)).into(),
        format!("-DVM_TRACE_VCD={}", bit(trace == Trace::Vcd)).into(),
        format!("-DVM_TRACE_FST={}", bit(trace == Trace::Fst)).into(),
    ]);
    flags
}

/// The object files of the run-time sources `names`, from the cache or freshly compiled at `-O2`.
pub(super) fn objects(
    cache: &Cache,
    compiler: &Compiler,
    version: &str,
    include: &Path,
    names: &[String],
    flags: &[OsString],
) -> Result<Vec<PathBuf>, RuntimeError> {
    let identity = format!("{version} {} {flags:?} {names:?}", compiler.identity());
    let mut parts = vec![identity.into_bytes()];
    for name in names {
        // A source that cannot be read is reported by the compiler.
        parts.push(fs::read(include.join(format!("{name}.cpp"))).unwrap_or_default());
    }
    let key = format!("runtime-{}", content_key(parts.iter().map(Vec::as_slice)));
    let object = |name: &String| format!("{name}.o");
    let build = |work: &Path| {
        let unit = |name: &String| Unit {
            source: include.join(format!("{name}.cpp")),
            object: work.join(object(name)),
            opt: 2,
            args: flags.to_vec(),
        };
        let units: Vec<Unit> = names.iter().map(unit).collect();
        cxx::compile(compiler, &units, &work.join("build.log")).map_err(RuntimeError::Failed)?;
        let files: Vec<String> = names.iter().map(object).collect();
        seal(work, &files).map_err(|e| RuntimeError::Failed(Failed { output: e.to_string() }))
    };
    Ok(cache.entry(&key, unsealed, build)?.value)
}
