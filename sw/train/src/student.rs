//! The model that learns to skip.

use crate::ops::{values, Attention, Gate, Linear, Mix, RmsNorm, Round, SwiGlu};
use crate::parameters::{bias, direction, matrix, Parameters};
use crate::weights::Weights;
use candle_core::{Device, Result, Tensor};
use skipopu_forward::Skipping;
use skipopu_model::{Placement, Projection};

/// The sub-modules of a layer, in order.
pub const SUB_MODULES: [&str; 2] = ["attention", "ffn"];

/// Noise on a layer's decisions: one logistic number a token; none: decisions are those of inference.
pub type Noise<'a> = Option<&'a mut dyn FnMut(usize) -> Vec<f32>>;

/// What routers read, measured: what their parameters are relative to.
///
/// A router is a product without a constant. Yet `constant . x` is near 1 for every x there, so that the
/// training of a constant can stand for that of a direction.
pub struct Scale {
    /// One over the root of the mean square of a value.
    inverse: f64,
    /// D values whose product with what the router reads is nearest to 1.
    constant: Tensor,
}

/// A model with routers, its weights frozen or trained.
pub struct Student {
    weights: Weights,
    placement: Placement,
    /// By layer and sub-module.
    scales: Vec<[Scale; 2]>,
}

/// How a text is computed.
#[derive(Clone, Copy)]
pub struct Mode {
    /// Tokens of a text.
    pub length: usize,
    /// What skipped tokens do for later ones.
    pub skipping: Skipping,
    /// Whether the trained weights take the place of the model's.
    pub repaired: bool,
    /// How those are rounded, if they are.
    pub rounding: Option<Round>,
}

/// What a pass gives.
pub struct Passed {
    /// After the last norm, one row a token.
    pub hidden: Tensor,
    /// Decisions by layer and sub-module, 0 or 1 a token; none when nothing is skipped.
    pub gates: Vec<[Tensor; 2]>,
    /// What the routers read, by layer and sub-module.
    pub read: Vec<[Tensor; 2]>,
}

impl Student {
    /// `sample` are texts of `length` tokens that the routers' scales are measured on.
    ///
    /// # Errors
    /// Of the tensor library.
    pub fn new(
        weights: Weights,
        parameters: &Parameters,
        placement: Placement,
        sample: &[u32],
        length: usize,
    ) -> Result<Student> {
        let mut student = Student { weights, placement, scales: Vec::new() };
        let mode = Mode { length, skipping: Skipping::Dense, repaired: false, rounding: None };
        let passed = student.pass(parameters, sample, mode, None)?;
        for [a, f] in &passed.read {
            student.scales.push([Scale::measure(a)?, Scale::measure(f)?]);
        }
        Ok(student)
    }

    /// The frozen weights.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Computes texts of `mode.length` tokens, one after the other.
    ///
    /// # Errors
    /// Of the tensor library.
    pub fn pass(
        &self,
        parameters: &Parameters,
        tokens: &[u32],
        mode: Mode,
        mut noise: Noise,
    ) -> Result<Passed> {
        let spec = &self.weights.spec;
        let norm = |x: &Tensor, name: &str, frozen: &Tensor| {
            let gain = if mode.repaired { parameters.get(name)? } else { frozen };
            x.apply_op2(gain, RmsNorm { eps: spec.norm_eps })
        };
        let mut x = self.weights.embed(tokens)?;
        let (mut gates, mut read): (Vec<[Tensor; 2]>, Vec<[Tensor; 2]>) = (Vec::new(), Vec::new());
        let mut kv: Option<[Tensor; 2]> = None;
        let turn = self.weights.rope.at(0, mode.length);
        let skips = mode.skipping != Skipping::Dense;
        for (l, layer) in self.weights.layers.iter().enumerate() {
            let mut decide = |x: &Tensor, sub_module: usize| match skips {
                true => self.decide(parameters, l, sub_module, x, &mut noise).map(Some),
                false => Ok(None),
            };
            let project = |x: &Tensor, p: Projection| self.project(parameters, l, p, x, mode);
            let before = x.clone();
            let attends = decide(&x, 0)?;
            let early = match self.placement {
                Placement::PreAttention => decide(&x, 1)?,
                Placement::OwnInput => None,
            };
            let h = norm(&x, &format!("layers.{l}.attention_norm"), &layer.attention_norm)?;
            let mut k = project(&h, Projection::Key)?.apply_op1(turn.clone())?;
            let mut v = project(&h, Projection::Value)?;
            if let (Skipping::KvReuse, Some(g), Some([below_k, below_v])) =
                (mode.skipping, &attends, &kv)
            {
                k = g.apply_op3(&k, below_k, Mix)?;
                v = g.apply_op3(&v, below_v, Mix)?;
            }
            let q = project(&h, Projection::Query)?.apply_op1(turn.clone())?;
            let attention = Attention::new(mode.length, spec.heads, spec.kv_heads, spec.head_dim);
            let mixed = q.apply_op3(&k, &v, attention)?;
            kv = Some([k, v]);
            x = add(&x, &project(&mixed, Projection::Output)?, attends.as_ref())?;

            let own = if self.placement == Placement::OwnInput { &x } else { &before };
            read.push([before.clone(), own.clone()]);
            let forwards = match early {
                None => decide(&x, 1)?,
                early => early,
            };
            let h = norm(&x, &format!("layers.{l}.ffn_norm"), &layer.ffn_norm)?;
            let gate = project(&h, Projection::Gate)?;
            let h = gate.apply_op2(&project(&h, Projection::Up)?, SwiGlu)?;
            x = add(&x, &project(&h, Projection::Down)?, forwards.as_ref())?;
            gates.extend(attends.zip(forwards).map(|(a, f)| [a, f]));
        }
        let hidden = norm(&x, "final_norm", &self.weights.final_norm)?;
        Ok(Passed { hidden, gates, read })
    }

