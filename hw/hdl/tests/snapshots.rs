//! The emitted text of small blocks, one a pass, and what holds of any emission.

use skipopu_hdl::prelude::*;
use skipopu_hdl::{emit, EmitOptions};

#[derive(LogicBlock, Ports, Default)]
struct Leaf {
    pub a: Signal<In, Bits<8>>,
    pub y: Signal<Out, Bits<8>>,
}

impl Logic for Leaf {
    #[hdl]
    fn update(&mut self) {
        self.y.next = self.a.val() + 1;
    }
}

/// Two equal children are one module.
#[derive(LogicBlock, Ports, Default)]
struct Dedup {
    pub a: Signal<In, Bits<8>>,
    pub y: Signal<Out, Bits<8>>,
    first: Leaf,
    second: Leaf,
}

impl Logic for Dedup {
    #[hdl]
    fn update(&mut self) {
        self.first.a.next = self.a.val();
        self.second.a.next = self.first.y.val();
        self.y.next = self.second.y.val();
    }
}

/// A first write that is always overwritten, and a register's hold, leave no text.
#[derive(LogicBlock, Ports, Default)]
struct Stores {
    pub clock: Signal<In, Clock>,
    pub a: Signal<In, Bits<8>>,
    pub f: Signal<In, Bit>,
    pub y: Signal<Out, Bits<8>>,
    r: DFF<Bits<8>>,
}

impl Logic for Stores {
    #[hdl]
    fn update(&mut self) {
        dff_setup!(self, clock, r);
        self.y.next = 0.into();
        if self.f.val() {
            self.r.d.next = self.a.val();
        }
        self.y.next = self.r.q.val();
    }
}

/// What depends on no signal becomes an initial value or a constant wire, not a process.
#[derive(LogicBlock, Ports, Default)]
struct Constants {
    pub a: Signal<In, Bits<8>>,
    pub y: Signal<Out, Bits<8>>,
    pub z: Signal<Out, Bits<8>>,
    k: Signal<Local, Bits<8>>,
}

impl Logic for Constants {
    #[hdl]
    fn update(&mut self) {
        self.k.next = 5.into();
        for _ in 0..3 {
            self.k.next = self.k.val() + 1;
        }
        self.y.next = self.a.val() ^ self.k.val();
        self.z.next = self.k.val();
    }
}

/// One wire, one process, one register; nothing that is independent shares a process.
#[derive(LogicBlock, Ports, Default)]
struct Partition {
    pub clock: Signal<In, Clock>,
    pub a: Signal<In, Bits<8>>,
    pub f: Signal<In, Bit>,
    pub w: Signal<Out, Bits<8>>,
    pub p: Signal<Out, Bits<8>>,
    pub q: Signal<Out, Bits<8>>,
    r: DFF<Bits<8>>,
}

impl Logic for Partition {
    #[hdl]
    fn update(&mut self) {
        dff_setup!(self, clock, r);
        self.w.next = !self.a.val();
        self.p.next = self.a.val();
        if self.f.val() {
            self.p.next = self.a.val() << 1;
            self.r.d.next = self.r.q.val() + self.a.val();
        }
        self.q.next = self.r.q.val();
    }
}

/// Widths, signs and precedence are Rust's.
#[derive(LogicBlock, Ports, Default)]
struct Print {
    pub a: Signal<In, Bits<8>>,
    pub b: Signal<In, Bits<8>>,
    pub s: Signal<In, Signed<8>>,
    pub y: Signal<Out, Bits<16>>,
    pub z: Signal<Out, Bit>,
}

impl Logic for Print {
    #[hdl]
    fn update(&mut self) {
        self.y.next = bit_cast::<16, 8>(self.a.val() + self.b.val());
        self.z.next = (self.a.val() & self.b.val() == 3) ^ (self.s.val() < 0.into());
    }
}

/// Fields named like reserved words.
#[derive(LogicBlock, Ports, Default)]
struct Names {
    pub begin: Signal<In, Bits<8>>,
    pub logic: Signal<Out, Bits<8>>,
    begin_: Signal<Local, Bits<8>>,
}

impl Logic for Names {
    #[hdl]
    fn update(&mut self) {
        self.begin_.next = self.begin.val() + 1;
        if self.begin.val().any() {
            self.begin_.next = self.begin.val();
        }
        self.logic.next = self.begin_.val();
    }
}

fn text<B: Block + Default>(top: &str) -> String {
    let mut block = B::default();
    block.connect_all();
    emit(&block, top, &EmitOptions::default()).unwrap().text()
}

#[test]
fn dedup() {
    insta::assert_snapshot!(text::<Dedup>("dedup"));
}

#[test]
fn stores() {
    insta::assert_snapshot!(text::<Stores>("stores"));
}

#[test]
fn constant() {
    insta::assert_snapshot!(text::<Constants>("constants"));
}

#[test]
fn partition() {
    insta::assert_snapshot!(text::<Partition>("partition"));
}

#[test]
fn print() {
    insta::assert_snapshot!(text::<Print>("printed"));
}

#[test]
fn names() {
    insta::assert_snapshot!(text::<Names>("names"));
}

/// Two elaborations of one block are the same bytes.
#[test]
fn emission_is_deterministic() {
    for _ in 0..8 {
        assert_eq!(text::<Partition>("top"), text::<Partition>("top"));
        assert_eq!(text::<Dedup>("top"), text::<Dedup>("top"));
    }
}
