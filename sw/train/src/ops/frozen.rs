//! Products with weights that are not trained.

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp1, Error, Layout, Result, Shape, Storage, Tensor};

/// `x W^T` for a weight matrix of outputs x inputs that needs no gradient: N x inputs to N x outputs. The
/// library's own product would compute one.
#[derive(Clone)]
pub struct Frozen {
    weights: Tensor,
}

impl Frozen {
    /// `weights` holds one row per output.
    pub fn new(weights: Tensor) -> Frozen {
        Frozen { weights: weights.detach() }
    }

    /// The weights, outputs x inputs.
    pub fn weights(&self) -> &Tensor {
        &self.weights
    }
}

/// `x W^T`, the weights outputs x inputs.
pub(super) fn product(
    x: &CpuStorage,
    x_layout: &Layout,
    weights: &CpuStorage,
    weights_layout: &Layout,
) -> Result<(CpuStorage, Shape)> {
    let (n, k) = x_layout.shape().dims2()?;
    let turned = weights_layout.transpose(0, 1)?;
    let outputs = turned.dims()[1];
    let y = x.matmul(weights, (1, n, outputs, k), x_layout, &turned)?;
    Ok((y, Shape::from((n, outputs))))
}

impl CustomOp1 for Frozen {
    fn name(&self) -> &'static str {
        "frozen"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (storage, weights) = self.weights.storage_and_layout();
        let Storage::Cpu(storage) = &*storage else {
            return Err(Error::Msg("weights are not in memory".into()));
        };
        product(x, layout, storage, weights)
    }

    fn bwd(&self, _x: &Tensor, _res: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        grad.contiguous()?.matmul(&self.weights).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::check::{gradients, random};

    #[test]
    fn gradients_are_those_of_differences() {
        let op = Frozen::new(random(&[4, 5], 1).as_tensor().clone());
        gradients(&[random(&[3, 5], 0)], |t| t[0].apply_op1(op.clone()));
    }
}
