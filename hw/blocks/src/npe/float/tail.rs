//! [`Tail`]: normalise by one place, round, pack.

use super::bits;
use skipopu_hdl::prelude::*;

/// Bits of the exponent that comes in, two's complement.
pub(super) const EXPONENT_BITS: usize = 10;

/// Rounds a magnitude whose leading one is in one of its two upper places; one a cycle.
///
/// - Does: to nearest even or to odd; zero below the least normal number once rounded, Inf above the
///   largest.
/// - Does not: normalise by more than the one place, which costs nothing inside the rounding adder.
///
/// Stages: which way to round; add; pack.
#[derive(LogicBlock, Ports)]
pub struct Tail {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The magnitude; the last bit may stand for anything below it.
    pub digits: Wire<In>,
    /// The biased exponent if the leading one is in the second place, two's complement.
    pub exponent: Wire<In>,
    /// The result is NaN.
    pub nan: Signal<In, Bit>,
    /// It is Inf.
    pub infinite: Signal<In, Bit>,
    /// It is zero.
    pub zero: Signal<In, Bit>,
    /// Its sign.
    pub negative: Signal<In, Bit>,
    /// Round to odd; else to nearest even.
    pub odd: Signal<In, Bit>,
    /// The value.
    pub result: Wire<Out>,
    window1: Reg,
    up1: Reg,
    stuck1: Reg,
    exponent1: Reg,
    kind1: Reg,
    total2: Reg,
    kind2: Reg,
    sign3: Reg,
    field3: Reg,
    digits3: Reg,
    whole: Wire<Local>,
    _width: usize,
    _fraction: usize,
    _to_odd: bool,
}

impl Tail {
    /// Cycles from digits to result.
    pub const LATENCY: usize = 3;

    /// For magnitudes of `width` bits and results of `fraction` fraction bits; `to_odd` if the port `odd` is
    /// heeded.
    pub(super) fn new(width: usize, fraction: usize, to_odd: bool) -> Tail {
        Tail {
            clock: Default::default(),
            digits: Wire::new(width),
            exponent: Wire::new(EXPONENT_BITS),
            nan: Default::default(),
            infinite: Default::default(),
            zero: Default::default(),
            negative: Default::default(),
            odd: Default::default(),
            result: Wire::new(bits(fraction)),
            window1: Reg::new(fraction + 2),
            up1: Reg::new(1),
            stuck1: Reg::new(1),
            exponent1: Reg::new(EXPONENT_BITS),
            kind1: Reg::new(4),
            total2: Reg::new(EXPONENT_BITS + fraction),
            kind2: Reg::new(4),
            sign3: Reg::new(1),
            field3: Reg::new(8),
            digits3: Reg::new(fraction),
            whole: Wire::new(width.max(fraction + 3)),
            _width: width,
            _fraction: fraction,
            _to_odd: to_odd,
        }
    }
}

impl Logic for Tail {
    #[hdl(
        width = self._width,
        fraction = self._fraction,
        odd = self._to_odd,
        latency = Self::LATENCY
    )]
    fn update(&mut self) {
        dff_setup!(
            self, clock, window1, up1, stuck1, exponent1, kind1, total2, kind2, sign3, field3,
            digits3
        );
        let f = self._fraction;
        let wide = self._width.max(f + 3);

        // 1: the upper bits, and whether they are rounded up.
        if self._width == wide {
            self.whole.next = self.digits.val();
        } else {
            self.whole.next = cat!(self.digits.val(), Word::zero(wide - self._width));
        }
        let whole = self.whole.val();
        let window = whole.slice(wide - 2 - f, f + 2);
        let guard = whole.bit(wide - 3 - f);
        let mut below = false;
        if wide > f + 3 {
            below = whole.trunc(wide - 3 - f).any();
        }
        let mut up = guard & (below | window.bit(0));
        if window.bit(f + 1) {
            up = window.bit(0) & (guard | below | window.bit(1));
        }
        if self._to_odd {
            let lost = guard | below | (window.bit(0) & window.bit(f + 1));
            self.up1.d.next = Word::from(up & !self.odd.val());
            self.stuck1.d.next = Word::from(lost & self.odd.val());
        } else {
            self.up1.d.next = Word::from(up);
            self.stuck1.d.next = Word::zero(1);
        }
        self.window1.d.next = window;
        self.exponent1.d.next = self.exponent.val();
        self.kind1.d.next =
            cat!(self.nan.val(), self.infinite.val(), self.zero.val(), self.negative.val());

        // 2: one adder for the place, the rounding and the exponent.
        let window = self.window1.q.val();
        let top = window.bit(f + 1);
        let digits = mux(top, window.slice(1, f), window.trunc(f));
        let last = digits.bit(0) | self.stuck1.q.val().any();
        let left = cat!(self.exponent1.q.val(), Word::zero(f), Word::ones(1));
        let right = cat!(
            Word::zero(EXPONENT_BITS - 1),
            top,
            digits.slice(1, f - 1),
            last,
            self.up1.q.val()
        );
        let carried = left + right;
        self.total2.d.next = carried.slice(1, EXPONENT_BITS + f);
        self.kind2.d.next = self.kind1.q.val();

        // 3: pack.
        let kind = self.kind2.q.val();
        let exponent = self.total2.q.val().slice(f, EXPONENT_BITS);
        let special = kind.bit(3) | kind.bit(2);
        let under = exponent.bit(9) | !exponent.trunc(9).any();
        let over = !exponent.bit(9) & (exponent.bit(8) | exponent.trunc(8).all());
        let empty = (kind.bit(1) | under) & !special;
        let infinite = special | (over & !kind.bit(1));
        self.digits3.d.next = self.total2.q.val().trunc(f);
        if infinite | empty {
            self.digits3.d.next = cat!(kind.bit(3), Word::zero(f - 1));
        }
        self.field3.d.next = exponent.trunc(8);
        if infinite {
            self.field3.d.next = Word::ones(8);
        }
        if empty {
            self.field3.d.next = Word::zero(8);
        }
        self.sign3.d.next = Word::from(kind.bit(0) & !kind.bit(3));
        self.result.next = cat!(self.sign3.q.val(), self.field3.q.val(), self.digits3.q.val());
    }
}
