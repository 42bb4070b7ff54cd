//! Random expressions over rust-hdl's own types, as text that Rust accepts under both macros.

use super::pick;
use rand::rngs::SmallRng;
use rand::Rng;

/// Widths of everything that is not given.
pub const WIDTHS: [usize; 8] = [1, 4, 8, 8, 16, 33, 48, 128];

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Type {
    Bit,
    Bits(usize),
    Signed(usize),
}

impl Type {
    /// As Rust writes it.
    pub fn text(self) -> String {
        match self {
            Type::Bit => "Bit".into(),
            Type::Bits(n) => format!("Bits<{n}>"),
            Type::Signed(n) => format!("Signed<{n}>"),
        }
    }
}

/// Writes expressions over what is known.
pub struct Expressions<'a> {
    pub rng: &'a mut SmallRng,
    /// What may be read here.
    pub known: Vec<(String, Type)>,
    /// Only `#[hdl]` reads the kernel.
    pub own: bool,
}

impl Expressions<'_> {
    pub fn below(&mut self, n: usize) -> usize {
        self.rng.random_range(0..n)
    }

    pub fn width(&mut self) -> usize {
        pick(self.rng, &WIDTHS)
    }

    /// A value to assign: a binary operator outermost stands without parentheses.
    pub fn value(&mut self, t: Type, depth: usize) -> String {
        match t {
            Type::Bit => self.bit(depth),
            Type::Bits(n) => self.open(n, depth),
            Type::Signed(n) => self.signed(n, depth),
        }
    }

    fn known(&mut self, t: Type) -> Option<String> {
        let same: Vec<&String> = self.known.iter().filter(|k| k.1 == t).map(|k| &k.0).collect();
        (!same.is_empty()).then(|| same[self.rng.random_range(0..same.len())].clone())
    }

    fn leaf(&mut self, n: usize) -> String {
        if self.below(3) > 0 {
            if let Some(s) = self.known(Type::Bits(n)) {
                return s;
            }
        }
        let wide: Vec<(String, usize)> = self
            .known
            .iter()
            .filter_map(|(s, t)| if let Type::Bits(m) = t { Some((s.clone(), *m)) } else { None })
            .collect();
        let (s, m) = pick(self.rng, &wide);
        if m > n && self.below(3) > 0 {
            return format!("{s}.get_bits::<{n}>({})", self.below(m - n + 1));
        }
        format!("bit_cast::<{n}, {m}>({s})")
    }

    /// An operand: parenthesised where an operator next to it could take it apart.
    pub fn bits(&mut self, n: usize, depth: usize) -> String {
        let s = self.open(n, depth);
        if !s.starts_with('!') && !s.contains(' ') {
            s
        } else {
            format!("({s})")
        }
    }

    fn number(&mut self, n: usize) -> usize {
        self.below(1 << n.min(10))
    }

    fn open(&mut self, n: usize, depth: usize) -> String {
        if depth == 0 || self.below(8) == 0 {
            return self.leaf(n);
        }
        let d = depth - 1;
        match self.below(16) {
            0..=3 => {
                let op = pick(self.rng, &["+", "-", "&", "|", "^"]);
                format!("{} {op} {}", self.bits(n, d), self.bits(n, d))
            }
            4 => format!("!{}", self.bits(n, d)),
            5 => {
                let op = pick(self.rng, &["<<", ">>"]);
                format!("{} {op} {}", self.bits(n, d), self.below(n + 2))
            }
            6 => {
                let op = pick(self.rng, &["<<", ">>"]);
                let k = pick(self.rng, &[3, 4, 8]);
                format!("{} {op} {}", self.bits(n, d), self.bits(k, d))
            }
            7 => {
                let m = self.width();
                format!("bit_cast::<{n}, {m}>({})", self.open(m, d))
            }
            8 => {
                let m = self.width();
                if m < n {
                    return format!("bit_cast::<{n}, {m}>({})", self.open(m, d));
                }
                // Past the end there are zeros.
                format!("{}.get_bits::<{n}>({})", self.bits(m, d), self.below(m + 1))
            }
            9 => {
                let op = pick(self.rng, &["+", "-", "^", "&", "|"]);
                format!("{} {op} {}", self.bits(n, d), self.number(n))
            }
            10 if self.rng.random() => {
                let i = self.below(n);
                format!("{}.replace_bit({i}, {})", self.bits(n, d), self.bit(d))
            }
            10 if n >= 8 => {
                let i = self.bits(3, d);
                format!("{}.replace_bit({i}.index(), {})", self.bits(n, d), self.bit(d))
            }
            11 if n > 1 => format!("{} + {}", self.bits(n, d), self.bit_operand(d)),
            12 => {
                // The greatest index is the width at most.
                let (m, k) = pick(self.rng, &[(8, 3), (16, 4), (48, 5), (128, 6), (128, 7)]);
                format!("{}.get_bits::<{n}>({}.index())", self.bits(m, d), self.bits(k, d))
            }
            13 if self.has_signed(n) => format!("unsigned_cast({})", self.signed(n, d)),
            14 if n != 32 => {
                let product = self.product(d);
                if self.rng.random() {
                    format!("bit_cast::<{n}, 32>({product})")
                } else {
                    format!("bit_cast::<{n}, 32>(({product}) >> {})", self.below(32))
                }
            }
            14 => self.product(d),
            15 => format!("bit_cast::<{n}, 1>(({}).into())", self.bit(d)),
            _ => self.leaf(n),
        }
    }

    /// rust-hdl multiplies 16 bits by 16 bits.
    fn product(&mut self, d: usize) -> String {
        format!("{} * {}", self.bits(16, d), self.bits(16, d))
    }

    /// Is there a signed value of `n` bits? rust-hdl's tree does not record the width of a cast, so that
    /// under both macros such a value starts at a signal.
    fn has_signed(&self, n: usize) -> bool {
        let known = |n| self.known.iter().any(|k| k.1 == Type::Signed(n));
        matches!(n, 8 | 16 | 32) && (self.own || known(n) || n == 32 && known(16))
    }

    fn signed(&mut self, n: usize, depth: usize) -> String {
        let d = depth.saturating_sub(1);
        if depth == 0 || self.below(6) == 0 {
            return match self.known(Type::Signed(n)) {
                Some(s) => s,
                None if n == 32 && self.has_signed(16) => {
                    format!("({} * {})", self.signed(16, d), self.signed(16, d))
                }
                None => format!("signed_cast({})", self.leaf(n)),
            };
        }
        match self.below(8) {
            0..=2 => {
                let op = pick(self.rng, &["+", "-"]);
                format!("({} {op} {})", self.signed(n, d), self.signed(n, d))
            }
            3 => format!("(-{})", self.signed(n, d)),
            4 if self.own => format!("signed_cast({})", self.open(n, d)),
            5 if n < 32 && self.has_signed(2 * n) => {
                let offset = self.below(n + 1);
                format!("{}.get_bits::<{n}>({offset})", self.signed(2 * n, d))
            }
            6 if n == 32 => format!("({} * {})", self.signed(16, d), self.signed(16, d)),
            7 if self.own && n > 8 => format!("signed_bit_cast::<{n}, {}", self.tame()),
            _ => self.signed(n, 0),
        }
    }

    /// Width and value of something that is never the most negative number, which rust-hdl's
    /// simulation of `signed_bit_cast` cannot take; the closing half of that call.
    pub fn tame(&mut self) -> String {
        match self.below(if self.own { 3 } else { 2 }) {
            0 => "8>(self.s.val())".into(),
            1 => "8>(self.t.val())".into(),
            _ => format!("9>(signed_cast(bit_cast::<9, 8>({})))", self.open(8, 1)),
        }
    }

    fn bit_operand(&mut self, d: usize) -> String {
        format!("({})", self.bit(d))
    }

    pub fn bit(&mut self, depth: usize) -> String {
        // Every block knows a flag.
        if let (0, Some(s)) = (depth, self.known(Type::Bit)) {
            return s;
        }
        let d = depth.saturating_sub(1);
        let n = self.width();
        let compare = pick(self.rng, &["==", "!=", "<", ">", "<=", ">="]);
        match self.below(10) {
            // Every operator of `open` binds tighter than a comparison, in Rust.
            0 => format!("{} {compare} {}", self.open(n, d), self.open(n, d)),
            1 => format!("{} {compare} {}", self.open(n, d), self.number(n)),
            2 => {
                let r = pick(self.rng, &["any", "all", "xor"]);
                format!("{}.{r}()", self.bits(n, d))
            }
            3 => format!("{}.get_bit({})", self.bits(n, d), self.below(n)),
            4 => {
                let (m, k) = pick(self.rng, &[(8, 3), (16, 4), (48, 5), (128, 7)]);
                format!("{}.get_bit({}.index())", self.bits(m, d), self.bits(k, d))
            }
            5 => format!("!{}", self.bit_operand(d)),
            6 => {
                let op = pick(self.rng, &["&", "|", "^", "&&", "||"]);
                format!("{} {op} {}", self.bit_operand(d), self.bit_operand(d))
            }
            7 | 8 => {
                let widths: Vec<usize> =
                    [8, 16, 32].into_iter().filter(|n| self.has_signed(*n)).collect();
                if widths.is_empty() {
                    return self.bit(0);
                }
                let n = pick(self.rng, &widths);
                let left = match self.below(4) {
                    // The other side tells the width.
                    0 => format!("signed_cast({})", self.open(n, d)),
                    _ => self.signed(n, d),
                };
                let k = self.rng.random_range(-120..120);
                match self.below(3) {
                    0 if left.contains("signed_cast") => {
                        format!("{left} {compare} {}", self.signed(n, 0))
                    }
                    0 if k < 0 => format!("{left} {compare} ({k}).into()"),
                    0 => format!("{left} {compare} {k}.into()"),
                    _ => format!("{left} {compare} {}", self.signed(n, d)),
                }
            }
            _ => self.bit(0),
        }
    }
}
