//! The loop.

use crate::calibrate;
use crate::checkpoint::{self, State};
use crate::ops::{Distil, Frozen, Read, Targets};
use crate::parameters::{Kind, Parameters};
use crate::store::digest;
use crate::student::{Mode, Noise, Passed, Student};
use crate::target::Rates;
use crate::texts::Texts;
use crate::weights::Weights;
use crate::{export, History, Move, Plan, Point, TrainError};
use candle_core::{backprop::GradStore, Tensor, Var};
use rand::{rngs::StdRng, seq::SliceRandom, Rng, SeedableRng};
use rayon::prelude::*;
use skipopu_forward::Skipping;
use skipopu_model::{Adapter, Model};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Steps between measurements on the texts kept apart.
const MEASURED: usize = 50;
/// Steps between checkpoints.
const SAVED: usize = 50;
/// Texts that routers are calibrated on.
const CALIBRATION: usize = 64;
/// Largest norm of the gradients of one kind of parameters.
const CLIP: f32 = 1.0;

/// What inference does with texts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Held {
    /// Loss: cross entropy with the dense model beyond its own entropy, nats a token.
    pub loss: f64,
    /// Part of the sub-modules skipped.
    pub skip: f64,
    /// Part of K and V not stored.
    pub kv: f64,
}

/// The tokens of the vocabulary that take part.
struct Words {
    classifier: Frozen,
    /// Column of each token of the vocabulary in it, if it is there.
    columns: Vec<Option<u32>>,
}

impl Words {
    fn new(words: &[u32], weights: &Weights) -> Result<Words, TrainError> {
        let mut columns = vec![None; weights.spec.vocab];
        words.iter().enumerate().for_each(|(i, t)| columns[*t as usize] = Some(i as u32));
        Ok(Words { classifier: weights.classifier_of(words)?, columns })
    }
}

/// A training run: begun, gone on with after an interruption, or complete.
pub struct Trainer {
    plan: Plan,
    print: String,
    student: Student,
    parameters: Parameters,
    /// By stage.
    words: Vec<Words>,
    texts: Texts,
    state: State,
    checkpoint: PathBuf,
}

impl Trainer {
    /// Samples the texts, measures what routers read, and goes on from the checkpoint in `cache`, if there
    /// is one of this model and plan. Texts begin with the first of `ends` and end with any of the others.
    ///
    /// # Errors
    /// A plan that does not fit the model, a cache that cannot be written.
    pub fn new(
        model: &Model,
        plan: Plan,
        ends: (u32, &[u32]),
        cache: &Path,
        progress: impl FnMut(usize, usize),
    ) -> Result<Trainer, TrainError> {
        plan.check(&model.spec)?;
        let print = model.fingerprint();
        let weights = Weights::new(model)?;
        let texts = crate::texts::sample(&weights, &print, &plan, ends, cache, progress)?;
        let words =
            plan.stages().map(|s| Words::new(&texts.words(model.spec.vocab, s.words), &weights));
        let words = words.into_iter().collect::<Result<_, _>>()?;
        let parameters = Parameters::new(model)?;
        let first = plan.batch * plan.length;
        let tokens = &texts.tokens[..first];
        let student = Student::new(weights, &parameters, plan.placement, tokens, plan.length)?;
        let text = serde_json::to_string(&plan).expect("plain data");
        let name = digest(&[print.as_bytes(), text.as_bytes(), format!("{ends:?}").as_bytes()]);
        let checkpoint = cache.join("runs").join(format!("{name}.safetensors"));
        let state = checkpoint::read(&checkpoint, &parameters)?.unwrap_or_default();
        Ok(Trainer { plan, print, student, parameters, words, texts, state, checkpoint })
    }

    /// The curve so far.
    pub fn history(&self) -> &History {
        &self.state.history
    }

    /// Steps done.
    pub fn done(&self) -> usize {
        self.state.step
    }

    /// Takes steps up to number `until` of the plan; `progress` hears of each.
    ///
    /// # Errors
    /// A loss that is no number, a checkpoint that cannot be written.
    pub fn run(
        &mut self,
        until: usize,
        mut progress: impl FnMut(&Point),
    ) -> Result<(), TrainError> {
        while self.state.step < until.min(self.plan.steps()) {
            let mut point = self.step()?;
            self.state.step += 1;
            let last =
                self.plan.place(self.state.step).1 == 0 || self.state.step == self.plan.steps();
            if last || self.state.step % MEASURED == 0 {
                point.held = Some(self.held()?.loss);
            }
            self.state.history.points.push(point);
            progress(&point);
            if last || self.state.step % SAVED == 0 {
                checkpoint::write(&self.checkpoint, &self.parameters, &self.state)?;
            }
        }
        checkpoint::write(&self.checkpoint, &self.parameters, &self.state)
    }

