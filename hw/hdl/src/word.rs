//! [`Word`]: an unsigned bit vector whose width is a run-time value.
//!
//! rust-hdl's own `Bits<N>` fixes the width in the type, so a generator built on it has to be
//! recompiled for every configuration. A `Word` carries its width, which lets one binary elaborate
//! any legal configuration. Arithmetic is exactly that of the emitted Verilog: results wrap at the
//! operands' common width, and mixing widths is an error rather than a silent extension.

use smallvec::{smallvec, SmallVec};
use std::cmp::Ordering;
use std::fmt;

const LIMB: usize = 64;

/// A bit vector of 1 or more bits, value in `0 ..= 2^width - 1`.
///
/// A `Word` made from a plain integer (`1.into()`) is an *unsized literal*: it takes the width of
/// whatever it meets, and it is an error if its value does not fit there.
#[derive(Clone)]
pub struct Word {
    /// 0 marks an unsized literal.
    width: usize,
    limbs: SmallVec<[u64; 2]>,
}

fn limbs_for(width: usize) -> usize {
    width.div_ceil(LIMB).max(1)
}

impl Word {
    /// The value `value` in `width` bits. Panics when it does not fit or the width is zero: a block
    /// that asks for it is wrong, whatever the input.
    pub fn new(width: usize, value: u128) -> Word {
        assert!(width > 0, "a Word has at least one bit");
        assert!(width >= 128 || value >> width == 0, "{value:#x} does not fit in {width} bits");
        let mut limbs: SmallVec<[u64; 2]> = smallvec![0; limbs_for(width)];
        limbs[0] = value as u64;
        if let Some(hi) = limbs.get_mut(1) {
            *hi = (value >> LIMB) as u64;
        }
        Word { width, limbs }
    }

    /// All bits 0.
    pub fn zero(width: usize) -> Word {
        Word::new(width, 0)
    }

    /// All bits 1.
    pub fn ones(width: usize) -> Word {
        !Word::zero(width)
    }

    /// Two's complement of `value` in `width` bits (bits above the width are dropped).
    pub fn from_i128(width: usize, value: i128) -> Word {
        let mut w = Word::zero(width);
        let fill = if value < 0 { u64::MAX } else { 0 };
        for (i, limb) in w.limbs.iter_mut().enumerate() {
            *limb = match i {
                0 => value as u64,
                1 => (value >> LIMB) as u64,
                _ => fill,
            };
        }
        w.mask_top();
        w
    }

    /// Little-endian 64-bit limbs; bits above `width` are dropped, missing limbs are zero.
    pub fn from_limbs(width: usize, limbs: &[u64]) -> Word {
        let mut w = Word::zero(width);
        for (d, s) in w.limbs.iter_mut().zip(limbs) {
            *d = *s;
        }
        w.mask_top();
        w
    }

    /// Hexadecimal digits, most significant first, as printed by `{:x}`. `None` when a character is
    /// not a hexadecimal digit or a set bit lies above `width`.
    pub fn from_hex(width: usize, digits: &str) -> Option<Word> {
        let mut w = Word::zero(width);
        for (i, c) in digits.chars().rev().enumerate() {
            let d = c.to_digit(16)? as u64;
            for b in 0..4 {
                if d >> b & 1 == 1 {
                    let at = i * 4 + b;
                    if at >= width {
                        return None;
                    }
                    w.limbs[at / LIMB] |= 1 << (at % LIMB);
                }
            }
        }
        Some(w)
    }

    /// Most significant part first, as Verilog's `{a, b}`.
    pub fn concat(parts: &[Word]) -> Word {
        let width = parts.iter().map(Word::width).sum();
        let mut w = Word::zero(width);
        let mut at = 0;
        for p in parts.iter().rev() {
            w.set_slice(at, p);
            at += p.width();
        }
        w
    }

    fn mask_top(&mut self) {
        let top = self.width % LIMB;
        if top != 0 {
            *self.limbs.last_mut().expect("a Word has a limb") &= (1 << top) - 1;
        }
    }

    /// Width in bits; 0 for an unsized literal.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Same as [`Word::width`], under the name rust-hdl's macros use.
    pub fn bits(&self) -> usize {
        self.width
    }

