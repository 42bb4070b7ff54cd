//! [`PortMux`]: weights, keys and values through one HBM port.

use crate::dma::{Command, DmaOptions};
use crate::kv::{KvShape, WORD_BITS};
use crate::parameter::ParameterError;
use crate::stream::{ItemSink, ItemSource, StreamSink, StreamSource};
use skipopu_hdl::prelude::*;

/// Puts the commands of two readers onto a port and gives each its words.
///
/// - Does: a command of weights goes first, so that a layer's weights do not wait for its keys and values; the top bit of a
///   command's tag says whose it is.
/// - Does not: hold words. Whoever asks has room for the answer, or stops the other one.
/// - Guarantee: latency 0 both ways.
#[derive(LogicBlock, Ports)]
pub struct PortMux {
    /// Reads of weights, `{bytes, address}`.
    pub weights: ItemSink,
    /// Reads of keys and values, `{tag, bytes, address}`.
    pub kv: ItemSink,
    /// Reads of the port, `{kv, tag, bytes, address}`.
    pub command: ItemSource,
    /// What the port gives, `{kv, tag, word}`.
    pub read: StreamSink,
    /// Words of weights.
    pub weights_read: ItemSource,
    /// Words of keys and values, `{tag, word}`.
    pub kv_read: StreamSource,
    _tag: usize,
    _bits: usize,
}

impl PortMux {
    /// The port of a core: that of the HBM with a tag for keys and values and a bit for whom.
    pub fn options(shape: &KvShape) -> DmaOptions {
        DmaOptions { tag_bits: shape.tag() + 1, ..DmaOptions::hbm() }
    }

    /// For the tags of `shape`.
    ///
    /// # Errors
    /// None with the widths used here.
    pub fn new(shape: &KvShape) -> Result<PortMux, ParameterError> {
        let bits = Command::bits(&PortMux::options(shape));
        let tag = shape.tag();
        Ok(PortMux {
            weights: ItemSink::new(bits - tag - 1),
            kv: ItemSink::new(bits - 1),
            command: ItemSource::new(bits),
            read: StreamSink::new(WORD_BITS + tag + 1),
            weights_read: ItemSource::new(WORD_BITS),
            kv_read: StreamSource::new(WORD_BITS + tag),
            _tag: tag,
            _bits: bits,
        })
    }
}

impl Logic for PortMux {
    #[hdl(tag = self._tag)]
    fn update(&mut self) {
        let tag = self._tag;
        let first = self.weights.valid.val();
        self.command.valid.next = self.weights.valid.val() || self.kv.valid.val();
        self.command.data.next =
            mux(first, self.weights.data.val().zext(self._bits), cat!(true, self.kv.data.val()));
        self.weights.ready.next = self.command.ready.val();
        self.kv.ready.next = self.command.ready.val() && !first;
        let kv = self.read.data.val().bit(WORD_BITS + tag);
        self.weights_read.valid.next = self.read.valid.val() && !kv;
        self.weights_read.data.next = self.read.data.val().trunc(WORD_BITS);
        self.kv_read.valid.next = self.read.valid.val() && kv;
        self.kv_read.data.next = self.read.data.val().trunc(WORD_BITS + tag);
        self.kv_read.last.next = self.read.last.val();
        self.read.ready.next =
            mux(kv, self.kv_read.ready.val(), self.weights_read.ready.val()).any();
    }
}