    /// Measurements that [`Trainer::calibrate`] has yet to make.
    pub fn to_calibrate(&self) -> usize {
        let ends = self.state.step > 0 && self.state.step == self.plan.steps();
        let routers = self.parameters.router_biases().count();
        if ends && self.plan.calibrated && !self.state.calibrated {
            calibrate::measurements(routers)
        } else {
            0
        }
    }

    /// After the last step, once: adds to the routers the constants with which inference skips what the plan asked of the
    /// last stage ([`calibrate::constants`]). `progress` hears of each measurement.
    ///
    /// # Errors
    /// Of the tensor library, a checkpoint that cannot be written.
    pub fn calibrate(&mut self, mut progress: impl FnMut()) -> Result<(), TrainError> {
        if self.to_calibrate() == 0 {
            return Ok(());
        }
        let wanted = self.plan.stage(self.state.step - 1).skip;
        let first = self.plan.held;
        let texts: Vec<usize> = (first..self.texts.count().min(first + CALIBRATION)).collect();
        let trained: Vec<(Var, Tensor)> = self
            .parameters
            .router_biases()
            .map(|var| Ok((var.clone(), var.copy()?)))
            .collect::<Result<_, TrainError>>()?;
        let set = |constants: &[f64]| -> Result<(), TrainError> {
            let mut pairs = trained.iter().zip(constants);
            pairs.try_for_each(|((var, own), by)| Ok(var.set(&own.affine(1.0, *by)?)?))
        };
        let constants = calibrate::constants(trained.len(), wanted, |constants| {
            set(constants)?;
            progress();
            self.measured(&texts)
        })?;
        set(&constants)?;
        self.state.calibrated = true;
        checkpoint::write(&self.checkpoint, &self.parameters, &self.state)
    }

    /// What has been trained.
    ///
    /// # Errors
    /// Of the tensor library.
    pub fn adapter(&self) -> Result<Adapter, TrainError> {
        // Before the first step of repair the changes are zeros, which are left out.
        let last = self.state.step.checked_sub(1);
        let repaired = last.is_some_and(|last| self.plan.repairs(last));
        let rounding = last.and_then(|last| self.plan.rounds(last));
        let (placement, base) = (self.plan.placement, self.print.clone());
        export::adapter(&self.student, &self.parameters, placement, base, repaired, rounding)
    }

    /// The texts trained on, each as long as the plan says.
    pub fn texts(&self) -> impl Iterator<Item = &[u32]> {
        self.texts.tokens.chunks(self.plan.length).skip(self.plan.held)
    }

    /// The texts kept apart.
    pub fn texts_apart(&self) -> impl Iterator<Item = &[u32]> {
        self.texts.tokens.chunks(self.plan.length).take(self.plan.held)
    }

    /// Measures on the texts kept apart; decisions are those of inference.
    ///
    /// # Errors
    /// Of the tensor library.
    pub fn held(&self) -> Result<Held, TrainError> {
        self.measured(&(0..self.plan.held).collect::<Vec<usize>>())
    }

    /// Measures on texts; decisions are those of inference.
    fn measured(&self, texts: &[usize]) -> Result<Held, TrainError> {
        let (mut loss, mut skip, mut kv) = (0.0, 0.0, 0.0);
        let mut seen = 0;
        for texts in texts.chunks(self.plan.batch) {
            let step = self.state.step;
            let (passed, targets) = self.pass(texts, step, false, None)?;
            let (cost, rates) = (self.cost(step, &passed, &targets)?, Rates::new(&passed.gates)?);
            let share = texts.len() as f64;
            loss += share * (scalar(&cost)? - targets.entropy());
            skip += share * scalar(&rates.skip)?;
            kv += share * scalar(&rates.kv)?;
            seen += texts.len();
        }
        let count = seen as f64;
        Ok(Held { loss: loss / count, skip: skip / count, kv: kv / count })
    }