    /// Little-endian 64-bit limbs.
    pub fn limbs(&self) -> &[u64] {
        &self.limbs
    }

    /// The value, which must fit in 64 bits.
    pub fn to_u64(&self) -> u64 {
        assert!(self.limbs[1..].iter().all(|l| *l == 0), "{self:x} does not fit in 64 bits");
        self.limbs[0]
    }

    /// The value, which must fit in 128 bits.
    pub fn to_u128(&self) -> u128 {
        assert!(self.limbs.iter().skip(2).all(|l| *l == 0), "{self:x} does not fit in 128 bits");
        u128::from(self.limbs[0]) | u128::from(self.limbs.get(1).copied().unwrap_or(0)) << LIMB
    }

    /// The two's complement value of a word of at most 128 bits.
    pub fn to_i128(&self) -> i128 {
        assert!(self.width <= 128, "a signed reading needs at most 128 bits, not {}", self.width);
        let v = self.to_u128() as i128;
        let unused = 128 - self.width as u32;
        if unused == 128 {
            v
        } else {
            v << unused >> unused
        }
    }

    /// The value as an index. Named as in rust-hdl.
    pub fn index(&self) -> usize {
        self.to_u64() as usize
    }

    /// Bit `i`; bits above the width read as 0.
    pub fn bit(&self, i: usize) -> bool {
        self.limbs.get(i / LIMB).is_some_and(|l| l >> (i % LIMB) & 1 == 1)
    }

    /// Bit `i`, under rust-hdl's name.
    pub fn get_bit(&self, i: usize) -> bool {
        self.bit(i)
    }

    /// `width` bits from bit `offset` up; bits past the end read as 0.
    pub fn slice(&self, offset: usize, width: usize) -> Word {
        let mut w = Word::zero(width);
        let (skip, shift) = (offset / LIMB, offset % LIMB);
        for i in 0..w.limbs.len() {
            let lo = self.limbs.get(i + skip).copied().unwrap_or(0);
            let hi = self.limbs.get(i + skip + 1).copied().unwrap_or(0);
            w.limbs[i] = if shift == 0 { lo } else { lo >> shift | hi << (LIMB - shift) };
        }
        w.mask_top();
        w
    }

    /// Overwrites the bits from `offset` up with `value`. Panics when the value reaches past the end.
    pub fn set_slice(&mut self, offset: usize, value: &Word) {
        assert!(
            offset + value.width <= self.width,
            "bits {}..{} are outside a {}-bit word",
            offset,
            offset + value.width,
            self.width
        );
        let mut at = 0;
        while at < value.width {
            let n = (value.width - at).min(LIMB);
            let bits = value.slice(at, n).limbs[0];
            let mask = if n == LIMB { u64::MAX } else { (1 << n) - 1 };
            let (limb, shift) = ((offset + at) / LIMB, (offset + at) % LIMB);
            self.limbs[limb] = self.limbs[limb] & !(mask << shift) | bits << shift;
            if shift + n > LIMB {
                let back = LIMB - shift;
                self.limbs[limb + 1] = self.limbs[limb + 1] & !(mask >> back) | bits >> back;
            }
            at += n;
        }
    }

    /// A copy with bit `i` replaced, as rust-hdl's `replace_bit`.
    pub fn replace_bit(&self, i: usize, value: bool) -> Word {
        let mut w = self.clone();
        w.set_slice(i, &Word::from(value));
        w
    }

    /// Zero-extended to `width`. Panics when that would be a truncation.
    pub fn zext(&self, width: usize) -> Word {
        assert!(width >= self.width, "zext from {} to {width} bits would truncate", self.width);
        Word::from_limbs(width, &self.limbs)
    }

    /// Sign-extended to `width`. Panics when that would be a truncation.
    pub fn sext(&self, width: usize) -> Word {
        assert!(width >= self.width, "sext from {} to {width} bits would truncate", self.width);
        let mut w = self.zext(width);
        if self.bit(self.width - 1) && width > self.width {
            w.set_slice(self.width, &Word::ones(width - self.width));
        }
        w
    }

    /// The low `width` bits. Panics when that would be an extension.
    pub fn trunc(&self, width: usize) -> Word {
        assert!(width <= self.width, "trunc from {} to {width} bits would extend", self.width);
        self.slice(0, width)
    }

