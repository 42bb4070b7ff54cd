//! [`Trace`]: reads the lines of a trace file.

use super::{Access, ReplayError};
use std::io::BufRead;
use thiserror::Error;

/// A trace that cannot be used.
#[derive(Debug, Error)]
pub enum TraceError {
    /// A wrong line.
    #[error("line {line}: {fault}")]
    Line {
        /// From 1.
        line: u64,
        /// What is wrong, and the remedy.
        fault: String,
    },
    /// A file that cannot be read.
    #[error("line {line} cannot be read: {source}")]
    Read {
        /// From 1.
        line: u64,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// Nothing in it.
    #[error("the trace has no access: give lines `cycle pc address bytes R|W`")]
    Nothing,
}

impl TraceError {
    /// An access that the replay refused.
    pub fn refused(line: u64, error: &ReplayError) -> TraceError {
        TraceError::Line { line, fault: error.to_string() }
    }
}

/// A line that does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// `cycle pc address bytes R|W`.
    Access(Access),
    /// `BARRIER`.
    Barrier,
}

/// The items of a trace with their lines. Blank lines and what follows `#` are skipped.
#[derive(Debug)]
pub struct Trace<R> {
    reader: R,
    line: u64,
    text: String,
}

impl<R: BufRead> Trace<R> {
    /// Reads from `reader`.
    pub fn new(reader: R) -> Trace<R> {
        Trace { reader, line: 0, text: String::new() }
    }

    /// The next item and its line, `None` at the end.
    ///
    /// # Errors
    /// A line that is no item, or that cannot be read.
    pub fn next_item(&mut self) -> Result<Option<(u64, Item)>, TraceError> {
        loop {
            self.text.clear();
            self.line += 1;
            let line = self.line;
            match self.reader.read_line(&mut self.text) {
                Err(source) => return Err(TraceError::Read { line, source }),
                Ok(0) => return Ok(None),
                Ok(_) => {}
            }
            let text = self.text.split('#').next().unwrap_or_default().trim();
            if text.is_empty() {
                continue;
            }
            let item = item(text).map_err(|fault| TraceError::Line { line, fault })?;
            return Ok(Some((line, item)));
        }
    }
}

fn item(text: &str) -> Result<Item, String> {
    if text == "BARRIER" {
        return Ok(Item::Barrier);
    }
    let mut words = text.split_whitespace();
    let mut fields = [""; 5];
    for field in &mut fields {
        *field = words.next().ok_or_else(|| wrong_count(text))?;
    }
    if words.next().is_some() {
        return Err(wrong_count(text));
    }
    let [cycle, pc, address, bytes, kind] = fields;
    let cycle = match cycle {
        "-1" => None,
        _ => Some(number("cycle", cycle, "a number, or -1 for as fast as possible")?),
    };
    let write = match kind {
        "R" | "r" => false,
        "W" | "w" => true,
        _ => return Err(format!("`{kind}` is neither R nor W: end the line with one of them")),
    };
    Ok(Item::Access(Access {
        cycle,
        channel: number("pseudo-channel", pc, "0 to 31")?,
        address: number("address", address, "a decimal number, or 0x and hexadecimal digits")?,
        bytes: number("byte count", bytes, "a number of at least 1")?,
        write,
    }))
}

fn wrong_count(text: &str) -> String {
    let count = text.split_whitespace().count();
    format!("{count} fields instead of 5: write `cycle pc address bytes R|W`, or BARRIER alone")
}

fn number(what: &str, text: &str, remedy: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| format!("`{text}` is no {what}: use {remedy}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(u64, Item)>, String> {
        let mut trace = Trace::new(text.as_bytes());
        let mut items = Vec::new();
        while let Some(item) = trace.next_item().map_err(|e| e.to_string())? {
            items.push(item);
        }
        Ok(items)
    }

    #[test]
    fn lines_are_read() {
        let items = read("# head\n-1 3 0x20 64 R # tail\n\nBARRIER\n 12 31 7 1 w").unwrap();
        let access = |cycle, channel, address, bytes, write| {
            Item::Access(Access { cycle, channel, address, bytes, write })
        };
        let expected = [
            (2, access(None, 3, 32, 64, false)),
            (4, Item::Barrier),
            (5, access(Some(12), 31, 7, 1, true)),
        ];
        assert_eq!(items, expected);
        assert_eq!(read("").unwrap(), []);
    }

    #[test]
    fn wrong_lines_are_named_with_a_remedy() {
        let cases = [
            ("\n1 2 3 4", "line 2: 4 fields instead of 5: write `cycle"),
            ("1 2 3 4 R R", "line 1: 6 fields"),
            ("-2 2 3 4 R", "line 1: `-2` is no cycle: use a number, or -1"),
            ("1 x 3 4 R", "line 1: `x` is no pseudo-channel: use 0 to 31"),
            ("1 2 0xg 4 R", "line 1: `0xg` is no address: use"),
            ("1 2 3 -4 R", "line 1: `-4` is no byte count"),
            ("1 2 3 4 X", "line 1: `X` is neither R nor W: end the line"),
            ("barrier", "line 1: 1 fields"),
        ];
        for (text, message) in cases {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(message), "{text:?}: {error}");
        }
    }
}
