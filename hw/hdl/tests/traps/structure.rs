//! Hierarchy: arrays of blocks, nested indices, interfaces, names, hand-written text.

use super::CYCLES;
use skipopu_eda::lint::{self, LintOptions};
use skipopu_fuzz::{case, Case, Suite};
use skipopu_hdl::ast::{Verilog, Wrapper};
use skipopu_hdl::prelude::*;

#[derive(LogicBlock, Ports, Default)]
struct Fold {
    pub u: [Signal<In, Bits<8>>; 4],
    pub y: Signal<Out, Bits<8>>,
}

impl Logic for Fold {
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = 0.into();
        for k in 0..4 {
            self.y.next = (self.y.val() << 1) ^ self.u[k].val();
        }
    }
}

/// Two indices in one name, which rust-hdl's own text loses.
#[derive(LogicBlock, Ports, Default)]
struct NestedIndex {
    pub a: Signal<In, Bits<8>>,
    pub b: Signal<In, Bits<8>>,
    pub y: [Signal<Out, Bits<8>>; 2],
    sub: [Fold; 2],
}

impl Logic for NestedIndex {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..2 {
            for j in 0..4 {
                self.sub[i].u[j].next = self.a.val();
            }
            self.sub[i].u[2 * i].next = self.b.val();
            self.y[i].next = self.sub[i].y.val();
        }
    }
}

#[derive(LogicBlock, Ports, Default)]
struct NestedIndexOwn {
    pub a: Signal<In, Bits<8>>,
    pub b: Signal<In, Bits<8>>,
    pub y: [Signal<Out, Bits<8>>; 2],
    sub: [Fold; 2],
}

impl Logic for NestedIndexOwn {
    #[hdl]
    fn update(&mut self) {
        for i in 0..2 {
            for j in 0..4 {
                self.sub[i].u[j].next = self.a.val();
            }
            self.sub[1 - i].u[2 * i].next = self.b.val() + i as u64;
            self.y[i].next = self.sub[i].y.val();
        }
    }
}

/// Index arithmetic, and a branch on the loop variable.
#[derive(LogicBlock, Ports, Default)]
struct Rotate {
    pub a: [Signal<In, Bits<8>>; 4],
    pub y: [Signal<Out, Bits<8>>; 4],
}

impl Logic for Rotate {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..4 {
            if i == 0 {
                self.y[i].next = self.a[3].val();
            } else {
                self.y[i].next = self.a[(i + 3) % 4].val();
            }
        }
    }
}

#[derive(LogicBlock, Ports, Default)]
struct Increment<const W: usize> {
    pub clock: Signal<In, Clock>,
    pub i: Signal<In, Bits<W>>,
    pub o: Signal<Out, Bits<W>>,
    r: DFF<Bits<W>>,
}

impl<const W: usize> Logic for Increment<W> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, r);
        self.r.d.next = self.i.val() + 1;
        self.o.next = self.r.q.val();
    }
}

/// A vector of blocks, its length a run-time value.
#[derive(LogicBlock, Ports)]
struct Chain {
    pub clock: Signal<In, Clock>,
    pub a: Signal<In, Bits<11>>,
    pub y: Signal<Out, Bits<11>>,
    stages: Vec<Increment<11>>,
    k: Constant<Bits<11>>,
    _depth: usize,
}

impl Chain {
    fn new(depth: usize) -> Chain {
        Chain {
            clock: Default::default(),
            a: Default::default(),
            y: Default::default(),
            stages: (0..depth).map(|_| Default::default()).collect(),
            k: Constant::new(bits(3)),
            _depth: depth,
        }
    }
}

impl Logic for Chain {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..self.stages.len() {
            self.stages[i].clock.next = self.clock.val();
        }
        self.stages[0].i.next = self.a.val() + self.k.val();
        for i in 1..self._depth {
            self.stages[i].i.next = self.stages[i - 1].o.val();
        }
        for i in 0..self._depth {
            self.y.next = self.stages[i].o.val();
        }
    }
}

/// Fields named like keywords of Verilog and SystemVerilog.
#[derive(LogicBlock, Ports, Default)]
struct Keywords {
    pub begin: Signal<In, Bits<8>>,
    pub bit: Signal<In, Bits<8>>,
    pub end: Signal<Out, Bits<8>>,
    pub logic: Signal<Out, Bit>,
    always: Signal<Local, Bits<8>>,
    always_: Signal<Local, Bits<8>>,
    endcase: Fold,
}

impl Logic for Keywords {
    #[hdl]
    fn update(&mut self) {
        self.always.next = self.begin.val() ^ self.bit.val();
        self.always_.next = !self.always.val();
        for i in 0..4 {
            self.endcase.u[i].next = self.always_.val();
        }
        self.end.next = self.endcase.y.val();
        self.logic.next = self.always.val().get_bit(0);
    }
}

