//! An AXI master in Rust behind an engine that is only wires: what a design under test would be.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use skipopu_hdl::{Port, Word};
use skipopu_sim::memory::AxiVersion;
use skipopu_sim::{Engine, EngineError};
use std::collections::{HashMap, VecDeque};

/// An engine whose ports keep what is poked, inputs and outputs alike.
pub struct Wires {
    ports: Vec<Port>,
    values: Vec<Word>,
}

impl Wires {
    /// The master ports `m_axi_*` with `id` bits of ID, `data` bits of data and 32 of address.
    pub fn master(id: usize, data: usize) -> Wires {
        let list = format!(
            "out m_axi_arid {id}; out m_axi_araddr 32; out m_axi_arlen 8; out m_axi_arvalid; in m_axi_arready; \
             out m_axi_arsize 3; out m_axi_arburst 2; out m_axi_awsize 3; out m_axi_awburst 2; \
             in m_axi_rid {id}; in m_axi_rdata {data}; in m_axi_rresp 2; in m_axi_rlast; in m_axi_rvalid; out m_axi_rready; \
             out m_axi_awid {id}; out m_axi_awaddr 32; out m_axi_awlen 8; out m_axi_awvalid; in m_axi_awready; \
             out m_axi_wid {id}; out m_axi_wdata {data}; out m_axi_wstrb {}; out m_axi_wlast; out m_axi_wvalid; in m_axi_wready; \
             in m_axi_bid {id}; in m_axi_bresp 2; in m_axi_bvalid; out m_axi_bready",
            data / 8
        );
        Wires::new(super::ports(&list))
    }

    pub fn new(ports: Vec<Port>) -> Wires {
        let values = ports.iter().map(|p| Word::zero(p.width)).collect();
        let mut wires = Wires { ports, values };
        for (name, value) in [("arburst", 1), ("awburst", 1)] {
            wires.put(name, value);
        }
        let size = wires.width("rdata").or(wires.width("wdata")).unwrap_or(8) / 8;
        for name in ["arsize", "awsize"] {
            wires.put(name, u64::from(size.trailing_zeros()));
        }
        wires
    }

    fn at(&self, name: &str) -> Option<usize> {
        self.ports.iter().position(|p| p.name.strip_prefix("m_axi_") == Some(name))
    }

    fn width(&self, name: &str) -> Option<usize> {
        self.at(name).map(|i| self.ports[i].width)
    }

    pub fn put(&mut self, name: &str, value: u64) {
        if let Some(i) = self.at(name) {
            self.poke_limbs(i, &[value]);
        }
    }

    pub fn bit(&self, name: &str) -> bool {
        self.take(name) == 1
    }

    pub fn take(&self, name: &str) -> u64 {
        self.values[self.at(name).unwrap()].limbs()[0]
    }

    pub fn put_bytes(&mut self, name: &str, bytes: &[u8]) {
        let limb = |c: &[u8]| c.iter().rev().fold(0, |v, b| v << 8 | u64::from(*b));
        let limbs: Vec<u64> = bytes.chunks(8).map(limb).collect();
        self.poke_limbs(self.at(name).unwrap(), &limbs);
    }

    pub fn take_bytes(&self, name: &str) -> Vec<u8> {
        let i = self.at(name).unwrap();
        let limbs = self.values[i].limbs().iter().flat_map(|l| l.to_le_bytes());
        limbs.take(self.ports[i].width / 8).collect()
    }
}

impl Engine for Wires {
    fn label(&self) -> &str {
        "wires"
    }
    fn ports(&self) -> &[Port] {
        &self.ports
    }
    fn poke(&mut self, index: usize, value: &Word) {
        self.values[index] = value.clone();
    }
    fn peek(&self, index: usize) -> Word {
        self.values[index].clone()
    }
    fn eval(&mut self) -> Result<(), EngineError> {
        Ok(())
    }
}

#[derive(Clone, Debug)]
struct Read {
    address: u64,
    beats: u32,
    data: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Write {
    address: u64,
    id: u64,
    beats: usize,
}

/// Random reads and writes of one master, never two that overlap in flight, checked against a copy of the
/// memory that the master keeps.
pub struct Master {
    rng: SmallRng,
    bytes: u64,
    ids: u64,
    limit: u32,
    span: u64,
    memory: Vec<u8>,
    left: u32,
    busy: Vec<std::ops::Range<u64>>,
    reads: HashMap<u64, VecDeque<Read>>,
    writes: HashMap<u64, VecDeque<Write>>,
    ar: Option<(u64, Read)>,
    aw: VecDeque<Write>,
    w: VecDeque<(u64, Vec<u8>, u64, bool)>,
    offered: [bool; 3],
    patience: f64,
    pub compared: u64,
    pub answered: u64,
}

impl Master {
    /// `count` bursts in the first `memory.len()` bytes; `patience` is the chance per cycle that a channel
    /// pauses.
    pub fn new(
        seed: u64,
        version: AxiVersion,
        data_bytes: u64,
        ids: u64,
        memory: Vec<u8>,
        count: u32,
        patience: f64,
    ) -> Self {
        Master {
            rng: SmallRng::seed_from_u64(seed),
            bytes: data_bytes,
            ids,
            limit: version.beats(),
            span: memory.len() as u64,
            memory,
            left: count,
            busy: Vec::new(),
            reads: HashMap::new(),
            writes: HashMap::new(),
            ar: None,
            aw: VecDeque::new(),
            w: VecDeque::new(),
            offered: [false; 3],
            patience,
            compared: 0,
            answered: 0,
        }
    }

