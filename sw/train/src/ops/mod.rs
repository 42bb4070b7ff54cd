//! The operations of a training step whose gradients are written out: one pass over memory each, where a
//! composition of the tensor library's own would take many.

mod attention;
mod distil;
mod exp;
mod frozen;
mod gate;
mod linear;
mod mix;
mod norm;
mod rope;
mod round;
mod swiglu;

pub use attention::Attention;
pub use distil::{Distil, Targets};
pub use frozen::Frozen;
pub use gate::Gate;
pub use linear::Linear;
pub use mix::Mix;
pub use norm::RmsNorm;
pub use rope::Rope;
pub use round::Round;
pub use swiglu::SwiGlu;

use candle_core::{CpuStorage, Device, Error, Layout, Result, Shape, Storage, Tensor};
use std::ops::{Deref, Range};
use std::sync::RwLockReadGuard;

/// An operand's values; operations make their operands contiguous beforehand.
fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let (start, end) = layout
        .contiguous_offsets()
        .ok_or_else(|| Error::Msg("an operand is not contiguous".into()))?;
    Ok(&storage.as_slice::<f32>()?[start..end])
}

/// A contiguous tensor's values, read where they are.
pub struct Read<'a> {
    storage: RwLockReadGuard<'a, Storage>,
    range: Range<usize>,
}

impl Read<'_> {
    /// Row-major.
    ///
    /// # Errors
    /// A tensor that is not contiguous, or not of f32 in memory.
    pub fn of(tensor: &Tensor) -> Result<Read<'_>> {
        let (storage, layout) = tensor.storage_and_layout();
        match (&*storage, layout.contiguous_offsets()) {
            (Storage::Cpu(CpuStorage::F32(_)), Some((start, end))) => {
                Ok(Read { storage, range: start..end })
            }
            _ => Err(Error::Msg("a tensor is not contiguous, or not of f32 in memory".into())),
        }
    }
}

impl Deref for Read<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match &*self.storage {
            Storage::Cpu(CpuStorage::F32(values)) => &values[self.range.clone()],
            _ => &[],
        }
    }
}

/// A tensor's values, row-major.
pub fn values(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.flatten_all()?.to_vec1()
}

/// A tensor shaped like another one.
fn like(values: Vec<f32>, tensor: &Tensor) -> Result<Tensor> {
    Tensor::from_vec(values, tensor.shape(), &Device::Cpu)
}

/// What a forward operation returns.
fn stored(values: Vec<f32>, shape: &Shape) -> Result<(CpuStorage, Shape)> {
    Ok((CpuStorage::F32(values), shape.clone()))
}

#[cfg(test)]
pub(crate) mod check;
