//! A temporary folder with one file per module, as the tools see the design.

use crate::EdaError;
use skipopu_hdl::{Design, Module};
use std::path::Path;
use tempfile::TempDir;

/// Modules written to files.
pub(crate) struct Workdir {
    folder: TempDir,
    files: Vec<String>,
}

impl Workdir {
    /// Writes `NAME.v` for every module, and `externs.v` where the design declares external cores.
    pub(crate) fn new<'m>(
        design: &Design,
        modules: impl IntoIterator<Item = &'m Module>,
    ) -> Result<Workdir, EdaError> {
        let folder = tempfile::tempdir().map_err(|source| EdaError::Folder {
            folder: std::env::temp_dir().display().to_string(),
            source,
        })?;
        let mut work = Workdir { folder, files: Vec::new() };
        if !design.externs.is_empty() {
            work.write("externs.v", &design.externs.join("\n\n"))?;
        }
        for module in modules {
            work.write(&format!("{}.v", module.name), &module.text)?;
        }
        Ok(work)
    }

    /// Adds a Verilog file.
    pub(crate) fn write(&mut self, name: &str, text: &str) -> Result<(), EdaError> {
        let path = self.path().join(name);
        std::fs::write(&path, text).map_err(|source| EdaError::Folder {
            folder: self.path().display().to_string(),
            source,
        })?;
        self.files.push(name.into());
        Ok(())
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Verilog files, relative to the folder, in the order written.
    pub(crate) fn files(&self) -> &[String] {
        &self.files
    }
}