    pub fn done(&self) -> bool {
        self.left == 0 && self.busy.is_empty()
    }

    pub fn memory(&self) -> &[u8] {
        &self.memory
    }

    fn draw(&mut self) {
        if self.left == 0 || self.ar.is_some() || self.aw.len() > 2 {
            return;
        }
        let rng = &mut self.rng;
        let beats = 1 + rng.random_range(0..self.limit).min(rng.random_range(0..self.limit));
        let beats = beats.min((4096 / self.bytes) as u32);
        let size = u64::from(beats) * self.bytes;
        let page = rng.random_range(0..self.span / 4096) * 4096;
        let address = page + rng.random_range(0..=(4096 - size) / self.bytes) * self.bytes;
        let range = address..address + size;
        if self.busy.iter().any(|b| b.start < range.end && range.start < b.end) {
            return;
        }
        self.left -= 1;
        self.busy.push(range.clone());
        let id = rng.random_range(0..self.ids);
        if rng.random() {
            let data = self.memory[range.start as usize..range.end as usize].to_vec();
            self.ar = Some((id, Read { address, beats, data }));
            return;
        }
        let strobes = u64::MAX >> (64 - self.bytes);
        let beats: Vec<(Vec<u8>, u64)> = (0..beats)
            .map(|_| {
                let data = (0..self.bytes).map(|_| rng.random()).collect();
                (data, if rng.random_bool(0.7) { strobes } else { rng.random::<u64>() & strobes })
            })
            .collect();
        for (i, (data, strobe)) in beats.iter().enumerate() {
            for (j, byte) in data.iter().enumerate().filter(|(j, _)| strobe >> j & 1 == 1) {
                self.memory[address as usize + i * self.bytes as usize + j] = *byte;
            }
        }
        let last = beats.len() - 1;
        let queue =
            beats.iter().enumerate().map(|(i, (data, s))| (id, data.clone(), *s, i == last));
        self.w.extend(queue);
        self.aw.push_back(Write { address, id, beats: beats.len() });
    }

    /// Puts this cycle's signals on the wires.
    pub fn present(&mut self, wires: &mut Wires) {
        self.draw();
        let waiting = [self.ar.is_some(), !self.aw.is_empty(), !self.w.is_empty()];
        for (offered, waiting) in self.offered.iter_mut().zip(waiting) {
            // What was offered stays until it is taken.
            *offered = waiting && (*offered || !self.rng.random_bool(self.patience));
        }
        let [ar, aw, w] = self.offered;
        wires.put("arvalid", ar.into());
        wires.put("awvalid", aw.into());
        wires.put("wvalid", w.into());
        if let Some((id, read)) = self.ar.as_ref().filter(|_| ar) {
            wires.put("arid", *id);
            wires.put("araddr", read.address);
            wires.put("arlen", u64::from(read.beats) - 1);
        }
        if let Some(write) = self.aw.front().filter(|_| aw) {
            wires.put("awid", write.id);
            wires.put("awaddr", write.address);
            wires.put("awlen", write.beats as u64 - 1);
        }
        if let Some((id, data, strobe, last)) = self.w.front().filter(|_| w) {
            wires.put_bytes("wdata", data);
            wires.put("wstrb", *strobe);
            wires.put("wlast", (*last).into());
            wires.put("wid", *id);
        }
        for name in ["rready", "bready"] {
            let ready = !self.rng.random_bool(self.patience);
            wires.put(name, ready.into());
        }
    }

    /// Takes what the coming edge transfers, and compares it.
    pub fn observe(&mut self, wires: &Wires) {
        let fires = |c: &str| wires.bit(&format!("{c}valid")) && wires.bit(&format!("{c}ready"));
        if fires("r") {
            let queue = self.reads.get_mut(&wires.take("rid")).expect("a read of this ID");
            let read = queue.front_mut().expect("a read of this ID");
            let rest = read.data.split_off(self.bytes as usize);
            assert_eq!(wires.take_bytes("rdata"), read.data, "read data at {:#x}", read.address);
            assert_eq!(wires.take("rresp"), 0);
            assert_eq!(wires.bit("rlast"), rest.is_empty(), "rlast");
            read.data = rest;
            self.compared += 1;
            if wires.bit("rlast") {
                let start = queue.pop_front().expect("the read").address;
                self.busy.retain(|b| b.start != start);
            }
        }
        if fires("b") {
            let queue = self.writes.get_mut(&wires.take("bid")).expect("a write of this ID");
            let write = queue.pop_front().expect("a write of this ID");
            assert_eq!(wires.take("bresp"), 0);
            self.busy.retain(|b| b.start != write.address);
            self.answered += 1;
        }
        if fires("ar") {
            self.offered[0] = false;
            let (id, read) = self.ar.take().expect("an offered read");
            self.reads.entry(id).or_default().push_back(read);
        }
        if fires("aw") {
            self.offered[1] = false;
            let write = self.aw.pop_front().expect("an offered write");
            self.writes.entry(write.id).or_default().push_back(write);
        }
        if fires("w") {
            self.offered[2] = false;
            self.w.pop_front();
        }
    }
}
