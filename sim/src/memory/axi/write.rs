//! The write half of a slave.

use super::address::{AddressChannel, Asked};
use super::disturb::Disturbance;
use super::ports::{WritePorts, DATA_LIMBS};
use super::window::Window;
use super::{hazard, AxiStats, AxiVersion, Broken, Channel, Response, WRITE_TAG};
use crate::engine::Engine;
use crate::memory::{Burst, Timing};
use std::collections::VecDeque;

/// Bursts in flight at most.
const LIMIT: usize = 64;

/// Data of one burst.
#[derive(Clone, Debug, Default)]
struct Data {
    bytes: Vec<u8>,
    /// One limb group of strobes per beat.
    strobes: Vec<u64>,
    beats: u32,
}

/// A burst whose data are all there.
#[derive(Clone, Debug)]
struct Flight {
    asked: Asked,
    key: Option<u64>,
    data: Data,
    left: u32,
    response: Response,
}

/// Payload of W.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct WBeat {
    data: [u64; DATA_LIMBS],
    strobe: [u64; 2],
    last: bool,
    id: u64,
}

/// The write half.
#[derive(Clone, Debug)]
pub(super) struct WriteSide {
    aw: AddressChannel,
    ports: WritePorts,
    /// Addresses whose data are not complete, with their keys.
    asked: VecDeque<(Asked, Option<u64>)>,
    /// Complete data whose address has not come.
    early: VecDeque<Data>,
    /// The data that are coming.
    gather: Data,
    slots: Vec<Option<Flight>>,
    free: Vec<usize>,
    order: Vec<usize>,
    w_ready: bool,
    held: Option<WBeat>,
    offered: Option<usize>,
    /// Does the next address wait for data on the wires?
    aw_waits: bool,
    w_valid: bool,
    /// May the coming data be taken before their address?
    w_early: bool,
    pub w_stalls: u64,
}

impl WriteSide {
    pub fn new(ports: WritePorts, version: AxiVersion) -> WriteSide {
        WriteSide {
            aw: AddressChannel::new(ports.aw.clone(), Channel::Aw, version, ports.bytes),
            ports,
            asked: VecDeque::new(),
            early: VecDeque::new(),
            gather: Data::default(),
            slots: Vec::new(),
            free: Vec::new(),
            order: Vec::new(),
            w_ready: false,
            held: None,
            offered: None,
            aw_waits: false,
            w_valid: false,
            w_early: true,
            w_stalls: 0,
        }
    }

    pub fn open(&self) -> usize {
        self.asked.len() + self.order.len()
    }

    /// Beats of data without an address.
    pub fn loose(&self) -> usize {
        let early: u32 = self.early.iter().map(|d| d.beats).sum();
        if self.asked.is_empty() {
            (early + self.gather.beats) as usize
        } else {
            0
        }
    }

    pub fn stalls(&self) -> u64 {
        self.aw.stalls
    }

    /// A beat is in the memory.
    pub fn done(&mut self, slot: usize) {
        if let Some(Some(flight)) = self.slots.get_mut(slot) {
            flight.left = flight.left.saturating_sub(1);
        }
    }

    pub fn present(
        &mut self,
        engine: &mut dyn Engine,
        timing: &dyn Timing,
        disturb: &mut Disturbance,
        window: &Window,
    ) {
        let room = timing.room(true) > self.asked.len() && self.open() < timing.limit().min(LIMIT);
        // Data that came ahead is what the address would wait for.
        let waits = self.aw_waits && !self.w_valid && self.loose() == 0;
        let ready = room && !waits && !disturb.stalls(2);
        self.aw.present(engine, ready);
        // At most one burst of data ahead of its address.
        let known = !self.asked.is_empty();
        self.w_ready = (known || self.w_early && self.early.is_empty()) && !disturb.stalls(3);
        engine.poke_limbs(self.ports.w_ready, &[u64::from(self.w_ready)]);
        if self.offered.is_none() {
            self.offer(engine, disturb, window);
        }
    }

