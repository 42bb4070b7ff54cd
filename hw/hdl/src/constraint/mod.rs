//! [`Constraint`]: what a clock-domain crossing asks of placement and routing.
//!
//! A hand-written block that crosses clocks states its constraints in its tag (`block_tag!`). The
//! emitter refuses a constraint that names a register the module's text does not declare, so that
//! renaming a register cannot silently leave a crossing unconstrained; [`bundle`](crate::bundle) writes
//! `<module>.tcl` beside `<module>.v`.

mod tcl;

pub use tcl::script;

use crate::Port;
use serde::{Deserialize, Serialize};

/// One requirement on the paths between two clock domains of a module. Clocks are names of the module's
/// clock ports, registers names in its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Constraint {
    /// One bit, or a word of which one bit changes at a time, from a register to synchroniser stages.
    /// No bit may take longer than a period of the source's clock, nor arrive a period of the
    /// receiving clock later than another; all stages stay together.
    Synchronised {
        /// Clock of `source`.
        source_clock: String,
        /// The register that crosses.
        source: String,
        /// Clock of the stages.
        clock: String,
        /// The synchroniser's registers, first to last.
        stages: Vec<String>,
    },
    /// Words that stand still in a memory, written with one clock, before a register of another clock
    /// takes them: a path must take no longer than a period of the register's clock.
    Held {
        /// Clock of the memory's write port.
        write_clock: String,
        /// Clock of the register.
        clock: String,
        /// The register that takes the word.
        register: String,
    },
}

impl Constraint {
    fn clocks(&self) -> [&str; 2] {
        match self {
            Constraint::Synchronised { source_clock, clock, .. } => [source_clock, clock],
            Constraint::Held { write_clock, clock, .. } => [write_clock, clock],
        }
    }

    fn registers(&self) -> Vec<&str> {
        match self {
            Constraint::Synchronised { source, stages, .. } => {
                [source].into_iter().chain(stages).map(String::as_str).collect()
            }
            Constraint::Held { register, .. } => vec![register],
        }
    }

    /// What the constraint names that the module does not have, one sentence each.
    pub fn unmet(&self, ports: &[Port], text: &str) -> Vec<String> {
        let mut out = Vec::new();
        for clock in self.clocks() {
            if !ports.iter().any(|p| p.clock && p.name == clock) {
                out.push(format!(
                    "a timing constraint names `{clock}`, which is no clock of the module"
                ));
            }
        }
        for register in self.registers() {
            if declaration(text, register).is_none() {
                out.push(format!(
                    "a timing constraint names the register `{register}`, which the text does not declare"
                ));
            }
        }
        if let Constraint::Synchronised { stages, .. } = self {
            let plain =
                |s: &&String| declaration(text, s).is_some_and(|l| !l.contains("ASYNC_REG"));
            for stage in stages.iter().filter(plain) {
                out.push(format!("the synchroniser stage `{stage}` lacks the attribute ASYNC_REG"));
            }
        }
        out
    }
}

/// The line that declares a register: `reg`, perhaps a range, the name.
fn declaration<'t>(text: &'t str, register: &str) -> Option<&'t str> {
    text.lines().find(|line| {
        // An attribute's value may hold anything, the initial value another register.
        let code = line.rsplit("*)").next().unwrap_or("").split(['=', ';']).next().unwrap_or("");
        let mut words =
            code.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|w| !w.is_empty());
        words.next() == Some("reg") && words.next_back() == Some(register)
            || code
                .trim()
                .strip_prefix("reg")
                .is_some_and(|rest| rest.contains(&format!(" {register} [")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dir;

    const TEXT: &str = "module m ();
    reg [3:0] source = 4'd0;
    (* ASYNC_REG = \"TRUE\", SHREG_EXTRACT = \"NO\" *) reg [3:0] stage_1 = 4'd0;
    reg [3:0] stage_2 = stage_3;
    always @(posedge clock) stage_1 <= source;
endmodule";

    fn clock(name: &str) -> Port {
        Port { name: name.into(), dir: Dir::In, width: 1, clock: true, signed: false }
    }

    fn crossing(source: &str, stages: &[&str]) -> Constraint {
        Constraint::Synchronised {
            source_clock: "a".into(),
            source: source.into(),
            clock: "b".into(),
            stages: stages.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn what_the_text_declares_is_found() {
        let ports = [clock("a"), clock("b")];
        assert!(crossing("source", &["stage_1"]).unmet(&ports, TEXT).is_empty());
        let lines = crossing("source", &["stage_1"]).unmet(&ports[..1], TEXT);
        assert_eq!(lines, ["a timing constraint names `b`, which is no clock of the module"]);
    }

    #[test]
    fn what_it_does_not_declare_is_reported() {
        let ports = [clock("a"), clock("b")];
        for name in ["sourc", "stage", "clock", "stage_3", "ASYNC_REG", "reg"] {
            let lines = crossing(name, &["stage_1"]).unmet(&ports, TEXT);
            assert_eq!(lines.len(), 1, "{name}: {lines:?}");
        }
        let lines = crossing("source", &["stage_1", "stage_2"]).unmet(&ports, TEXT);
        assert_eq!(lines, ["the synchroniser stage `stage_2` lacks the attribute ASYNC_REG"]);
    }
}
