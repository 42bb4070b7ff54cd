//! What is trained, how long, and towards what.

use crate::TrainError;
use serde::{Deserialize, Serialize};
use skipopu_model::{Placement, Spec};

/// One of the two stages.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Steps.
    pub steps: usize,
    /// Learning rate of the routers at its highest.
    pub router_rate: f64,
    /// Learning rate of the weights at its highest; 0 leaves the weights alone.
    pub weight_rate: f64,
    /// Gumbel noise at the first and the last step, 1 being that of the distribution.
    pub noise: [f64; 2],
}

/// Steps during which learning rates rise.
const WARM: usize = 50;

/// Everything that decides the result, besides the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Seed of texts, noise, order and beginnings.
    pub seed: u64,
    /// Texts sampled from the model.
    pub texts: usize,
    /// Texts of those that measure progress and are not trained on.
    pub held: usize,
    /// Tokens of a text.
    pub length: usize,
    /// Texts of a step.
    pub batch: usize,
    /// Most probable tokens of the teacher that are kept.
    pub top: usize,
    /// Tokens of the vocabulary that take part, those with the most probability in all texts.
    pub words: usize,
    /// What the feed-forward routers read.
    pub placement: Placement,
    /// Part of all sub-modules to skip, 0 to 1.
    pub skip: f64,
    /// Part of K and V not to store, 0 to 1.
    pub kv: f64,
    /// First stage: decisions are drawn with noise, and the routers learn fast.
    pub routers: Stage,
    /// Second stage: decisions are those of inference, and the weights learn to do with what is left.
    pub repair: Stage,
}

impl Default for Plan {
    /// What stories15M is trained with.
    fn default() -> Plan {
        Plan {
            seed: 0,
            texts: 10240,
            held: 16,
            length: 256,
            batch: 4,
            top: 32,
            words: 4096,
            placement: Placement::PreAttention,
            skip: 0.255,
            kv: 0.215,
            routers: Stage { steps: 600, router_rate: 4e-3, weight_rate: 1e-4, noise: [0.5, 0.1] },
            repair: Stage { steps: 12000, router_rate: 3e-4, weight_rate: 1e-4, noise: [0.0, 0.0] },
        }
    }
}

impl Plan {
    /// Steps of both stages.
    pub fn steps(&self) -> usize {
        self.routers.steps + self.repair.steps
    }

    /// The stage of a step, and the steps before it in that stage.
    pub fn stage(&self, step: usize) -> (&Stage, usize) {
        match step.checked_sub(self.routers.steps) {
            None => (&self.routers, step),
            Some(within) => (&self.repair, within),
        }
    }

    /// Learning rates of a step, relative to the stage's: they rise during the first `WARM` steps of all
    /// and fall to 0 during the second stage.
    pub fn slope(&self, step: usize) -> f64 {
        let rise = (step + 1) as f64 / WARM as f64;
        let fall = (self.steps() - step) as f64 / self.repair.steps.max(1) as f64;
        rise.min(fall).min(1.0)
    }

    /// Whether the trained weights take part at a step.
    pub fn repairs(&self, step: usize) -> bool {
        step >= self.routers.steps || self.routers.weight_rate > 0.0
    }

    /// Checks the plan for a model.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self, spec: &Spec) -> Result<(), TrainError> {
        let wrong = |what: String| Err(TrainError::Plan(what));
        let (texts, held, batch) = (self.texts, self.held, self.batch);
        if batch == 0 || held == 0 || texts < held + batch {
            return wrong(format!(
                "{texts} texts are too few for {held} kept apart and {batch} a step"
            ));
        }
        if self.length == 0 || self.length > spec.context {
            let (length, context) = (self.length, spec.context);
            return wrong(format!("texts of {length} tokens do not fit a context of {context}"));
        }
        if self.top == 0 || self.words < self.top {
            return wrong("a plan needs tokens to distil, and at least as many words".into());
        }
        // Attention of layer 0 stores K and V even where it is skipped.
        let most = (spec.layers - 1) as f64 / spec.layers as f64;
        for (name, value, most) in [("skip", self.skip, 1.0), ("kv", self.kv, most)] {
            if !(0.0..most).contains(&value) {
                return wrong(format!(
                    "{name} {value} cannot be reached: use 0 to less than {most:.3}"
                ));
            }
        }
        for stage in [&self.routers, &self.repair] {
            let numbers = [stage.router_rate, stage.weight_rate, stage.noise[0], stage.noise[1]];
            if numbers.iter().any(|n| !(0.0..=10.0).contains(n)) {
                return wrong("rates and noise are 0 to 10".into());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_rise_stay_and_fall_in_a_straight_line() {
        let plan = Plan::default();
        let (first, all) = (plan.routers.steps, plan.steps());
        assert_eq!(plan.slope(0), 1.0 / WARM as f64);
        assert!((WARM..=first).all(|step| plan.slope(step) == 1.0));
        let middle = first + plan.repair.steps / 2;
        assert!((plan.slope(middle) - 0.5).abs() < 1e-9);
        assert!((plan.slope(all - 1) - 1.0 / plan.repair.steps as f64).abs() < 1e-9);
    }
}
