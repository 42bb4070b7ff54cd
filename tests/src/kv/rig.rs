//! [`Rig`]: the KV unit with a memory and a receiver around it.

use super::content::{word, Content};
use super::timing::KvTiming;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use skipopu_hdl::{emit, Design, EmitOptions};
use skipopu_hw::kv::{KvShape, KvUnit, WORD_BITS};
use skipopu_kv::{KvLayout, KvMachine, KvModel, Routing, Schedule, Scheduler, Source};
use skipopu_sim::{In, Model, Out, Verilate, Verilated};
use std::collections::VecDeque;

/// What went wrong, in a sentence.
pub type RigError = Box<dyn std::error::Error + Send + Sync>;

macro_rules! ensure {
    ($ok:expr, $($text:tt)+) => { if !$ok { return Err(format!($($text)+).into()); } };
}

/// A KV unit, emitted and Verilated once.
pub struct Bench {
    /// Its machine.
    pub machine: KvMachine,
    /// Its Verilog.
    pub design: Design,
    verilated: Verilated,
    shape: KvShape,
}

impl Bench {
    /// Builds the unit of a machine.
    ///
    /// # Errors
    /// A machine that cannot be built; missing tools.
    pub fn new(machine: KvMachine) -> Result<Bench, RigError> {
        let shape = KvShape::new(machine)?;
        let mut unit = KvUnit::new(shape)?;
        skipopu_hdl::rust_hdl::prelude::Block::connect_all(&mut unit);
        let design = emit(&unit, "kv_unit", &EmitOptions::default())?;
        let verilated = Verilate::new(&design).build()?;
        Ok(Bench { machine, design, verilated, shape })
    }

    /// The unit, reset, for a model with `slots` slots a bank, empty, over a memory with this timing.
    ///
    /// # Errors
    /// A model that does not fit.
    pub fn rig(
        &self,
        model: &KvModel,
        slots: usize,
        timing: Box<dyn KvTiming>,
    ) -> Result<Rig, RigError> {
        let layout = KvLayout::new(model, &self.machine, 0)?;
        let scheduler = Scheduler::new(&self.machine, model.layers, slots)?;
        let m = self.verilated.model()?;
        let pins = Pins::bind(&m, &self.shape)?;
        let streams = self.shape.streams();
        let mut rig = Rig {
            machine: self.machine,
            layout,
            routing: Routing::new(model.layers)?,
            scheduler,
            content: Content::default(),
            timing,
            queues: vec![VecDeque::new(); self.machine.ports],
            expected: VecDeque::new(),
            at: (0, 0, 0),
            finished: Vec::new(),
            cycle: 0,
            words: 0,
            hbm_words: 0,
            stalls: 0,
            ready_probability: 1.0,
            flip: None,
            wave: None,
            rng: SmallRng::seed_from_u64(0),
            beat: vec![0; (streams * (WORD_BITS + self.shape.token() + 1)).div_ceil(64)],
            shape: self.shape,
            pins,
            m,
        };
        rig.configure(slots)?;
        Ok(rig)
    }
}

struct Pins {
    clock: In,
    clear: In,
    layers: In,
    passes: In,
    words: In,
    pass_words: In,
    slots: In,
    retain: In,
    base_write: In,
    base_layer: In,
    base: In,
    note: In,
    note_layer: In,
    note_executes: In,
    append: In,
    request_valid: In,
    request_data: In,
    request_ready: Out,
    ready: Out,
    append_port: Out,
    append_slot: Out,
    play: In,
    playable: Out,
    drop: In,
    command: Vec<(Out, In, Out)>,
    read: Vec<(In, Out, In, In)>,
    out_valid: Out,
    out_ready: In,
    out_data: Out,
    out_last: Out,
    busy: Out,
    out_of_step: Out,
}

