//! A decision with a gradient.

use super::swiglu::sigmoid;
use super::{like, slice, stored, values};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

/// Straight-through Gumbel-softmax of two logits whose difference, run less skip, is the operand (N to N):
/// 1 where difference plus noise is above 0, else 0; the gradient is that of the sigmoid of the sum.
///
/// The difference of two Gumbel numbers is a logistic one: that is the noise.
pub struct Gate {
    /// Logistic noise, one number a token; none: decisions are those of inference.
    pub noise: Option<Vec<f32>>,
}

impl Gate {
    fn noise(&self, n: usize) -> f32 {
        self.noise.as_ref().map_or(0.0, |noise| noise[n])
    }
}

impl CustomOp1 for Gate {
    fn name(&self) -> &'static str {
        "gate"
    }

    fn cpu_fwd(&self, d: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let d = slice(d, layout)?.iter().enumerate();
        let runs = d.map(|(n, d)| f32::from(u8::from(d + self.noise(n) > 0.0)));
        stored(runs.collect(), layout.shape())
    }

    fn bwd(&self, d: &Tensor, _res: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let slope = |(n, (d, grad)): (usize, (f32, f32))| {
            let p = sigmoid(d + self.noise(n));
            grad * p * (1.0 - p)
        };
        let pairs = values(d)?.into_iter().zip(values(grad)?);
        Ok(Some(like(pairs.enumerate().map(slope).collect(), d)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    #[test]
    fn decisions_are_hard_and_gradients_soft() {
        let d = Var::new(&[0.0f32, 1.0, -2.0, -2.0], &Device::Cpu).unwrap();
        let plain = d.apply_op1(Gate { noise: None }).unwrap();
        assert_eq!(values(&plain).unwrap(), [0.0, 1.0, 0.0, 0.0], "a tie skips");
        let noise = Some(vec![0.0, -1.5, 0.0, 3.0]);
        let gate = d.apply_op1(Gate { noise }).unwrap();
        assert_eq!(values(&gate).unwrap(), [0.0, 0.0, 0.0, 1.0]);
        let grads = gate.sum_all().unwrap().backward().unwrap();
        let slope = |x: f32| sigmoid(x) * (1.0 - sigmoid(x));
        let found = values(grads.get(&d).unwrap()).unwrap();
        assert_eq!(found, [slope(0.0), slope(-0.5), slope(-2.0), slope(1.0)]);
    }
}
