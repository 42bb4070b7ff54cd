//! The read half of a slave.

use super::address::{AddressChannel, Asked};
use super::disturb::Disturbance;
use super::ports::{ReadPorts, DATA_LIMBS};
use super::window::Window;
use super::{hazard, AxiStats, AxiVersion, Broken, Channel, Response};
use crate::engine::Engine;
use crate::memory::{Burst, Timing};

/// Bursts in flight at most.
const LIMIT: usize = 256;

/// A burst that has not been given out whole.
#[derive(Clone, Debug)]
struct Flight {
    asked: Asked,
    /// Key in the store's list of accesses in flight.
    key: Option<u64>,
    /// Beats whose data are there.
    done: [u64; 4],
    /// Beats given out.
    given: u32,
    since: u64,
}

impl Flight {
    fn ready(&self) -> bool {
        self.done[self.given as usize / 64] >> (self.given % 64) & 1 == 1
    }
}

/// What is on the wires of R.
#[derive(Clone, Copy, Debug)]
struct Offered {
    slot: usize,
    last: bool,
    error: bool,
}

/// The read half.
#[derive(Clone, Debug)]
pub(super) struct ReadSide {
    ar: AddressChannel,
    ports: ReadPorts,
    slots: Vec<Option<Flight>>,
    free: Vec<usize>,
    /// Slots in order of their addresses.
    order: Vec<usize>,
    offered: Option<Offered>,
    /// The burst that is being given out.
    current: Option<usize>,
    pub interleave: bool,
}

impl ReadSide {
    pub fn new(ports: ReadPorts, version: AxiVersion) -> ReadSide {
        ReadSide {
            ar: AddressChannel::new(ports.ar.clone(), Channel::Ar, version, ports.bytes),
            ports,
            slots: Vec::new(),
            free: Vec::new(),
            order: Vec::new(),
            offered: None,
            current: None,
            interleave: false,
        }
    }

    pub fn open(&self) -> usize {
        self.order.len()
    }

    pub fn stalls(&self) -> u64 {
        self.ar.stalls
    }

    /// A beat's data are there.
    pub fn done(&mut self, slot: usize, beat: u32) {
        if let Some(Some(flight)) = self.slots.get_mut(slot) {
            flight.done[beat as usize / 64] |= 1 << (beat % 64);
        }
    }

    pub fn present(
        &mut self,
        engine: &mut dyn Engine,
        timing: &dyn Timing,
        disturb: &mut Disturbance,
        window: &Window,
    ) {
        let room = timing.room(false) > 0 && self.order.len() < timing.limit().min(LIMIT);
        let ready = room && !disturb.stalls(0);
        self.ar.present(engine, ready);
        if self.offered.is_some() {
            return;
        }
        let slot = self.choose(disturb).filter(|_| !disturb.stalls(1));
        let mut limbs = [0; DATA_LIMBS];
        let Some(slot) = slot else {
            limbs.iter_mut().for_each(|l| *l = disturb.noise());
            let (id, last) = (disturb.noise(), disturb.noise() & 1);
            return self.drive(engine, 0, &limbs, id, Response::Okay, last);
        };
        self.current = Some(slot);
        let bytes = self.ports.bytes;
        let Some(flight) = self.slots[slot].as_ref() else { return };
        let address = flight.asked.address + u64::from(flight.given) * bytes as u64;
        let response = window.response(address, bytes as u64);
        let mut data = [0; DATA_LIMBS * 8];
        if response == Response::Okay {
            // Inside, as the response says.
            let _ = window.read(address, &mut data[..bytes]);
        } else {
            limbs.iter_mut().for_each(|l| *l = disturb.noise());
        }
        if response == Response::Okay {
            for (limb, part) in limbs.iter_mut().zip(data.chunks_exact(8)).take(bytes.div_ceil(8)) {
                *limb = u64::from_le_bytes(part.try_into().unwrap_or_default());
            }
        }
        let last = flight.given + 1 == flight.asked.beats;
        let id = flight.asked.id;
        self.offered = Some(Offered { slot, last, error: response != Response::Okay });
        self.drive(engine, 1, &limbs, id, response, last.into());
    }

