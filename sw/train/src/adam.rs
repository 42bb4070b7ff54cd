//! Adam (Kingma and Ba, 2015), its state to be saved.

use crate::ops::Read;
use candle_core::{Device, Result, Tensor, Var};
use rayon::prelude::*;
use std::collections::BTreeMap;

const BETA: [f32; 2] = [0.9, 0.99];
const EPSILON: f32 = 1e-8;

/// What is kept of one parameter's gradients.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moments {
    /// First moments.
    pub first: Vec<f32>,
    /// Second moments.
    pub second: Vec<f32>,
    /// Steps that made them.
    pub steps: u32,
}

/// A parameter to move, and its gradient.
pub struct Move<'a> {
    /// The parameter's name.
    pub name: &'a str,
    /// The parameter.
    pub var: &'a Var,
    /// Its gradient.
    pub grad: Tensor,
}

/// The moments of all parameters that have been moved, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Adam {
    /// One for each.
    pub moments: BTreeMap<String, Moments>,
}

impl Adam {
    /// Moves parameters against their gradients, which are multiplied by `shorter` first.
    ///
    /// # Errors
    /// Of the tensor library.
    pub fn step(&mut self, moves: &[Move], shorter: f32, rate: f64) -> Result<()> {
        for Move { name, var, .. } in moves {
            let none = || vec![0f32; var.elem_count()];
            let begin = || Moments { first: none(), second: none(), steps: 0 };
            self.moments.entry(name.to_string()).or_insert_with(begin);
        }
        let by_name: BTreeMap<&str, &Move> = moves.iter().map(|m| (m.name, m)).collect();
        let mut pairs: Vec<(&Move, &mut Moments)> = Vec::new();
        for (name, moments) in &mut self.moments {
            pairs.extend(by_name.get(name.as_str()).map(|one| (*one, moments)));
        }
        pairs.par_iter_mut().try_for_each(|(one, moments)| moments.step(one, shorter, rate as f32))
    }
}

impl Moments {
    fn step(&mut self, Move { var, grad, .. }: &Move, shorter: f32, rate: f32) -> Result<()> {
        self.steps += 1;
        let unbias = BETA.map(|b| 1.0 - b.powi(self.steps as i32));
        let mut x = Read::of(var.as_tensor())?.to_vec();
        let grad = Read::of(grad)?;
        for (((x, m), v), g) in x.iter_mut().zip(&mut self.first).zip(&mut self.second).zip(&*grad)
        {
            let g = shorter * g;
            *m = BETA[0] * *m + (1.0 - BETA[0]) * g;
            *v = BETA[1] * *v + (1.0 - BETA[1]) * g * g;
            *x -= rate * (*m / unbias[0]) / ((*v / unbias[1]).sqrt() + EPSILON);
        }
        var.set(&Tensor::from_vec(x, var.shape(), &Device::Cpu)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::values;

    #[test]
    fn the_first_step_is_the_rate_and_the_minimum_is_found() {
        let var = Var::new(&[3.0f32, -2.0], &Device::Cpu).unwrap();
        let mut adam = Adam::default();
        let grad = Tensor::new(&[1.0f32, -14.0], &Device::Cpu).unwrap();
        adam.step(&[Move { name: "x", var: &var, grad }], 0.5, 0.1).unwrap();
        let x = values(var.as_tensor()).unwrap();
        assert!((x[0] - 2.9).abs() < 1e-5 && (x[1] + 1.9).abs() < 1e-5, "{x:?}");
        for _ in 0..600 {
            let grad = var.as_tensor().copy().unwrap();
            adam.step(&[Move { name: "x", var: &var, grad }], 1.0, 0.02).unwrap();
        }
        assert!(values(var.as_tensor()).unwrap().iter().all(|x| x.abs() < 1e-2));
        assert_eq!((adam.moments.len(), adam.moments["x"].steps), (1, 601));
    }
}
