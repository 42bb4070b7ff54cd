//! [`StreamDriver`]: sends beats into a block.

use super::{Beat, StreamError, StreamPorts};
use crate::engine::Engine;
use crate::stimulus::uniform_word;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use skipopu_hdl::{Dir, Word};
use std::collections::VecDeque;

/// Sends queued beats on an input stream of a block, with random pauses.
///
/// In every cycle: [`present`](StreamDriver::present), let the engine settle,
/// [`observe`](StreamDriver::observe), clock edge. While it pauses, `data` carries random values, so that
/// a block that ignores `valid` is found out.
#[derive(Clone, Debug)]
pub struct StreamDriver {
    ports: StreamPorts,
    queue: VecDeque<Beat>,
    idle: f64,
    rng: SmallRng,
    /// Is the front of the queue on the wires?
    offered: bool,
    sent: u64,
    pauses: u64,
}

impl StreamDriver {
    /// A driver of the stream `name`, e.g. `in`, that pauses before a beat with probability `idle` per
    /// cycle (0 to below 1).
    ///
    /// # Errors
    /// [`StreamError::Ports`] when the engine has no such input stream.
    pub fn new(
        engine: &dyn Engine,
        name: &str,
        idle: f64,
        seed: u64,
    ) -> Result<StreamDriver, StreamError> {
        let ports = StreamPorts::find(engine, name)?;
        ports.demand(engine, Dir::In)?;
        let rng = SmallRng::seed_from_u64(seed);
        Ok(StreamDriver {
            ports,
            queue: VecDeque::new(),
            idle,
            rng,
            offered: false,
            sent: 0,
            pauses: 0,
        })
    }

    /// Queues beats.
    ///
    /// # Errors
    /// [`StreamError::Beat`] when one does not fit the stream.
    pub fn push(&mut self, beats: &[Beat]) -> Result<(), StreamError> {
        self.ports.admit(beats)?;
        self.queue.extend(beats.iter().cloned());
        Ok(())
    }

    /// Puts this cycle's `valid` and payload on the wires.
    pub fn present(&mut self, engine: &mut dyn Engine) {
        if !self.offered && !self.queue.is_empty() {
            self.offered = !self.rng.random_bool(self.idle);
            self.pauses += u64::from(!self.offered);
        }
        let front = self.queue.front().filter(|_| self.offered);
        engine.poke(self.ports.valid, &Word::from(front.is_some()));
        let (data, last) = match front {
            Some(beat) => (beat.data.clone(), beat.last),
            None => (uniform_word(&mut self.rng, self.ports.width), self.rng.random()),
        };
        engine.poke(self.ports.data, &data);
        if let Some(port) = self.ports.last {
            engine.poke(port, &Word::from(last));
        }
    }

    /// Looks, after the engine has settled, whether the beat fires at the coming edge; returns it then.
    pub fn observe(&mut self, engine: &dyn Engine) -> Option<Beat> {
        if !self.offered || !self.ports.ready(engine) {
            return None;
        }
        self.offered = false;
        self.sent += 1;
        self.queue.pop_front()
    }

    /// Name of the stream.
    pub fn name(&self) -> &str {
        &self.ports.name
    }

    /// Beats not yet fired.
    pub fn pending(&self) -> usize {
        self.queue.len()
    }

    /// Beats fired.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Cycles in which it paused although it had a beat to send.
    pub fn pauses(&self) -> u64 {
        self.pauses
    }
}
