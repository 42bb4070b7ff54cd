//! Access to a block's ports by name, so that one test body can drive a rust-hdl block and its
//! Verilated twin alike.

use crate::emit::names;
use crate::{Dir, Port, Wire, Word};
use num_bigint::BigUint;
use rust_hdl::prelude::*;

/// Ports by their Verilog names. Implemented by `#[derive(Ports)]`.
pub trait Ports {
    /// All ports in declaration order, named as in the emitted module.
    fn ports(&self) -> Vec<Port>;
    /// Sets the next value of an input (a clock too). Panics on a name that is not an input.
    fn poke(&mut self, port: &str, value: &Word);
    /// Reads the present value of a port. Panics on an unknown name.
    fn peek(&self, port: &str) -> Word;
}

/// A block that can be simulated, emitted and driven by name.
pub trait Dut: Block + Ports {}
impl<T: Block + Ports> Dut for T {}

/// A port, or an interface of ports, that sits under `name` in its block.
pub trait Access {
    /// Appends the ports below `name`.
    fn list(&self, name: &str, out: &mut Vec<Port>);
    /// Sets `port` if it is an input below `name`; did it?
    fn poke(&mut self, name: &str, port: &str, value: &Word) -> bool;
    /// Reads `port` if it is below `name`.
    fn peek(&self, name: &str, port: &str) -> Option<Word>;
}

/// The Verilog name of a member: the field of a block, or `interface_field`.
pub fn member(name: &str, field: &str) -> String {
    if name.is_empty() {
        field.to_string()
    } else {
        format!("{name}_{field}")
    }
}

/// Values that travel through a `Signal` and have a fixed-width bit pattern.
pub trait AsWord: Synth {
    /// The bit pattern.
    fn to_word(self) -> Word;
    /// From a bit pattern of `Self::BITS` bits.
    fn from_word(w: &Word) -> Self;
}

impl AsWord for bool {
    fn to_word(self) -> Word {
        self.into()
    }
    fn from_word(w: &Word) -> bool {
        w.any()
    }
}

impl AsWord for Clock {
    fn to_word(self) -> Word {
        self.clk.into()
    }
    fn from_word(w: &Word) -> Clock {
        w.any().into()
    }
}

impl<const N: usize> AsWord for Bits<N> {
    fn to_word(self) -> Word {
        Word::from_limbs(N, &BigUint::from(self).to_u64_digits())
    }
    fn from_word(w: &Word) -> Bits<N> {
        let digits = w.limbs().iter().flat_map(|l| [*l as u32, (*l >> 32) as u32]).collect();
        BigUint::new(digits).into()
    }
}

impl<const N: usize> AsWord for Signed<N> {
    fn to_word(self) -> Word {
        self.inner().to_word()
    }
    fn from_word(w: &Word) -> Signed<N> {
        signed_cast(Bits::from_word(w))
    }
}

/// Ports of a list: `name_0`, `name_1` and so on.
impl<A: Access> Access for Vec<A> {
    fn list(&self, name: &str, out: &mut Vec<Port>) {
        for (i, a) in self.iter().enumerate() {
            a.list(&member(name, &i.to_string()), out);
        }
    }
    fn poke(&mut self, name: &str, port: &str, value: &Word) -> bool {
        let mut each = self.iter_mut().enumerate();
        each.any(|(i, a)| a.poke(&member(name, &i.to_string()), port, value))
    }
    fn peek(&self, name: &str, port: &str) -> Option<Word> {
        let mut each = self.iter().enumerate();
        each.find_map(|(i, a)| a.peek(&member(name, &i.to_string()), port))
    }
}

fn port(name: &str, dir: Dir, width: usize, d: &TypeDescriptor) -> Port {
    Port {
        name: names::port(name),
        dir,
        width,
        clock: d.name == "clock",
        signed: matches!(d.kind, TypeKind::Signed(_)),
    }
}

impl<T: AsWord> Access for Signal<In, T> {
    fn list(&self, name: &str, out: &mut Vec<Port>) {
        out.push(port(name, Dir::In, T::BITS, &T::descriptor()));
    }
    fn poke(&mut self, name: &str, port: &str, value: &Word) -> bool {
        let hit = names::port(name) == port;
        if hit {
            self.next = T::from_word(&value.clone().sized(T::BITS));
        }
        hit
    }
    fn peek(&self, name: &str, port: &str) -> Option<Word> {
        (names::port(name) == port).then(|| self.next.to_word())
    }
}

impl<T: AsWord> Access for Signal<Out, T> {
    fn list(&self, name: &str, out: &mut Vec<Port>) {
        out.push(port(name, Dir::Out, T::BITS, &T::descriptor()));
    }
    fn poke(&mut self, _: &str, _: &str, _: &Word) -> bool {
        false
    }
    fn peek(&self, name: &str, port: &str) -> Option<Word> {
        (names::port(name) == port).then(|| self.val().to_word())
    }
}

impl Access for Wire<In> {
    fn list(&self, name: &str, out: &mut Vec<Port>) {
        out.push(port(name, Dir::In, self.width(), &self.descriptor()));
    }
    fn poke(&mut self, name: &str, port: &str, value: &Word) -> bool {
        let hit = names::port(name) == port;
        if hit {
            self.next = value.clone().sized(self.width());
        }
        hit
    }
    fn peek(&self, name: &str, port: &str) -> Option<Word> {
        (names::port(name) == port).then(|| self.next.clone())
    }
}

impl Access for Wire<Out> {
    fn list(&self, name: &str, out: &mut Vec<Port>) {
        out.push(port(name, Dir::Out, self.width(), &self.descriptor()));
    }
    fn poke(&mut self, _: &str, _: &str, _: &Word) -> bool {
        false
    }
    fn peek(&self, name: &str, port: &str) -> Option<Word> {
        (names::port(name) == port).then(|| self.val())
    }
}

/// Ports of an array, named like those of a list.
impl<A: Access, const N: usize> Access for [A; N] {
    fn list(&self, name: &str, out: &mut Vec<Port>) {
        for (i, a) in self.iter().enumerate() {
            a.list(&member(name, &i.to_string()), out);
        }
    }
    fn poke(&mut self, name: &str, port: &str, value: &Word) -> bool {
        let mut each = self.iter_mut().enumerate();
        each.any(|(i, a)| a.poke(&member(name, &i.to_string()), port, value))
    }
    fn peek(&self, name: &str, port: &str) -> Option<Word> {
        let mut each = self.iter().enumerate();
        each.find_map(|(i, a)| a.peek(&member(name, &i.to_string()), port))
    }
}
