//! [`KvUnit`]: keys and values of the tokens before the block, as their schedules bring them.

use crate::load::values;
use crate::machine::Machine;
use crate::memory::Memory;
use crate::run::Stop;
use crate::state::State;
use skipopu_isa::Register;
use skipopu_kv::layout::{HEADS_PER_PASS, WORD_BYTES};
use skipopu_kv::{BufferRead, HbmRead, KvError, KvLayout, KvSequencer, Place, Source};
use std::collections::VecDeque;

/// K or V of a pair of heads, by slot: the values of both heads, whole slices; none where there is no token.
pub type Pass = Vec<Option<[Vec<u16>; 2]>>;

/// The text so far, the invariance buffer, and what waits for attention.
#[derive(Clone, Debug, Default)]
pub struct KvUnit {
    /// Begins with the first instruction that asks for it.
    text: Option<KvSequencer>,
    /// Bytes of all passes of a token, by bank and slot.
    banks: Vec<Vec<Vec<u8>>>,
    passes: VecDeque<Pass>,
}

/// The region as the registers describe it.
pub fn layout(machine: &Machine, state: &State) -> KvLayout {
    let (head, heads) = (state.size(Register::Head), state.size(Register::KvHeads));
    layout_of(machine, head, heads, state.register(Register::KvBase))
}

/// The region of heads of a size, from a number of 4 KiB on.
pub(crate) fn layout_of(machine: &Machine, head: usize, heads: usize, page: u32) -> KvLayout {
    let head = head.next_multiple_of(machine.lanes);
    let model = machine.order.machine;
    KvLayout {
        base: u64::from(page) * 4096,
        layers: model.layers,
        passes: 2 * heads.div_ceil(HEADS_PER_PASS),
        head,
        words: (HEADS_PER_PASS * head * 2).div_ceil(WORD_BYTES),
        slots: model.context.div_ceil(model.ports),
    }
}

impl KvUnit {
    /// Begins a block; at position 0 a text.
    pub fn begin(&mut self, rows: usize, position: usize) {
        if position == 0 {
            *self = KvUnit::default();
        }
        if let Some(text) = &mut self.text {
            text.begin(rows);
        }
    }

    /// Ends it.
    pub fn end(&mut self) {
        if let Some(text) = &mut self.text {
            text.end();
        }
    }

    /// Passes that wait for attention.
    pub fn waiting(&self) -> usize {
        self.passes.len()
    }

    /// The next pass.
    pub fn pop(&mut self) -> Option<Pass> {
        self.passes.pop_front()
    }

    fn text(&mut self, machine: &Machine, state: &State) -> Result<&mut KvSequencer, Stop> {
        let (kv, position) = (&machine.order.machine, state.size(Register::Position));
        if self.text.is_none() && position == 0 {
            let (slots, most) =
                (state.size(Register::KvSlots), kv.slots_for(&layout(machine, state)));
            if slots > most {
                let legal = format!("at most {most}, which is what the banks hold of this model");
                return Err(KvError::Size { what: "kv_slots", value: slots, legal }.into());
            }
            let mut text = KvSequencer::new(kv, state.size(Register::Layers), slots)?;
            text.begin(state.size(Register::Rows));
            self.banks = vec![vec![Vec::new(); slots]; kv.ports];
            self.text = Some(text);
        }
        let tokens = self.text.as_ref().map_or(0, KvSequencer::tokens);
        let text = self.text.as_mut().filter(|_| tokens == position);
        text.ok_or(Stop::Position { position, tokens })
    }

    /// The place of a row's own K and V.
    ///
    /// # Errors
    /// What [`KvSequencer::append`] refuses, registers that describe no text.
    pub fn append(
        &mut self,
        machine: &Machine,
        state: &State,
        layer: usize,
        row: usize,
    ) -> Result<Place, Stop> {
        Ok(self.text(machine, state)?.append(layer, row)?)
    }

    /// Plays a layer: all its passes wait for attention then. Words read from HBM and from the buffer.
    ///
    /// # Errors
    /// What [`KvSequencer::play`] refuses, registers that describe no text, bytes outside HBM.
    pub fn play(
        &mut self,
        machine: &Machine,
        state: &State,
        memory: &Memory,
        layer: usize,
    ) -> Result<(u64, u64), Stop> {
        let layout = layout(machine, state);
        let Some(schedule) = self.text(machine, state)?.play(layer)? else { return Ok((0, 0)) };
        let slots = machine.order.earlier(&schedule);
        let mut tokens: Vec<Option<Vec<u8>>> = Vec::with_capacity(slots.len());
        let mut words = (0, 0);
        for round in slots.chunks(machine.order.round) {
            let mut kept = Vec::new();
            for source in round {
                let bytes = match *source {
                    None => None,
                    Some(Source::Hbm(port, read)) => {
                        let bytes = from_hbm(memory, &layout, port, read)?;
                        kept.extend(read.keep.map(|slot| (port, slot, bytes.clone())));
                        words.0 += layout.token_words() as u64;
                        Some(bytes)
                    }
                    Some(Source::Buffer(_, BufferRead { bank, slot, .. })) => {
                        words.1 += layout.token_words() as u64;
                        Some(self.banks[bank][slot].clone())
                    }
                };
                tokens.push(bytes);
            }
            // What a round keeps is written when its words have been read.
            for (bank, slot, bytes) in kept {
                self.banks[bank][slot] = bytes;
            }
        }
        for pass in 0..layout.passes {
            let slot = |bytes: &Option<Vec<u8>>| {
                let bytes = &bytes.as_ref()?[pass * layout.words * WORD_BYTES..];
                let head = |h: usize| values(&bytes[2 * h * layout.head..][..2 * layout.head]);
                Some([head(0), head(1)])
            };
            self.passes.push_back(tokens.iter().map(slot).collect());
        }
        Ok(words)
    }
}

/// All passes of a token.
fn from_hbm(
    memory: &Memory,
    layout: &KvLayout,
    port: usize,
    read: HbmRead,
) -> Result<Vec<u8>, Stop> {
    let bytes_of_pass = layout.words * WORD_BYTES;
    let mut bytes = vec![0; layout.passes * bytes_of_pass];
    for (pass, bytes) in bytes.chunks_exact_mut(bytes_of_pass).enumerate() {
        memory.hbm[port].read(layout.address(read.owner, pass, read.slot), bytes)?;
    }
    Ok(bytes)
}