    /// Arithmetic shift right by `n` (the sign bit fills).
    pub fn sra(&self, n: usize) -> Word {
        self.sext(self.width + n).slice(n, self.width)
    }

    /// Signed (two's complement) `<`.
    pub fn lt_signed(&self, other: &Word) -> bool {
        assert_eq!(self.width, other.width, "signed comparison of words of different widths");
        match (self.bit(self.width - 1), other.bit(self.width - 1)) {
            (true, false) => true,
            (false, true) => false,
            _ => self < other,
        }
    }

    /// Signed product, `self.width + other.width` bits.
    pub fn mul_signed(&self, other: &Word) -> Word {
        let w = self.width + other.width;
        (self.sext(w) * other.sext(w)).trunc(w)
    }

    /// Any bit set?
    pub fn any(&self) -> bool {
        self.limbs.iter().any(|l| *l != 0)
    }

    /// All bits set?
    pub fn all(&self) -> bool {
        *self == Word::ones(self.width)
    }

    /// Parity.
    pub fn xor(&self) -> bool {
        self.limbs.iter().fold(0, |a, l| a ^ l.count_ones()) & 1 == 1
    }

    /// Gives an unsized literal the width `width`; any other word must have it already.
    pub fn sized(self, width: usize) -> Word {
        if self.width == width {
            return self;
        }
        assert!(self.width == 0, "a {}-bit word where {width} bits are expected", self.width);
        Word::new(width, self.to_u128())
    }

    fn pair(self, other: Word) -> (Word, Word) {
        let width = self.width.max(other.width);
        (self.sized(width), other.sized(width))
    }

    fn zip(self, other: impl Into<Word>, f: impl Fn(u64, u64) -> u64) -> Word {
        let (mut a, b) = self.pair(other.into());
        for (x, y) in a.limbs.iter_mut().zip(&b.limbs) {
            *x = f(*x, *y);
        }
        if a.width != 0 {
            a.mask_top();
        }
        a
    }
}

impl From<bool> for Word {
    fn from(b: bool) -> Word {
        Word::new(1, b.into())
    }
}

impl<const N: usize> From<rust_hdl::prelude::Bits<N>> for Word {
    fn from(b: rust_hdl::prelude::Bits<N>) -> Word {
        Word::from_limbs(N, &num_bigint::BigUint::from(b).to_u64_digits())
    }
}

macro_rules! unsized_literal {
    ($($t:ty),*) => {$(
        impl From<$t> for Word {
            /// An unsized literal; panics on a negative value.
            fn from(v: $t) -> Word {
                let value = u128::try_from(v).expect("a literal is not negative; use Word::from_i128");
                let hi = (value >> LIMB) as u64;
                Word { width: 0, limbs: if hi == 0 { smallvec![value as u64] } else { smallvec![value as u64, hi] } }
            }
        }
    )*};
}
unsized_literal!(i32, u8, u16, u32, u64, u128, usize);

impl<T: Into<Word>> std::ops::BitAnd<T> for Word {
    type Output = Word;
    fn bitand(self, o: T) -> Word {
        self.zip(o, |a, b| a & b)
    }
}

impl<T: Into<Word>> std::ops::BitOr<T> for Word {
    type Output = Word;
    fn bitor(self, o: T) -> Word {
        self.zip(o, |a, b| a | b)
    }
}

impl<T: Into<Word>> std::ops::BitXor<T> for Word {
    type Output = Word;
    fn bitxor(self, o: T) -> Word {
        self.zip(o, |a, b| a ^ b)
    }
}

impl std::ops::Not for Word {
    type Output = Word;
    fn not(mut self) -> Word {
        assert!(self.width > 0, "the complement of an unsized literal has no width");
        self.limbs.iter_mut().for_each(|l| *l = !*l);
        self.mask_top();
        self
    }
}

impl std::ops::Neg for Word {
    type Output = Word;
    fn neg(self) -> Word {
        let w = self.width;
        Word::zero(w) - self
    }
}

