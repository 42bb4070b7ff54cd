//! Operand vectors for the PE array: how they are drawn, packed and what the reference makes of them.

use rand::{rngs::SmallRng, Rng};
use skipopu_config::WideFormat;
use skipopu_hw::pe_array::operand;
use skipopu_reference::pe::fp16::{Class, Operand};
use skipopu_reference::pe::{Format, Unit};

/// The reference's format.
pub fn format(format: WideFormat) -> Format {
    match format {
        WideFormat::Fp16 => Format::Fp16,
        WideFormat::Fp32 => Format::Fp32,
    }
}

/// An operand as hardware holds it.
pub fn pack(value: Operand) -> u64 {
    let class = match value.class {
        Class::Zero => 0,
        Class::Finite => 1 << operand::CLASS_DIGITS,
        Class::Infinite => 1 << operand::CLASS_SPECIAL,
        Class::Nan => 1 << operand::CLASS_DIGITS | 1 << operand::CLASS_SPECIAL,
    };
    class
        | u64::from(value.negative) << operand::SIGN
        | u64::from(value.exponent) << operand::EXPONENT
        | u64::from(value.significand)
}

/// The second vector of a dot product.
#[derive(Clone, Debug)]
pub enum Ker {
    Fp16(Vec<u16>),
    Int4(Vec<i8>),
}

impl Ker {
    /// The operands, unpacked by the reference.
    pub fn operands(&self) -> Vec<Operand> {
        match self {
            Ker::Fp16(v) => v.iter().map(|x| Operand::from_fp16(*x)).collect(),
            Ker::Int4(v) => v.iter().map(|x| Operand::from_int4(*x)).collect(),
        }
    }

    /// The reference's dot product with `act`.
    pub fn dot(&self, unit: Unit, act: &[u16], format: Format) -> u32 {
        match self {
            Ker::Fp16(v) => unit.fp16(act, v, format),
            Ker::Int4(v) => unit.int4(act, v, format),
        }
        .unwrap()
    }
}

/// Little-endian limbs of values of `width` bits.
pub fn limbs(values: impl IntoIterator<Item = u64>, width: usize, lanes: usize) -> Vec<u64> {
    let mut limbs = vec![0; (lanes * width).div_ceil(64)];
    for (i, value) in values.into_iter().enumerate() {
        let (limb, shift) = (i * width / 64, i * width % 64);
        limbs[limb] |= value << shift;
        if shift + width > 64 {
            limbs[limb + 1] |= value >> (64 - shift);
        }
    }
    limbs
}

/// What vectors are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Exponents around 1, as in models.
    Common,
    /// Any finite encoding.
    Finite,
    /// Largest exponents.
    Large,
    /// Subnormals, signed zeros and the least normals.
    Tiny,
    /// Every product has its negative in another lane, but for a few.
    Cancelling,
    /// Any encoding, Inf and NaN included.
    Any,
    /// One Inf or NaN.
    Special,
    /// Powers of two: ties.
    Powers,
    /// Many lanes absent.
    Masked,
    /// All zeros of either sign.
    Zero,
}

const KINDS: [Kind; 10] = [
    Kind::Common,
    Kind::Finite,
    Kind::Large,
    Kind::Tiny,
    Kind::Cancelling,
    Kind::Any,
    Kind::Special,
    Kind::Powers,
    Kind::Masked,
    Kind::Zero,
];

/// Two dot products that share a vector.
#[derive(Clone, Debug)]
pub struct Vectors {
    pub kind: Kind,
    pub act: Vec<u16>,
    pub ker: [Ker; 2],
}

fn value(kind: Kind, rng: &mut SmallRng) -> u16 {
    let bits: u16 = rng.random();
    let with = |exponent: u16| bits & 0x83FF | exponent << 10;
    match kind {
        Kind::Common | Kind::Cancelling | Kind::Special | Kind::Masked => {
            with(rng.random_range(8..18))
        }
        Kind::Finite => with(rng.random_range(0..31)),
        Kind::Large => with(rng.random_range(28..31)) | if bits & 64 == 0 { 0x3FF } else { 0 },
        Kind::Tiny => with(rng.random_range(0..3)) & if bits & 96 == 0 { 0x8000 } else { 0xFFFF },
        Kind::Any => bits,
        Kind::Powers => with(rng.random_range(0..31)) & 0xFE01,
        Kind::Zero => bits & 0x8000,
    }
}

/// Draws two dot products: each second vector FP16 or INT4 on its own.
pub fn draw(rng: &mut SmallRng, lanes: usize) -> Vectors {
    let kind = KINDS[rng.random_range(0..KINDS.len())];
    // INT4 second vectors keep the first one's kind.
    let mut act: Vec<u16> = (0..lanes).map(|_| value(kind, rng)).collect();
    let mut ker = [0, 1].map(|_| {
        if rng.random() {
            let kind = if rng.random() { kind } else { Kind::Common };
            Ker::Fp16((0..lanes).map(|_| value(kind, rng)).collect())
        } else {
            Ker::Int4((0..lanes).map(|_| rng.random_range(-8..8)).collect())
        }
    });
    match kind {
        Kind::Cancelling => {
            for i in (0..lanes).step_by(2).filter(|_| rng.random_range(0..40) != 0) {
                act[i + 1] = act[i] ^ 0x8000;
                for k in &mut ker {
                    match k {
                        Ker::Fp16(v) => v[i + 1] = v[i],
                        Ker::Int4(v) => v[i + 1] = v[i],
                    }
                }
            }
        }
        Kind::Special => {
            let pick = [0x7C00, 0xFC00, 0x7E00, 0xFC01, 0x7C00, 0xFC00];
            for _ in 0..rng.random_range(1..3) {
                let (lane, bits) = (rng.random_range(0..lanes), pick[rng.random_range(0..6)]);
                match &mut ker[0] {
                    Ker::Fp16(v) if rng.random() => v[lane] = bits,
                    _ => act[lane] = bits,
                }
            }
        }
        Kind::Masked => {
            for i in (0..lanes).filter(|_| rng.random_range(0..4) != 0) {
                act[i] = 0;
                for k in &mut ker {
                    match k {
                        Ker::Fp16(v) => v[i] = 0,
                        Ker::Int4(v) => v[i] = 0,
                    }
                }
            }
        }
        _ => {}
    }
    Vectors { kind, act, ker }
}

/// Number of kinds.
pub const KIND_COUNT: usize = KINDS.len();