    fn offer(&mut self, engine: &mut dyn Engine, disturb: &mut Disturbance, window: &Window) {
        let mut seen: Vec<u64> = Vec::new();
        let mut candidates: Vec<usize> = Vec::new();
        for slot in &self.order {
            let Some(flight) = self.slots[*slot].as_ref() else { continue };
            if !seen.contains(&flight.asked.id) {
                seen.push(flight.asked.id);
                if flight.left == 0 {
                    candidates.push(*slot);
                }
            }
        }
        let chosen = (!candidates.is_empty() && !disturb.stalls(4))
            .then(|| candidates[disturb.pick(candidates.len())]);
        let p = &self.ports;
        engine.poke_limbs(p.b_valid, &[u64::from(chosen.is_some())]);
        let flight = chosen.and_then(|slot| self.slots[slot].as_ref());
        let (id, response) = match flight {
            Some(flight) => (flight.asked.id, flight.response as u64),
            None => (disturb.noise(), disturb.noise()),
        };
        if let Some(port) = p.b_id {
            engine.poke_limbs(port, &[id]);
        }
        if let Some(port) = p.b_resp {
            engine.poke_limbs(port, &[response & 3]);
        }
        if let Some(flight) = flight {
            commit(flight, self.ports.bytes, window);
        }
        self.offered = chosen;
    }

    #[allow(clippy::too_many_arguments)] // The parts of the slave, borrowed one by one.
    pub fn observe(
        &mut self,
        engine: &dyn Engine,
        now: u64,
        timing: &mut dyn Timing,
        window: &Window,
        disturb: &mut Disturbance,
        stats: &mut AxiStats,
    ) -> Result<(), Broken> {
        let get = |index: usize| {
            let mut value = [0];
            engine.peek_limbs(index, &mut value);
            value[0]
        };
        if let Some(slot) = self.offered.filter(|_| get(self.ports.b_ready) == 1) {
            self.offered = None;
            self.answer(slot, window, stats);
        }
        if let Some(asked) = self.aw.observe(engine)? {
            let count = u64::from(asked.beats) * self.ports.bytes as u64;
            let inside = window.response(asked.address, count) != Response::DecErr;
            let key = if inside { Some(hazard(window, asked, count, true)?) } else { None };
            self.asked.push_back((asked, key));
            self.aw_waits = disturb.chance();
            self.w_early = disturb.chance() || !disturb.on();
        }
        self.w_valid = get(self.ports.w_valid) == 1;
        self.data(engine)?;
        self.pair(now, timing, window)
    }

    /// Looks at W.
    fn data(&mut self, engine: &dyn Engine) -> Result<(), Broken> {
        if !self.w_valid {
            return match self.held.take() {
                None => Ok(()),
                Some(_) => Err(Broken::ValidDropped(Channel::W)),
            };
        }
        let p = &self.ports;
        let mut beat = WBeat { data: [0; DATA_LIMBS], strobe: [0; 2], last: false, id: 0 };
        engine.peek_limbs(p.data, &mut beat.data);
        engine.peek_limbs(p.strobe, &mut beat.strobe);
        let mut bit = [0];
        engine.peek_limbs(p.last, &mut bit);
        beat.last = bit[0] == 1;
        if let Some(port) = p.w_id {
            engine.peek_limbs(port, &mut bit);
            beat.id = bit[0];
        }
        if let Some(before) = self.held.take().filter(|b| *b != beat) {
            return Err(changed(&before, &beat));
        }
        if !self.w_ready {
            self.w_stalls += 1;
            self.held = Some(beat);
            return Ok(());
        }
        let g = &mut self.gather;
        g.beats += 1;
        let limbs = beat.data.iter().flat_map(|l| l.to_le_bytes());
        g.bytes.extend(limbs.take(p.bytes));
        g.strobes.extend(&beat.strobe[..p.bytes.div_ceil(64)]);
        if let Some((asked, _)) = self.asked.front() {
            if p.w_id.is_some() && beat.id != asked.id {
                return Err(Broken::WriteId { found: beat.id, wanted: asked.id });
            }
        }
        if beat.last || self.asked.front().is_some_and(|(a, _)| a.beats == self.gather.beats) {
            if !beat.last {
                return Err(Broken::MissingLast { beats: self.gather.beats });
            }
            let data = std::mem::take(&mut self.gather);
            self.early.push_back(data);
        }
        Ok(())
    }

