//! [`FastKv`]: the rounds of a schedule against a timing, without RTL.

use super::timing::KvTiming;
use skipopu_kv::{HbmRead, KvLayout, Schedule};
use std::collections::VecDeque;

/// Cycles from a schedule's start to the first command (`skipopu_hw::kv::HbmReader::LATENCY`).
const START: u64 = skipopu_hw::kv::HbmReader::LATENCY as u64;

/// What was played.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bandwidth {
    /// Core cycles from the first start to the last word.
    pub cycles: u64,
    /// Words that attention took.
    pub words: u64,
    /// Words that came from HBM.
    pub hbm_words: u64,
}

impl Bandwidth {
    /// Bytes that attention took per second, GB/s at a core clock in MHz.
    pub fn effective_gbs(&self, core_mhz: f64) -> f64 {
        self.words as f64 * 64.0 * core_mhz / 1e3 / self.cycles.max(1) as f64
    }

    /// Bytes from HBM per second, in percent of 14.4 GB/s a port.
    pub fn physical_percent(&self, core_mhz: f64, ports: usize) -> f64 {
        let gbs = self.hbm_words as f64 * 64.0 * core_mhz / 1e3 / self.cycles.max(1) as f64;
        100.0 * gbs / (14.4 * ports as f64)
    }

    /// Both, one after the other.
    pub fn plus(&self, other: &Bandwidth) -> Bandwidth {
        Bandwidth {
            cycles: self.cycles + other.cycles,
            words: self.words + other.words,
            hbm_words: self.hbm_words + other.hbm_words,
        }
    }
}

/// One layer as the model sees it: per port its reads, and how many tokens a round takes from the buffer.
#[derive(Clone, Debug, Default)]
pub struct Layer {
    /// Addresses by port and round, of pass 0.
    pub reads: Vec<Vec<u64>>,
    /// Tokens from the buffer by round.
    pub buffered: Vec<usize>,
    /// Passes.
    pub passes: usize,
    /// Bytes from a pass to the next.
    pub pass_bytes: u64,
    /// Words of an entry and pass.
    pub words: usize,
}

impl Layer {
    /// A schedule's layer.
    pub fn of(schedule: &Schedule, layout: &KvLayout, passes: usize) -> Layer {
        let address = |r: &HbmRead| layout.address(r.owner, 0, r.slot);
        let rounds = schedule.len();
        let in_round = |r: usize| schedule.buffer.iter().filter(|l| l.len() > r).count();
        Layer {
            reads: schedule.hbm.iter().map(|l| l.iter().map(address).collect()).collect(),
            buffered: (0..rounds).map(in_round).collect(),
            passes,
            pass_bytes: layout.pass_bytes(),
            words: layout.words,
        }
    }

    fn rounds(&self) -> usize {
        let hbm = self.reads.iter().map(Vec::len).max().unwrap_or(0);
        hbm.max(self.buffered.len())
    }
}

/// Plays layers one after the other as the KV unit does: a port's commands go out one a cycle while its
/// read master takes them; the next layer's start when the last of this one's are out; a round's words are
/// taken together. The buffer is never late.
pub fn play(layers: &[Layer], timing: &mut dyn KvTiming) -> Bandwidth {
    let mut total = Bandwidth::default();
    let Some(ports) = layers.iter().map(|l| l.reads.len()).max() else { return total };
    let layers: Vec<&Layer> = layers.iter().filter(|l| l.rounds() > 0).collect();
    // Per port: the layer whose commands go out, pass and entry, and the first cycle of its commands.
    let mut issue = vec![(0usize, 0usize); ports];
    let (mut issuing, mut from) = (0, START);
    let mut delivering: VecDeque<usize> = (0..layers.len()).collect();
    let (mut pass, mut round, mut word) = (0, 0, 0);
    let mut now = 0u64;
    while let Some(at) = delivering.front().copied() {
        // Commands, of a layer at most one ahead of the delivery.
        if let Some(layer) = layers.get(issuing) {
            let mut idle = true;
            for (p, list) in layer.reads.iter().enumerate() {
                let (at_pass, entry) = &mut issue[p];
                if *at_pass < layer.passes && !list.is_empty() {
                    idle = false;
                    if now >= from && timing.ready(p) {
                        let address = list[*entry] + *at_pass as u64 * layer.pass_bytes;
                        timing.accept(p, address, layer.words);
                        *entry += 1;
                        if *entry == list.len() {
                            (*at_pass, *entry) = (*at_pass + 1, 0);
                        }
                    }
                }
            }
            if idle && issuing <= at {
                issuing += 1;
                from = now + START;
                issue.iter_mut().for_each(|i| *i = (0, 0));
            }
        }
        // Words.
        let layer = layers[at];
        let taking = |p: &usize| layer.reads[*p].len() > round;
        let here = at < issuing || now >= from;
        if here && (0..ports).filter(taking).all(|p| timing.offers(p)) {
            let mut hbm = 0;
            for p in (0..ports).filter(taking) {
                timing.take(p);
                hbm += 1;
            }
            let buffered = layer.buffered.get(round).copied().unwrap_or(0) as u64;
            total.words += hbm + buffered;
            total.hbm_words += hbm;
            word += 1;
            if word == layer.words {
                (word, round) = (0, round + 1);
                if round == layer.rounds() {
                    (round, pass) = (0, pass + 1);
                    if pass == layer.passes {
                        pass = 0;
                        delivering.pop_front();
                    }
                }
            }
        }
        timing.step();
        now += 1;
    }
    total.cycles = now;
    total
}
