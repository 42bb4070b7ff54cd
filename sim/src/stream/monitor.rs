//! [`StreamMonitor`]: receives beats from a block.

use super::{Beat, StreamError, StreamPorts};
use crate::engine::Engine;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use skipopu_hdl::{Dir, Word};

/// Under back-pressure, the share of beats for which the receiver is patient: it raises `ready` only
/// after it has seen `valid`, so that a sender that waits for `ready` hangs and is found out.
const PATIENT: f64 = 0.25;

/// Collects the beats of an output stream of a block, stalling it at random.
///
/// In every cycle: [`present`](StreamMonitor::present), let the engine settle,
/// [`observe`](StreamMonitor::observe), clock edge.
#[derive(Clone, Debug)]
pub struct StreamMonitor {
    pub(super) ports: StreamPorts,
    stall: f64,
    rng: SmallRng,
    ready: bool,
    patient: bool,
    seen_valid: bool,
    stalls: u64,
    received: Vec<Beat>,
}

impl StreamMonitor {
    /// A monitor of the stream `name`, e.g. `out`, that is not ready with probability `stall` per cycle
    /// (0 to below 1).
    ///
    /// # Errors
    /// [`StreamError::Ports`] when the engine has no such output stream.
    pub fn new(
        engine: &dyn Engine,
        name: &str,
        stall: f64,
        seed: u64,
    ) -> Result<StreamMonitor, StreamError> {
        let ports = StreamPorts::find(engine, name)?;
        ports.demand(engine, Dir::Out)?;
        let mut rng = SmallRng::seed_from_u64(seed);
        let patient = stall > 0.0 && rng.random_bool(PATIENT);
        Ok(StreamMonitor {
            ports,
            stall,
            rng,
            ready: false,
            patient,
            seen_valid: false,
            stalls: 0,
            received: Vec::new(),
        })
    }

    /// Chooses this cycle's `ready` and puts it on the wire. `eager` asks for ready without stalling.
    pub fn present(&mut self, engine: &mut dyn Engine, eager: bool) {
        let Some(port) = self.ports.ready else {
            self.ready = true;
            return;
        };
        let waits = self.patient && !self.seen_valid;
        self.ready = eager || !waits && !self.rng.random_bool(self.stall);
        engine.poke(port, &Word::from(self.ready));
    }

    /// Looks, after the engine has settled, whether a beat fires at the coming edge; returns it then.
    pub fn observe(&mut self, engine: &dyn Engine) -> Option<&Beat> {
        if !self.ports.valid(engine) {
            return None;
        }
        self.seen_valid = true;
        if !self.ready {
            self.stalls += 1;
            return None;
        }
        self.seen_valid = false;
        self.patient = self.stall > 0.0 && self.rng.random_bool(PATIENT);
        self.received.push(self.ports.payload(engine));
        self.received.last()
    }

    /// Name of the stream.
    pub fn name(&self) -> &str {
        &self.ports.name
    }

    /// Beats fired so far.
    pub fn received(&self) -> &[Beat] {
        &self.received
    }

    /// Cycles in which a valid beat was not taken.
    pub fn stalls(&self) -> u64 {
        self.stalls
    }
}
