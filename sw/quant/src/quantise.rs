//! Quantising a whole model, layer by layer.

use crate::calibration::Recorder;
use crate::{gptq, rtn, Hessian, QuantError};
use skipopu_forward::{Arithmetic, Network, Rows, Skipping, F32};
use skipopu_model::{Layer, Matrix, Model, Projection, Quantised, Tensor, BITS};

/// How codes are chosen.
#[derive(Clone, Copy, Debug)]
pub enum Method<'a> {
    /// Each weight to the nearest one.
    Rtn,
    /// GPTQ on these texts, each at most as long as the model's context.
    Gptq(&'a [Vec<u32>]),
}

/// A layer's matrices in the order of the forward pass; those of one stage have the same inputs.
const STAGES: [&[Projection]; 4] = [
    &[Projection::Query, Projection::Key, Projection::Value],
    &[Projection::Output],
    &[Projection::Gate, Projection::Up],
    &[Projection::Down],
];

/// Quantises every projection and the classifier to `bits` bits with a scale per `group` weights (0:
/// per row). The embedding becomes FP16; a classifier that was tied to it gets weights of its own.
/// `progress` hears what is being worked on.
///
/// Matrices are taken in order, each calibrated on what the quantised ones before it give, dense.
///
/// # Errors
/// Bits that are not supported, a model quantised before, calibration text that is absent or
/// degenerate.
pub fn quantise(
    model: &Model,
    bits: u32,
    group: usize,
    method: Method,
    mut progress: impl FnMut(&str),
) -> Result<Model, QuantError> {
    if !BITS.contains(&bits) {
        return Err(QuantError::Bits { bits });
    }
    if let Some((matrix, _)) = model.matrices().find(|(_, m)| matches!(m, Matrix::Quantised(_))) {
        return Err(QuantError::Already { matrix });
    }
    let mut streams = match method {
        Method::Rtn => Vec::new(),
        Method::Gptq(texts) => {
            if texts.iter().all(Vec::is_empty) {
                return Err(QuantError::NoCalibration);
            }
            let first = part(model, None);
            let network = Network::new(F32, &first, Skipping::Dense)?;
            texts.iter().map(|t| network.embed(t)).collect::<Result<_, _>>()?
        }
    };
    let one = |name: &str, m: &Matrix, inputs: Option<Hessian>| -> Result<Matrix, QuantError> {
        let (values, cols) = (m.to_f32(), m.shape().1);
        let quantised: Option<Quantised> = match (&method, inputs) {
            (Method::Rtn, _) => Some(rtn(&values, cols, bits, group)),
            (_, Some(inputs)) => gptq(&values, cols, bits, group, &inputs),
            (_, None) => None,
        };
        let quantised = quantised.ok_or_else(|| QuantError::Singular { matrix: name.into() })?;
        Ok(Matrix::Quantised(quantised))
    };
    let mut layers = Vec::new();
    for (i, layer) in model.layers.iter().enumerate() {
        progress(&format!("layer {i}"));
        let mut quantised = layer.clone();
        for stage in STAGES {
            let recorder = observe(model, Some(&quantised), &streams)?;
            for p in stage {
                // A network of one layer calls it layer 0.
                let inputs = recorder.take(&format!("layers.0.{}", p.name()));
                let name = format!("layers.{i}.{}", p.name());
                quantised.projections[*p as usize] = one(&name, layer.get(*p), inputs)?;
            }
        }
        let network = Network::new(F32, &part(model, Some(&quantised)), Skipping::Dense)?;
        streams.iter_mut().for_each(|x| advance(&network, x));
        layers.push(quantised);
    }
    progress("classifier");
    let recorder = observe(model, None, &streams)?;
    let classifier = one("classifier", &model.classifier(), recorder.take("classifier"))?;
    let table = &model.embedding;
    let embedding = Tensor::to_f16(table.rows(), table.cols(), &table.to_f32());
    Ok(Model { embedding, layers, classifier: Some(classifier), ..model.clone() })
}

/// A model of one layer or none. Its classifier is one row: enough to see the inputs.
fn part(model: &Model, layer: Option<&Layer>) -> Model {
    let mut part = model.clone();
    part.layers = layer.cloned().into_iter().collect();
    part.spec.layers = part.layers.len();
    let zeros = vec![0.0; model.spec.dim];
    part.classifier = Some(Matrix::Dense(Tensor::from_f32(1, model.spec.dim, &zeros)));
    part.routers = None;
    part
}

/// Sends the streams through a layer, or the final norm, and records what its matrices see.
fn observe(model: &Model, layer: Option<&Layer>, streams: &[Rows]) -> Result<Recorder, QuantError> {
    let network = Network::new(Recorder::default(), &part(model, layer), Skipping::Dense)?;
    for x in streams {
        match layer {
            Some(_) => advance(&network, &mut x.clone()),
            None => drop(network.logits(x)),
        }
    }
    Ok(network.into_arithmetic())
}

/// Sends a stream through the one layer.
fn advance<A: Arithmetic>(network: &Network<A>, x: &mut Rows) {
    network.layer(0, x, &mut network.cache(), &mut network.stats());
}
