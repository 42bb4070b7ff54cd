//! Rows of a real model for tests of the nonlinear engine.
//!
//! Prints, from stories15M (`skipopu model fetch stories15m`) reading a text in f32, a line per row: what it is,
//! then its values in hexadecimal: `residual` (FP16, before a norm), `gain` (FP16, of that norm), `scores` (FP32,
//! before scaling), `pairs` (FP32, gate and up in turn), `head` (FP32, before RoPE).
//!
//!     cargo run --release -p skipopu-forward --example real_rows > tests/data/stories15m_rows.txt

use half::f16;
use skipopu_forward::{Network, Skipping, F32};
use skipopu_model::{open, Matrix, Projection};

const TEXT: &str = "Once upon a time, there was a little girl named Lily. She loved to play outside in the sunshine. One day she found a shiny red stone under the old tree, and she showed it to her brother, who wanted to throw it into the pond.";
/// Layers that rows are taken from.
const LAYERS: [usize; 3] = [0, 2, 5];

fn times(matrix: &Matrix, x: &[f32]) -> Vec<f32> {
    matrix.to_f32().chunks(x.len()).map(|w| w.iter().zip(x).map(|(w, x)| w * x).sum()).collect()
}

fn norm(x: &[f32], gain: &[f32], eps: f32) -> Vec<f32> {
    let mean = x.iter().map(|x| x * x).sum::<f32>() / x.len() as f32;
    let factor = (mean + eps).sqrt().recip();
    x.iter().zip(gain).map(|(x, g)| x * factor * g).collect()
}

fn turned(x: &[f32], frequencies: &[f64], position: usize) -> Vec<f32> {
    let pair = |(p, f): (&[f32], &f64)| {
        let (sin, cos) = (position as f64 * f).sin_cos();
        let (a, b) = (f64::from(p[0]), f64::from(p[1]));
        [(a * cos - b * sin) as f32, (b * cos + a * sin) as f32]
    };
    x.chunks(2).zip(frequencies).flat_map(pair).collect()
}

fn halves(kind: &str, values: &[f32]) {
    let hex: Vec<String> =
        values.iter().map(|v| format!("{:04x}", f16::from_f32(*v).to_bits())).collect();
    println!("{kind} {}", hex.join(" "));
}

fn singles(kind: &str, values: &[f32]) {
    let hex: Vec<String> = values.iter().map(|v| format!("{:08x}", v.to_bits())).collect();
    println!("{kind} {}", hex.join(" "));
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let opened = open("stories15m")?;
    let model = &opened.model;
    let tokenizer = opened.tokenizer.as_ref().ok_or("the model has a tokenizer")?;
    let tokens = tokenizer.encode(TEXT)?;
    let network = Network::new(F32, model, Skipping::Dense)?;
    let spec = network.spec();
    let (head, eps) = (spec.head_dim, spec.norm_eps);
    let frequencies = spec.rope.frequencies(head);
    let mut kv = network.cache();
    let mut stats = network.stats();
    let mut x = network.embed(&tokens)?;
    let last = tokens.len() - 1;
    for l in 0..spec.layers {
        if LAYERS.contains(&l) {
            let layer = &model.layers[l];
            let normed: Vec<Vec<f32>> =
                (0..=last).map(|t| norm(x.row(t), &layer.attention_norm, eps)).collect();
            halves("residual", x.row(last));
            halves("gain", &layer.attention_norm);
            // One head's scores of the last token.
            let h = l % spec.heads * head;
            let query = times(layer.get(Projection::Query), &normed[last]);
            let query = &query[h..h + head];
            singles("head", query);
            let query = turned(query, &frequencies, last);
            let score = |(t, n): (usize, &Vec<f32>)| {
                let key = &times(layer.get(Projection::Key), n)[h..h + head];
                let key = turned(key, &frequencies, t);
                query.iter().zip(key).map(|(q, k)| q * k).sum()
            };
            let scores: Vec<f32> = normed.iter().enumerate().map(score).collect();
            singles("scores", &scores);
            // Gate and up, of the stream before attention: the layer is computed as a whole.
            let normed = norm(x.row(last), &layer.ffn_norm, eps);
            let gate = times(layer.get(Projection::Gate), &normed);
            let up = times(layer.get(Projection::Up), &normed);
            let pairs: Vec<f32> = gate.into_iter().zip(up).flat_map(|(g, u)| [g, u]).collect();
            singles("pairs", &pairs[..512]);
        }
        network.layer(l, &mut x, &mut kv, &mut stats);
    }
    Ok(())
}
