//! Unsigned values: precedence, widths of sums, literals, slices, wide words.

use super::table::INPUTS;
use super::CYCLES;
use skipopu_fuzz::Suite;
use skipopu_hdl::prelude::*;

traps! { #[hdl_gen] and #[hdl],
    // `&` binds looser than `==` in Verilog.
    AndEqual: Bit, [] { fn update(&mut self) { self.y.next = self.a.val() & self.b.val() == self.c.val(); } }
    OrLess: Bit, [] { fn update(&mut self) { self.y.next = self.a.val() | self.b.val() < self.c.val(); } }
    // Rust wraps before it widens.
    WidenSum: Bits<16>, [] { fn update(&mut self) { self.y.next = bit_cast::<16, 8>(self.a.val() + self.b.val()); } }
    WidenDifference: Bits<16>, [] { fn update(&mut self) { self.y.next = bit_cast::<16, 8>(self.a.val() - self.b.val()); } }
    WidenNot: Bits<16>, [] { fn update(&mut self) { self.y.next = bit_cast::<16, 8>(!self.a.val()); } }
    WidenShift: Bits<16>, [] { fn update(&mut self) { self.y.next = bit_cast::<16, 8>(self.a.val() << 4); } }
    WidenShiftedSum: Bits<16>, [] { fn update(&mut self) { self.y.next = bit_cast::<16, 8>((self.a.val() + self.b.val()) >> 1); } }
    WidenNotBit: Bits<8>, [] { fn update(&mut self) { self.y.next = bit_cast::<8, 1>((!self.f.val()).into()); } }
    AddNotBit: Bits<8>, [] { fn update(&mut self) { self.y.next = self.a.val() + !self.f.val(); } }
    // A bare number is 32 bits wide in Verilog.
    SumIsZero: Bit, [] { fn update(&mut self) { self.y.next = self.a.val() + self.b.val() == 0; } }
    NotIsNumber: Bit, [] { fn update(&mut self) { self.y.next = !self.a.val() == 0xFE; } }
    DifferenceAboveNumber: Bit, [] { fn update(&mut self) { self.y.next = self.a.val() - self.b.val() > 200; } }
    ShiftIsNumber: Bit, [] { fn update(&mut self) { self.y.next = (self.a.val() << 4) == 0x10; } }
    CounterWraps: Bit, [] { fn update(&mut self) { self.y.next = false; if self.a.val() + 1 == 0 { self.y.next = true; } } }
    SumIsSignal: Bit, [] { fn update(&mut self) { self.y.next = self.a.val() + self.b.val() == self.c.val(); } }
    // A narrowed value is really narrow.
    NarrowSums: Bit, [] { fn update(&mut self) {
        self.y.next = bit_cast::<4, 8>(self.a.val()) + bit_cast::<4, 8>(self.b.val()) == bit_cast::<4, 8>(self.c.val());
    } }
    WidenNarrowSum: Bits<8>, [] { fn update(&mut self) {
        self.y.next = bit_cast::<8, 4>(bit_cast::<4, 8>(self.a.val()) + bit_cast::<4, 8>(self.b.val()));
    } }
    ShiftNarrowNot: Bits<4>, [] { fn update(&mut self) { self.y.next = (!bit_cast::<4, 8>(self.a.val())) >> 1; } }
    // The product has both factors' bits before it is shifted.
    ProductHigh: Bits<8>, [] { fn update(&mut self) {
        self.y.next = bit_cast::<8, 32>((bit_cast::<16, 8>(self.a.val()) * bit_cast::<16, 48>(self.w.val())) >> 16);
    } }
    ProductTop: Bits<8>, [] { fn update(&mut self) {
        self.y.next = bit_cast::<8, 32>((bit_cast::<16, 48>(self.w.val() >> 20) * bit_cast::<16, 48>(self.w.val())) >> 24);
    } }
    Product: Bits<32>, [] { fn update(&mut self) { self.y.next = bit_cast::<16, 8>(self.a.val()) * bit_cast::<16, 48>(self.w.val()); } }
    // Bits in and out.
    ReplaceByNot: Bits<8>, [] { fn update(&mut self) { self.y.next = self.a.val().replace_bit(3, !self.f.val()); } }
    ReplaceByBit: Bits<8>, [] { fn update(&mut self) { self.y.next = self.a.val().replace_bit(3, self.f.val()); } }
    ReplaceVariable: Bits<8>, [] { fn update(&mut self) {
        self.y.next = self.a.val().replace_bit(bit_cast::<3, 8>(self.b.val()).index(), self.f.val());
    } }
    ReplaceWide: Bits<48>, [] { fn update(&mut self) { self.y.next = self.w.val().replace_bit(40, self.f.val()); } }
    ReplaceWider: Bits<128>, [] { fn update(&mut self) { self.y.next = self.x.val().replace_bit(100, self.f.val()); } }
    SlicePastEnd: Bits<8>, [] { fn update(&mut self) { self.y.next = self.a.val().get_bits::<8>(4); } }
    SliceVariable: Bits<8>, [] { fn update(&mut self) {
        self.y.next = self.w.val().get_bits::<8>(bit_cast::<5, 8>(self.a.val()).index());
    } }
    // The index of a sum, which wraps like the sum.
    SliceAtSum: Bits<8>, [] { fn update(&mut self) {
        self.y.next = self.w.val().get_bits::<8>((bit_cast::<5, 8>(self.a.val()) + 9).index());
    } }
    MatchSum: Bits<8>, [] { fn update(&mut self) {
        match (bit_cast::<3, 8>(self.a.val()) + 1).index() { 0 => { self.y.next = 7.into(); } _ => { self.y.next = 1.into(); } }
    } }
    SliceOfSum: Bits<4>, [] { fn update(&mut self) { self.y.next = (self.a.val() + self.b.val()).get_bits::<4>(4); } }
    SliceOfCast: Bits<4>, [] { fn update(&mut self) { self.y.next = bit_cast::<8, 48>(self.w.val()).get_bits::<4>(4); } }
    SliceOfSlice: Bits<4>, [] { fn update(&mut self) { self.y.next = self.w.val().get_bits::<8>(8).get_bits::<4>(4); } }
    BitOfXor: Bit, [] { fn update(&mut self) { self.y.next = (self.a.val() ^ self.b.val()).get_bit(7); } }
    BitOfBit: Bit, [l: Signal<Local, Bits<1>>] { fn update(&mut self) {
        self.l.next = self.a.val().get_bits::<1>(6);
        self.y.next = self.l.val().get_bit(0);
    } }
    BitVariable: Bit, [] { fn update(&mut self) { self.y.next = self.a.val().get_bit(bit_cast::<3, 8>(self.b.val()).index()); } }
    LoopSlices: Bits<8>, [l: Signal<Local, Bits<8>>] { fn update(&mut self) {
        self.l.next = 0.into();
        for i in 0..16 { self.l.next = self.l.val() ^ self.x.val().get_bits::<8>(i * 8); }
        self.y.next = self.l.val();
    } }
    Reductions: Bit, [] { fn update(&mut self) {
        self.y.next = !(self.a.val() & self.b.val()).any() | self.c.val().all() ^ self.a.val().xor();
    } }
    // Beyond 64 and 128 bits' halves.
    WideSum: Bits<128>, [] { fn update(&mut self) { self.y.next = self.x.val() + 0x1234; } }
    WideShift: Bits<128>, [] { fn update(&mut self) { self.y.next = self.x.val() << self.a.val(); } }
    WideCast: Bits<128>, [] { fn update(&mut self) { self.y.next = bit_cast::<128, 48>(self.w.val()) << 64; } }
    WideNumber: Bits<128>, [] { fn update(&mut self) { self.y.next = self.x.val() ^ 0xDEAD_BEEF_CAFE_F00D_u64; } }
    WideNarrow: Bits<48>, [] { fn update(&mut self) { self.y.next = bit_cast::<48, 128>(self.x.val() >> 50); } }
    WideCompare: Bit, [] { fn update(&mut self) { self.y.next = self.x.val() >= (self.x.val() << 1); } }
}

#[test]
fn agree_in_three_simulators() {
    let cases = both();
    let suite = Suite::new("bits", &cases);
    for seed in 0..2 {
        assert!(suite.agree(CYCLES, seed, |_| {}) > 40_000);
    }
    suite.lint(&INPUTS);
}