    fn project(
        &self,
        parameters: &Parameters,
        layer: usize,
        projection: Projection,
        x: &Tensor,
        mode: Mode,
    ) -> Result<Tensor> {
        if mode.repaired {
            let own = parameters.get(&matrix(layer, projection))?;
            return match mode.rounding {
                None => x.apply_op2(own, Linear),
                Some(round) => x.apply_op2(&own.apply_op1(round)?, Linear),
            };
        }
        let frozen = &self.weights.layers[layer].projections[projection as usize];
        x.apply_op1(frozen.clone())
    }

    fn decide(
        &self,
        parameters: &Parameters,
        layer: usize,
        sub_module: usize,
        x: &Tensor,
        noise: &mut Noise,
    ) -> Result<Tensor> {
        let vector = self.router(parameters, layer, sub_module)?;
        // Weights learn to do with the decisions, not to turn them.
        let difference = x.detach().matmul(&vector.unsqueeze(1)?)?.squeeze(1)?;
        let noise = noise.as_mut().map(|draw| draw(x.dims()[0]));
        difference.apply_op1(Gate { noise })
    }

    /// The vector whose product with what a router reads is its second logit less its first.
    ///
    /// # Errors
    /// Of the tensor library.
    pub fn router(
        &self,
        parameters: &Parameters,
        layer: usize,
        sub_module: usize,
    ) -> Result<Tensor> {
        let (scale, kind) = (&self.scales[layer][sub_module], SUB_MODULES[sub_module]);
        let direction = parameters.get(&direction(layer, kind))?.affine(scale.inverse, 0.0)?;
        direction + scale.constant.broadcast_mul(parameters.get(&bias(layer, kind))?)?
    }
}

/// The residual stream with a sub-module's result, where its gate says so.
fn add(x: &Tensor, y: &Tensor, gate: Option<&Tensor>) -> Result<Tensor> {
    let sum = (x + y)?;
    match gate {
        None => Ok(sum),
        Some(gate) => gate.apply_op3(&sum, x, Mix),
    }
}

/// Steps of the conjugate gradient; as much as the constant needs to be near 1.
const ITERATIONS: usize = 40;

impl Scale {
    /// Of what a router reads, one row a token.
    fn measure(x: &Tensor) -> Result<Scale> {
        let (rows, cols) = x.dims2()?;
        let moments = values(&x.t()?.matmul(x)?)?;
        let moments: Vec<f64> = moments.iter().map(|m| f64::from(*m) / rows as f64).collect();
        let mean: Vec<f64> = values(&x.mean(0)?)?.iter().map(|m| f64::from(*m)).collect();
        let trace: f64 = (0..cols).map(|i| moments[i * cols + i]).sum();
        let square = trace / cols as f64;
        // Least squares: (moments + ridge) constant = mean.
        let product = |v: &[f64]| -> Vec<f64> {
            let row = |i: usize| moments[i * cols..(i + 1) * cols].iter().zip(v);
            let dot = |i: usize| row(i).map(|(m, v)| m * v).sum::<f64>() + 1e-3 * square * v[i];
            (0..cols).map(dot).collect()
        };
        let constant: Vec<f32> = conjugate(product, &mean).iter().map(|v| *v as f32).collect();
        let inverse = if square > 0.0 { square.sqrt().recip() } else { 1.0 };
        Ok(Scale { inverse, constant: Tensor::new(constant, &Device::Cpu)? })
    }
}

/// The solution of a symmetric positive definite system, by conjugate gradients from zero.
fn conjugate(product: impl Fn(&[f64]) -> Vec<f64>, right: &[f64]) -> Vec<f64> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut solution = vec![0f64; right.len()];
    let (mut rest, mut way) = (right.to_vec(), right.to_vec());
    let mut size = dot(&rest, &rest);
    let small = 1e-18 * size;
    for _ in 0..ITERATIONS {
        if size <= small {
            break;
        }
        let image = product(&way);
        let step = size / dot(&way, &image);
        solution.iter_mut().zip(&way).for_each(|(s, w)| *s += step * w);
        rest.iter_mut().zip(&image).for_each(|(r, i)| *r -= step * i);
        let next = dot(&rest, &rest);
        way.iter_mut().zip(&rest).for_each(|(w, r)| *w = r + next / size * *w);
        size = next;
    }
    solution
}
