//! Adam (Kingma and Ba, 2015), its state to be saved.

use crate::ops::values;
use candle_core::{Device, Result, Tensor, Var};
use std::collections::BTreeMap;

const BETA: [f32; 2] = [0.9, 0.99];
const EPSILON: f32 = 1e-8;

/// First and second moments of every parameter's gradient, and how many steps made them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Adam {
    /// First moments.
    pub first: BTreeMap<String, Vec<f32>>,
    /// Second moments.
    pub second: BTreeMap<String, Vec<f32>>,
    /// Steps that each has taken.
    pub steps: BTreeMap<String, u32>,
}

impl Adam {
    /// Moves a parameter against its gradient.
    ///
    /// # Errors
    /// Of the tensor library.
    pub fn step(&mut self, name: &str, var: &Var, grad: &[f32], rate: f64) -> Result<()> {
        let mut x = values(var.as_tensor())?;
        let none = || vec![0f32; x.len()];
        let first = self.first.entry(name.into()).or_insert_with(none);
        let second = self.second.entry(name.into()).or_insert_with(none);
        let count = self.steps.entry(name.into()).or_default();
        *count += 1;
        let unbias = BETA.map(|b| 1.0 - b.powi(*count as i32));
        for (((x, m), v), g) in x.iter_mut().zip(first).zip(second).zip(grad) {
            *m = BETA[0] * *m + (1.0 - BETA[0]) * g;
            *v = BETA[1] * *v + (1.0 - BETA[1]) * g * g;
            *x -= rate as f32 * (*m / unbias[0]) / ((*v / unbias[1]).sqrt() + EPSILON);
        }
        var.set(&Tensor::from_vec(x, var.shape(), &Device::Cpu)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_is_the_rate_and_the_minimum_is_found() {
        let var = Var::new(&[3.0f32, -2.0], &Device::Cpu).unwrap();
        let mut adam = Adam::default();
        adam.step("x", &var, &[0.5, -7.0], 0.1).unwrap();
        let x = values(var.as_tensor()).unwrap();
        assert!((x[0] - 2.9).abs() < 1e-5 && (x[1] + 1.9).abs() < 1e-5, "{x:?}");
        for _ in 0..600 {
            let grad = values(var.as_tensor()).unwrap();
            adam.step("x", &var, &grad, 0.02).unwrap();
        }
        assert!(values(var.as_tensor()).unwrap().iter().all(|x| x.abs() < 1e-2));
    }
}