impl Pins {
    fn bind(m: &Model, shape: &KvShape) -> Result<Pins, RigError> {
        let width = |name: &str| {
            let port = m.ports().iter().find(|p| p.name == name);
            port.map(|p| p.width).ok_or_else(|| format!("the unit has no port {name}"))
        };
        let input = |name: &str| -> Result<In, RigError> { Ok(m.input(name, width(name)?)?) };
        let output = |name: &str| -> Result<Out, RigError> { Ok(m.output(name, width(name)?)?) };
        let ports = 0..shape.machine.ports;
        Ok(Pins {
            clock: m.clock("clock")?,
            clear: input("clear")?,
            layers: input("layers")?,
            passes: input("passes")?,
            words: input("words")?,
            pass_words: input("pass_words")?,
            slots: input("slots")?,
            retain: input("retain")?,
            base_write: input("base_write")?,
            base_layer: input("base_layer")?,
            base: input("base")?,
            note: input("note")?,
            note_layer: input("note_layer")?,
            note_executes: input("note_executes")?,
            append: input("append")?,
            request_valid: input("request_valid")?,
            request_data: input("request_data")?,
            request_ready: output("request_ready")?,
            ready: output("ready")?,
            append_port: output("append_port")?,
            append_slot: output("append_slot")?,
            play: input("play")?,
            playable: output("playable")?,
            drop: input("drop")?,
            command: ports
                .clone()
                .map(|p| {
                    let name = |s: &str| format!("command_{p}_{s}");
                    Ok((output(&name("valid"))?, input(&name("ready"))?, output(&name("data"))?))
                })
                .collect::<Result<_, RigError>>()?,
            read: ports
                .map(|p| {
                    let name = |s: &str| format!("read_{p}_{s}");
                    let data = input(&name("data"))?;
                    Ok((
                        input(&name("valid"))?,
                        output(&name("ready"))?,
                        data,
                        input(&name("last"))?,
                    ))
                })
                .collect::<Result<_, RigError>>()?,
            out_valid: output("out_valid")?,
            out_ready: input("out_ready")?,
            out_data: output("out_data")?,
            out_last: output("out_last")?,
            busy: output("busy")?,
            out_of_step: output("out_of_step")?,
        })
    }
}

/// A command taken: its tag and the words still to give.
#[derive(Clone)]
struct Pending {
    tag: u64,
    address: u64,
    words: usize,
}

/// A layer that is played.
struct Expected {
    layer: usize,
    schedule: Schedule,
    rounds: Vec<Vec<Source>>,
    started: u64,
    first: u64,
    /// Words delivered at its start.
    words: u64,
    hbm_words: u64,
}

/// A layer that was delivered whole.
#[derive(Clone, Debug)]
pub struct Played {
    /// The layer.
    pub layer: usize,
    /// Its rounds.
    pub rounds: usize,
    /// Cycles from the play to the last beat.
    pub cycles: u64,
    /// Cycles from the first beat to the last, both counted.
    pub delivery: u64,
    /// Cycle of the last beat.
    pub ended: u64,
    /// Words delivered.
    pub words: u64,
    /// Of these, words from HBM.
    pub hbm_words: u64,
}

/// The unit in operation. Every method that lets time pass checks whatever is delivered.
pub struct Rig {
    machine: KvMachine,
    layout: KvLayout,
    routing: Routing,
    scheduler: Scheduler,
    content: Content,
    timing: Box<dyn KvTiming>,
    queues: Vec<VecDeque<Pending>>,
    expected: VecDeque<Expected>,
    /// Pass, round and word of the next beat.
    at: (usize, usize, usize),
    finished: Vec<Played>,
    cycle: u64,
    words: u64,
    hbm_words: u64,
    stalls: u64,
    ready_probability: f64,
    /// Words from HBM until they have a wrong bit.
    flip: Option<u64>,
    wave: Option<Vec<(String, String)>>,
    rng: SmallRng,
    beat: Vec<u64>,
    shape: KvShape,
    pins: Pins,
    m: Model,
}

