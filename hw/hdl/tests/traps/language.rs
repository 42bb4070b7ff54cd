//! The kernel language of `#[hdl]`: run-time widths, elaboration-time code, shadowing, wide words.

use super::CYCLES;
use skipopu_fuzz::{case, Case, Suite};
use skipopu_hdl::prelude::*;

/// Blocks with the inputs `a`, `b` of `_w` bits, `n` of 5 bits, a flag, and an output of `$y` bits.
macro_rules! words {
    ($($n:ident($w:ident) -> $y:expr, [$($extra:ident: $t:ty = $make:expr),*] { $($update:tt)* })*) => {
        $(
            #[derive(LogicBlock, Ports)]
            struct $n {
                pub clock: Signal<In, Clock>,
                pub a: Wire<In>,
                pub b: Wire<In>,
                pub n: Wire<In>,
                pub f: Signal<In, Bit>,
                pub y: Wire<Out>,
                $($extra: $t,)*
                _w: usize,
            }
            impl $n {
                fn new($w: usize) -> $n {
                    $n {
                        clock: Default::default(),
                        a: Wire::new($w),
                        b: Wire::new($w),
                        n: Wire::new(5),
                        f: Default::default(),
                        y: Wire::new($y),
                        $($extra: $make,)*
                        _w: $w,
                    }
                }
            }
            impl Logic for $n {
                $($update)*
            }
        )*
        fn cases() -> Vec<Case> {
            // One bit, a byte, around the limb of 64 bits, around 128 bits, and far beyond.
            let widths = [1, 8, 63, 64, 65, 128, 129, 200];
            let mut all = Vec::new();
            for w in widths {
                $(all.push(case(&format!("{}{w}", stringify!($n)), move || $n::new(w)));)*
            }
            all
        }
    };
}

