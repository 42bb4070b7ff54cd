//! [`KvRegion`]: where keys and values stand, and of which layer.

use crate::machine::Machine;
use crate::state::State;
use skipopu_isa::Register;
use skipopu_kv::layout::{HEADS_PER_PASS, WORD_BYTES};
use skipopu_kv::{place, KvLayout, Place};

/// Which tokens have keys and values of which layer, and where.
#[derive(Clone, Debug, Default)]
pub struct KvRegion {
    /// Place by layer and token.
    places: Vec<Vec<Option<Place>>>,
    /// Tokens appended, by layer.
    appended: Vec<usize>,
}

impl KvRegion {
    /// Nothing, for a number of layers.
    pub fn new(machine: &Machine) -> KvRegion {
        let (layers, context) = (machine.kv.layers, machine.kv.context);
        KvRegion { places: vec![vec![None; context]; layers], appended: vec![0; layers] }
    }

    /// Forgets all tokens.
    pub fn clear(&mut self) {
        self.places.iter_mut().for_each(|l| l.fill(None));
        self.appended.fill(0);
    }

    /// Gives a token its place in a layer; tokens come in order.
    pub fn append(&mut self, layer: usize, token: usize, ports: usize) -> Place {
        let at = place(self.appended[layer], ports);
        self.appended[layer] += 1;
        self.places[layer][token] = Some(at);
        at
    }

    /// Owner layer and place of a token, as a layer's readers see it.
    pub fn owner(&self, layer: usize, token: usize) -> Option<(usize, Place)> {
        (0..=layer).rev().find_map(|l| Some((l, (*self.places[l].get(token)?)?)))
    }

    /// The tokens 0 to `count` in the order in which a layer reads them.
    pub fn order(&self, _layer: usize, count: usize) -> impl Iterator<Item = usize> {
        0..count
    }
}

/// The region as the registers describe it.
pub fn layout(machine: &Machine, state: &State) -> KvLayout {
    let (heads, head) = (state.size(Register::KvHeads), state.size(Register::Head));
    KvLayout {
        base: u64::from(state.register(Register::KvBase)) * 4096,
        layers: machine.kv.layers,
        passes: 2 * heads.div_ceil(HEADS_PER_PASS),
        words: (HEADS_PER_PASS * head * 2).div_ceil(WORD_BYTES),
        slots: machine.kv.context.div_ceil(machine.kv.ports),
    }
}
