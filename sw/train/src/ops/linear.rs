//! Products with weights that are trained.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};

/// `x W^T` for a matrix of outputs x inputs: (N x inputs, outputs x inputs) to N x outputs.
pub struct Linear;

impl CustomOp2 for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        w: &CpuStorage,
        w_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        super::frozen::product(x, x_layout, w, w_layout)
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        Ok((Some(grad.matmul(w)?), Some(grad.t()?.matmul(x)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::check::{gradients, random};

    #[test]
    fn gradients_are_those_of_differences() {
        gradients(&[random(&[3, 5], 0), random(&[4, 5], 1)], |t| t[0].apply_op2(&t[1], Linear));
    }
}
