//! The address channels: what both have to obey.

use super::ports::AddressPorts;
use super::{AxiVersion, Broken, Channel};
use crate::engine::Engine;

/// A burst as asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub address: u64,
    pub id: u64,
    pub beats: u32,
}

/// Watches one address channel.
#[derive(Clone, Debug)]
pub(super) struct AddressChannel {
    pub ports: AddressPorts,
    channel: Channel,
    version: AxiVersion,
    bytes: u64,
    /// Payload of the last cycle, if it was valid and not taken.
    held: Option<[u64; 5]>,
    /// Is `ready` on the wire?
    pub ready: bool,
    /// Cycles with `valid` but not `ready`.
    pub stalls: u64,
}

impl AddressChannel {
    pub fn new(ports: AddressPorts, channel: Channel, version: AxiVersion, bytes: usize) -> Self {
        let bytes = bytes as u64;
        AddressChannel { ports, channel, version, bytes, held: None, ready: false, stalls: 0 }
    }

    pub fn present(&mut self, engine: &mut dyn Engine, ready: bool) {
        self.ready = ready;
        engine.poke_limbs(self.ports.ready, &[u64::from(ready)]);
    }

    /// The burst taken in this cycle, if one is.
    pub fn observe(&mut self, engine: &dyn Engine) -> Result<Option<Asked>, Broken> {
        let channel = self.channel;
        let get = |index: usize| {
            let mut value = [0];
            engine.peek_limbs(index, &mut value);
            value[0]
        };
        if get(self.ports.valid) == 0 {
            return match self.held.take() {
                None => Ok(None),
                Some(_) => Err(Broken::ValidDropped(channel)),
            };
        }
        let optional = |index: Option<usize>, default: u64| index.map_or(default, get);
        let size = u64::from(self.bytes.trailing_zeros());
        let payload = [
            get(self.ports.address),
            get(self.ports.len),
            optional(self.ports.id, 0),
            optional(self.ports.size, size),
            optional(self.ports.burst, 1),
        ];
        if let Some(before) = self.held.take().filter(|b| *b != payload) {
            let at = before.iter().zip(&payload).position(|(b, a)| b != a).unwrap_or(0);
            return Err(Broken::PayloadChanged {
                channel,
                what: ["addr", "len", "id", "size", "burst"][at],
                before: before[at],
                after: payload[at],
            });
        }
        self.check(payload, size)?;
        if !self.ready {
            self.held = Some(payload);
            self.stalls += 1;
            return Ok(None);
        }
        let [address, len, id, ..] = payload;
        Ok(Some(Asked { address, id, beats: len as u32 + 1 }))
    }

    fn check(&self, payload: [u64; 5], size: u64) -> Result<(), Broken> {
        let [address, len, _, found, kind] = payload;
        let (channel, bytes) = (self.channel, self.bytes);
        if found != size {
            return Err(Broken::Size { channel, found, wanted: size });
        }
        if kind != 1 {
            return Err(Broken::Kind { channel, found: kind });
        }
        let limit = self.version.beats();
        if len >= u64::from(limit) {
            return Err(Broken::TooLong { channel, beats: len.saturating_add(1), limit });
        }
        if address % bytes != 0 {
            return Err(Broken::Unaligned { channel, address, bytes });
        }
        if address % 4096 + (len + 1) * bytes > 4096 {
            return Err(Broken::Crosses4k { channel, address, beats: len as u32 + 1 });
        }
        Ok(())
    }
}
