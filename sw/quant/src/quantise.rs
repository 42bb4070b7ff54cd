//! Quantising a whole model, layer by layer.

use crate::calibration::{Given, Recorder};
use crate::{gptq, rtn, Fisher, Hessian, QuantError};
use skipopu_forward::{Arithmetic, ForwardError, KvCache, Network, Ran, Rows, Skipping, F32};
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
/// Matrices are taken in order, each calibrated on what the quantised ones before it give, so that its result is
/// near what the unquantised model has there, and, where results are added to the residual stream, so that the
/// stream comes near. A matrix that hears no token is rounded to nearest.
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
    let (mut streams, skipping): (Vec<Twin>, _) = match method {
        Method::Rtn => (Vec::new(), Skipping::Dense),
        Method::Gptq(texts, skipping) => {
            if texts.iter().all(Vec::is_empty) {
                return Err(QuantError::NoCalibration);
            }
            let network = Network::new(F32, &part(model, &[]), Skipping::Dense)?;
            let cache = || KvCache::new(model.spec.layers, model.spec.kv_dim());
            let twins = |t: &Vec<u32>| {
                let stream = Stream { x: network.embed(t)?, kv: cache() };
                Ok([stream.clone(), stream])
            };
            (texts.iter().map(twins).collect::<Result<_, ForwardError>>()?, skipping)
        }
    };
    let one = |name: &str,
               m: &Matrix,
               inputs: Option<&Hessian>,
               costs: Option<&Fisher>|
     -> Result<Matrix, QuantError> {
        let (values, cols) = (m.to_f32(), m.shape().1);
        let quantised: Option<Quantised> = match inputs {
            Some(inputs) => gptq(&values, cols, bits, group, inputs, costs),
            None => Some(rtn(&values, cols, bits, group)),
        };
        let quantised = quantised.ok_or_else(|| QuantError::Singular { matrix: name.into() })?;
        Ok(Matrix::Quantised(quantised))
    };
    let mut layers: Vec<Layer> = Vec::new();
    for (i, layer) in model.layers.iter().enumerate() {
        progress(&format!("layer {i}"));
        layers.push(layer.clone());
        let truth = Network::new(Recorder::default(), &part(model, &layers), skipping)?;
        let aims: Vec<Seen> =
            streams.iter_mut().map(|[_, twin]| twin.observed(&truth, i)).collect();
        for stage in STAGES {
            let network = Network::new(Recorder::default(), &part(model, &layers), skipping)?;
            let inputs = inputs(&network, i, stage[0], &streams, &aims);
            for p in stage {
                let name = format!("layers.{i}.{}", p.name());
                layers[i].projections[*p as usize] =
                    one(&name, layer.get(*p), inputs.as_ref(), None)?;
            }
        }
        let network = Network::new(F32, &part(model, &layers), skipping)?;
        streams.iter_mut().for_each(|[stream, _]| drop(stream.advance(&network, i)));
    }
    progress("classifier");
    let classifier = model.classifier();
    let short = part(model, &[]);
    let whole = Model { classifier: Some(classifier.clone()), ..short.clone() };
    let [short, whole] =
        [&short, &whole].map(|m| Network::new(Recorder::default(), m, Skipping::Dense));
    let (short, whole) = (short?, whole?);
    let (mut inputs, mut costs): (Option<Hessian>, _) = (None, Fisher::default());
    for [stream, twin] in &streams {
        let [(x, _), (truth, logits)] =
            [(&short, stream), (&whole, twin)].map(|(network, stream)| {
                let logits = network.logits(&stream.x);
                (network.arithmetic().take().inputs.remove("classifier"), logits)
            });
        if let (Some(x), Some(truth)) = (x, truth) {
            inputs.get_or_insert_with(|| Hessian::new(x.width())).add_with(&x, &truth);
            costs.add(&x, logits);
        }
    }
    let classifier = one("classifier", &classifier, inputs.as_ref(), Some(&costs))?;
    let table = &model.embedding;
    let embedding = Tensor::to_f16(table.rows(), table.cols(), &table.to_f32());
    Ok(Model { embedding, layers, classifier: Some(classifier), ..model.clone() })
}