impl<T: Into<Word>> std::ops::Add<T> for Word {
    type Output = Word;
    /// Wraps at the common width.
    fn add(self, o: T) -> Word {
        let (mut a, b) = self.pair(o.into());
        let mut carry = false;
        for (x, y) in a.limbs.iter_mut().zip(&b.limbs) {
            let (s, c0) = x.overflowing_add(*y);
            let (s, c1) = s.overflowing_add(carry.into());
            *x = s;
            carry = c0 | c1;
        }
        if a.width != 0 {
            a.mask_top();
        }
        a
    }
}

impl<T: Into<Word>> std::ops::Sub<T> for Word {
    type Output = Word;
    /// Wraps at the common width.
    fn sub(self, o: T) -> Word {
        let (mut a, b) = self.pair(o.into());
        let mut borrow = false;
        for (x, y) in a.limbs.iter_mut().zip(&b.limbs) {
            let (s, c0) = x.overflowing_sub(*y);
            let (s, c1) = s.overflowing_sub(borrow.into());
            *x = s;
            borrow = c0 | c1;
        }
        if a.width != 0 {
            a.mask_top();
        }
        a
    }
}

impl<T: Into<Word>> std::ops::Mul<T> for Word {
    type Output = Word;
    /// Unsigned product; its width is the sum of the operands' widths.
    fn mul(self, o: T) -> Word {
        let o = o.into();
        assert!(self.width > 0 && o.width > 0, "a product needs two sized operands");
        let mut limbs = vec![0u64; self.limbs.len() + o.limbs.len()];
        for (i, x) in self.limbs.iter().enumerate() {
            let mut carry = 0u128;
            for (j, y) in o.limbs.iter().enumerate() {
                let t = u128::from(*x) * u128::from(*y) + u128::from(limbs[i + j]) + carry;
                limbs[i + j] = t as u64;
                carry = t >> LIMB;
            }
            limbs[i + o.limbs.len()] = carry as u64;
        }
        Word::from_limbs(self.width + o.width, &limbs)
    }
}

impl<T: Into<Word>> std::ops::Shl<T> for Word {
    type Output = Word;
    fn shl(self, o: T) -> Word {
        let n = o.into();
        if n >= self.width {
            return Word::zero(self.width);
        }
        let mut w = Word::zero(self.width);
        let n = n.index();
        w.set_slice(n, &self.slice(0, self.width - n));
        w
    }
}

impl<T: Into<Word>> std::ops::Shr<T> for Word {
    type Output = Word;
    fn shr(self, o: T) -> Word {
        let n = o.into();
        if n >= self.width {
            return Word::zero(self.width);
        }
        self.slice(n.index(), self.width)
    }
}

impl<T: Into<Word> + Clone> PartialEq<T> for Word {
    fn eq(&self, o: &T) -> bool {
        self.partial_cmp(o) == Some(Ordering::Equal)
    }
}

impl Eq for Word {}

impl<T: Into<Word> + Clone> PartialOrd<T> for Word {
    /// Unsigned. An unsized literal compares by value, any other pair must agree in width.
    fn partial_cmp(&self, o: &T) -> Option<Ordering> {
        let o: Word = o.clone().into();
        assert!(
            self.width == o.width || self.width == 0 || o.width == 0,
            "comparison of a {}-bit with a {}-bit word",
            self.width,
            o.width
        );
        let n = self.limbs.len().max(o.limbs.len());
        let at = |w: &Word, i: usize| w.limbs.get(i).copied().unwrap_or(0);
        for i in (0..n).rev() {
            match at(self, i).cmp(&at(&o, i)) {
                Ordering::Equal => {}
                other => return Some(other),
            }
        }
        Some(Ordering::Equal)
    }
}

impl fmt::LowerHex for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.width.div_ceil(4).max(1);
        for i in (0..digits).rev() {
            write!(f, "{:x}", self.slice(i * 4, 4).limbs[0])?;
        }
        Ok(())
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}'h{:x}", self.width, self)
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `a` when `c`, else `b`: Verilog's `c ? a : b`.
pub fn mux(c: bool, a: impl Into<Word>, b: impl Into<Word>) -> Word {
    let (a, b) = a.into().pair(b.into());
    if c {
        a
    } else {
        b
    }
}

/// Most significant part first: Verilog's `{a, b, c}`. Parts are words or bits.
#[macro_export]
macro_rules! cat {
    ($($part:expr),+ $(,)?) => { $crate::Word::concat(&[$($crate::Word::from($part)),+]) };
}