#[derive(LogicInterface, Ports, Default)]
#[join = "Take"]
struct Give {
    pub data: Signal<Out, Bits<8>>,
    pub valid: Signal<Out, Bit>,
    pub ready: Signal<In, Bit>,
}

#[derive(LogicInterface, Ports, Default)]
#[join = "Give"]
struct Take {
    pub data: Signal<In, Bits<8>>,
    pub valid: Signal<In, Bit>,
    pub ready: Signal<Out, Bit>,
}

/// A local whose Verilog name an interface's field also has: the port keeps it.
#[derive(LogicBlock, Ports, Default)]
struct Stage {
    i_data: Signal<Local, Bits<8>>,
    pub i: Take,
    pub o: Give,
}

impl Logic for Stage {
    #[hdl]
    fn update(&mut self) {
        self.i_data.next = self.i.data.val() + 1;
        self.o.data.next = self.i_data.val();
        self.o.valid.next = self.i.valid.val();
        self.i.ready.next = self.o.ready.val();
    }
}

macro_rules! joined {
    ($name:ident, $hash:tt $macro:tt { $($update:tt)* }) => {
        #[derive(LogicBlock, Ports, Default)]
        struct $name {
            pub i: Take,
            pub o: Give,
            st: [Stage; 3],
        }
        impl Logic for $name {
            $hash $macro
            $($update)*
        }
    };
}

joined!(
    JoinStock,
    #[hdl_gen]
    {
        fn update(&mut self) {
            Take::link(&mut self.i, &mut self.st[0].i);
            for k in 0..2 {
                Give::join(&mut self.st[k].o, &mut self.st[k + 1].i);
            }
            Give::link(&mut self.o, &mut self.st[2].o);
        }
    }
);
joined!(
    JoinOwn,
    #[hdl]
    {
        fn update(&mut self) {
            Take::link(&mut self.i, &mut self.st[0].i);
            for k in 0..2 {
                Give::join(&mut self.st[k].o, &mut self.st[k + 1].i);
            }
            Give::link(&mut self.o, &mut self.st[2].o);
        }
    }
);

/// Text that assigns its output outside a process.
#[derive(LogicBlock, Ports, Default)]
struct CustomAssign {
    pub a: Signal<In, Bits<8>>,
    pub y: Signal<Out, Bits<8>>,
}

impl Logic for CustomAssign {
    fn update(&mut self) {
        self.y.next = !self.a.val();
    }
    fn connect(&mut self) {
        self.y.connect();
    }
    fn hdl(&self) -> Verilog {
        Verilog::Custom("assign y = ~a;".into())
    }
}

/// A wrapped core, whose declaration must come once however often it is used.
#[derive(LogicBlock, Default)]
struct Inverter {
    pub a: Signal<In, Bit>,
    pub y: Signal<Out, Bit>,
}

impl Logic for Inverter {
    fn update(&mut self) {
        self.y.next = !self.a.val();
    }
    fn connect(&mut self) {
        self.y.connect();
    }
    fn hdl(&self) -> Verilog {
        Verilog::Wrapper(Wrapper {
            code: "MYINV core (.I(a), .O(y));".into(),
            cores: "module MYINV (input I, output O);\n    assign O = ~I;\nendmodule".into(),
        })
    }
}

#[derive(LogicBlock, Ports, Default)]
struct TwoInverters {
    pub f: Signal<In, Bit>,
    pub y: Signal<Out, Bit>,
    p: Inverter,
    q: Inverter,
}

impl Logic for TwoInverters {
    #[hdl_gen]
    fn update(&mut self) {
        self.p.a.next = self.f.val();
        self.q.a.next = self.p.y.val();
        self.y.next = self.q.y.val();
    }
}

/// A child output that nobody reads, and one read twice.
#[derive(LogicBlock, Ports, Default)]
struct OpenOutput {
    pub a: Signal<In, Bits<8>>,
    pub y: Signal<Out, Bit>,
    pub z: Signal<Out, Bits<8>>,
    open: Fold,
    twice: Fold,
}

impl Logic for OpenOutput {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..4 {
            self.open.u[i].next = self.a.val();
            self.twice.u[i].next = self.a.val();
        }
        self.y.next = self.twice.y.val() == 3;
        self.z.next = self.twice.y.val();
    }
}

/// Blocks of different types behind one field.
struct Any(Box<dyn Block>);

impl Logic for Any {
    fn update(&mut self) {}
}

impl Block for Any {
    fn connect_all(&mut self) {
        self.0.connect_all();
    }
    fn update_all(&mut self) {
        self.0.update_all();
    }
    fn has_changed(&self) -> bool {
        self.0.has_changed()
    }
    fn accept(&self, name: &str, probe: &mut dyn Probe) {
        self.0.accept(name, probe);
    }
}

#[derive(LogicBlock, Ports)]
struct Heterogeneous {
    pub a: Signal<In, Bits<8>>,
    pub y: Signal<Out, Bits<8>>,
    inside: Any,
}

