//! Sums of one slice, as a column of the array rounds them: FP32.

use crate::machine::Machine;
use skipopu_forward::exact::fast;
use skipopu_isa::set::ROUTER_SUMS;
use skipopu_reference::pe::{dot_fp16, dot_int4, Format, Variant};

/// Widest aligned activations that the fast sum's 16-bit integers hold.
const FAST_BITS: u32 = 15;

/// An activation slice, prepared once for all columns.
pub enum Activation {
    /// Aligned: integers and their unit.
    Aligned(Vec<i16>, f32),
    /// As it is, for the reference.
    Plain(Vec<u16>),
}

impl Activation {
    /// Prepares a slice that meets INT4 weights.
    pub fn new(machine: &Machine, slice: &[u16]) -> Activation {
        match machine.variant {
            Variant::Aligned(widths) if widths.int4 <= FAST_BITS => {
                let mut integers = vec![0; slice.len()];
                let unit = fast::align(slice, widths.int4, &mut integers);
                Activation::Aligned(integers, unit)
            }
            _ => Activation::Plain(slice.to_vec()),
        }
    }

    /// Its product with a column's weights.
    pub fn dot(&self, machine: &Machine, weights: &[i8]) -> f32 {
        match self {
            Activation::Aligned(integers, unit) => {
                let products = integers.iter().zip(weights);
                let sum: i32 = products.map(|(x, w)| i32::from(*x) * i32::from(*w)).sum();
                fast::scale(i64::from(sum), *unit)
            }
            // Lanes and weights are legal by construction.
            Activation::Plain(x) => f32::from_bits(
                dot_int4(machine.variant, x, weights, Format::Fp32).unwrap_or(Format::Fp32.nan()),
            ),
        }
    }
}

/// Product of two FP16 vectors of one slice.
pub fn dot(machine: &Machine, a: &[u16], b: &[u16]) -> f32 {
    match machine.variant {
        Variant::Aligned(widths) => {
            fast::Aligned::new(a, widths.a).dot(&fast::Aligned::new(b, widths.b))
        }
        variant => {
            f32::from_bits(dot_fp16(variant, a, b, Format::Fp32).unwrap_or(Format::Fp32.nan()))
        }
    }
}

/// A router's logit: slices take turns at [`ROUTER_SUMS`] sums in FP32, which are added two by two. A sum without a slice is -0.
pub fn dot_router(machine: &Machine, x: &[u16], weights: &[u16]) -> f32 {
    let mut sums = [-0.0f32; ROUTER_SUMS];
    let slices = x.chunks(machine.lanes).zip(weights.chunks(machine.lanes));
    for (s, (x, weights)) in slices.enumerate() {
        sums[s % ROUTER_SUMS] += dot(machine, x, weights);
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}

/// Product of two FP16 vectors of any length: slices added in FP32, in order.
pub fn dot_slices(machine: &Machine, a: &[u16], b: &[u16]) -> f32 {
    let slices = a.chunks(machine.lanes).zip(b.chunks(machine.lanes));
    slices.map(|(a, b)| dot(machine, a, b)).reduce(|y, s| y + s).unwrap_or(0.0)
}