impl Rig {
    fn configure(&mut self, slots: usize) -> Result<(), RigError> {
        let (p, l) = (&self.pins, &self.layout);
        self.m.set_u64(p.layers, l.layers as u64);
        self.m.set_u64(p.passes, l.passes as u64);
        self.m.set_u64(p.words, l.words as u64);
        self.m.set_u64(p.pass_words, l.pass_bytes() / 64);
        self.m.set_u64(p.slots, slots as u64);
        self.m.set_u64(p.retain, 1);
        self.m.set_u64(p.clear, 1);
        self.step()?;
        self.m.set_u64(self.pins.clear, 0);
        for layer in 0..self.layout.layers {
            self.m.set_u64(self.pins.base_write, 1);
            self.m.set_u64(self.pins.base_layer, layer as u64);
            self.m.set_u64(self.pins.base, self.layout.layer_base(layer) / 64);
            self.step()?;
        }
        self.m.set_u64(self.pins.base_write, 0);
        Ok(())
    }

    /// Begins a new text.
    ///
    /// # Errors
    /// A layer that is still played.
    pub fn clear(&mut self) -> Result<(), RigError> {
        ensure!(self.expected.is_empty(), "a text ends while a layer is played");
        self.routing = Routing::new(self.layout.layers)?;
        self.scheduler.clear();
        self.content = Content::default();
        self.m.set_u64(self.pins.clear, 1);
        self.step()?;
        self.m.set_u64(self.pins.clear, 0);
        Ok(())
    }

    /// The receiver is ready with this probability.
    pub fn receiver(&mut self, probability: f64, seed: u64) {
        self.ready_probability = probability;
        self.rng = SmallRng::seed_from_u64(seed);
    }

    /// The memory gives about `words` right words from now on, then only words with a wrong bit.
    pub fn flip(&mut self, words: u64) {
        self.flip = Some(words);
    }

    /// Records from now on, a column a cycle: schedule ready, play, commands and words that fire by HBM
    /// port, and the tokens on `out` by stream.
    pub fn record(&mut self) {
        let mut names = vec!["ready".to_string(), "play".into()];
        let ports = 0..self.machine.ports;
        names.extend(ports.clone().map(|p| format!("command_{p}")));
        names.extend(ports.clone().map(|p| format!("read_{p}")));
        names.extend(ports.map(|p| format!("out, HBM {p}")));
        names.extend((0..self.machine.read_ports).map(|g| format!("out, buffer {g}")));
        names.push("out_last".into());
        self.wave = Some(names.into_iter().map(|n| (n, String::new())).collect());
    }

    /// What was recorded, a line a signal.
    pub fn recorded(&mut self) -> String {
        let lines = self.wave.take().unwrap_or_default();
        lines.into_iter().map(|(name, row)| format!("{name:14} {row}\n")).collect()
    }

    /// The column of this cycle.
    fn column(&self, fires: &[(bool, bool)], out: bool) -> Vec<char> {
        let flag = |b: bool| if b { '1' } else { '.' };
        let ready = self.m.get_u64(self.pins.ready) == 1;
        let mut column = vec![flag(ready), flag(self.m.input_value(self.pins.play).any())];
        column.extend(fires.iter().map(|f| flag(f.0)));
        column.extend(fires.iter().map(|f| flag(f.1)));
        let mut beat = vec![0; self.beat.len()];
        self.m.get_limbs(self.pins.out_data, &mut beat);
        let streams = self.shape.streams();
        let token_bits = self.shape.token();
        let bit = |at: usize| beat[at / 64] >> (at % 64) & 1;
        for s in 0..streams {
            let at = streams * WORD_BITS;
            let token = (0..token_bits).fold(0, |v, i| v | bit(at + s * token_bits + i) << i);
            let present = bit(at + streams * token_bits + s) == 1;
            let digit = char::from_digit(token as u32 % 36, 36).unwrap_or('?');
            column.push(if out && present { digit } else { '.' });
        }
        column.push(flag(out && self.m.get_u64(self.pins.out_last) == 1));
        column
    }

    /// Does the buffer take up new tokens?
    pub fn retain(&mut self, on: bool) {
        self.scheduler.retain(on);
        self.m.set_u64(self.pins.retain, on.into());
    }

