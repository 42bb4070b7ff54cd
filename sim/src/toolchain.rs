//! Finds the external tools: Verilator, Icarus Verilog and a C++ compiler.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use thiserror::Error;

/// The target triple this crate was compiled for; models are compiled for the same.
const TARGET: &str = env!("SKIPOPU_TARGET");

/// An external program the harness runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tool {
    /// Translates Verilog to C++.
    Verilator,
    /// The Icarus Verilog compiler.
    Iverilog,
    /// The Icarus Verilog run-time engine.
    Vvp,
    /// A C++17 compiler.
    Cxx,
}

impl Tool {
    /// Name of the executable (for the C++ compiler, the conventional one).
    pub fn executable(self) -> &'static str {
        match self {
            Tool::Verilator => "verilator",
            Tool::Iverilog => "iverilog",
            Tool::Vvp => "vvp",
            Tool::Cxx => "c++",
        }
    }

    /// Debian package that contains the tool.
    pub fn package(self) -> &'static str {
        match self {
            Tool::Verilator => "verilator",
            Tool::Iverilog | Tool::Vvp => "iverilog",
            Tool::Cxx => "g++",
        }
    }

    /// Environment variable that names the executable to use instead of the one on `PATH`.
    pub fn variable(self) -> &'static str {
        match self {
            Tool::Verilator => "SKIPOPU_VERILATOR",
            Tool::Iverilog => "SKIPOPU_IVERILOG",
            Tool::Vvp => "SKIPOPU_VVP",
            Tool::Cxx => "CXX",
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.executable())
    }
}

/// A tool that is missing or does not run.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ToolError {
    /// Neither on the search path nor named by its environment variable.
    #[error(
        "`{tool}` was not found: install the Debian package `{}` or name the executable in {}",
        tool.package(), tool.variable()
    )]
    Missing {
        /// The tool looked for.
        tool: Tool,
    },
    /// The override names something that is not there.
    #[error(
        "`{}`, set as `{tool}`, is not an executable file: correct or unset {}",
        path.display(), tool.variable()
    )]
    BadOverride {
        /// The tool looked for.
        tool: Tool,
        /// What the override names.
        path: PathBuf,
    },
    /// Found, but it does not start or does not answer a version query.
    #[error("`{}` does not run ({reason}): reinstall the Debian package `{}`", path.display(), tool.package())]
    Broken {
        /// The tool.
        tool: Tool,
        /// The executable.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
}

/// Where to look for tools.
///
/// [`Toolchain::system`] is what every builder uses unless told otherwise.
#[derive(Clone, Debug)]
pub struct Toolchain {
    search: Vec<PathBuf>,
    overrides: BTreeMap<Tool, PathBuf>,
}

impl Default for Toolchain {
    fn default() -> Toolchain {
        Toolchain::system()
    }
}

impl Toolchain {
    /// `PATH`, with the overrides `SKIPOPU_VERILATOR`, `SKIPOPU_IVERILOG`, `SKIPOPU_VVP`, and `CXX`
    /// as the `cc` crate reads it.
    pub fn system() -> Toolchain {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let overrides = [Tool::Verilator, Tool::Iverilog, Tool::Vvp]
            .into_iter()
            .filter_map(|t| Some((t, PathBuf::from(std::env::var_os(t.variable())?))))
            .collect();
        Toolchain { search: std::env::split_paths(&path).collect(), overrides }
    }

    /// Only the given folders, no overrides.
    pub fn with_search(search: impl IntoIterator<Item = PathBuf>) -> Toolchain {
        Toolchain { search: search.into_iter().collect(), overrides: BTreeMap::new() }
    }

    /// The same toolchain with `path` as `tool`.
    pub fn with_tool(mut self, tool: Tool, path: impl Into<PathBuf>) -> Toolchain {
        self.overrides.insert(tool, path.into());
        self
    }

    /// The executable of a tool.
    ///
    /// # Errors
    /// [`ToolError::Missing`] or [`ToolError::BadOverride`].
    pub fn find(&self, tool: Tool) -> Result<PathBuf, ToolError> {
        if let Some(path) = self.overrides.get(&tool) {
            return self
                .resolve(path)
                .ok_or_else(|| ToolError::BadOverride { tool, path: path.clone() });
        }
        self.resolve(Path::new(tool.executable())).ok_or(ToolError::Missing { tool })
    }

    fn resolve(&self, program: &Path) -> Option<PathBuf> {
        if program.components().count() > 1 {
            return program.is_file().then(|| program.to_path_buf());
        }
        self.search.iter().map(|dir| dir.join(program)).find(|p| p.is_file())
    }

    /// Verilator's executable and its version line.
    ///
    /// # Errors
    /// Any [`ToolError`].
    pub fn verilator(&self) -> Result<(PathBuf, String), ToolError> {
        let path = self.find(Tool::Verilator)?;
        let version = version_of(Tool::Verilator, &path)?;
        Ok((path, version))
    }

