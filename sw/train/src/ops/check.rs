//! Gradients against differences.

use super::values;
use candle_core::{Device, Result, Tensor, Var};
use rand::{rngs::StdRng, Rng, SeedableRng};

/// A variable of uniform numbers between -1 and 1.
pub fn random(shape: &[usize], seed: u64) -> Var {
    let mut rng = StdRng::seed_from_u64(seed);
    let count = shape.iter().product();
    let numbers: Vec<f32> = (0..count).map(|_| rng.random_range(-1.0..1.0)).collect();
    Var::from_vec(numbers, shape, &Device::Cpu).unwrap()
}

/// Holds the gradient of a weighted sum of an operation's results against central differences.
///
/// Panics when one is wrong.
pub fn gradients(inputs: &[Var], op: impl Fn(&[Var]) -> Result<Tensor>) {
    println!("seeds 0, 1, 2");
    let weights = |y: &Tensor| {
        let count = y.elem_count();
        let weights = (0..count).map(|i| 1.0 - 0.3 * (i % 7) as f32).collect::<Vec<f32>>();
        Tensor::from_vec(weights, y.shape(), &Device::Cpu).unwrap()
    };
    let cost = |inputs: &[Var]| -> Tensor {
        let y = op(inputs).unwrap();
        (&y * weights(&y)).unwrap().sum_all().unwrap()
    };
    let grads = cost(inputs).backward().unwrap();
    let mut compared = 0;
    for input in inputs {
        let found = values(grads.get(input).unwrap()).unwrap();
        let original = values(input).unwrap();
        for i in 0..original.len() {
            let at = |step: f32| {
                let mut moved = original.clone();
                moved[i] += step;
                input.set(&Tensor::from_vec(moved, input.shape(), &Device::Cpu).unwrap()).unwrap();
                f64::from(cost(inputs).to_scalar::<f32>().unwrap())
            };
            let expected = (at(1e-2) - at(-1e-2)) / 2e-2;
            let error = (expected - f64::from(found[i])).abs();
            assert!(error < 2e-3 * (1.0 + expected.abs()), "{i}: {} {expected}", found[i]);
            compared += 1;
        }
        let back = Tensor::from_vec(original, input.shape(), &Device::Cpu).unwrap();
        input.set(&back).unwrap();
    }
    assert!(compared > 0);
}