    /// Tells the unit a token's routing, in random order of layers, and makes it an earlier token.
    ///
    /// # Errors
    /// Anything delivered that is wrong.
    pub fn append(&mut self, row: u128) -> Result<(), RigError> {
        self.routing.push(row);
        let token = self.routing.tokens() - 1;
        let mut layers: Vec<usize> = (0..self.layout.layers).collect();
        for i in (1..layers.len()).rev() {
            layers.swap(i, self.rng.random_range(0..=i));
        }
        for layer in layers {
            self.m.set_u64(self.pins.note, 1);
            self.m.set_u64(self.pins.note_layer, layer as u64);
            let executes = self.routing.executes(layer, token);
            // What layer 0 is told is of no consequence.
            let told = if layer == 0 { self.rng.random_bool(0.5) } else { executes };
            self.m.set_u64(self.pins.note_executes, told.into());
            self.step()?;
        }
        self.m.set_u64(self.pins.note, 0);
        self.m.set_u64(self.pins.append, 1);
        self.step()?;
        self.m.set_u64(self.pins.append, 0);
        self.content.append(&self.layout, &self.routing, self.machine.ports);
        Ok(())
    }

    /// Has a layer scheduled; gives the cycles from the request being taken to the schedule.
    ///
    /// # Errors
    /// Anything delivered that is wrong; a request not taken or answered in time.
    pub fn schedule(&mut self, layer: usize) -> Result<(Schedule, u64), RigError> {
        let tokens = self.routing.tokens();
        let schedule = self.scheduler.schedule(&self.routing, layer, tokens);
        self.m.set_u64(self.pins.request_valid, 1);
        self.m.set_u64(self.pins.request_data, layer as u64);
        self.m.eval()?;
        self.until("a request taken", |r| r.m.get_u64(r.pins.request_ready) == 1)?;
        let taken = self.cycle;
        self.step()?;
        self.m.set_u64(self.pins.request_valid, 0);
        self.until("a schedule", |r| r.m.get_u64(r.pins.ready) == 1)?;
        let cycles = self.cycle - taken;
        let at = (self.m.get_u64(self.pins.append_port), self.m.get_u64(self.pins.append_slot));
        let want = (schedule.append.port as u64, schedule.append.slot as u64);
        let slots = self.machine.context.div_ceil(self.machine.ports) as u64;
        ensure!(at == want || want.1 >= slots, "layer {layer}: append at {at:?}, not {want:?}");
        Ok((schedule, cycles))
    }

    /// Plays the schedule made last, as soon as the unit can.
    ///
    /// # Errors
    /// Anything delivered that is wrong; a unit that does not get there in time.
    pub fn play(&mut self, schedule: Schedule) -> Result<(), RigError> {
        self.until("a schedule to be playable", |r| r.m.get_u64(r.pins.playable) == 1)?;
        let rounds = schedule.rounds().collect();
        self.expected.push_back(Expected {
            layer: schedule.layer,
            schedule,
            rounds,
            started: self.cycle,
            first: 0,
            words: 0,
            hbm_words: 0,
        });
        self.m.set_u64(self.pins.play, 1);
        self.step()?;
        self.m.set_u64(self.pins.play, 0);
        self.skip_empty();
        Ok(())
    }

    /// Drops the schedule made last.
    ///
    /// # Errors
    /// Anything delivered that is wrong.
    pub fn drop_schedule(&mut self) -> Result<(), RigError> {
        self.scheduler.drop_last();
        self.m.set_u64(self.pins.drop, 1);
        self.step()?;
        self.m.set_u64(self.pins.drop, 0);
        Ok(())
    }

    /// Waits until everything is delivered, and a little longer: nothing else may come.
    ///
    /// # Errors
    /// Anything delivered that is wrong, missing or extra.
    pub fn drain(&mut self) -> Result<(), RigError> {
        self.until("the last layer's end", |r| {
            r.expected.is_empty() && r.m.get_u64(r.pins.busy) == 0
        })?;
        for _ in 0..20 {
            self.step()?;
        }
        ensure!(self.m.get_u64(self.pins.out_of_step) == 0, "the unit says words are out of step");
        ensure!(self.queues.iter().all(VecDeque::is_empty), "words were read that nobody took");
        Ok(())
    }

    /// Layers delivered whole, and forgets them.
    pub fn finished(&mut self) -> Vec<Played> {
        std::mem::take(&mut self.finished)
    }

    /// Words delivered so far.
    pub fn words(&self) -> u64 {
        self.words
    }

