//! Standard output. A reader that has gone away (`| head`) ends the run quietly.

use crate::exit::{Done, Failure};
use std::io::{ErrorKind, Write};

/// Prints text as it is.
pub fn print(text: &str) -> Done {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(e) => Err(Failure::environment(format!("cannot write to standard output: {e}"))),
        Ok(()) => Ok(()),
    }
}

/// Prints a line.
pub fn line(text: impl std::fmt::Display) -> Done {
    print(&format!("{text}\n"))
}

/// Prints a value as indented JSON.
pub fn json(value: &serde_json::Value) -> Done {
    line(serde_json::to_string_pretty(value).expect("JSON values always serialise"))
}