    /// Brings addresses and complete data together.
    fn pair(&mut self, now: u64, timing: &mut dyn Timing, window: &Window) -> Result<(), Broken> {
        if let Some((asked, _)) = self.asked.front() {
            if self.early.is_empty() && self.gather.beats >= asked.beats {
                return Err(Broken::MissingLast { beats: asked.beats });
            }
        }
        while !self.asked.is_empty() {
            let Some(data) = self.early.pop_front() else { break };
            let Some((asked, key)) = self.asked.pop_front() else { break };
            if data.beats < asked.beats {
                return Err(Broken::EarlyLast { beat: data.beats, beats: asked.beats });
            }
            if data.beats > asked.beats {
                return Err(Broken::MissingLast { beats: asked.beats });
            }
            let bytes = self.ports.bytes as u64;
            let response = window.response(asked.address, u64::from(asked.beats) * bytes);
            let inside = response != Response::DecErr;
            let slot = self.free.pop().unwrap_or_else(|| {
                self.slots.push(None);
                self.slots.len() - 1
            });
            let left = if inside { asked.beats } else { 0 };
            self.slots[slot] = Some(Flight { asked, key, data, left, response });
            self.order.push(slot);
            if let Some(address) = window.offset(asked.address).filter(|_| inside) {
                let tag = slot as u32 | WRITE_TAG;
                let (beats, beat_bytes) = (asked.beats, bytes as u32);
                timing.push(now, &Burst { tag, write: true, address, beats, beat_bytes });
            }
        }
        Ok(())
    }

    fn answer(&mut self, slot: usize, window: &Window, stats: &mut AxiStats) {
        self.order.retain(|s| *s != slot);
        self.free.push(slot);
        let Some(flight) = self.slots[slot].take() else { return };
        if let Some(key) = flight.key {
            window.store.land(key);
        }
        stats.write_bursts += 1;
        stats.write_beats += u64::from(flight.asked.beats);
        if flight.response != Response::Okay {
            stats.errors += u64::from(flight.asked.beats);
        }
    }
}

/// Puts a burst's bytes into the store, unless it is answered with an error.
fn commit(flight: &Flight, bytes: usize, window: &Window) {
    let Some(start) = window.offset(flight.asked.address) else { return };
    if flight.response != Response::Okay {
        return;
    }
    let strobes = flight.data.strobes.chunks_exact(bytes.div_ceil(64));
    for (i, (beat, strobe)) in flight.data.bytes.chunks_exact(bytes).zip(strobes).enumerate() {
        // Inside, as the response says.
        let _ = window.store.write_enabled(start + (i * bytes) as u64, beat, strobe);
    }
}

fn changed(before: &WBeat, after: &WBeat) -> Broken {
    let channel = Channel::W;
    let pairs = [
        ("strb", before.strobe[0], after.strobe[0]),
        ("last", before.last.into(), after.last.into()),
        ("id", before.id, after.id),
    ];
    let data = before.data.iter().zip(&after.data).find(|(b, a)| b != a);
    let other = pairs.into_iter().find(|(_, b, a)| b != a);
    let (what, before, after) = match (data, other) {
        (Some((b, a)), _) => ("data", *b, *a),
        (None, Some(pair)) => pair,
        (None, None) => ("strb", before.strobe[1], after.strobe[1]),
    };
    Broken::PayloadChanged { channel, what, before, after }
}