    /// The burst that gives its next beat.
    fn choose(&mut self, disturb: &mut Disturbance) -> Option<usize> {
        let ready = |slot: usize| self.slots[slot].as_ref().is_some_and(Flight::ready);
        if let Some(slot) = self.current.filter(|_| !self.interleave) {
            return ready(slot).then_some(slot);
        }
        // The oldest burst of each ID whose next beat is there.
        let mut seen: Vec<u64> = Vec::new();
        let mut candidates: Vec<usize> = Vec::new();
        for slot in &self.order {
            let Some(id) = self.slots[*slot].as_ref().map(|f| f.asked.id) else { continue };
            if seen.contains(&id) {
                continue;
            }
            seen.push(id);
            if ready(*slot) {
                if !disturb.on() {
                    return Some(*slot);
                }
                candidates.push(*slot);
            }
        }
        (!candidates.is_empty()).then(|| candidates[disturb.pick(candidates.len())])
    }

    fn drive(
        &self,
        engine: &mut dyn Engine,
        valid: u64,
        limbs: &[u64; DATA_LIMBS],
        id: u64,
        response: Response,
        last: u64,
    ) {
        let p = &self.ports;
        engine.poke_limbs(p.valid, &[valid]);
        engine.poke_limbs(p.data, &limbs[..p.bytes.div_ceil(8)]);
        engine.poke_limbs(p.last, &[last]);
        if let Some(port) = p.id {
            engine.poke_limbs(port, &[id]);
        }
        if let Some(port) = p.resp {
            engine.poke_limbs(port, &[response as u64]);
        }
    }

    pub fn observe(
        &mut self,
        engine: &dyn Engine,
        now: u64,
        timing: &mut dyn Timing,
        window: &Window,
        stats: &mut AxiStats,
    ) -> Result<(), Broken> {
        let mut ready = [0];
        engine.peek_limbs(self.ports.ready, &mut ready);
        match self.offered {
            Some(_) if ready[0] == 0 => stats.r_stalls += 1,
            Some(offered) => {
                self.offered = None;
                self.give(offered, now, window, stats);
            }
            None => {}
        }
        if let Some(asked) = self.ar.observe(engine)? {
            self.take(asked, now, timing, window)?;
        }
        Ok(())
    }

    fn give(&mut self, offered: Offered, now: u64, window: &Window, stats: &mut AxiStats) {
        stats.read_beats += 1;
        stats.errors += u64::from(offered.error);
        let Some(flight) = self.slots[offered.slot].as_mut() else { return };
        if flight.given == 0 {
            stats.read_latency_sum += now - flight.since;
            stats.read_latency_max = stats.read_latency_max.max(now - flight.since);
        }
        flight.given += 1;
        if self.interleave {
            self.current = None;
        }
        if offered.last {
            if let Some(key) = flight.key {
                window.store.land(key);
            }
            stats.read_bursts += 1;
            self.current = None;
            self.slots[offered.slot] = None;
            self.free.push(offered.slot);
            let at = self.order.iter().position(|s| *s == offered.slot);
            stats.reordered += u64::from(at != Some(0));
            self.order.retain(|s| *s != offered.slot);
        }
    }

    fn take(
        &mut self,
        asked: Asked,
        now: u64,
        timing: &mut dyn Timing,
        window: &Window,
    ) -> Result<(), Broken> {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        let bytes = self.ports.bytes as u64;
        let count = u64::from(asked.beats) * bytes;
        let inside = window.response(asked.address, count) != Response::DecErr;
        let key = if inside { Some(hazard(window, asked, count, false)?) } else { None };
        // Beats outside the memory need no time of it.
        let done = if inside { [0; 4] } else { [u64::MAX; 4] };
        self.slots[slot] = Some(Flight { asked, key, done, given: 0, since: now });
        self.order.push(slot);
        if let Some(address) = window.offset(asked.address).filter(|_| inside) {
            let tag = slot as u32;
            let (beats, beat_bytes) = (asked.beats, bytes as u32);
            timing.push(now, &Burst { tag, write: false, address, beats, beat_bytes });
        }
        Ok(())
    }
}
