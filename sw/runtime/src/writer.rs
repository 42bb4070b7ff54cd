//! A text: prefill in blocks, decode, sampling, comparison of every logit.

use crate::backend::{compute, Backend};
use crate::counts::Counts;
use crate::device::{DeviceError, Progress};
use crate::error::RuntimeError;
use crate::timeline::Timeline;
use serde::Serialize;
use skipopu_forward::{Engine, Ran, Sampler};
use std::ops::ControlFlow;
use std::time::Instant;

/// What to write.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The text's beginning.
    pub prompt: Vec<u32>,
    /// Tokens at most, the prompt's included.
    pub tokens: usize,
    /// Tokens that end a text.
    pub stops: Vec<u32>,
    /// Read the counters while the first token after the prompt is computed?
    pub timeline: bool,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A block of the prompt is done: tokens done.
    Prefilled(usize),
    /// A token was made.
    Token(u32),
    /// A program is running.
    Working(Progress),
}

/// Why writing ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// As many tokens as were asked for.
    Length,
    /// The model ended the text.
    Stop,
    /// The user did.
    Interrupted,
    /// A logit was not the reference's.
    Mismatch,
}

/// A logit that is not the reference's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Mismatch {
    /// Position of the token after which it came.
    pub position: usize,
    /// Number of the logit.
    pub logit: usize,
    /// What the backend gave.
    pub found: f32,
    /// What the reference gives.
    pub expected: f32,
}

/// A block of tokens.
#[derive(Clone, Debug)]
pub struct BlockRecord {
    /// Position of its first token.
    pub position: usize,
    /// Its tokens.
    pub tokens: usize,
    /// Seconds that the backend took.
    pub seconds: f64,
    /// The core's counters.
    pub counts: Option<Counts>,
    /// What each token ran, by layer: of the reference, or of the backend where that shows it.
    pub ran: Option<Vec<Vec<Ran>>>,
    /// Logits compared.
    pub compared: u64,
    /// Those that differ.
    pub mismatched: u64,
}

/// What was written so far.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Tokens of the prompt.
    pub prompt: usize,
    /// All tokens, the prompt's first. The last one made may not have been computed.
    pub tokens: Vec<u32>,
    /// Blocks computed.
    pub blocks: Vec<BlockRecord>,
    /// Seconds of the reference.
    pub reference_seconds: f64,
    /// The first logit that differs.
    pub mismatch: Option<Mismatch>,
    /// Of the first token after the prompt, if the plan asks for it and the backend has one.
    pub timeline: Option<Timeline>,
}

impl Record {
    /// Logits compared.
    pub fn compared(&self) -> u64 {
        self.blocks.iter().map(|b| b.compared).sum()
    }

    /// Logits that differ.
    pub fn mismatched(&self) -> u64 {
        self.blocks.iter().map(|b| b.mismatched).sum()
    }
}

/// Writes a text. `record` holds what was done also when it ends early; it is begun anew. With a reference, every block's logits
/// are compared bit for bit, and the text ends where they differ. `on` may break after any event.
///
/// # Errors
/// As [`Overlay::next`](crate::Overlay::next), an interruption apart.
pub fn write(
    backend: &mut dyn Backend,
    mut reference: Option<&mut dyn Engine>,
    plan: &Plan,
    sampler: &mut Sampler,
    record: &mut Record,
    on: &mut dyn FnMut(Event) -> ControlFlow<()>,
) -> Result<Ended, RuntimeError> {
    let (prompt, rows) = (plan.prompt.len(), backend.rows());
    *record = Record { prompt, tokens: plan.prompt.clone(), ..Record::default() };
    let context = backend.context();
    if prompt == 0 || prompt > context {
        let limit = match prompt {
            0 => "at least one is needed".to_string(),
            _ => format!("the context holds {context}"),
        };
        return Err(RuntimeError::Length { tokens: prompt, limit });
    }
    let most = plan.tokens.min(context);
    let mut done = 0;
    loop {
        // The rest of the prompt, or the token made last.
        let block = record.tokens[done..].iter().copied().take(rows).collect::<Vec<u32>>();
        let mut tick = |p: Progress| on(Event::Working(p));
        let reference = reference.as_mut().map(|r| &mut **r as &mut dyn Engine);
        let sampled = plan.timeline && done == prompt;
        let logits = match next(backend, reference, (&block, sampled), done, record, &mut tick) {
            Ok(logits) => logits,
            Err(RuntimeError::Device(DeviceError::Cancelled)) => return Ok(Ended::Interrupted),
            Err(e) => return Err(e),
        };
        done += block.len();
        if record.mismatch.is_some() {
            return Ok(Ended::Mismatch);
        }
        if done <= prompt && on(Event::Prefilled(done)).is_break() {
            return Ok(Ended::Interrupted);
        }
        if done < record.tokens.len() {
            continue;
        }
        if done >= most {
            return Ok(Ended::Length);
        }
        let token = sampler.pick(&logits);
        if plan.stops.contains(&token) {
            return Ok(Ended::Stop);
        }
        record.tokens.push(token);
        if on(Event::Token(token)).is_break() {
            return Ok(Ended::Interrupted);
        }
        if record.tokens.len() >= most {
            return Ok(Ended::Length);
        }
    }
}

/// Computes a block on the backend and on the reference, and compares them.
fn next(
    backend: &mut dyn Backend,
    reference: Option<&mut dyn Engine>,
    (tokens, sampled): (&[u32], bool),
    position: usize,
    record: &mut Record,
    tick: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Vec<f32>, RuntimeError> {
    let start = Instant::now();
    let outcome = match sampled {
        false => backend.next(tokens, tick)?,
        true => {
            let (outcome, timeline) = backend.next_sampled(tokens, tick)?;
            record.timeline = timeline;
            outcome
        }
    };
    let seconds = start.elapsed().as_secs_f64();
    let mut block = BlockRecord {
        position,
        tokens: tokens.len(),
        seconds,
        counts: outcome.counts,
        ran: outcome.ran,
        compared: 0,
        mismatched: 0,
    };
    if let Some(reference) = reference {
        let start = Instant::now();
        let (expected, ran) = compute(reference, tokens)?;
        record.reference_seconds += start.elapsed().as_secs_f64();
        block.ran = Some(ran);
        block.compared = expected.len().max(outcome.logits.len()) as u64;
        let position = position + tokens.len() - 1;
        // A logit that one side lacks differs too.
        block.mismatched = expected.len().abs_diff(outcome.logits.len()) as u64;
        for (logit, (found, expected)) in outcome.logits.iter().zip(&expected).enumerate() {
            if found.to_bits() != expected.to_bits() {
                block.mismatched += 1;
                let (found, expected) = (*found, *expected);
                record.mismatch.get_or_insert(Mismatch { position, logit, found, expected });
            }
        }
        if block.mismatched > 0 && record.mismatch.is_none() {
            let logit = expected.len().min(outcome.logits.len());
            let (found, expected) = (f32::NAN, f32::NAN);
            record.mismatch = Some(Mismatch { position, logit, found, expected });
        }
    }
    record.blocks.push(block);
    Ok(outcome.logits)
}
