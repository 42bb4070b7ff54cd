//! Causal attention.

use super::exp::exp;
use super::{like, slice, stored, values, Read};
use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Tensor};
use rayon::prelude::*;
use std::sync::Mutex;

/// Causal attention of texts of `length` tokens, one after the other: queries N x heads * head size, keys and
/// values N x key heads * head size, to N x heads * head size.
pub struct Attention {
    length: usize,
    heads: usize,
    kv_heads: usize,
    head: usize,
    /// Probabilities of every text and head, kept from the forward pass for the backward one.
    kept: Mutex<Vec<Vec<Tensor>>>,
}

/// Queries taken at a time: keys beyond the last of them are left out.
const BLOCK: usize = 64;

impl Attention {
    /// Sizes; `kv_heads` divides `heads`.
    pub fn new(length: usize, heads: usize, kv_heads: usize, head: usize) -> Attention {
        Attention { length, heads, kv_heads, head, kept: Mutex::default() }
    }

    /// One head of one text, length x head size, times `scale`.
    fn part(&self, x: &[f32], text: usize, at: usize, heads: usize, scale: f32) -> Result<Tensor> {
        let width = heads * self.head;
        let rows = x[text * self.length * width..(text + 1) * self.length * width].chunks(width);
        let mut part = vec![0f32; self.length * self.head];
        for (part, row) in part.chunks_mut(self.head).zip(rows) {
            let row = &row[at * self.head..(at + 1) * self.head];
            part.iter_mut().zip(row).for_each(|(p, v)| *p = scale * v);
        }
        Tensor::from_vec(part, (self.length, self.head), &Device::Cpu)
    }

    fn scale(&self) -> f32 {
        (self.head as f32).sqrt().recip()
    }

    /// First query and number of each block.
    fn blocks(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        (0..self.length).step_by(BLOCK).map(|b| (b, BLOCK.min(self.length - b)))
    }

    fn forward(&self, q: &Tensor, k: &Tensor, v: &Tensor) -> Result<(Vec<f32>, Vec<Tensor>)> {
        let (mut out, mut kept) = (Vec::new(), Vec::new());
        for (first, count) in self.blocks() {
            let seen = first + count;
            let scores = q.narrow(0, first, count)?.matmul(&k.narrow(0, 0, seen)?.t()?)?;
            let mut p = values(&scores)?;
            for (i, row) in p.chunks_mut(seen).enumerate() {
                let (past, future) = row.split_at_mut(first + i + 1);
                softmax(past);
                future.fill(0.0);
            }
            let p = Tensor::from_vec(p, (count, seen), &Device::Cpu)?;
            out.extend_from_slice(&Read::of(&p.matmul(&v.narrow(0, 0, seen)?)?)?);
            kept.push(p);
        }
        Ok((out, kept))
    }

    /// Gradients of one head's queries (unscaled), keys and values.
    fn backward(&self, parts: [&Tensor; 3], p: &[Tensor], dout: &Tensor) -> Result<[Vec<f32>; 3]> {
        let [q, k, v] = parts;
        let mut dq = Vec::new();
        let mut dk = vec![0f32; self.length * self.head];
        let mut dv = dk.clone();
        let add = |to: &mut [f32], from: Tensor| -> Result<()> {
            Read::of(&from)?.iter().zip(to).for_each(|(from, to)| *to += from);
            Ok(())
        };
        for ((first, count), p) in self.blocks().zip(p) {
            let seen = first + count;
            let dout = dout.narrow(0, first, count)?;
            add(&mut dv, p.t()?.matmul(&dout)?)?;
            let mut ds = values(&dout.matmul(&v.narrow(0, 0, seen)?.t()?)?)?;
            for (ds, p) in ds.chunks_mut(seen).zip(Read::of(p)?.chunks(seen)) {
                let along: f32 = ds.iter().zip(p).map(|(d, p)| d * p).sum();
                ds.iter_mut().zip(p).for_each(|(d, p)| *d = p * (*d - along));
            }
            let ds = Tensor::from_vec(ds, (count, seen), &Device::Cpu)?;
            let scaled = ds.matmul(&k.narrow(0, 0, seen)?)?;
            dq.extend(Read::of(&scaled)?.iter().map(|d| d * self.scale()));
            add(&mut dk, ds.t()?.matmul(&q.narrow(0, first, count)?)?)?;
        }
        Ok([dq, dk, dv])
    }

    /// Adds one head of one text to where it belongs.
    fn place(&self, part: &[f32], x: &mut [f32], text: usize, at: usize, heads: usize) {
        let width = heads * self.head;
        let rows = x[text * self.length * width..].chunks_mut(width);
        for (row, part) in rows.zip(part.chunks(self.head)) {
            let row = &mut row[at * self.head..(at + 1) * self.head];
            row.iter_mut().zip(part).for_each(|(x, p)| *x += p);
        }
    }
}

