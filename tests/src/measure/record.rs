//! Figures on their way into the ledger.

use anyhow::Result;
use skipopu_ledger::{format_value, Entry, Kind, Ledger};
use std::path::Path;

/// Collects figures; writes them all at once, so that a failed measurement leaves the ledger as it was.
#[derive(Default)]
pub struct Recorder(Vec<Entry>);

impl Recorder {
    /// Adds a figure that `measure SUBCOMMAND` obtained, and prints it.
    pub fn add(
        &mut self,
        key: &str,
        value: f64,
        unit: &str,
        kind: Kind,
        subcommand: &str,
        note: impl Into<String>,
    ) {
        let note = note.into();
        println!("{key:<40} {:>14} {unit:<10} {note}", format_value(value));
        self.0.push(Entry {
            key: key.into(),
            value,
            unit: unit.into(),
            kind,
            command: format!("cargo run --release -p skipopu-system -- {subcommand}"),
            note,
        });
    }

    /// Records everything; if the `whole` of a command was run, in place of all that it recorded before.
    ///
    /// # Errors
    /// An illegal entry, or a ledger that cannot be read or written.
    pub fn write(self, ledger: &Path, whole: bool) -> Result<()> {
        let count = self.0.len();
        if whole {
            Ledger::replace(ledger, self.0)?;
        } else {
            Ledger::update(ledger, self.0)?;
        }
        println!("{count} figures recorded in {}", ledger.display());
        Ok(())
    }
}
