//! Two's complement: comparisons, casts, negative numbers.
//!
//! rust-hdl's simulation recurses without end when `signed_bit_cast` meets the most negative value, so
//! the table that uses it keeps `s` and `t` in -63..=63; the other one does not.

use super::table::INPUTS;
use super::CYCLES;
use skipopu_fuzz::{case, refusals, Case, Suite};
use skipopu_hdl::prelude::*;
use skipopu_sim::Stimulus;

mod any {
    use super::*;
    traps! { #[hdl_gen] and #[hdl],
        LessThanNumber: Bit, [] { fn update(&mut self) { self.y.next = self.s.val() < 0.into(); } }
        AboveNegative: Bit, [] { fn update(&mut self) { self.y.next = self.s.val() > (-5).into(); } }
        Less: Bit, [] { fn update(&mut self) { self.y.next = self.s.val() < self.t.val(); } }
        DifferenceLess: Bit, [] { fn update(&mut self) { self.y.next = (self.s.val() - self.t.val()) < self.t.val(); } }
        SliceLess: Bit, [] { fn update(&mut self) {
            self.y.next = self.s.val().get_bits::<4>(0) < self.t.val().get_bits::<4>(0);
        } }
        Negate: Signed<8>, [] { fn update(&mut self) { self.y.next = -self.s.val(); } }
        UnsignedWiden: Bits<16>, [] { fn update(&mut self) { self.y.next = bit_cast::<16, 8>(unsigned_cast(self.s.val())); } }
        FromUnsigned: Bit, [] { fn update(&mut self) { self.y.next = signed_cast(self.a.val()) <= self.s.val(); } }
        SignBit: Bit, [] { fn update(&mut self) { self.y.next = self.s.val().get_bit(7); } }
    }
    pub fn cases() -> Vec<Case> {
        both()
    }
}

mod tame {
    use super::*;
    traps! { #[hdl_gen] and #[hdl],
        Extend: Signed<16>, [] { fn update(&mut self) { self.y.next = signed_bit_cast::<16, 8>(self.s.val()); } }
        ExtendSum: Signed<16>, [] { fn update(&mut self) { self.y.next = signed_bit_cast::<16, 8>(self.s.val() + self.t.val()); } }
        ExtendAddNumber: Signed<16>, [] { fn update(&mut self) { self.y.next = signed_bit_cast::<16, 8>(self.s.val()) + 5.into(); } }
        ExtendNegated: Signed<16>, [] { fn update(&mut self) { self.y.next = signed_bit_cast::<16, 8>(-self.s.val()); } }
        Product: Signed<32>, [] { fn update(&mut self) {
            self.y.next = signed_bit_cast::<16, 8>(self.s.val()) * signed_bit_cast::<16, 8>(self.t.val());
        } }
        Mixed: Signed<16>, [] { fn update(&mut self) {
            self.y.next = signed_bit_cast::<16, 8>(self.s.val()) + signed_cast(bit_cast::<16, 8>(self.a.val()));
        } }
        ThroughLocal: Bit, [l: Signal<Local, Signed<4>>, m: Signal<Local, Signed<4>>] { fn update(&mut self) {
            self.l.next = signed_bit_cast::<4, 8>(self.s.val());
            self.m.next = signed_bit_cast::<4, 8>(self.t.val());
            self.y.next = self.l.val() < self.m.val();
        } }
    }
    // Our macro records the width that rust-hdl's tree has no place for (#14).
    traps! { #[hdl] as recorded,
        TruncatedLess: Bit, [] { fn update(&mut self) {
            self.y.next = signed_bit_cast::<4, 8>(self.s.val()) < signed_bit_cast::<4, 8>(self.t.val());
        } }
        ChainedCast: Signed<16>, [] { fn update(&mut self) {
            self.y.next = signed_bit_cast::<16, 4>(signed_bit_cast::<4, 8>(self.s.val()));
        } }
        UnsignedOfCast: Bits<16>, [] { fn update(&mut self) {
            self.y.next = bit_cast::<16, 12>(unsigned_cast(signed_bit_cast::<12, 8>(self.s.val())));
        } }
        UnsignedBitCast: Bits<16>, [] { fn update(&mut self) {
            self.y.next = unsigned_bit_cast::<16, 8>(self.s.val());
        } }
    }
    // The same three through rust-hdl's macro have no known width.
    traps! { #[hdl_gen] as unrecorded,
        TruncatedLess: Bit, [] { fn update(&mut self) {
            self.y.next = signed_bit_cast::<4, 8>(self.s.val()) < signed_bit_cast::<4, 8>(self.t.val());
        } }
        ChainedCast: Signed<16>, [] { fn update(&mut self) {
            self.y.next = signed_bit_cast::<16, 4>(signed_bit_cast::<4, 8>(self.s.val()));
        } }
        UnsignedOfCast: Bits<16>, [] { fn update(&mut self) {
            self.y.next = bit_cast::<16, 12>(unsigned_cast(signed_bit_cast::<12, 8>(self.s.val())));
        } }
    }
    pub fn cases() -> Vec<Case> {
        both().into_iter().chain(recorded::cases()).collect()
    }
}

/// Constants of a signed type, of a wide one, and of one used as shift amount.
#[derive(LogicBlock, Ports)]
struct Constants {
    pub s: Signal<In, Signed<8>>,
    pub x: Signal<In, Bits<128>>,
    pub y: Signal<Out, Bit>,
    pub z: Signal<Out, Bits<128>>,
    pub q: Signal<Out, Bits<8>>,
    k: Constant<Signed<8>>,
    w: Constant<Bits<128>>,
    n: Constant<Bits<4>>,
}

impl Constants {
    fn new() -> Self {
        Constants {
            s: Default::default(),
            x: Default::default(),
            y: Default::default(),
            z: Default::default(),
            q: Default::default(),
            k: Constant::new(Signed::from(-5)),
            w: Constant::new(0x1_0000_0000_0000_0000_0000_u128.to_bits()),
            n: Constant::new(9.into()),
        }
    }
}

impl Logic for Constants {
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = self.s.val() > self.k.val();
        self.z.next = self.x.val() ^ self.w.val();
        self.q.next =
            bit_cast::<8, 4>(self.n.val()) << bit_cast::<4, 8>(unsigned_cast(self.s.val()));
    }
}

/// Keeps `s` and `t` in -63..=63 and their low four bits off -8, so that no cast meets a most negative
/// value.
fn tamed(stimulus: &mut Stimulus) {
    for (i, port) in stimulus.inputs.iter().enumerate().filter(|(_, p)| p.signed) {
        for row in &mut stimulus.rows {
            let v = row.inputs[i].sra(1);
            let least = v == Word::from_i128(port.width, -64) || v.slice(0, 4) == 8;
            row.inputs[i] = if least { Word::zero(port.width) } else { v };
        }
    }
}

#[test]
fn agree_in_three_simulators() {
    let mut cases = any::cases();
    cases.push(case("Constants", Constants::new));
    let suite = Suite::new("signs", &cases);
    assert!(suite.agree(CYCLES, 0, |_| {}) > 8_000);
    suite.lint(&INPUTS);
}

#[test]
fn casts_agree_in_three_simulators() {
    let cases = tame::cases();
    let suite = Suite::new("casts", &cases);
    assert!(suite.agree(CYCLES, 0, tamed) > 8_000);
    suite.lint(&INPUTS);
}

#[test]
fn casts_of_unknown_width_are_refused() {
    insta::assert_snapshot!(refusals(&tame::unrecorded::cases()));
}
