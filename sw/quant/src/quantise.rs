//! Quantising a whole model, layer by layer.

use crate::calibration::Recorder;
use crate::{gptq, rtn, Hessian, QuantError};
use skipopu_forward::{Arithmetic, ForwardError, KvCache, Network, Rows, Skipping, F32};
use skipopu_model::{Layer, Matrix, Model, Projection, Quantised, Tensor, BITS};

/// How codes are chosen.
#[derive(Clone, Copy, Debug)]
pub enum Method<'a> {
    /// Each weight to the nearest one.
    Rtn,
    /// GPTQ on these texts, each at most as long as the model's context, with this skipping: a matrix hears
    /// only the tokens that it will compute.
    Gptq(&'a [Vec<u32>], Skipping),
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
/// Matrices are taken in order, each calibrated on what the quantised ones before it give. One that hears no
/// token is rounded to nearest.
///
/// # Errors
/// Bits that are not supported, a model quantised before, skipping without routers, calibration text that is
/// absent or degenerate.
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
    let (mut streams, skipping) = match method {
        Method::Rtn => (Vec::new(), Skipping::Dense),
        Method::Gptq(texts, skipping) => {
            if texts.iter().all(Vec::is_empty) {
                return Err(QuantError::NoCalibration);
            }
            let network = Network::new(F32, &part(model, &[]), Skipping::Dense)?;
            let cache = || KvCache::new(model.spec.layers, model.spec.kv_dim());
            let stream = |t: &Vec<u32>| Ok(Stream { x: network.embed(t)?, kv: cache() });
            (texts.iter().map(stream).collect::<Result<_, ForwardError>>()?, skipping)
        }
    };
    let one = |name: &str, m: &Matrix, inputs: Option<Hessian>| -> Result<Matrix, QuantError> {
        let (values, cols) = (m.to_f32(), m.shape().1);
        let quantised: Option<Quantised> = match inputs {
            Some(inputs) => gptq(&values, cols, bits, group, &inputs),
            None => Some(rtn(&values, cols, bits, group)),
        };
        let quantised = quantised.ok_or_else(|| QuantError::Singular { matrix: name.into() })?;
        Ok(Matrix::Quantised(quantised))
    };
    let mut layers: Vec<Layer> = Vec::new();
    for (i, layer) in model.layers.iter().enumerate() {
        progress(&format!("layer {i}"));
        layers.push(layer.clone());
        for stage in STAGES {
            let recorder = observe(&part(model, &layers), skipping, &streams)?;
            for p in stage {
                let name = format!("layers.{i}.{}", p.name());
                let inputs = recorder.take(&name);
                layers[i].projections[*p as usize] = one(&name, layer.get(*p), inputs)?;
            }
        }
        let network = Network::new(F32, &part(model, &layers), skipping)?;
        streams.iter_mut().for_each(|stream| stream.advance(&network, i));
    }
    progress("classifier");
    let network = Network::new(Recorder::default(), &part(model, &[]), Skipping::Dense)?;
    streams.iter().for_each(|stream| drop(network.logits(&stream.x)));
    let recorder = network.into_arithmetic();
    let classifier = one("classifier", &model.classifier(), recorder.take("classifier"))?;
    let table = &model.embedding;
    let embedding = Tensor::to_f16(table.rows(), table.cols(), &table.to_f32());
    Ok(Model { embedding, layers, classifier: Some(classifier), ..model.clone() })
}

/// A text on its way through the layers.
#[derive(Clone)]
struct Stream {
    x: Rows,
    kv: KvCache<f32>,
}

impl Stream {
    /// Through the next layer.
    fn advance<A: Arithmetic<Stored = f32>>(&mut self, network: &Network<A>, layer: usize) {
        network.layer(layer, &mut self.x, &mut self.kv, &mut network.stats());
    }
}

/// The model up to and with the last of these layers. Its classifier is one row: enough to see the inputs.
fn part(model: &Model, layers: &[Layer]) -> Model {
    let mut part = model.clone();
    part.layers = layers.to_vec();
    part.spec.layers = layers.len();
    let zeros = vec![0.0; model.spec.dim];
    part.classifier = Some(Matrix::Dense(Tensor::from_f32(1, model.spec.dim, &zeros)));
    part
}

/// Sends the streams through the last layer of a part and records what its matrices see.
fn observe(part: &Model, skipping: Skipping, streams: &[Stream]) -> Result<Recorder, QuantError> {
    let network = Network::new(Recorder::default(), part, skipping)?;
    streams.iter().for_each(|stream| stream.clone().advance(&network, part.spec.layers - 1));
    Ok(network.into_arithmetic())
}
