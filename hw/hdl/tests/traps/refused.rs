//! What has no faithful Verilog is refused, with the block and the remedy.

use skipopu_fuzz::{case, refusals, Case};
use skipopu_hdl::prelude::*;

/// Blocks that are refused, with only what each needs.
macro_rules! refused {
    ($($n:ident { $($field:ident: $t:ty),* } $hash:tt $macro:tt { $($update:tt)* })*) => {
        $(
            #[derive(LogicBlock, Ports, Default)]
            struct $n { $(pub $field: $t),* }
            impl Logic for $n { $hash $macro $($update)* }
        )*
        fn table() -> Vec<Case> {
            vec![$(case(stringify!($n), $n::default)),*]
        }
    };
}

const OFFSET: usize = 3;

refused! {
    ConstItem { a: Signal<In, Bits<16>>, y: Signal<Out, Bits<16>> } #[hdl_gen] {
        fn update(&mut self) { self.y.next = self.a.val() + OFFSET.to_bits(); }
    }
    ConstLabel { a: Signal<In, Bits<8>>, y: Signal<Out, Bit> } #[hdl_gen] {
        fn update(&mut self) {
            self.y.next = false;
            match self.a.val().index() { OFFSET => { self.y.next = true; } _ => {} }
        }
    }
    HardwareIndex { a: [Signal<In, Bits<8>>; 4], n: Signal<In, Bits<2>>, y: Signal<Out, Bits<8>> } #[hdl_gen] {
        fn update(&mut self) { self.y.next = self.a[self.n.val().index()].val(); }
    }
    FieldIndex { a: [Signal<In, Bits<8>>; 4], _n: usize, y: Signal<Out, Bits<8>> } #[hdl_gen] {
        fn update(&mut self) { self.y.next = self.a[self._n].val(); }
    }
    IndexPastEnd { a: [Signal<In, Bits<8>>; 4], y: Signal<Out, Bits<8>> } #[hdl_gen] {
        fn update(&mut self) { for i in 0..4 { self.y.next = self.a[i + 1].val(); } }
    }
    // An index is a `usize`, whose sum does not wrap at the signal's width.
    IndexSum { a: Signal<In, Bits<8>>, w: Signal<In, Bits<48>>, y: Signal<Out, Bits<8>> } #[hdl_gen] {
        fn update(&mut self) { self.y.next = self.w.val().get_bits::<8>(self.a.val().get_bits::<3>(0).index() + 5); }
    }
    IndexProduct { a: Signal<In, Bits<8>>, w: Signal<In, Bits<48>>, y: Signal<Out, Bits<8>> } #[hdl] {
        fn update(&mut self) { self.y.next = self.w.val().get_bits::<8>(self.a.val().get_bits::<2>(0).index() * 8); }
    }
    IndexNot { a: Signal<In, Bits<8>>, w: Signal<In, Bits<48>>, y: Signal<Out, Bit> } #[hdl] {
        fn update(&mut self) { self.y.next = self.w.val().get_bit(!self.a.val().get_bits::<2>(0).index()); }
    }
    IndexCase { a: Signal<In, Bits<8>>, y: Signal<Out, Bit> } #[hdl_gen] {
        fn update(&mut self) { match self.a.val().get_bits::<3>(0).index() + 1 { 0 => { self.y.next = true; } _ => { self.y.next = false; } } }
    }
    NumberTooWide { a: Signal<In, Bits<4>>, y: Signal<Out, Bit> } #[hdl_gen] {
        fn update(&mut self) { self.y.next = self.a.val() == 16; }
    }
    LabelTooWide { a: Signal<In, Bits<4>>, y: Signal<Out, Bit> } #[hdl_gen] {
        fn update(&mut self) { match self.a.val().index() { 16 => { self.y.next = true; } _ => { self.y.next = false; } } }
    }
    NeverDriven { a: Signal<In, Bit>, y: Signal<Out, Bit>, z: Signal<Out, Bit> } #[hdl_gen] {
        fn update(&mut self) { self.y.next = self.a.val(); }
    }
    InputDriven { a: Signal<In, Bit>, y: Signal<Out, Bit> } #[hdl_gen] {
        fn update(&mut self) { self.a.next = true; self.y.next = self.a.val(); }
    }
}

#[derive(LogicBlock, Ports, Default)]
struct ConstGeneric<const K: usize> {
    pub a: Signal<In, Bits<16>>,
    pub y: Signal<Out, Bits<4>>,
}

impl<const K: usize> Logic for ConstGeneric<K> {
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = self.a.val().get_bits::<4>(K);
    }
}

#[derive(LogicBlock, Ports, Default)]
struct ConstGenericIndex<const N: usize> {
    pub a: [Signal<In, Bits<8>>; 2],
    pub y: Signal<Out, Bits<8>>,
}

impl<const N: usize> Logic for ConstGenericIndex<N> {
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = self.a[N - 1].val();
    }
}

/// A field that rust-hdl does not see.
#[derive(LogicBlock, Ports, Default)]
struct Invisible {
    pub clock: Signal<In, Clock>,
    pub a: Signal<In, Bits<8>>,
    pub y: Signal<Out, Bits<8>>,
    _r: DFF<Bits<8>>,
}

impl Logic for Invisible {
    #[hdl_gen]
    fn update(&mut self) {
        self._r.clock.next = self.clock.val();
        self._r.d.next = self.a.val();
        self.y.next = self._r.q.val();
    }
}

