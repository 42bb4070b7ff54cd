//! Trained parameters as an adapter.

use crate::ops::{values, Round};
use crate::parameters::{matrix, Parameters};
use crate::student::Student;
use crate::TrainError;
use skipopu_model::adapter::{self, Adapter};
use skipopu_model::{Placement, Projection, Routers, Tensor};

/// The routers and, if `repaired`, the changes of the weights, rounded or as they are; `base` is the model's
/// fingerprint.
///
/// # Errors
/// Of the tensor library.
pub fn adapter(
    student: &Student,
    parameters: &Parameters,
    placement: Placement,
    base: String,
    repaired: bool,
    rounding: Option<Round>,
) -> Result<Adapter, TrainError> {
    let spec = student.weights().spec;
    let router = |layer, sub_module| -> Result<Tensor, TrainError> {
        let vector = values(&student.router(parameters, layer, sub_module)?)?;
        let half = |sign: f32| vector.iter().map(move |v| 0.5 * sign * v);
        Ok(Tensor::from_f32(2, spec.dim, &half(-1.0).chain(half(1.0)).collect::<Vec<f32>>()))
    };
    let all = |sub_module| (0..spec.layers).map(|l| router(l, sub_module)).collect();
    let (attention, ffn) = (all(0), all(1));
    let attention: Result<Vec<Tensor>, TrainError> = attention;
    let ffn: Result<Vec<Tensor>, TrainError> = ffn;
    let mut adapter = Adapter::new(base, Routers { placement, attention: attention?, ffn: ffn? });
    if !repaired {
        return Ok(adapter);
    }
    for layer in 0..spec.layers {
        for p in Projection::ALL {
            let name = matrix(layer, p);
            let own = parameters.get(&name)?;
            let mut change = match rounding {
                None => values(own)?,
                Some(round) => values(&own.apply_op1_no_bwd(&round)?)?,
            };
            let frozen = &student.weights().layers[layer].projections[p as usize];
            change.iter_mut().zip(values(frozen.weights())?).for_each(|(c, w)| *c -= w);
            adapter.changes.insert(name, adapter::change(&change, p.shape(&spec).1));
        }
    }
    for (name, _, var) in parameters.iter().filter(|(name, ..)| name.ends_with("_norm")) {
        adapter.norms.insert(name.clone(), values(var)?);
    }
    Ok(adapter)
}
