//! The forward pass.

use crate::{Arithmetic, ForwardError, KvCache, Seen};
use rayon::prelude::*;
use skipopu_kv::{KvLayout, KvModel, KvOrder, KvSequencer};
use skipopu_model::{Model, Placement, Projection, Spec};

/// Vectors of one width, one per token.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    width: usize,
    values: Vec<f32>,
}

impl Rows {
    /// `count` vectors of zeros.
    pub fn zeros(count: usize, width: usize) -> Rows {
        Rows { width, values: vec![0.0; count * width] }
    }

    /// Vectors per batch.
    pub fn count(&self) -> usize {
        self.values.len() / self.width
    }

    /// Values of a vector.
    pub fn width(&self) -> usize {
        self.width
    }

    /// One vector.
    pub fn row(&self, i: usize) -> &[f32] {
        &self.values[i * self.width..(i + 1) * self.width]
    }

    /// One vector, to be changed.
    pub fn row_mut(&mut self, i: usize) -> &mut [f32] {
        &mut self.values[i * self.width..(i + 1) * self.width]
    }

    /// All values.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// All values, to be changed.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// The vectors of these indices.
    pub fn gather(&self, indices: &[usize]) -> Rows {
        let values = indices.iter().flat_map(|i| self.row(*i)).copied().collect();
        Rows { width: self.width, values }
    }
}

/// What skipped tokens do for later ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Skipping {
    /// Nothing is skipped; routers are not asked.
    #[default]
    Dense,
    /// Attention and feed-forward parts are skipped, K and V are produced by every token.
    Partial,
    /// A token that skips attention gets no K and V there: its readers use those of its owner layer.
    /// Layer 0 produces K and V for every token.
    KvReuse,
}

impl Skipping {
    /// As in options and reports.
    pub fn name(self) -> &'static str {
        match self {
            Skipping::Dense => "dense",
            Skipping::Partial => "partial-skip",
            Skipping::KvReuse => "kv-reuse",
        }
    }
}

/// How many tokens each sub-module saw and skipped, by layer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Tokens computed.
    pub tokens: u64,
    /// Tokens that skipped attention.
    pub attention_skipped: Vec<u64>,
    /// Tokens that skipped the feed-forward part.
    pub ffn_skipped: Vec<u64>,
    /// K and V rows stored, all layers; dense is tokens x layers.
    pub kv_rows: u64,
    /// What each token ran, by layer.
    pub ran: Vec<Vec<Ran>>,
}

/// What a token ran in a layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ran {
    /// Attention.
    pub attention: bool,
    /// The feed-forward part.
    pub ffn: bool,
}

impl Stats {
    /// Part of all sub-modules that was skipped, 0 to 1.
    pub fn skip_rate(&self) -> f64 {
        let skipped: u64 = self.attention_skipped.iter().chain(&self.ffn_skipped).sum();
        let all = self.tokens * 2 * self.attention_skipped.len() as u64;
        skipped as f64 / all.max(1) as f64
    }

    /// Part of K and V that was not stored, 0 to 1.
    pub fn kv_saved(&self) -> f64 {
        let dense = (self.tokens * self.attention_skipped.len() as u64).max(1);
        1.0 - self.kv_rows as f64 / dense as f64
    }
}

struct Layer<W> {
    attention_norm: Vec<f32>,
    ffn_norm: Vec<f32>,
    projections: Vec<W>,
    routers: Option<[W; 2]>,
}

/// A model prepared for one arithmetic.
pub struct Network<A: Arithmetic> {
    arithmetic: A,
    model: Model,
    layers: Vec<Layer<A::Weights>>,
    classifier: A::Weights,
    frequencies: Vec<f64>,
    skipping: Skipping,
    bias: f32,
    /// The machine whose order of tokens is followed, and an empty text on it.
    text: Option<(KvOrder, KvSequencer)>,
}

impl<A: Arithmetic> Network<A> {
    /// Prepares a model's weights.
    ///
    /// # Errors
    /// Weights that the arithmetic cannot multiply; skipping without routers; a model that the KV system of the arithmetic's machine does
    /// not hold.
    pub fn new(arithmetic: A, model: &Model, skipping: Skipping) -> Result<Self, ForwardError> {
        if skipping != Skipping::Dense && model.routers.is_none() {
            return Err(ForwardError::NoRouters);
        }
        let layers = (0..model.spec.layers)
            .map(|i| {
                let layer = &model.layers[i];
                let prepare = |p: Projection| {
                    arithmetic.prepare(&format!("layers.{i}.{}", p.name()), layer.get(p))
                };
                let router = |t| arithmetic.prepare_router(t);
                Ok(Layer {
                    attention_norm: layer.attention_norm.clone(),
                    ffn_norm: layer.ffn_norm.clone(),
                    projections: Projection::ALL
                        .into_iter()
                        .map(prepare)
                        .collect::<Result<_, _>>()?,
                    routers: model
                        .routers
                        .as_ref()
                        .map(|r| [router(&r.attention[i]), router(&r.ffn[i])]),
                })
            })
            .collect::<Result<_, ForwardError>>()?;
        let text = arithmetic.order().map(|order| text(&model.spec, order)).transpose()?;
        let classifier = arithmetic.prepare("classifier", &model.classifier())?;
        let frequencies = model.spec.rope.frequencies(model.spec.head_dim);
        Ok(Network {
            arithmetic,
            model: model.clone(),
            layers,
            classifier,
            frequencies,
            skipping,
            bias: 0.0,
            text,
        })
    }