words! {
    Arithmetic(w) -> w, [] {
        #[hdl(width = self._w)]
        fn update(&mut self) {
            let sum = self.a.val() + self.b.val();
            let difference = self.a.val() - self.b.val();
            self.y.next = (sum & !difference) ^ -self.b.val();
        }
    }
    Products(w) -> 4 * w, [] {
        #[hdl(width = self._w)]
        fn update(&mut self) {
            self.y.next = cat!(self.a.val() * self.b.val(), self.a.val().mul_signed(&self.b.val()));
        }
    }
    // The product of a signed product is unsigned, as every word is.
    ProductOfProduct(w) -> 4 * w, [] {
        #[hdl(width = self._w)]
        fn update(&mut self) {
            let square = self.a.val().mul_signed(&self.b.val());
            self.y.next = self.a.val() * self.a.val().mul_signed(&self.b.val()) * self.b.val();
            if self.f.val() {
                self.y.next = (square >> 1).zext(4 * self._w);
            }
        }
    }
    Compare(w) -> 6, [] {
        #[hdl(width = self._w)]
        fn update(&mut self) {
            self.y.next = cat!(
                self.a.val() < self.b.val(),
                self.a.val().lt_signed(&self.b.val()),
                self.a.val() == self.b.val() || self.a.val() + 1 == 0,
                self.a.val() != self.b.val() && self.a.val().any(),
                self.a.val() >= self.b.val(),
                self.a.val().all() ^ self.b.val().xor(),
            );
        }
    }
    // Signed operations at the minimum: its negative is itself, its shift keeps the sign.
    Minimum(w) -> 3 * w + 1, [] {
        #[hdl(width = self._w)]
        fn update(&mut self) {
            let least = cat!(Word::ones(1), Word::zero(2 * self._w)).slice(self._w + 1, self._w);
            let x = mux(self.f.val(), least, self.a.val());
            self.y.next = cat!(-x.clone(), x.sra(2), x.sra(self._w + 3), x.lt_signed(&self.b.val()));
        }
    }
    Extensions(w) -> 2 * w + 3, [] {
        #[hdl(width = self._w)]
        fn update(&mut self) {
            let narrow = self.a.val().sext(self._w + 9).trunc(self._w.div_ceil(2)).zext(self._w + 2);
            self.y.next = narrow.sext(2 * self._w + 3) + self.b.val().zext(2 * self._w + 3).sext(2 * self._w + 3);
        }
    }
    // Constant and variable slices that reach past the end read zeros there.
    Slices(w) -> 4 * 7, [] {
        #[hdl(width = self._w)]
        fn update(&mut self) {
            let at = self.n.val().index();
            self.y.next = cat!(
                self.a.val().slice(self._w - 1, 7),
                (self.a.val() ^ self.b.val()).slice(at, 7),
                self.a.val().slice(self.b.val().slice(0, 1).index(), 7),
                self.a.val().slice(0, 7),
            );
        }
    }
    BitReads(w) -> 3, [] {
        #[hdl(width = self._w)]
        fn update(&mut self) {
            self.y.next = cat!(
                self.a.val().bit(self.n.val().index()),
                (self.a.val() + self.b.val()).bit(self._w - 1),
                self.a.val().bit(self._w),
            );
        }
    }
    Shifts(w) -> 4 * w, [] {
        #[hdl(width = self._w)]
        fn update(&mut self) {
            self.y.next = cat!(
                self.a.val() << self.n.val(),
                self.a.val() >> self.n.val(),
                self.a.val() << self.b.val(),
                (self.a.val() << (self._w - 1)) >> self._w,
            );
        }
    }
    // A mux inside a slice, a slice inside a mux, nested.
    MuxSlices(w) -> 4, [] {
        #[hdl(width = self._w)]
        fn update(&mut self) {
            let high = mux(self.f.val(), self.a.val(), self.b.val()).slice(self._w / 2, 4);
            self.y.next = mux(
                self.a.val() < self.b.val(),
                mux(self.f.val(), self.a.val(), !self.b.val()).slice(self.n.val().index(), 4),
                high,
            );
        }
    }
    // Overlapping writes: the later one wins.
    SetSlices(w) -> w + 8, [] {
        #[hdl(width = self._w)]
        fn update(&mut self) {
            self.y.next = Word::zero(self._w + 8);
            self.y.next.set_slice(0, &self.a.val());
            self.y.next.set_slice(self._w / 2, &self.b.val().slice(0, 5));
            self.y.next.set_slice(self.n.val().slice(0, 2).index(), &self.n.val());
            if self.f.val() {
                self.y.next.set_slice(self._w, &Word::ones(3));
            }
        }
    }
    Shadowed(w) -> w, [] {
        #[hdl(width = self._w)]
        fn update(&mut self) {
            let x = self.a.val();
            let x = x + self.b.val();
            let mut acc = x.clone();
            for i in 0..3 {
                let x = acc.clone() << i;
                acc = x.clone() ^ self.b.val();
                if self.f.val() {
                    let acc = !x;
                    self.y.next = acc;
                }
            }
            // The hardware value again, after an elaboration-time one of its name.
            for x in 0..2 {
                let _unused = x;
            }
            if self.f.val() {
                acc = acc + x;
            }
            self.y.next = acc;
        }
    }
    Elaboration(w) -> w, [] {
        #[hdl(width = self._w)]
        fn update(&mut self) {
            let table = [3usize, 1, 4, 1, 5];
            let mut acc = self.a.val();
            for (i, k) in table.iter().enumerate().skip(1) {
                if i % 2 == 0 {
                    acc = acc + (*k as u64 & 1);
                } else if *k > 4 {
                    acc = !acc;
                } else {
                    match (k, self._w) {
                        (1, 1) => acc = acc ^ 1,
                        (n, w) if *n < w => acc = acc.slice(*n, self._w),
                        _ => {}
                    }
                }
            }
            let constant = if self._w > 64 { Word::ones(self._w) } else { Word::new(self._w, 1) };
            self.y.next = acc ^ constant;
        }
    }
    WideNumbers(w) -> 300, [] {
        #[hdl(width = self._w)]
        fn update(&mut self) {
            let pattern = Word::from_hex(300, "f0123456789abcdef0123456789abcdef0123456789abcdef01234567").unwrap_or(Word::zero(300));
            let big = Word::new(128, u128::MAX - 5).zext(300);
            self.y.next = (self.a.val().zext(300) + pattern.clone()) ^ (big - (pattern << 3));
            if cat!(Word::ones(150), self.a.val()).slice(0, 150) > Word::ones(150) - 7 {
                self.y.next = Word::new(300, 1) << 299;
            }
        }
    }
    Cases(w) -> w, [] {
        #[hdl(width = self._w)]
        fn update(&mut self) {
            self.y.next = self.a.val();
            match self.n.val().index() {
                0 | 31 => self.y.next = self.b.val(),
                0x1e_usize => self.y.next = Word::zero(self._w),
                Self::SEVEN => self.y.next = !self.b.val(),
                8 => match self.f.val() {
                    true => self.y.next = Word::ones(self._w),
                    false => {}
                },
                _ => {}
            }
        }
    }
    UnreachableArms(w) -> 4, [] {
        #[allow(unreachable_patterns)]
        #[hdl(width = self._w)]
        fn update(&mut self) {
            self.y.next = Word::zero(4);
            match self.n.val().index() {
                3 | 4 => self.y.next = Word::new(4, 1),
                4 => self.y.next = Word::new(4, 2),
                _ => self.y.next = Word::new(4, 3),
                5 => self.y.next = Word::new(4, 4),
            }
        }
    }
    EmptyBranches(w) -> w, [r: Reg = Reg::new(w)] {
        #[hdl(width = self._w)]
        fn update(&mut self) {
            dff_setup!(self, clock, r);
                if self.f.val() && self._w > 1000 {
                    self.r.d.next = self.b.val();
                }
            match self.n.val().index() {
                1 => {}
                _ => {}
            }
            self.r.d.next = self.r.q.val() + self.a.val();
            self.y.next = self.r.q.val();
        }
    }
    // Nothing here depends on an input.
    ConstantProcess(w) -> 2 * w, [t: Wire<Local> = Wire::new(w)] {
        #[hdl(width = self._w)]
        fn update(&mut self) {
            let mut acc: Word = Word::ones(self._w);
            self.t.next = acc.clone() - 1;
            acc = acc ^ self.t.val();
            self.y.next = Word::zero(2 * self._w);
            self.y.next.set_slice(self._w - 1, &acc);
            if acc.any() {
                self.y.next.set_slice(0, &Word::ones(1));
            }
        }
    }
    RegisterWithInit(w) -> w, [r: Reg = Reg::with_init(Word::ones(w)), s: Reg = Reg::new(w)] {
        #[hdl(width = self._w)]
        fn update(&mut self) {
            dff_setup!(self, clock, r, s);
            if self.f.val() {
                self.r.d.next = self.r.q.val() + self.a.val();
                self.s.d.next.set_slice(0, &self.b.val().slice(0, 1));
            }
            self.y.next = self.r.q.val() ^ self.s.q.val();
        }
    }
}

impl Cases {
    const SEVEN: usize = 7;
}

#[test]
fn agrees_in_three_simulators() {
    let cases = cases();
    let suite = Suite::new("language", &cases);
    assert!(suite.agree(CYCLES, 0, |_| {}) > 80_000);
    suite.lint(&["clock", "a", "b", "n", "f"]);
}
