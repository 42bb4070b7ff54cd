//! The text as it is made, and how far it is.

use crate::exit::Done;
use crate::output;
use indicatif::{ProgressBar, ProgressStyle};
use skipopu_model::tokenizer::Decoder;
use skipopu_runtime::Progress;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// How often a running program is shown.
const REFRESH: Duration = Duration::from_millis(100);

/// How often it is said where there is no terminal.
const LINES: Duration = Duration::from_secs(30);

/// Shows a run. On a terminal the text so far stands above a bar; elsewhere text goes to standard output as it comes, and lines
/// to standard error now and then.
pub struct Live<'a> {
    decoder: Decoder<'a>,
    text: String,
    bar: Option<ProgressBar>,
    /// Does text go to standard output as it comes?
    stream: bool,
    instructions: usize,
    tokens: usize,
    total: usize,
    shown: Instant,
    begun: Instant,
}

impl<'a> Live<'a> {
    /// `stream`: print the text; `instructions` of the program, `total` tokens at most.
    pub fn new(decoder: Decoder<'a>, stream: bool, instructions: usize, total: usize) -> Live<'a> {
        let terminal = std::io::stderr().is_terminal();
        let bar = terminal.then(|| {
            let template = "{prefix}\n[{bar:30}] {pos}/{len} tokens, {elapsed} {msg}";
            let style =
                ProgressStyle::with_template(template).expect("the template is well formed");
            ProgressBar::new(total as u64).with_style(style.progress_chars("=> "))
        });
        let now = Instant::now();
        // Where both end on a terminal, the bar shows the text, and it is printed at the end.
        let stream = stream && !(terminal && std::io::stdout().is_terminal());
        Live {
            decoder,
            text: String::new(),
            bar,
            stream,
            instructions,
            tokens: 0,
            total,
            shown: now,
            begun: now,
        }
    }

    /// A token of the prompt, or one that was made.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn token(&mut self, token: u32) -> Done {
        let piece = self.decoder.push(token);
        self.text += &piece;
        if self.stream {
            output::print(&piece)?;
        }
        self.tokens += 1;
        if let Some(bar) = &self.bar {
            bar.set_prefix(self.text.clone());
            bar.set_position(self.tokens as u64);
        }
        Ok(())
    }

    /// A program is running.
    pub fn working(&mut self, progress: Progress) {
        let every = if self.bar.is_some() { REFRESH } else { LINES };
        if progress.cycles == 0 || self.shown.elapsed() < every {
            return;
        }
        self.shown = Instant::now();
        let part = progress.pc.map_or(String::new(), |pc| {
            format!(", {} % of the program", 100 * pc as usize / self.instructions.max(1))
        });
        let what = format!("{} cycles{part}", progress.cycles);
        match &self.bar {
            Some(bar) => bar.set_message(what),
            None => {
                let seconds = self.begun.elapsed().as_secs();
                eprintln!("token {}/{}, {what}, {seconds} s", self.tokens, self.total);
            }
        }
    }

    /// The bar goes away, the text ends with a line's end.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn finish(mut self, print: bool) -> Done<String> {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let rest = self.decoder.finish();
        self.text += &rest;
        match (print, self.stream) {
            (true, true) => output::line(rest)?,
            (true, false) => output::line(&self.text)?,
            _ => {}
        }
        Ok(self.text)
    }
}
