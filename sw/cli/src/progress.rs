//! Progress on standard error: a bar on a terminal, a line per step elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;

/// Progress over a known number of steps.
pub struct Progress {
    bar: Option<ProgressBar>,
    verb: &'static str,
    done: u64,
    total: u64,
    quiet: bool,
}

impl Progress {
    /// `verb` says what happens to each step, e.g. `emitting`.
    pub fn new(verb: &'static str, total: usize) -> Progress {
        let total = total as u64;
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{prefix} [{bar:30}] {pos}/{len} {msg}");
            let style = style.expect("the template is well formed").progress_chars("=> ");
            ProgressBar::new(total).with_style(style).with_prefix(verb)
        });
        Progress { bar, verb, done: 0, total, quiet: false }
    }

    /// Steps too short and too many for a line each: nothing is said where there is no terminal.
    pub fn quiet(verb: &'static str, total: usize) -> Progress {
        let mut progress = Progress::new(verb, total);
        progress.quiet = true;
        progress
    }

    /// Begins the next step.
    pub fn step(&mut self, name: &str) {
        match &self.bar {
            Some(bar) => {
                bar.set_position(self.done);
                bar.set_message(name.to_string());
            }
            None if self.quiet => {}
            None => eprintln!("{} {name} ({}/{})", self.verb, self.done + 1, self.total),
        }
        self.done += 1;
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