    /// Of these, words from HBM.
    pub fn hbm_words(&self) -> u64 {
        self.hbm_words
    }

    /// Beats that waited for the receiver.
    pub fn stalls(&self) -> u64 {
        self.stalls
    }

    /// Core cycles so far.
    pub fn cycle(&self) -> u64 {
        self.cycle
    }

    fn skip_empty(&mut self) {
        while self.expected.front().is_some_and(|e| e.rounds.is_empty()) {
            let e = self.expected.pop_front().expect("there is one");
            self.finished.push(Played {
                layer: e.layer,
                rounds: 0,
                cycles: 0,
                delivery: 0,
                ended: self.cycle,
                words: 0,
                hbm_words: 0,
            });
        }
    }

    fn until(&mut self, what: &str, done: impl Fn(&Rig) -> bool) -> Result<(), RigError> {
        // What is expected, each word once at a tenth of the rate, and the longest scan.
        let rounds: usize = self.expected.iter().map(|e| e.rounds.len()).sum();
        let work = rounds * self.layout.token_words() + 2 * self.machine.context;
        let limit = self.cycle + 40 * work as u64 + 20_000;
        while !done(self) {
            let state = self.at;
            ensure!(self.cycle < limit, "waited too long for {what}; next beat {state:?}");
            self.step()?;
        }
        Ok(())
    }

    /// One core cycle.
    fn step(&mut self) -> Result<(), RigError> {
        let (word_limbs, ports) = (WORD_BITS / 64, self.machine.ports);
        for p in 0..ports {
            let (valid, _, data, last) = self.pins.read[p];
            let front = self.queues[p].front().filter(|_| self.timing.offers(p));
            self.m.set_u64(valid, front.is_some().into());
            if let Some(c) = front {
                let value = self.content.read(p, c.address);
                let value = value
                    .ok_or_else(|| format!("port {p} reads {:#x}: nothing there", c.address))?;
                let mut limbs = value.to_vec();
                limbs[3] ^= u64::from(self.flip == Some(0)) << 17;
                limbs.push(c.tag);
                self.m.set_limbs(data, &limbs);
                self.m.set_u64(last, (c.words == 1).into());
            }
            self.m.set_u64(self.pins.command[p].1, self.timing.ready(p).into());
        }
        let ready = self.ready_probability >= 1.0 || self.rng.random_bool(self.ready_probability);
        self.m.set_u64(self.pins.out_ready, ready.into());
        self.m.eval()?;
        if self.wave.is_some() {
            let fires: Vec<(bool, bool)> = (0..ports)
                .map(|p| {
                    let command = self.m.get_u64(self.pins.command[p].0) == 1;
                    let taken = self.m.get_u64(self.pins.read[p].1) == 1;
                    let offered = self.m.input_value(self.pins.read[p].0).any();
                    (command && self.timing.ready(p), taken && offered)
                })
                .collect();
            let out = ready && self.m.get_u64(self.pins.out_valid) == 1;
            let column = self.column(&fires, out);
            for ((_, row), c) in self.wave.iter_mut().flatten().zip(column) {
                row.push(c);
            }
        }
        for p in 0..ports {
            let (valid, ready, data) = self.pins.command[p];
            if self.m.get_u64(valid) == 1 && self.timing.ready(p) {
                let mut limbs = vec![0; data.width().div_ceil(64)];
                self.m.get_limbs(data, &mut limbs);
                let _ = ready;
                self.command(p, &limbs)?;
            }
            let (valid, ready, ..) = self.pins.read[p];
            if self.m.get_u64(ready) == 1 && self.m.input_value(valid).any() {
                self.timing.take(p);
                self.flip = self.flip.map(|n| n.saturating_sub(1));
                let front = self.queues[p].front_mut().expect("it was offered");
                (front.address, front.words) = (front.address + 64, front.words - 1);
                if front.words == 0 {
                    self.queues[p].pop_front();
                }
            }
        }
        if self.m.get_u64(self.pins.out_valid) == 1 {
            if ready {
                let mut beat = std::mem::take(&mut self.beat);
                self.m.get_limbs(self.pins.out_data, &mut beat);
                self.deliver(&beat, word_limbs)?;
                self.beat = beat;
            } else {
                self.stalls += 1;
            }
        }
        self.m.tick(self.pins.clock)?;
        self.m.eval()?;
        self.timing.step();
        self.cycle += 1;
        Ok(())
    }

