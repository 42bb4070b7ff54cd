//! [`Sizes`]: a model's sizes in slices and tiles.

use crate::error::fits;
use crate::{CompileError, Geometry};
use serde::Serialize;
use skipopu_model::{Projection, Spec};

/// Where a row's vectors lie in the scratchpad, and how long they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Area {
    /// First slice, of row 0.
    pub address: usize,
    /// Slices of a row, and from a row to the next.
    pub slices: usize,
}

/// Sizes of a model on a configuration. A head begins at a slice; the rest of its last slice is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sizes {
    /// Values of a head.
    pub head: usize,
    /// Slices of a head.
    pub head_slices: usize,
    /// Query heads.
    pub heads: usize,
    /// Key-value heads.
    pub kv_heads: usize,
    /// Pairs of key-value heads.
    pub pairs: usize,
    /// Residual stream.
    pub x: Area,
    /// Queries.
    pub q: Area,
    /// Keys.
    pub k: Area,
    /// Values.
    pub v: Area,
    /// Logits of the last row, FP32: two places each.
    pub logits: Area,
    /// Slices of the vector between the feed-forward projections.
    pub hidden: usize,
}

impl Sizes {
    /// Those of a model.
    ///
    /// # Errors
    /// A block that does not fit the memories on chip.
    pub fn new(spec: &Spec, geometry: &Geometry) -> Result<Sizes, CompileError> {
        let head_slices = geometry.slices(spec.head_dim);
        let mut address = 0;
        let mut area = |slices: usize, rows: usize| {
            let area = Area { address, slices };
            address += rows * slices;
            area
        };
        let rows = geometry.rows;
        let x = area(geometry.slices(spec.dim), rows);
        let q = area(spec.heads * head_slices, rows);
        let k = area(spec.kv_heads * head_slices, rows);
        let v = area(spec.kv_heads * head_slices, rows);
        let logits = area(geometry.slices(2 * spec.vocab), 1);
        let hidden = geometry.slices(spec.hidden);
        let bytes = |slices: usize| (slices * geometry.slice_bytes()) as u64;
        fits(
            format!("a block of {rows} rows, bytes of the scratchpad"),
            bytes(address),
            bytes(geometry.scratchpad),
            "raise buffers.scratchpad_kib or lower buffers.rows",
        )?;
        let widest = x.slices.max(hidden).max(q.slices);
        fits(
            format!("a block of {rows} rows, bytes of an operand memory"),
            bytes(widest * rows),
            bytes(geometry.operand),
            "raise buffers.operand_kib or lower buffers.rows",
        )?;
        Ok(Sizes {
            head: spec.head_dim,
            head_slices,
            heads: spec.heads,
            kv_heads: spec.kv_heads,
            pairs: spec.kv_heads.div_ceil(2),
            x,
            q,
            k,
            v,
            logits,
            hidden,
        })
    }

    /// Slices of a projection's reduction.
    pub fn reduction(&self, projection: Projection) -> usize {
        match projection {
            Projection::Output => self.q.slices,
            Projection::Down => self.hidden,
            _ => self.x.slices,
        }
    }

    /// Is a projection's reduction cut head by head, with zeros in between?
    pub fn padded(&self, projection: Projection, lanes: usize) -> bool {
        projection == Projection::Output && self.head % lanes != 0
    }
}
