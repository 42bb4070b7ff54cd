//! Backends by name.

use crate::args::{ArrayConfig, Backend, Skip};
use crate::exit::{Done, Failure};
use skipopu_config::{Accumulation, Array, Config};
use skipopu_forward::{Engine, Exact, Network, Session, Skipping, F32};
use skipopu_model::{Model, Opened, Tokenizer};
use skipopu_reference::pe::{AlignedWidths, Variant};

/// A backend's name in reports.
pub fn backend_name(backend: Backend) -> &'static str {
    match backend {
        Backend::F32 => "f32",
        Backend::Exact => "exact",
    }
}

/// The forward pass's word for what is skipped.
pub fn skipping(skip: Skip) -> Skipping {
    match skip {
        Skip::Dense => Skipping::Dense,
        Skip::Partial => Skipping::Partial,
        Skip::KvReuse => Skipping::KvReuse,
    }
}

/// Widths of aligned operands that a configuration gives.
pub fn widths(array: &Array) -> AlignedWidths {
    AlignedWidths {
        a: array.aligned_act_bits,
        b: array.aligned_kv_bits,
        int4: array.aligned_int4_bits(),
    }
}

/// How an array sums.
pub fn variant(array: &Array) -> Variant {
    match array.accumulation {
        Accumulation::Bits22 => Variant::Bits22,
        Accumulation::Bits15 => Variant::Bits15,
        Accumulation::Dsp15 => Variant::Dsp15,
        Accumulation::Aligned => Variant::Aligned(widths(array)),
    }
}

/// A model on a backend.
///
/// # Errors
/// A configuration that is not legal, weights that the backend cannot multiply, skipping without
/// routers.
pub fn engine(
    model: &Model,
    backend: Backend,
    skip: Skip,
    config: &ArrayConfig,
) -> Done<Box<dyn Engine>> {
    let skipping = skipping(skip);
    Ok(match backend {
        Backend::F32 => Box::new(Session::new(Network::new(F32, model, skipping)?)),
        Backend::Exact => {
            let config = Config::resolve(&config.config)?;
            let exact = Exact::new(variant(&config.array), config.array.lanes as usize)?
                .with_ways(config.npe.ways as usize);
            Box::new(Session::new(Network::new(exact, model, skipping)?))
        }
    })
}

/// The tokenizer that came with a model.
///
/// # Errors
/// There was none.
pub fn tokenizer(opened: &Opened) -> Done<&Tokenizer> {
    opened.tokenizer.as_ref().ok_or_else(|| {
        Failure::usage(format!(
            "{} comes without a tokenizer: put tokenizer.bin or tokenizer.json beside it",
            opened.path.display()
        ))
    })
}
