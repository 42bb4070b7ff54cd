//! [`Backend`]: overlays and forward passes, a block of tokens at a time.

use crate::counts::Counts;
use crate::device::Progress;
use crate::error::RuntimeError;
use crate::overlay::{Block, Overlay};
use crate::timeline::Timeline;
use skipopu_forward::{Engine, Ran};
use std::ops::ControlFlow;

/// What a block of tokens gave.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Logits after its last token.
    pub logits: Vec<f32>,
    /// The core's counters, where there is a core.
    pub counts: Option<Counts>,
    /// What each token ran, by layer, where it shows.
    pub ran: Option<Vec<Vec<Ran>>>,
}

/// Computes the next tokens of one text.
pub trait Backend {
    /// What reports call it.
    fn label(&self) -> String;

    /// Most tokens of a block.
    fn rows(&self) -> usize;

    /// Most tokens of a text.
    fn context(&self) -> usize;

    /// Computes 1 to [`Backend::rows`] tokens; `tick` is called now and then and may break.
    ///
    /// # Errors
    /// As [`Overlay::next`].
    fn next(
        &mut self,
        tokens: &[u32],
        tick: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Outcome, RuntimeError>;

    /// As [`Backend::next`], with a timeline where the backend has counters that can be read meanwhile.
    ///
    /// # Errors
    /// As [`Backend::next`].
    fn next_sampled(
        &mut self,
        tokens: &[u32],
        tick: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(Outcome, Option<Timeline>), RuntimeError> {
        Ok((self.next(tokens, tick)?, None))
    }
}

/// An overlay.
pub struct OverlayBackend(pub Overlay);

impl Backend for OverlayBackend {
    fn label(&self) -> String {
        self.0.device().label().into()
    }

    fn rows(&self) -> usize {
        self.0.rows()
    }

    fn context(&self) -> usize {
        self.0.context()
    }

    fn next(
        &mut self,
        tokens: &[u32],
        tick: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Outcome, RuntimeError> {
        Ok(outcome(self.0.next(tokens, tick)?))
    }

    fn next_sampled(
        &mut self,
        tokens: &[u32],
        tick: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(Outcome, Option<Timeline>), RuntimeError> {
        let (block, timeline) = self.0.next_sampled(tokens, tick)?;
        Ok((outcome(block), Some(timeline)))
    }
}

fn outcome(block: Block) -> Outcome {
    Outcome { logits: block.logits, counts: Some(block.counts), ran: None }
}

/// A forward pass on the host, in the overlay's blocks.
pub struct EngineBackend {
    label: &'static str,
    engine: Box<dyn Engine>,
    rows: usize,
}

impl EngineBackend {
    /// Blocks of up to `rows` tokens.
    pub fn new(label: &'static str, engine: Box<dyn Engine>, rows: usize) -> EngineBackend {
        EngineBackend { label, engine, rows }
    }
}

impl Backend for EngineBackend {
    fn label(&self) -> String {
        format!("{} forward pass", self.label)
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn context(&self) -> usize {
        self.engine.spec().context
    }

    fn next(
        &mut self,
        tokens: &[u32],
        tick: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Outcome, RuntimeError> {
        if tick(Progress::default()).is_break() {
            return Err(crate::DeviceError::Cancelled.into());
        }
        let (logits, ran) = compute(&mut *self.engine, tokens)?;
        Ok(Outcome { logits, counts: None, ran: Some(ran) })
    }
}

/// Logits after the last of these tokens, and what each ran, by layer.
///
/// # Errors
/// As [`Engine::next`].
pub fn compute(
    engine: &mut dyn Engine,
    tokens: &[u32],
) -> Result<(Vec<f32>, Vec<Vec<Ran>>), RuntimeError> {
    let logits = engine.next(tokens)?;
    let last = |layer: &Vec<Ran>| layer[layer.len().saturating_sub(tokens.len())..].to_vec();
    Ok((logits, engine.stats().ran.iter().map(last).collect()))
}