    /// The C++ compiler the `cc` crate chooses, with the flags every model is compiled with.
    ///
    /// # Errors
    /// Any [`ToolError`].
    pub fn cxx(&self) -> Result<Compiler, ToolError> {
        type Known = HashMap<(Vec<PathBuf>, Option<PathBuf>), Compiler>;
        static KNOWN: Mutex<Option<Known>> = Mutex::new(None);
        let key = (self.search.clone(), self.overrides.get(&Tool::Cxx).cloned());
        let mut known = KNOWN.lock().unwrap_or_else(|e| e.into_inner());
        let known = known.get_or_insert_with(Known::new);
        if let Some(compiler) = known.get(&key) {
            return Ok(compiler.clone());
        }
        let compiler = self.probe_cxx()?;
        known.insert(key, compiler.clone());
        Ok(compiler)
    }

    fn probe_cxx(&self) -> Result<Compiler, ToolError> {
        let tool = Tool::Cxx;
        let mut build = cc::Build::new();
        build.cpp(true).cargo_metadata(false).target(TARGET).host(TARGET).opt_level(0).debug(false);
        build.std("gnu++17").pic(true).warnings(false).out_dir(std::env::temp_dir());
        if self.overrides.contains_key(&tool) {
            build.compiler(self.find(tool)?);
        }
        let found = build.try_get_compiler().map_err(|e| ToolError::Broken {
            tool,
            path: PathBuf::from(tool.executable()),
            reason: e.to_string(),
        })?;
        let path = self.resolve(found.path()).ok_or(ToolError::Missing { tool })?;
        let version = version_of(tool, &path)?;
        let mut args: Vec<OsString> = found.args().to_vec();
        // The optimisation level is chosen per file.
        args.retain(|a| a != "-O0");
        args.extend(["-fvisibility=hidden"].map(OsString::from));
        if found.is_like_gnu() && !found.is_like_clang() {
            // Unique symbols would be merged across models loaded into one process.
            args.push("-fno-gnu-unique".into());
        }
        if TARGET.starts_with("x86_64") {
            args.push("-fcf-protection=none".into());
        }
        Ok(Compiler { path, args, version })
    }
}

/// A C++ compiler with the flags common to all files.
#[derive(Clone, Debug)]
pub struct Compiler {
    path: PathBuf,
    args: Vec<OsString>,
    version: String,
}

impl Compiler {
    /// A command with the common flags already given.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.args).stdin(Stdio::null());
        command
    }

    /// Everything about the compiler that can change its output.
    pub fn identity(&self) -> String {
        format!("{} {:?} {}", self.path.display(), self.args, self.version)
    }
}

/// First line of `tool --version`; asked once per executable and process.
fn version_of(tool: Tool, path: &Path) -> Result<String, ToolError> {
    static KNOWN: Mutex<BTreeMap<PathBuf, String>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(|e| e.into_inner());
    if let Some(version) = known.get(path) {
        return Ok(version.clone());
    }
    let broken = |reason: String| ToolError::Broken { tool, path: path.to_path_buf(), reason };
    let out = Command::new(path)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .map_err(|e| broken(e.to_string()))?;
    let text = String::from_utf8_lossy(&out.stdout);
    let line = text.lines().next().unwrap_or("").trim().to_string();
    if !out.status.success() || line.is_empty() {
        return Err(broken(format!("`--version` ended with {}", out.status)));
    }
    known.insert(path.to_path_buf(), line.clone());
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_search_path_names_tool_and_package() {
        let none = Toolchain::with_search([]);
        for tool in [Tool::Verilator, Tool::Iverilog, Tool::Vvp, Tool::Cxx] {
            let text = none.find(tool).unwrap_err().to_string();
            assert!(text.contains(tool.executable()) && text.contains(tool.package()), "{text}");
        }
        assert_eq!(none.cxx().unwrap_err(), ToolError::Missing { tool: Tool::Cxx });
    }

    #[test]
    fn an_override_that_is_not_there_is_refused() {
        let tools = Toolchain::system().with_tool(Tool::Verilator, "/nonexistent/verilator");
        let text = tools.verilator().unwrap_err().to_string();
        assert!(
            text.contains("/nonexistent/verilator") && text.contains("SKIPOPU_VERILATOR"),
            "{text}"
        );
    }

    #[test]
    fn a_program_that_fails_is_broken_not_missing() {
        let tools = Toolchain::system().with_tool(Tool::Verilator, "/bin/false");
        assert!(matches!(tools.verilator(), Err(ToolError::Broken { .. })));
    }

    #[test]
    fn the_system_tools_are_found() {
        let tools = Toolchain::system();
        assert!(tools.verilator().unwrap().1.contains("Verilator"));
        assert!(tools.cxx().unwrap().identity().contains("-fPIC"));
    }
}
