//! How training went.

use serde::{Deserialize, Serialize};

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Steps done.
    pub step: usize,
    /// Cross entropy with the dense model beyond its own entropy on the step's texts, nats a token.
    pub loss: f64,
    /// The same on the texts kept apart, decisions without noise; where it was measured.
    pub held: Option<f64>,
    /// Part of the sub-modules skipped.
    pub skip: f64,
    /// Part of K and V not stored.
    pub kv: f64,
}

/// All steps so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// One point a step.
    pub points: Vec<Point>,
}
