//! What is trained, how long, and towards what.

use crate::ops::Round;
use crate::TrainError;
use serde::{Deserialize, Serialize};
use skipopu_model::{Placement, Spec, BITS};
use skipopu_quant::Grid;

/// One of the three stages.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Steps; 0: the stage is left out.
    pub steps: usize,
    /// Tokens of the vocabulary that take part, those with the most probability in all texts.
    pub words: usize,
    /// Whether a token that the teacher wrote counts where it is not one of the most probable that are kept. With it the
    /// expectation of the loss is the whole cross entropy, without it the most probable tokens' part.
    pub tails: bool,
    /// Part of all sub-modules to skip, 0 to 1.
    pub skip: f64,
    /// Part of K and V not to store, 0 to 1.
    pub kv: f64,
    /// Learning rate of the routers at its highest.
    pub router_rate: f64,
    /// Learning rate of the weights at its highest; 0 leaves the weights alone.
    pub weight_rate: f64,
    /// Gumbel noise at the first and the last step, 1 being that of the distribution.
    pub noise: [f64; 2],
}

/// Steps in which weights compute as the nearest ones of the grid that they will be quantised to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rounding {
    /// The last steps of all; 0: weights are trained as they are.
    pub steps: usize,
    /// Bits of a code.
    pub bits: u32,
    /// Inputs with a scale of their own; 0: all of a row.
    pub group: usize,
}

/// Steps during which learning rates rise.
const WARM: usize = 50;
/// Steps of a stage at most.
const MOST: usize = 1_000_000_000;

/// Everything that decides the result, besides the model and the kind of processor (the tensor library's order of sums).
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
    /// What the feed-forward routers read.
    pub placement: Placement,
    /// First stage: the targets rise, decisions are drawn with much noise, and the routers learn fast.
    pub routers: Stage,
    /// Second stage: the weights learn to do with what is left.
    pub repair: Stage,
    /// Third stage: decisions become those of inference, for which the targets count.
    pub settling: Stage,
    /// Within the last two: weights get used to being quantised.
    pub rounding: Rounding,
    /// Whether routers get constants after the last step, such that inference skips what the last stage asks for.
    pub calibrated: bool,
}

const REPAIR: Stage = Stage {
    steps: 12000,
    words: 4096,
    tails: false,
    skip: 0.255,
    kv: 0.215,
    router_rate: 3e-4,
    weight_rate: 1e-4,
    noise: [0.2, 0.1],
};

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
            placement: Placement::PreAttention,
            routers: Stage { steps: 600, router_rate: 4e-3, noise: [0.5, 0.1], ..REPAIR },
            repair: REPAIR,
            settling: Stage {
                steps: 2000,
                words: 8192,
                tails: true,
                skip: 0.262,
                router_rate: 6e-5,
                weight_rate: 2e-5,
                noise: [0.1, 0.02],
                ..REPAIR
            },
            rounding: Rounding { steps: 10000, bits: 4, group: 64 },
            calibrated: true,
        }
    }
}

impl Plan {
    /// All stages, in order.
    pub fn stages(&self) -> [&Stage; 3] {
        [&self.routers, &self.repair, &self.settling]
    }

    /// Steps of all stages.
    pub fn steps(&self) -> usize {
        self.stages().iter().map(|stage| stage.steps).sum()
    }

    /// The number of a step's stage, and the steps before it in that stage. What is after the last step is in the last
    /// stage.
    pub fn place(&self, step: usize) -> (usize, usize) {
        let (first, second) = (self.routers.steps, self.repair.steps);
        match step.checked_sub(first) {
            None => (0, step),
            Some(after) if after < second => (1, after),
            Some(after) => (2, after - second),
        }
    }

    /// The stage of a step.
    pub fn stage(&self, step: usize) -> &Stage {
        self.stages()[self.place(step).0]
    }

    /// Learning rates of a step, relative to the stage's: they rise during the first `WARM` steps of all
    /// and fall to 0 during the second stage, and again during the third.
    pub fn slope(&self, step: usize) -> f64 {
        let rise = (step + 1) as f64 / WARM as f64;
        let (stage, within) = (self.stage(step), self.place(step).1);
        let left = stage.steps.saturating_sub(within) as f64 / stage.steps.max(1) as f64;
        let fall = if step < self.routers.steps { 1.0 } else { left };
        rise.min(fall)
    }

    /// Whether the trained weights take part at a step.
    pub fn repairs(&self, step: usize) -> bool {
        step >= self.routers.steps || self.routers.weight_rate > 0.0
    }

    /// How weights are rounded at a step, if they are.
    pub fn rounds(&self, step: usize) -> Option<Round> {
        let Rounding { steps, bits, group } = self.rounding;
        let size = if group == 0 { usize::MAX } else { group };
        let rounds = steps > 0 && step + steps >= self.steps();
        rounds.then(|| Round { grid: Grid::new(bits), size })
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
        if self.top == 0 || self.stages().iter().any(|stage| stage.words < self.top) {
            return wrong("a plan needs tokens to distil, and at least as many words".into());
        }
        if self.stages().iter().any(|stage| stage.steps > MOST) {
            return wrong(format!("a stage has more than {MOST} steps"));
        }
        let Rounding { steps, bits, .. } = self.rounding;
        let after = self.steps() - self.routers.steps;
        if steps > after {
            return wrong(format!(
                "weights cannot be rounded in {steps} of the {after} steps after the first stage"
            ));
        }
        if !BITS.contains(&bits) {
            return wrong(format!("weights cannot be rounded to {bits} bits: use {BITS:?}"));
        }
        // Attention of layer 0 stores K and V even where it is skipped.
        let most = (spec.layers - 1) as f64 / spec.layers as f64;
        for stage in self.stages() {
            for (name, value, most) in [("skip", stage.skip, 1.0), ("kv", stage.kv, most)] {
                if !(0.0..most).contains(&value) {
                    return wrong(format!(
                        "{name} {value} cannot be reached: use 0 to less than {most:.3}"
                    ));
                }
            }
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
    fn rates_rise_stay_and_fall_in_straight_lines() {
        let plan = Plan::default();
        let [first, second, third] = plan.stages().map(|stage| stage.steps);
        assert_eq!(plan.slope(0), 1.0 / WARM as f64);
        assert!((WARM..=first).all(|step| plan.slope(step) == 1.0));
        for (begin, steps) in [(first, second), (first + second, third)] {
            assert_eq!(plan.slope(begin), 1.0);
            assert!((plan.slope(begin + steps / 2) - 0.5).abs() < 1e-9);
            assert!((plan.slope(begin + steps - 1) - 1.0 / steps as f64).abs() < 1e-9);
        }
        assert_eq!(plan.steps(), first + second + third);
    }

    #[test]
    fn weights_are_rounded_in_the_last_steps() {
        let plan = Plan::default();
        let begin = plan.steps() - plan.rounding.steps;
        assert!(plan.rounds(begin - 1).is_none() && plan.rounds(begin).is_some());
        assert!(plan.rounds(plan.steps()).is_some(), "what is measured after the last step");
        let never = Plan { rounding: Rounding { steps: 0, ..plan.rounding }, ..plan };
        assert!(never.rounds(never.steps()).is_none());
    }
}
