//! How much is to be skipped: constraints held by multipliers.

use crate::Plan;
use candle_core::{Device, Result, Tensor};
use serde::{Deserialize, Serialize};

/// Weight of the squared miss.
const STIFFNESS: f64 = 10.0;
/// Growth of a multiplier for each step and unit of miss.
const GROWTH: f64 = 0.4;
/// Part of the first stage during which the targets rise from 0.
const RISE: f64 = 0.4;

/// Parts skipped, as tensors with a gradient.
pub struct Rates {
    /// Of all sub-modules.
    pub skip: Tensor,
    /// Of K and V: attention of every layer but the first.
    pub kv: Tensor,
}

impl Rates {
    /// Of decisions by layer and sub-module.
    ///
    /// # Errors
    /// Of the tensor library.
    pub fn new(gates: &[[Tensor; 2]]) -> Result<Rates> {
        let layers = gates.len() as f64;
        let mut run = Tensor::new(0f32, &Device::Cpu)?;
        let mut stored = Tensor::new(0f32, &Device::Cpu)?;
        for (l, [attention, ffn]) in gates.iter().enumerate() {
            let attention = attention.mean_all()?;
            run = (run + &attention)?.add(&ffn.mean_all()?)?;
            stored = if l > 0 { (stored + attention)? } else { stored };
        }
        Ok(Rates {
            skip: run.affine(-0.5 / layers, 1.0)?,
            kv: stored.affine(-1.0 / layers, (layers - 1.0) / layers)?,
        })
    }
}

/// Multipliers of the two constraints: at least so much skipped, at least so much of K and V not stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Multipliers {
    /// Of the sub-modules.
    pub skip: f64,
    /// Of K and V.
    pub kv: f64,
}

impl Multipliers {
    /// What missing the targets costs at a step.
    ///
    /// # Errors
    /// Of the tensor library.
    pub fn cost(&self, plan: &Plan, step: usize, rates: &Rates) -> Result<Tensor> {
        let one = |rate: &Tensor, target: f64, multiplier: f64| {
            let miss = rate.affine(-1.0, target)?;
            let square = miss.relu()?.sqr()?.affine(0.5 * STIFFNESS, 0.0)?;
            miss.affine(multiplier, 0.0)? + square
        };
        let [skip, kv] = targets(plan, step);
        one(&rates.skip, skip, self.skip)? + one(&rates.kv, kv, self.kv)?
    }

    /// Grows where a target was missed, shrinks where it was exceeded.
    pub fn adapt(&mut self, plan: &Plan, step: usize, skip: f64, kv: f64) {
        let [skip_target, kv_target] = targets(plan, step);
        self.skip = (self.skip + GROWTH * (skip_target - skip)).max(0.0);
        self.kv = (self.kv + GROWTH * (kv_target - kv)).max(0.0);
    }
}

/// The targets at a step.
fn targets(plan: &Plan, step: usize) -> [f64; 2] {
    let risen = step as f64 / (RISE * plan.routers.steps as f64).max(1.0);
    let stage = plan.stage(step);
    [stage.skip, stage.kv].map(|target| target * risen.min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stage;

    #[test]
    fn rates_count_what_is_skipped_and_what_is_not_stored() {
        let gate = |v: &[f32]| Tensor::new(v, &Device::Cpu).unwrap();
        let gates = [
            [gate(&[0.0, 1.0, 1.0, 1.0]), gate(&[1.0; 4])],
            [gate(&[0.0, 0.0, 1.0, 0.0]), gate(&[0.0, 1.0, 1.0, 1.0])],
        ];
        let rates = Rates::new(&gates).unwrap();
        assert!((rates.skip.to_scalar::<f32>().unwrap() - 5.0 / 16.0).abs() < 1e-6);
        assert!((rates.kv.to_scalar::<f32>().unwrap() - 3.0 / 8.0).abs() < 1e-6);
        let plan = Plan::default();
        let repair = Stage { skip: 0.5, kv: 0.25, ..plan.repair };
        let plan = Plan { repair, ..plan };
        let mut multipliers = Multipliers::default();
        multipliers.adapt(&plan, 1000, 0.3, 0.4);
        assert!((multipliers.skip - 0.08).abs() < 1e-9 && multipliers.kv == 0.0);
        let cost = multipliers.cost(&plan, 1000, &rates).unwrap().to_scalar::<f32>().unwrap();
        let miss = 0.5 - 5.0 / 16.0;
        assert!((f64::from(cost) - (0.08 * miss + 5.0 * miss * miss)).abs() < 1e-6);
        assert_eq!(targets(&plan, 0), [0.0, 0.0]);
    }
}