    fn step(&mut self) -> Result<Point, TrainError> {
        let number = self.state.step;
        let (stage, within) = (self.plan.stage(number), self.plan.place(number).1);
        let along = within as f64 / (stage.steps.max(2) - 1) as f64;
        let strength = stage.noise[0] + (stage.noise[1] - stage.noise[0]) * along;
        let mut rng = StdRng::seed_from_u64(self.plan.seed ^ (number as u64 + 1) << 20);
        let mut draw = |count: usize| logistic(&mut rng, count, strength as f32);
        let noise: Noise = if strength > 0.0 { Some(&mut draw) } else { None };
        let texts = self.batch(number);
        let (passed, targets) = self.pass(&texts, number, stage.tails, noise)?;
        let rates = Rates::new(&passed.gates)?;
        let cost = self.cost(number, &passed, &targets)?;
        let penalty = self.state.multipliers.cost(&self.plan, number, &rates)?;
        let grads = (&cost + penalty)?.backward()?;
        let loss = scalar(&cost)? - targets.entropy();
        if !loss.is_finite() {
            return Err(TrainError::Diverged { step: number });
        }
        let (skip, kv) = (scalar(&rates.skip)?, scalar(&rates.kv)?);
        self.state.multipliers.adapt(&self.plan, number, skip, kv);
        let slope = self.plan.slope(number);
        let rates = [slope * stage.router_rate, slope * stage.weight_rate];
        self.update(&grads, Kind::Router, rates[0])?;
        self.update(&grads, Kind::Weight, rates[1])?;
        Ok(Point { step: number + 1, loss, held: None, skip, kv })
    }

    /// Moves all parameters of a kind, their gradients shortened to [`CLIP`].
    fn update(&mut self, grads: &GradStore, kind: Kind, rate: f64) -> Result<(), TrainError> {
        if rate == 0.0 {
            return Ok(());
        }
        let mut moves = Vec::new();
        for (name, own, var) in self.parameters.iter() {
            if let (true, Some(grad)) = (own == kind, grads.get(var)) {
                moves.push(Move { name, var, grad: grad.contiguous()? });
            }
        }
        let square = |one: &Move| Ok(Read::of(&one.grad)?.iter().map(|g| g * g).sum::<f32>());
        let squares: Vec<f32> = moves.par_iter().map(square).collect::<Result<_, TrainError>>()?;
        let shorter = (CLIP / squares.iter().sum::<f32>().sqrt()).min(1.0);
        Ok(self.state.adam.step(&moves, shorter, rate)?)
    }

    /// The texts of a step: each epoch takes all of them in an order of its own.
    fn batch(&self, number: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (self.plan.held..self.texts.count()).collect();
        let each = order.len() / self.plan.batch;
        let epoch = (number / each) as u64;
        order.shuffle(&mut StdRng::seed_from_u64(self.plan.seed ^ epoch << 40));
        let at = number % each * self.plan.batch;
        order[at..at + self.plan.batch].to_vec()
    }

    fn pass(
        &self,
        texts: &[usize],
        step: usize,
        tails: bool,
        noise: Noise,
    ) -> Result<(Passed, Arc<Targets>), TrainError> {
        let length = self.plan.length;
        let places = texts.iter().flat_map(|t| t * length..(t + 1) * length);
        let places: Vec<usize> = places.collect();
        let tokens: Vec<u32> = places.iter().map(|p| self.texts.tokens[*p]).collect();
        let (repaired, rounding) = (self.plan.repairs(step), self.plan.rounds(step));
        let mode = Mode { length, skipping: Skipping::KvReuse, repaired, rounding };
        let passed = self.student.pass(&self.parameters, &tokens, mode, noise)?;
        let columns = &self.words[self.plan.place(step).0].columns;
        let pairs = places.iter().flat_map(|p| self.texts.pairs(columns, *p, tails)).collect();
        Ok((passed, Arc::new(Targets { top: self.texts.top, pairs })))
    }

    fn cost(
        &self,
        step: usize,
        passed: &Passed,
        targets: &Arc<Targets>,
    ) -> Result<Tensor, TrainError> {
        let words = &self.words[self.plan.place(step).0];
        let logits = passed.hidden.apply_op1(words.classifier.clone())?;
        Ok(logits.apply_op1(Distil(targets.clone()))?)
    }
}

fn scalar(tensor: &Tensor) -> Result<f64, TrainError> {
    Ok(f64::from(tensor.to_scalar::<f32>()?))
}

/// Numbers of the logistic distribution, the difference of two Gumbel ones.
fn logistic(rng: &mut StdRng, count: usize, strength: f32) -> Vec<f32> {
    let one = |_| {
        let u: f32 = rng.random_range(1e-6..1.0 - 1e-6);
        strength * (u / (1.0 - u)).ln()
    };
    (0..count).map(one).collect()
}