    fn command(&mut self, port: usize, limbs: &[u64]) -> Result<(), RigError> {
        // {tag, bytes (24), address (33)}
        let address = limbs[0] & 0x1_ffff_ffff;
        let bytes = (u128::from(limbs[0]) | u128::from(*limbs.get(1).unwrap_or(&0)) << 64) >> 33;
        let (tag, bytes) = ((bytes >> 24) as u64, (bytes & 0xff_ffff) as usize);
        ensure!(address >> 28 == port as u64, "port {port} reads channel {}", address >> 28);
        let address = address & 0xfff_ffff;
        ensure!(bytes == 64 * self.layout.words, "a command of {bytes} bytes");
        self.timing.accept(port, address, bytes / 64);
        self.queues[port].push_back(Pending { tag, address, words: bytes / 64 });
        Ok(())
    }

    /// Checks a beat: who takes part, which tokens, which words.
    fn deliver(&mut self, beat: &[u64], word_limbs: usize) -> Result<(), RigError> {
        let streams = self.shape.streams();
        let (pass, round, w) = self.at;
        let Some(e) = self.expected.front_mut() else {
            return Err("a beat that nobody expects".into());
        };
        if (pass, round, w) == (0, 0, 0) {
            (e.first, e.words, e.hbm_words) = (self.cycle, self.words, self.hbm_words);
        }
        let sources = &e.rounds[round];
        let bits = |offset: usize, width: usize| -> u64 {
            (0..width).fold(0, |v, i| {
                let at = offset + i;
                v | (beat[at / 64] >> (at % 64) & 1) << i
            })
        };
        let token_bits = self.shape.token();
        let tokens_at = streams * WORD_BITS;
        let present_at = tokens_at + streams * token_bits;
        let place = |s: &Source| match *s {
            Source::Hbm(port, _) => port,
            Source::Buffer(port, _) => self.machine.ports + port,
        };
        let mut want = 0u64;
        for s in sources {
            want |= 1 << place(s);
        }
        let got = bits(present_at, streams);
        let here = format!("layer {}, pass {pass}, round {round}, word {w}", e.layer);
        ensure!(got == want, "{here}: streams {got:#b}, not {want:#b}");
        for s in sources {
            let at = place(s);
            let token = bits(tokens_at + at * token_bits, token_bits) as usize;
            ensure!(token == s.token(), "{here}, stream {at}: token {token}, not {}", s.token());
            let owner = self.routing.owner(e.layer, token);
            let data = &beat[at * word_limbs..(at + 1) * word_limbs];
            ensure!(
                data == word(owner, token, pass, w),
                "{here}, stream {at}: not the word of token {token} at layer {owner}"
            );
            self.words += 1;
            self.hbm_words += u64::from(matches!(s, Source::Hbm(..)));
        }
        let ends_round = w + 1 == self.layout.words;
        let ends_pass = ends_round && round + 1 == e.rounds.len();
        let last = self.m.get_u64(self.pins.out_last) == 1;
        ensure!(last == ends_pass, "{here}: last is {last}");
        self.at = match (ends_round, ends_pass) {
            (_, true) => (pass + 1, 0, 0),
            (true, _) => (pass, round + 1, 0),
            _ => (pass, round, w + 1),
        };
        if ends_pass && pass + 1 == self.layout.passes {
            self.at = (0, 0, 0);
            let e = self.expected.pop_front().expect("it is there");
            debug_assert_eq!(e.schedule.layer, e.layer);
            self.finished.push(Played {
                layer: e.layer,
                rounds: e.rounds.len(),
                cycles: self.cycle - e.started,
                delivery: self.cycle - e.first + 1,
                ended: self.cycle,
                words: self.words - e.words,
                hbm_words: self.hbm_words - e.hbm_words,
            });
            self.skip_empty();
        }
        Ok(())
    }
}