impl Logic for Heterogeneous {
    fn update(&mut self) {
        self.y.next = self.a.val();
    }
    fn connect(&mut self) {
        self.y.connect();
    }
    fn hdl(&self) -> Verilog {
        use skipopu_hdl::kernel::{assign, sig};
        Verilog::Combinatorial(vec![assign("inside$a", sig("a")), assign("y", sig("a"))])
    }
}

/// A bus bit by bit: one concatenation of all of them.
#[derive(LogicBlock, Ports)]
struct Mirror {
    pub a: Wire<In>,
    pub y: Wire<Out>,
    _bits: usize,
}

impl Mirror {
    fn new(bits: usize) -> Mirror {
        Mirror { a: Wire::new(bits), y: Wire::new(bits), _bits: bits }
    }
}

impl Logic for Mirror {
    #[hdl(bits = self._bits)]
    fn update(&mut self) {
        for k in 0..self._bits {
            let bit = self.a.val().bit(self._bits - 1 - k);
            self.y.next.set_slice(k, &Word::from(bit));
        }
    }
}

fn cases() -> Vec<Case> {
    vec![
        case("Fold", Fold::default),
        case("NestedIndex", NestedIndex::default),
        case("NestedIndexOwn", NestedIndexOwn::default),
        case("Rotate", Rotate::default),
        case("Chain", || Chain::new(5)),
        case("Keywords", Keywords::default),
        case("JoinStock", JoinStock::default),
        case("JoinOwn", JoinOwn::default),
        case("CustomAssign", CustomAssign::default),
        case("TwoInverters", TwoInverters::default),
        case("OpenOutput", OpenOutput::default),
        case("Mirror", || Mirror::new(600)),
        case("Heterogeneous", || Heterogeneous {
            a: Default::default(),
            y: Default::default(),
            inside: Any(Box::new(CustomAssign::default())),
        }),
    ]
}

#[test]
fn agree_in_three_simulators() {
    let cases = cases();
    let suite = Suite::new("structures", &cases);
    assert!(suite.agree(CYCLES, 0, |_| {}) > 9_000);
    suite.lint(&[]);
}

/// One module per distinct block, one declaration per external core.
#[test]
fn equal_blocks_are_one_module() {
    let census = |c: Case| -> Vec<(String, usize)> {
        let d = c.emit().unwrap_or_else(|e| panic!("{e}"));
        d.modules.iter().map(|m| (m.name.clone(), m.instances)).collect()
    };
    assert_eq!(
        census(case("top", || Chain::new(40))),
        [("top_stages".to_string(), 40), ("top".into(), 1)]
    );
    assert_eq!(
        census(case("top", JoinOwn::default)),
        [("top_Stage".to_string(), 3), ("top".into(), 1)]
    );
    let two = case("top", TwoInverters::default).emit().unwrap();
    // Blocks without a tag are told apart by their field.
    assert_eq!((two.externs.len(), two.modules.len(), two.blocks), (1, 3, 3));
}

/// Verilator takes 40,000 tokens a line, which a concatenation of bits of a wide word exceeds.
#[test]
fn long_concatenations_are_broken_over_lines() {
    let design = case("top", || Mirror::new(1_000)).emit().unwrap_or_else(|e| panic!("{e}"));
    let text = design.text();
    assert!(text.matches("a[").count() >= 1_000);
    let longest = text.lines().map(|line| line.matches(',').count()).max();
    assert_eq!(longest, Some(256), "parts of a line");
    let report = lint::check(&design, &LintOptions::standard().unwrap()).unwrap();
    assert!(report.clean(), "{}", report.table().text());
}

/// A tri-state bus goes straight to the child that drives it.
#[derive(LogicBlock, Default)]
struct Pad {
    pub bus: Signal<InOut, Bits<8>>,
    pub drive: Signal<In, Bit>,
    pub d: Signal<In, Bits<8>>,
    pub q: Signal<Out, Bits<8>>,
    buffer: TristateBuffer<Bits<8>>,
}

impl Logic for Pad {
    #[hdl_gen]
    fn update(&mut self) {
        self.buffer.write_enable.next = self.drive.val();
        self.buffer.write_data.next = self.d.val();
        self.q.next = self.buffer.read_data.val();
        Signal::<InOut, Bits<8>>::link(&mut self.bus, &mut self.buffer.bus);
    }
}

#[test]
fn a_tristate_bus_is_an_alias() {
    let mut pad = Pad::default();
    pad.connect_all();
    let d = skipopu_hdl::emit(&pad, "Pad", &Default::default()).unwrap();
    insta::assert_snapshot!(d.top().text);
    let options = skipopu_eda::lint::LintOptions::standard().unwrap();
    let report = skipopu_eda::lint::check(&d, &options).unwrap();
    assert!(report.clean(), "{:#?}", report.findings);
}