/// A text on its way through the quantised and through the unquantised layers.
type Twin = [Stream; 2];

/// A text on its way through the layers.
#[derive(Clone)]
struct Stream {
    x: Rows,
    kv: KvCache<f32>,
}

impl Stream {
    /// Through the next layer; which tokens ran there.
    fn advance<A: Arithmetic<Stored = f32>>(
        &mut self,
        network: &Network<A>,
        layer: usize,
    ) -> Vec<Ran> {
        let mut stats = network.stats();
        network.layer(layer, &mut self.x, &mut self.kv, &mut stats);
        stats.ran.swap_remove(layer)
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

/// What a layer saw of a text.
struct Seen {
    ran: Vec<Ran>,
    given: Given,
}

impl Stream {
    /// Through the next layer, with what it sees.
    fn observed(&mut self, network: &Network<Recorder>, layer: usize) -> Seen {
        let ran = self.advance(network, layer);
        Seen { ran, given: network.arithmetic().take() }
    }
}

impl Seen {
    /// What a matrix of the layer was given, and the tokens that its rows belong to: all, or those for which its
    /// sub-module ran.
    fn inputs(&self, layer: usize, projection: Projection) -> Option<(Vec<usize>, &Rows)> {
        let x = self.given.inputs.get(&format!("layers.{layer}.{}", projection.name()))?;
        let every = x.count() == self.ran.len();
        let runs = |t: &usize| every || ran(&self.ran[*t], projection);
        Some(((0..self.ran.len()).filter(runs).collect(), x))
    }

    /// The stream that a matrix's results are added to, a row for each token for which its sub-module ran; none
    /// where they are not added to it.
    fn before(&self, projection: Projection, width: usize) -> Option<Vec<&[f32]>> {
        let count = |p| self.ran.iter().filter(|r| ran(r, p)).count();
        let rows: Vec<&[f32]> = self.given.normed.chunks(width).collect();
        let end = match projection {
            Projection::Output => rows.len() - count(Projection::Down),
            Projection::Down => rows.len(),
            _ => return None,
        };
        Some(rows[end - count(projection)..end].to_vec())
    }
}

/// Whether a matrix's sub-module ran.
fn ran(ran: &Ran, projection: Projection) -> bool {
    match projection {
        Projection::Gate | Projection::Up | Projection::Down => ran.ffn,
        _ => ran.attention,
    }
}

/// Sends the texts through the last layer of a part; what one of its matrices sees there, and how it differs from
/// what it sees in the unquantised model. None when it sees nothing.
fn inputs(
    network: &Network<Recorder>,
    layer: usize,
    projection: Projection,
    twins: &[Twin],
    aims: &[Seen],
) -> Option<Hessian> {
    let mut inputs: Option<Hessian> = None;
    for ([stream, _], aim) in twins.iter().zip(aims) {
        let seen = stream.clone().observed(network, layer);
        let Some((own, x)) = seen.inputs(layer, projection) else { continue };
        let width = stream.x.width();
        let inputs = inputs.get_or_insert_with(|| Hessian::new(x.width()));
        let (mut truth, mut missing) = (x.clone(), Rows::zeros(x.count(), width));
        let before = [&seen, aim].map(|s| s.before(projection, width));
        // A token that only one of them computes has no other to be compared with.
        if let Some((others, y)) = aim.inputs(layer, projection) {
            for (row, token) in own.iter().enumerate() {
                let Ok(other) = others.binary_search(token) else { continue };
                truth.row_mut(row).copy_from_slice(y.row(other));
                if let [Some(is), Some(should)] = &before {
                    let lacks = should[other].iter().zip(is[row]).map(|(s, i)| s - i);
                    missing.row_mut(row).iter_mut().zip(lacks).for_each(|(m, l)| *m = l);
                }
            }
        }
        inputs.add_with(x, &truth);
        if before[0].is_some() {
            inputs.add_missing(x, &missing);
        }
    }
    inputs
}
