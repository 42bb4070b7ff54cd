//! Blocks whose children are joined and linked by interfaces.

use super::expressions::{Expressions, Type};
use super::{pick, Block, Macro};
use rand::rngs::SmallRng;
use rand::Rng;
use std::fmt::Write as _;

/// A chain of equal stages between the two ends of the block.
pub fn block(rng: &mut SmallRng) -> Block {
    let w = pick(rng, &[4, 8, 16, 48]);
    let stages = rng.random_range(1..5);
    let registered = rng.random();
    let known = [
        ("self.i.data.val()", Type::Bits(w)),
        ("self.i.valid.val()", Type::Bit),
        ("self.n.val()", Type::Bits(8)),
    ];
    let mut known = known.map(|(n, t)| (n.to_string(), t)).to_vec();
    if registered {
        known.push(("self.full.q.val()".into(), Type::Bit));
        known.push(("self.held.q.val()".into(), Type::Bits(w)));
    }
    let mut e = Expressions { rng, known, own: false };
    let value = e.value(Type::Bits(w), 3);
    let (fields, body) = if registered {
        let fields = format!("full: DFF<Bit>,\nheld: DFF<Bits<{w}>>,\ntake: Signal<Local, Bit>,\n");
        let body = format!(
            "dff_setup!(self, clock, full, held);\n\
             self.take.next = !self.full.q.val() || self.o.ready.val();\n\
             if self.take.val() {{\nself.full.d.next = self.i.valid.val();\n\
             self.held.d.next = {value};\n}}\n\
             self.o.data.next = self.held.q.val();\nself.o.valid.next = self.full.q.val();\n\
             self.i.ready.next = self.take.val();\n"
        );
        (fields, body)
    } else {
        let valid = e.bit(1);
        let body = format!(
            "self.o.data.next = {value};\nself.o.valid.next = self.i.valid.val() && ({valid});\n\
             self.i.ready.next = self.o.ready.val();\n"
        );
        (String::new(), body)
    };
    let turned = e.rng.random::<bool>();
    let joins = match turned {
        true => "Take::join(&mut self.st[k + 1].i, &mut self.st[k].o);",
        false => "Give::join(&mut self.st[k].o, &mut self.st[k + 1].i);",
    };
    let mut items = format!(
        "#[derive(LogicInterface, Ports, Default)]\n#[join = \"Take\"]\npub struct Give {{\n\
         pub data: Signal<Out, Bits<{w}>>,\npub valid: Signal<Out, Bit>,\npub ready: Signal<In, Bit>,\n}}\n\
         #[derive(LogicInterface, Ports, Default)]\n#[join = \"Give\"]\npub struct Take {{\n\
         pub data: Signal<In, Bits<{w}>>,\npub valid: Signal<In, Bit>,\npub ready: Signal<Out, Bit>,\n}}\n"
    );
    let mut tops = Vec::new();
    for m in [Macro::Stock, Macro::Own] {
        let (module, attribute) = (m.module(), m.attribute());
        let last = stages - 1;
        let _ = write!(
            items,
            "pub mod {module} {{\nuse super::*;\n\
             #[derive(LogicBlock, Ports, Default)]\npub struct Stage {{\n\
             pub clock: Signal<In, Clock>,\npub n: Signal<In, Bits<8>>,\npub i: Take,\npub o: Give,\n\
             {fields}}}\nimpl Logic for Stage {{\n{attribute}\nfn update(&mut self) {{\n{body}}}\n}}\n\
             #[derive(LogicBlock, Ports, Default)]\npub struct Top {{\n\
             pub clock: Signal<In, Clock>,\npub a: Signal<In, Bits<8>>,\npub i: Take,\npub o: Give,\n\
             st: [Stage; {stages}],\n}}\nimpl Logic for Top {{\n{attribute}\nfn update(&mut self) {{\n\
             for k in 0..{stages} {{\nself.st[k].clock.next = self.clock.val();\n\
             self.st[k].n.next = self.a.val().get_bits::<8>(k);\n}}\n\
             Take::link(&mut self.i, &mut self.st[0].i);\n\
             for k in 0..{last} {{ {joins} }}\n\
             Give::link(&mut self.o, &mut self.st[{last}].o);\n}}\n}}\n}}\n"
        );
        tops.push((format!("{module}::Top"), "default"));
    }
    Block { items, tops }
}