#[derive(LogicBlock, Ports, Default)]
struct Pass {
    pub a: Signal<In, Bit>,
    pub b: Signal<In, Bit>,
    pub y: Signal<Out, Bit>,
}

impl Logic for Pass {
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = self.a.val() ^ self.b.val();
    }
}

#[derive(LogicBlock, Ports, Default)]
struct OpenInput {
    pub a: Signal<In, Bit>,
    pub y: Signal<Out, Bit>,
    child: Pass,
}

impl Logic for OpenInput {
    #[hdl_gen]
    fn update(&mut self) {
        self.child.a.next = self.a.val();
        self.y.next = self.child.y.val();
    }
}

mod first {
    use skipopu_hdl::prelude::*;
    #[derive(Copy, Clone, Debug, PartialEq, LogicState)]
    pub enum State {
        Idle,
        Run,
        Extra,
    }
}

mod second {
    use skipopu_hdl::prelude::*;
    #[derive(Copy, Clone, Debug, PartialEq, LogicState)]
    pub enum State {
        Run,
        Idle,
    }
}

/// Two enums of one name with different values in one block.
#[derive(LogicBlock, Ports, Default)]
struct EnumClash {
    pub clock: Signal<In, Clock>,
    pub y: Signal<Out, Bit>,
    r: DFF<first::State>,
    s: DFF<second::State>,
}

impl Logic for EnumClash {
    #[hdl]
    fn update(&mut self) {
        dff_setup!(self, clock, r, s);
        self.y.next = self.r.q.val() == first::State::Idle && self.s.q.val() == second::State::Idle;
        if self.y.val() {
            self.r.d.next = first::State::Extra;
            self.s.d.next = second::State::Run;
        } else {
            self.r.d.next = first::State::Run;
        }
    }
}

/// Two ports that read alike in Verilog.
#[derive(LogicInterface, Ports, Default)]
#[join = "Source"]
struct Sink {
    pub data: Signal<In, Bit>,
}

/// The other end, which an interface must have.
#[allow(dead_code)]
#[derive(LogicInterface, Ports, Default)]
#[join = "Sink"]
struct Source {
    pub data: Signal<Out, Bit>,
}

#[derive(LogicBlock, Ports, Default)]
struct PortsCollide {
    pub i_data: Signal<In, Bit>,
    pub i: Sink,
    pub y: Signal<Out, Bit>,
}

impl Logic for PortsCollide {
    #[hdl]
    fn update(&mut self) {
        self.y.next = self.i_data.val() ^ self.i.data.val();
    }
}

/// What `#[hdl]` can only see when the block is elaborated.
#[derive(LogicBlock, Ports)]
struct Widths {
    pub a: Wire<In>,
    pub b: Wire<In>,
    pub y: Wire<Out>,
    _case: usize,
}

impl Widths {
    fn new(case: usize) -> Widths {
        Widths { a: Wire::new(8), b: Wire::new(12), y: Wire::new(8), _case: case }
    }
}

impl Logic for Widths {
    #[hdl(case = self._case)]
    fn update(&mut self) {
        match self._case {
            0 => self.y.next = self.a.val() + self.b.val(),
            1 => self.y.next = self.b.val(),
            2 => self.y.next = self.a.val().zext(4).zext(8),
            3 => self.y.next = self.a.val().trunc(9).trunc(8),
            4 => self.y.next = mux(self.a.val().bit(0), self.a.val(), self.b.val()),
            5 => {
                self.y.next = self.a.val();
                self.y.next.set_slice(5, &self.b.val().slice(0, 4));
            }
            6 => {
                self.y.next = self.a.val();
                self.y.next.set_slice(self.b.val().slice(0, 3).index(), &self.b.val().slice(0, 2));
            }
            7 => self.y.next = self.a.val() + 256u32,
            _ => {
                let mut t = self.a.val();
                if t.any() {
                    t = self.b.val();
                }
                self.y.next = t;
            }
        }
    }
}

#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
enum One {
    Only,
}

#[derive(LogicBlock, Ports, Default)]
struct OneVariant {
    pub a: Signal<In, Bit>,
    pub y: Signal<Out, Bit>,
    l: Signal<Local, One>,
}

impl Logic for OneVariant {
    #[hdl]
    fn update(&mut self) {
        self.l.next = One::Only;
        self.y.next = self.l.val() == One::Only;
    }
}

#[test]
fn each_with_its_sentence() {
    let mut cases = table();
    cases.push(case("ConstGeneric", ConstGeneric::<4>::default));
    cases.push(case("ConstGenericIndex", ConstGenericIndex::<2>::default));
    cases.push(case("Invisible", Invisible::default));
    cases.push(case("OpenInput", OpenInput::default));
    cases.push(case("EnumClash", EnumClash::default));
    cases.push(case("PortsCollide", PortsCollide::default));
    cases.extend((0..9).map(|i| case(&format!("Widths{i}"), move || Widths::new(i))));
    insta::assert_snapshot!(refusals(&cases));
}

#[test]
fn the_top_needs_a_name_that_verilog_has() {
    let refused = |name: &str, what: &str| {
        let error = skipopu_hdl::emit(&Pass::default(), name, &Default::default()).unwrap_err();
        assert_eq!(
            error.diagnostics[0].text,
            format!(
                "`{name}` is {what} Verilog{}; choose another name for the top module",
                if what.starts_with("not") { " identifier" } else { "" }
            )
        );
    };
    refused("signed", "a reserved word of");
    refused("module", "a reserved word of");
    ["a b", "", "2x"].into_iter().for_each(|name| refused(name, "not a"));
}