    /// The same with `bias` added to every router's second logit: more than 0 runs more, less than 0 skips
    /// more. For studies; the hardware has none.
    pub fn with_bias(self, bias: f32) -> Self {
        Network { bias, ..self }
    }

    /// The model's sizes.
    pub fn spec(&self) -> &Spec {
        &self.model.spec
    }

    /// The arithmetic.
    pub fn arithmetic(&self) -> &A {
        &self.arithmetic
    }

    /// An empty cache for this model.
    pub fn cache(&self) -> KvCache<A::Stored> {
        let cache = KvCache::new(self.spec().layers, self.spec().kv_dim());
        match &self.text {
            Some((order, text)) => cache.with_order(*order, text.clone()),
            None => cache,
        }
    }

    /// Statistics of no tokens.
    pub fn stats(&self) -> Stats {
        let none = || vec![0; self.spec().layers];
        let ran = vec![Vec::new(); self.spec().layers];
        Stats { attention_skipped: none(), ffn_skipped: none(), ran, ..Stats::default() }
    }

    /// Computes the next tokens: the residual stream after the last layer. `kv` holds the tokens before
    /// and gets these.
    ///
    /// # Errors
    /// A token outside the vocabulary, more tokens than the context.
    pub fn hidden(
        &self,
        tokens: &[u32],
        kv: &mut KvCache<A::Stored>,
        stats: &mut Stats,
    ) -> Result<Rows, ForwardError> {
        let held = self.text.as_ref().map_or(usize::MAX, |(order, _)| order.machine.context);
        let context = self.spec().context.min(held);
        if kv.len(0) + tokens.len() > context {
            return Err(ForwardError::Context { context });
        }
        let mut x = self.embed(tokens)?;
        kv.begin(tokens.len());
        for layer in 0..self.layers.len() {
            self.layer(layer, &mut x, kv, stats);
        }
        kv.end();
        stats.tokens += tokens.len() as u64;
        Ok(x)
    }

    /// The residual stream before the first layer.
    ///
    /// # Errors
    /// A token outside the vocabulary.
    pub fn embed(&self, tokens: &[u32]) -> Result<Rows, ForwardError> {
        let spec = self.spec();
        let mut x = Rows::zeros(tokens.len(), spec.dim);
        for (i, token) in tokens.iter().enumerate() {
            if *token as usize >= spec.vocab {
                return Err(ForwardError::Token { token: *token, vocab: spec.vocab });
            }
            x.row_mut(i).copy_from_slice(&self.model.embedding.row(*token as usize));
        }
        self.arithmetic.round(x.values_mut());
        Ok(x)
    }

    /// Logits of the token after each row of the residual stream.
    pub fn logits(&self, x: &Rows) -> Rows {
        self.arithmetic.project(&self.classifier, &self.norm(x, &self.model.final_norm))
    }

    /// One layer: attention, then the feed-forward part, each where its router says so.
    ///
    /// Panics when `kv` does not hold the tokens before at this layer; a cache with a machine's order needs [`KvCache::begin`] before
    /// the first layer and [`KvCache::end`] after the last.
    pub fn layer(&self, l: usize, x: &mut Rows, kv: &mut KvCache<A::Stored>, stats: &mut Stats) {
        let early = self.model.routers.as_ref().map(|r| r.placement == Placement::PreAttention);
        let attending = self.decide(l, 0, x);
        let forwarding = (early == Some(true)).then(|| self.decide(l, 1, x));
        stats.attention_skipped[l] += (x.count() - attending.len()) as u64;
        let first = stats.ran[l].len();
        stats.ran[l].resize(first + x.count(), Ran::default());
        attending.iter().for_each(|t| stats.ran[l][first + t].attention = true);
        stats.kv_rows += self.attention(l, x, &attending, kv) as u64;
        let forwarding = forwarding.unwrap_or_else(|| self.decide(l, 1, x));
        stats.ffn_skipped[l] += (x.count() - forwarding.len()) as u64;
        forwarding.iter().for_each(|t| stats.ran[l][first + t].ffn = true);
        self.feed_forward(l, x, &forwarding);
    }

    /// The tokens for which a sub-module runs: its router's second logit is the greater one.
    fn decide(&self, l: usize, sub_module: usize, x: &Rows) -> Vec<usize> {
        match &self.layers[l].routers {
            Some(routers) if self.skipping != Skipping::Dense => {
                let logits = self.arithmetic.project(&routers[sub_module], x);
                (0..x.count())
                    .filter(|t| logits.row(*t)[1] + self.bias > logits.row(*t)[0])
                    .collect()
            }
            _ => (0..x.count()).collect(),
        }
    }

