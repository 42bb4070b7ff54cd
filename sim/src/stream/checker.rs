//! [`ProtocolChecker`]: watches one stream for broken rules.

use super::{Beat, StreamError, StreamPorts};
use crate::engine::Engine;

/// Watches a stream, whichever side sends, and counts what passes.
#[derive(Clone, Debug)]
pub struct ProtocolChecker {
    ports: StreamPorts,
    /// The payload of a beat that was valid and did not fire.
    held: Option<Beat>,
    cycle: u64,
    beats: u64,
    stalls: u64,
    idle: u64,
}

impl ProtocolChecker {
    /// A checker of the stream `name`.
    ///
    /// # Errors
    /// [`StreamError::Ports`] when the engine has no such stream.
    pub fn new(engine: &dyn Engine, name: &str) -> Result<ProtocolChecker, StreamError> {
        let ports = StreamPorts::find(engine, name)?;
        Ok(ProtocolChecker { ports, held: None, cycle: 0, beats: 0, stalls: 0, idle: 0 })
    }

    /// Looks at a cycle after the engine has settled, before the clock edge; call it once per cycle.
    ///
    /// # Errors
    /// [`StreamError::ValidDropped`], [`StreamError::PayloadChanged`].
    pub fn observe(&mut self, engine: &dyn Engine) -> Result<(), StreamError> {
        let (cycle, beat) = (self.cycle, self.beats);
        self.cycle += 1;
        let stream = || self.ports.name.clone();
        if !self.ports.valid(engine) {
            self.idle += 1;
            return match self.held.take() {
                None => Ok(()),
                Some(_) => Err(StreamError::ValidDropped { stream: stream(), cycle, beat }),
            };
        }
        let after = self.ports.payload(engine);
        if let Some(before) = self.held.take().filter(|b| *b != after) {
            let (before, after) = (before.into(), after.into());
            return Err(StreamError::PayloadChanged {
                stream: stream(),
                cycle,
                beat,
                before,
                after,
            });
        }
        if self.ports.ready(engine) {
            self.beats += 1;
        } else {
            self.stalls += 1;
            self.held = Some(after);
        }
        Ok(())
    }

    /// Name of the stream.
    pub fn name(&self) -> &str {
        &self.ports.name
    }

    /// Cycles watched.
    pub fn cycles(&self) -> u64 {
        self.cycle
    }

    /// Beats fired.
    pub fn beats(&self) -> u64 {
        self.beats
    }

    /// Cycles with `valid` but not `ready`.
    pub fn stalls(&self) -> u64 {
        self.stalls
    }

    /// Cycles without `valid`.
    pub fn idle(&self) -> u64 {
        self.idle
    }
}