fn softmax(scores: &mut [f32]) {
    let largest = scores.iter().fold(f32::NEG_INFINITY, |m, s| m.max(*s));
    scores.iter_mut().for_each(|s| *s = exp(*s - largest));
    let norm = scores.iter().sum::<f32>().recip();
    scores.iter_mut().for_each(|s| *s *= norm);
}

impl CustomOp3 for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(
        &self,
        q: &CpuStorage,
        q_layout: &Layout,
        k: &CpuStorage,
        k_layout: &Layout,
        v: &CpuStorage,
        v_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (q, k, v) = (slice(q, q_layout)?, slice(k, k_layout)?, slice(v, v_layout)?);
        let texts = q_layout.shape().dims()[0] / self.length;
        let heads: Vec<_> = (0..texts * self.heads)
            .into_par_iter()
            .map(|i| {
                let (text, h) = (i / self.heads, i % self.heads);
                let shared = h * self.kv_heads / self.heads;
                self.forward(
                    &self.part(q, text, h, self.heads, self.scale())?,
                    &self.part(k, text, shared, self.kv_heads, 1.0)?,
                    &self.part(v, text, shared, self.kv_heads, 1.0)?,
                )
            })
            .collect::<Result<_>>()?;
        let mut y = vec![0f32; q.len()];
        let mut kept = Vec::new();
        for (i, (out, p)) in heads.into_iter().enumerate() {
            self.place(&out, &mut y, i / self.heads, i % self.heads, self.heads);
            kept.push(p);
        }
        *self.kept.lock().unwrap_or_else(|e| e.into_inner()) = kept;
        stored(y, q_layout.shape())
    }

    fn bwd(
        &self,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let (qs, ks, vs, dy) = (Read::of(q)?, Read::of(k)?, Read::of(v)?, Read::of(&grad)?);
        let kept = std::mem::take(&mut *self.kept.lock().unwrap_or_else(|e| e.into_inner()));
        let heads: Vec<[Vec<f32>; 3]> = kept
            .par_iter()
            .enumerate()
            .map(|(i, p)| {
                let (text, h) = (i / self.heads, i % self.heads);
                let shared = h * self.kv_heads / self.heads;
                let q = self.part(&qs, text, h, self.heads, self.scale())?;
                let k = self.part(&ks, text, shared, self.kv_heads, 1.0)?;
                let v = self.part(&vs, text, shared, self.kv_heads, 1.0)?;
                self.backward([&q, &k, &v], p, &self.part(&dy, text, h, self.heads, 1.0)?)
            })
            .collect::<Result<_>>()?;
        let (mut dq, mut dk, mut dv) =
            (vec![0f32; qs.len()], vec![0f32; ks.len()], vec![0f32; vs.len()]);
        for (i, [q, k, v]) in heads.iter().enumerate() {
            let (text, h) = (i / self.heads, i % self.heads);
            let shared = h * self.kv_heads / self.heads;
            self.place(q, &mut dq, text, h, self.heads);
            self.place(k, &mut dk, text, shared, self.kv_heads);
            self.place(v, &mut dv, text, shared, self.kv_heads);
        }
        Ok((Some(like(dq, q)?), Some(like(dk, k)?), Some(like(dv, v)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::check::{gradients, random};

    #[test]
    fn gradients_are_those_of_differences() {
        // Two texts of 5 tokens, 4 heads of 3 values that share 2 heads of keys and values.
        let inputs = [random(&[10, 12], 0), random(&[10, 6], 1), random(&[10, 6], 2)];
        gradients(&inputs, |t| t[0].apply_op3(&t[1], &t[2], Attention::new(5, 4, 2, 3)));
    }

    #[test]
    fn blocks_change_nothing() {
        let length = BLOCK + 7;
        let [q, k, v] = [0, 1, 2].map(|seed| random(&[length, 8], seed));
        let y = q.apply_op3(&k, &v, Attention::new(length, 2, 2, 4)).unwrap();
        let (qs, ks, vs) = (values(&q).unwrap(), values(&k).unwrap(), values(&v).unwrap());
        let found = values(&y).unwrap();
        for (t, h) in [(0, 0), (BLOCK - 1, 1), (BLOCK, 0), (length - 1, 1)] {
            let at = |x: &[f32], t: usize| x[t * 8 + h * 4..t * 8 + h * 4 + 4].to_vec();
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            let mut p: Vec<f32> = (0..=t).map(|s| dot(&at(&qs, t), &at(&ks, s)) / 2.0).collect();
            softmax(&mut p);
            for i in 0..4 {
                let expected: f32 = p.iter().enumerate().map(|(s, p)| p * at(&vs, s)[i]).sum();
                assert!((found[t * 8 + h * 4 + i] - expected).abs() < 1e-5);
            }
        }
    }
}