    /// Adds attention to the tokens of `attending`; returns the tokens that got K and V.
    fn attention(
        &self,
        l: usize,
        x: &mut Rows,
        attending: &[usize],
        kv: &mut KvCache<A::Stored>,
    ) -> usize {
        let (spec, start) = (self.spec(), kv.len(l));
        let every: Vec<usize> = (0..x.count()).collect();
        let storing = match self.skipping == Skipping::KvReuse && l > 0 {
            true => attending,
            false => &every,
        };
        let turn = |t: usize, heads: &mut [f32]| {
            self.arithmetic.rotate(&self.frequencies, start + t, heads)
        };
        let normed = self.norm(&x.gather(storing), &self.layers[l].attention_norm);
        let mut k = self.project(l, Projection::Key, &normed);
        let v = self.project(l, Projection::Value, &normed);
        let mut stored = storing.iter().enumerate().peekable();
        for t in 0..x.count() {
            match stored.next_if(|(_, s)| **s == t) {
                None => kv.reuse(l),
                Some((row, _)) => {
                    turn(t, k.row_mut(row));
                    let keep = |v: &f32| self.arithmetic.store(*v);
                    kv.push(l, k.row(row).iter().map(keep), v.row(row).iter().map(keep));
                }
            }
        }
        if attending.is_empty() {
            return storing.len();
        }
        let asking = match attending.len() == storing.len() {
            true => normed,
            false => self.norm(&x.gather(attending), &self.layers[l].attention_norm),
        };
        let mut q = self.project(l, Projection::Query, &asking);
        attending.iter().enumerate().for_each(|(row, t)| turn(*t, q.row_mut(row)));
        let slots = kv.slots(l);
        let scale = (spec.head_dim as f64).sqrt().recip();
        let mut mixed = Rows::zeros(attending.len(), spec.query_dim());
        let head = |i: usize, out: &mut [f32]| {
            let (row, h) = (i / spec.heads, i % spec.heads);
            let query = &q.row(row)[h * spec.head_dim..(h + 1) * spec.head_dim];
            let first = h / spec.heads_per_kv() * spec.head_dim;
            let view = kv.view(l, first, spec.head_dim);
            let seen = Seen { tokens: start + attending[row] + 1, slots: slots.as_deref() };
            self.arithmetic.attend(query, &view, seen, scale, out);
        };
        let work = attending.len() * spec.query_dim() * (start + x.count());
        let outputs = mixed.values_mut();
        match work > ATTENTION_PARALLEL {
            true => outputs.par_chunks_mut(spec.head_dim).enumerate().for_each(|(i, o)| head(i, o)),
            false => outputs.chunks_mut(spec.head_dim).enumerate().for_each(|(i, o)| head(i, o)),
        }
        self.arithmetic.round(mixed.values_mut());
        let out = self.project(l, Projection::Output, &mixed);
        self.add(x, attending, &out);
        storing.len()
    }

    fn feed_forward(&self, l: usize, x: &mut Rows, forwarding: &[usize]) {
        if forwarding.is_empty() {
            return;
        }
        let normed = self.norm(&x.gather(forwarding), &self.layers[l].ffn_norm);
        let mut gate = self.project(l, Projection::Gate, &normed);
        let up = self.project(l, Projection::Up, &normed);
        self.arithmetic.swiglu(gate.values_mut(), up.values());
        let out = self.project(l, Projection::Down, &gate);
        self.add(x, forwarding, &out);
    }

    fn project(&self, l: usize, projection: Projection, x: &Rows) -> Rows {
        self.arithmetic.project(&self.layers[l].projections[projection as usize], x)
    }

    fn norm(&self, x: &Rows, gain: &[f32]) -> Rows {
        let mut out = Rows::zeros(x.count(), x.width());
        for t in 0..x.count() {
            self.arithmetic.norm(x.row(t), gain, self.spec().norm_eps, out.row_mut(t));
        }
        out
    }

    fn add(&self, x: &mut Rows, tokens: &[usize], y: &Rows) {
        for (row, t) in tokens.iter().enumerate() {
            self.arithmetic.residual(x.row_mut(*t), y.row(row));
        }
    }
}

/// An empty text of a model on a machine.
fn text(spec: &Spec, order: KvOrder) -> Result<(KvOrder, KvSequencer), ForwardError> {
    let head = spec.head_dim.next_multiple_of(order.slice);
    let model = KvModel { layers: spec.layers, kv_heads: spec.kv_heads, head };
    let layout = KvLayout::new(&model, &order.machine, 0)?;
    let slots = order.machine.slots_for(&layout);
    Ok((order, KvSequencer::new(&order.machine, spec.layers, slots)?))
}

/// Multiplications of attention below which threads cost more than they save.
const ATTENTION_PARALLEL: usize = 1 << 16;
