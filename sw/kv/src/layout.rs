//! [`KvLayout`]: the KV region of a pseudo-channel.

use crate::error::{require, KvError};
use crate::place::Place;
use crate::KvMachine;
use serde::Serialize;

/// Bytes that an HBM port gives in a core cycle: the word of buffer banks and read streams.
pub const WORD_BYTES: usize = 64;
/// Bytes of one beat of an HBM port.
pub const HBM_BEAT_BYTES: usize = 32;
/// Bytes of a pseudo-channel of the U280.
pub const CHANNEL_BYTES: u64 = 256 << 20;
/// Heads read in one pass.
pub const HEADS_PER_PASS: usize = 2;
/// Bytes of a value of K or V.
const VALUE_BYTES: usize = 2;

/// What a model stores of a token in a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct KvModel {
    /// Layers.
    pub layers: usize,
    /// Heads of K and V (fewer than query heads in grouped-query attention).
    pub kv_heads: usize,
    /// Values of a head, as many as are stored: the overlay pads heads to whole slices.
    pub head: usize,
}

impl KvModel {
    /// Llama-2-7B: 16 KiB of K and V a token and layer.
    pub const LLAMA2_7B: KvModel = KvModel { layers: 32, kv_heads: 32, head: 128 };
    /// Llama-2-13B.
    pub const LLAMA2_13B: KvModel = KvModel { layers: 40, kv_heads: 40, head: 128 };
    /// stories15M.
    pub const STORIES15M: KvModel = KvModel { layers: 6, kv_heads: 6, head: 48 };

    /// Bytes of K and V of a token in a layer, without padding.
    pub fn token_bytes(&self) -> usize {
        2 * self.kv_heads * self.head * VALUE_BYTES
    }
}

/// The KV region, the same in every pseudo-channel.
///
/// A **pass** is what attention reads at a time: K or V of two heads, pass `2 * pair` for K of the heads
/// `2 * pair` and `2 * pair + 1`, pass `2 * pair + 1` for their V. A token's data of a pass is `words` words of
/// 64 bytes: the values of the first head, then those of the second, then zeros. The region is laid out
/// by layer, then pass, then slot, so that what a layer's own tokens have for a pass is contiguous.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct KvLayout {
    /// First byte of the region.
    pub base: u64,
    /// Layers.
    pub layers: usize,
    /// Passes a layer.
    pub passes: usize,
    /// Values of a head.
    pub head: usize,
    /// Words of a token and pass.
    pub words: usize,
    /// Slots of a layer and port.
    pub slots: usize,
}

impl KvLayout {
    /// The region of a model on a machine, from byte `base` of every pseudo-channel.
    ///
    /// # Errors
    /// A model with no head or more layers than the machine takes, heads that need more than 16 words a
    /// pass, a base that is no multiple of 4 KiB, or a region that ends beyond the pseudo-channel.
    pub fn new(model: &KvModel, machine: &KvMachine, base: u64) -> Result<KvLayout, KvError> {
        machine.check()?;
        let legal = format!("1 to {} (kv_buffer.layers)", machine.layers);
        require((1..=machine.layers).contains(&model.layers), "layers", model.layers, legal)?;
        require((1..=256).contains(&model.kv_heads), "KV heads", model.kv_heads, "1 to 256")?;
        require((1..=256).contains(&model.head), "head size", model.head, "1 to 256")?;
        require(base % 4096 == 0, "base of the KV region", base as usize, "a multiple of 4096")?;
        let layout = KvLayout {
            base,
            layers: model.layers,
            passes: 2 * model.kv_heads.div_ceil(HEADS_PER_PASS),
            head: model.head,
            words: (HEADS_PER_PASS * model.head * VALUE_BYTES).div_ceil(WORD_BYTES),
            slots: machine.context.div_ceil(machine.ports),
        };
        let end = base + layout.bytes();
        let legal = format!(
            "at most {CHANNEL_BYTES}: choose a shorter kv_buffer.context or more memory.hbm_ports"
        );
        require(end <= CHANNEL_BYTES, "end of the KV region", end as usize, legal)?;
        Ok(layout)
    }

    /// Words of a token and layer, all passes.
    pub fn token_words(&self) -> usize {
        self.passes * self.words
    }

    /// Bytes from a layer to the next.
    pub fn layer_bytes(&self) -> u64 {
        self.passes as u64 * self.pass_bytes()
    }

    /// Bytes from a pass to the next.
    pub fn pass_bytes(&self) -> u64 {
        (self.slots * self.words * WORD_BYTES) as u64
    }

    /// Bytes of the region in each pseudo-channel.
    pub fn bytes(&self) -> u64 {
        self.layers as u64 * self.layer_bytes()
    }

    /// First byte of a layer.
    pub fn layer_base(&self, layer: usize) -> u64 {
        self.base + layer as u64 * self.layer_bytes()
    }

    /// First byte of a token's data of a pass, in its port.
    pub fn address(&self, layer: usize, pass: usize, slot: usize) -> u64 {
        self.layer_base(layer)
            + pass as u64 * self.pass_bytes()
            + (slot * self.words * WORD_BYTES) as u64
    }

    /// Port and byte of one value of K (`value` false) or V of a KV head.
    pub fn locate(
        &self,
        layer: usize,
        place: Place,
        head: usize,
        v: bool,
        dim: usize,
    ) -> (usize, u64) {
        let pass = 2 * (head / HEADS_PER_PASS) + usize::from(v);
        let within = ((head % HEADS_PER_PASS) * self.head + dim) * VALUE_BYTES;
        (place.port, self.address(layer, pass, place.slot) + within as u64)
    }

    /// Word of a bank that holds a word of a token kept in `slot`: by pass, then word, then slot.
    pub fn bank_word(&self, bank_slots: usize, pass: usize, word: usize, slot: usize) -> usize {
        (pass * self.words + word) * bank_slots + slot
    }
}
