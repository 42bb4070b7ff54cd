//! Control: the decoder against the instruction table, tokens, whole programs with every kind of stop.

mod common;

use common::{get, seeds, set, tick, Case};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use skipopu_hw::control::sequencer::{self, Sequencer};
use skipopu_hw::control::{Decoder, Issuer, Semaphores, UNITS};
use skipopu_isa::set::INSTRUCTIONS;
use skipopu_isa::value::{Number, Rows};
use skipopu_isa::{Cause, Instruction, Operation, Register, Unit, Units};
use skipopu_sim::Model;

/// Words around every edge of every instruction.
fn edges() -> Vec<u128> {
    let mut words: Vec<u128> = (0..=255).collect();
    for spec in INSTRUCTIONS {
        let base = u128::from(spec.opcode);
        words.extend((8..128).map(|bit| base | 1 << bit));
        for f in spec.fields.iter().filter(|f| f.bits <= 4) {
            words.extend((0..1u128 << f.bits).map(|v| base | v << f.low));
        }
    }
    words
}

/// Words of which many are instructions.
fn likely(rng: &mut SmallRng) -> u128 {
    let spec = &INSTRUCTIONS[rng.random_range(0..INSTRUCTIONS.len())];
    let mut word = u128::from(spec.opcode);
    for f in spec.fields {
        let any = rng.random::<u64>() & (u64::MAX >> (64 - f.bits));
        let value = match f.names.len() as u64 {
            0 => any,
            n if rng.random_bool(0.95) => any % n,
            _ => any,
        };
        word |= u128::from(value) << f.low;
    }
    if rng.random_bool(0.3) {
        word |= u128::from(rng.random::<u8>()) << 8;
    }
    if rng.random_bool(0.1) {
        word |= 1 << rng.random_range(8..128);
    }
    word
}

#[test]
fn decoder() {
    let case = Case::new("decoder", Decoder::new);
    let mut words = edges();
    for seed in seeds() {
        let mut rng = SmallRng::seed_from_u64(seed);
        words.extend((0..20_000).map(|_| likely(&mut rng)));
    }
    let mut model = case.verilated().model().unwrap();
    let mut legal = 0;
    for i in 0..words.len() + Decoder::LATENCY {
        set(&mut model, &[("word", words.get(i).copied().unwrap_or(0))]);
        if let Some(at) = i.checked_sub(Decoder::LATENCY) {
            let cause = Cause::from_code(get(&model, "cause") as u8).unwrap();
            match Instruction::decode(words[at]) {
                Ok(instruction) => {
                    assert_eq!(cause, Cause::None, "{:032x}", words[at]);
                    assert_eq!(get(&model, "unit"), instruction.unit() as u128);
                    legal += 1;
                }
                Err(e) => assert_eq!(cause, e.cause(), "{:032x}: {e}", words[at]),
            }
        }
        tick(&mut model);
    }
    println!("{} words, {legal} of them instructions", words.len());
    assert!(legal > 5_000 && words.len() - legal > 5_000);
    case.agree_on_random(300, |_| ());
    let path = case.synthesised().depth.reg_to_reg.unwrap();
    assert!(path.levels <= 6, "{path:?}");
}

#[test]
fn semaphores_count() {
    let case = Case::new("semaphores", Semaphores::new);
    let mut model = case.verilated().model().unwrap();
    for seed in seeds() {
        let mut rng = SmallRng::seed_from_u64(seed);
        set(&mut model, &[("reset", 1)]);
        tick(&mut model);
        set(&mut model, &[("reset", 0)]);
        let mut tokens = [0u32; UNITS * UNITS];
        let mut over = 0u128;
        // More is given than taken for a while, so that some overflow; then the other way round.
        for cycle in 0..3000 {
            let often = if cycle < 1500 { 0.5 } else { 0.1 };
            let (mut give, mut take) = (0u128, 0u128);
            for (p, count) in tokens.iter_mut().enumerate() {
                let (up, down) = (rng.random_bool(often), *count > 0 && rng.random_bool(0.25));
                give |= u128::from(up) << p;
                take |= u128::from(down) << p;
                match (up, down) {
                    (true, false) if *count == 255 => over |= 1 << p,
                    (true, false) => *count += 1,
                    (false, true) => *count -= 1,
                    _ => {}
                }
            }
            set(&mut model, &[("give", give), ("take", take)]);
            tick(&mut model);
            let held =
                tokens.iter().enumerate().map(|(p, t)| u128::from(*t > 0) << p).sum::<u128>();
            assert_eq!(get(&model, "held"), held, "seed {seed} cycle {cycle}");
            assert_eq!(get(&model, "overflow"), over, "seed {seed} cycle {cycle}");
        }
        assert!(over != 0, "an overflow happened");
    }
    case.agree_on_random(400, |r| r.often("reset", 0.01));
}

#[test]
fn issuer_agrees() {
    let case = Case::new("issuer", || Issuer::new(4).unwrap());
    case.agree_on_random(1500, |r| {
        r.often("reset", 0.01);
        r.often("finished", 0.3);
        r.often("in_valid", 0.6);
    });
}

/// A program whose tokens can be had in program order, so that it ends, and what it does.
struct Random {
    program: Vec<u128>,
    /// Instructions of load, compute and store, in order.
    expected: [Vec<u128>; 3],
    /// Registers written, in order.
    sets: Vec<(u128, u128)>,
    executed: u128,
    branches: u128,
}

fn operation(rng: &mut SmallRng, at: usize) -> Operation {
    loop {
        match Instruction::decode(likely(rng)).map(|i| i.operation) {
            Ok(Operation::End {} | Operation::Sync {}) | Err(_) => continue,
            Ok(Operation::Branch { rows, .. }) => {
                let target = Number::new((at + rng.random_range(1..6)) as u32).unwrap();
                return Operation::Branch { rows, target };
            }
            Ok(operation) => return operation,
        }
    }
}

fn random_program(rng: &mut SmallRng, running: [bool; 2]) -> Random {
    let length = rng.random_range(1..120);
    let mut tokens = [[0u32; UNITS]; UNITS];
    let mut random = Random {
        program: Vec::new(),
        expected: Default::default(),
        sets: Vec::new(),
        executed: 1,
        branches: 0,
    };
    // Where control is while the program is written; what is jumped over is not executed.
    let mut next = 0;
    for at in 0..length {
        let executed = at == next;
        let mut instruction = Instruction::new(operation(rng, at));
        let own = instruction.unit();
        for unit in Unit::ALL.into_iter().filter(|u| *u != own) {
            let held = &mut tokens[unit as usize][own as usize];
            if executed && *held > 0 && rng.random_bool(0.5) {
                *held -= 1;
                instruction = instruction.after(unit);
            }
        }
        for unit in Unit::ALL.into_iter().filter(|u| *u != own) {
            if rng.random_bool(0.2) {
                instruction = instruction.before(unit);
                tokens[own as usize][unit as usize] += u32::from(executed);
            }
        }
        let word = instruction.encode();
        random.program.push(word);
        if !executed {
            continue;
        }
        random.executed += 1;
        next = at + 1;
        match instruction.operation {
            Operation::Set { register, value } => {
                random.sets.push((register as u128, u128::from(value.get())));
            }
            Operation::Branch { rows, target } => {
                let empty = match rows {
                    Rows::Attention => !running[0],
                    Rows::Forward => !running[1],
                    _ => false,
                };
                if empty {
                    random.branches += 1;
                    next = target.into();
                }
            }
            _ => random.expected[own as usize - 1].push(word),
        }
    }
    // A branch near the end may go beyond: nothing but ends there.
    random.program.resize(next.max(length) + 1, Instruction::new(Operation::End {}).encode());
    random
}

/// The sequencer with three units that take random times.
struct Bench {
    model: Model,
    rng: SmallRng,
    /// Instruction with each unit, and cycles left.
    with: [Option<(u128, u32)>; 3],
    seen: [Vec<u128>; 3],
    sets: Vec<(u128, u128)>,
    tokens: [[i64; UNITS]; UNITS],
}

const PORTS: [&str; 3] = ["load", "compute", "store"];

impl Bench {
    fn new(model: Model, seed: u64) -> Bench {
        Bench {
            model,
            rng: SmallRng::seed_from_u64(seed),
            with: [None; 3],
            seen: Default::default(),
            sets: Vec::new(),
            tokens: [[0; UNITS]; UNITS],
        }
    }

    fn load(&mut self, program: &[u128]) {
        set(&mut self.model, &[("reset", 1), ("watchdog", 5000), ("program_write", 1)]);
        for (i, word) in program.iter().enumerate() {
            set(&mut self.model, &[("program_address", i as u128), ("program_data", *word)]);
            tick(&mut self.model);
        }
        set(
            &mut self.model,
            &[("reset", 0), ("program_write", 0), ("length", program.len() as u128)],
        );
        tick(&mut self.model);
    }

    /// Runs until the core is idle; `fault_at`: a cycle in which a unit reports a fault.
    fn run(&mut self, running: [bool; 2], fault_at: Option<u64>) -> Cause {
        let bits = u128::from(running[0]) | u128::from(running[1]) << 1;
        set(&mut self.model, &[("running", bits), ("start", 1)]);
        tick(&mut self.model);
        set(&mut self.model, &[("start", 0)]);
        for cycle in 0..60_000 {
            let mut finished = 0u128;
            for u in 0..3 {
                if let Some((word, left)) = &mut self.with[u] {
                    *left -= 1;
                    if *left == 0 {
                        finished |= 1 << u;
                        if let Ok(i) = Instruction::decode(*word) {
                            i.signal.iter().for_each(|to| self.tokens[u + 1][to as usize] += 1);
                        }
                        self.with[u] = None;
                    }
                }
            }
            let fault = u128::from(fault_at == Some(cycle)) << 1;
            set(&mut self.model, &[("finished", finished), ("fault", fault)]);
            let free: [bool; 3] =
                std::array::from_fn(|u| self.with[u].is_none() && finished >> u & 1 == 0);
            for (u, port) in PORTS.iter().enumerate() {
                let ready = free[u] && self.rng.random_bool(0.7);
                set(&mut self.model, &[(&format!("{port}_ready"), u128::from(ready))]);
                if ready && get(&self.model, &format!("{port}_valid")) == 1 {
                    let word = get(&self.model, &format!("{port}_data"));
                    self.seen[u].push(word);
                    self.with[u] = Some((word, self.rng.random_range(1..12)));
                    let wait = Instruction::decode(word).unwrap().wait;
                    for from in wait.iter().filter(|f| *f != Unit::Control) {
                        let held = &mut self.tokens[from as usize][u + 1];
                        *held -= 1;
                        assert!(*held >= 0, "{} starts without its token", PORTS[u]);
                    }
                }
            }
            if get(&self.model, "set_enable") == 1 {
                self.sets.push((get(&self.model, "set_register"), get(&self.model, "set_value")));
            }
            if get(&self.model, "busy") == 0 {
                return Cause::from_code(get(&self.model, "cause") as u8).unwrap();
            }
            tick(&mut self.model);
        }
        panic!("the core neither ends nor stops");
    }
}

fn sequencer() -> Case {
    Case::new("sequencer", || Sequencer::new(sequencer::PROGRAM).unwrap())
}

#[test]
fn random_programs_go_where_the_table_says() {
    let verilated = sequencer().verilated();
    let (mut handed, mut branches) = (0, 0);
    for seed in seeds() {
        let mut rng = SmallRng::seed_from_u64(seed);
        for _ in 0..60 {
            let running = [rng.random(), rng.random()];
            let random = random_program(&mut rng, running);
            let mut bench = Bench::new(verilated.model().unwrap(), rng.random());
            bench.load(&random.program);
            assert_eq!(bench.run(running, None), Cause::None, "seed {seed}");
            assert_eq!(bench.seen, random.expected, "seed {seed}");
            assert_eq!(bench.sets, random.sets, "seed {seed}");
            assert_eq!(get(&bench.model, "instructions"), random.executed);
            assert_eq!(get(&bench.model, "branches"), random.branches);
            assert!(bench.with.iter().all(Option::is_none), "end waits for every unit");
            handed += random.executed;
            branches += random.branches;
        }
    }
    println!("{handed} instructions, {branches} branches taken");
    assert!(handed > 2000 && branches > 20);
}

#[test]
fn every_cause_stops_the_core_where_it_happens() {
    let verilated = sequencer().verilated();
    let store = |signal: Units| {
        let word = u128::from(skipopu_isa::set::by_mnemonic("store.data").unwrap().opcode);
        Instruction { signal, ..Instruction::decode(word).unwrap() }.encode()
    };
    let end = Instruction::new(Operation::End {}).encode();
    let value = Number::new(7).unwrap();
    let free = Instruction::new(Operation::Set { register: Register::Head, value });
    let to_load = store(Units::NONE.with(Unit::Load));
    let far = Operation::Branch { rows: Rows::Forward, target: Number::new(0xF_FFFF).unwrap() };
    let cases: [(&str, Vec<u128>, Cause, u128); 9] = [
        ("opcode", vec![store(Units::NONE), 0xFF, end], Cause::Opcode, 1),
        ("own unit", vec![store(Units::NONE.with(Unit::Store)), end], Cause::OwnUnit, 0),
        ("field", vec![free.encode(), 3 | 15 << 16, end], Cause::Field, 1),
        ("reserved", vec![end | 1 << 127], Cause::Reserved, 0),
        ("no end", vec![store(Units::NONE)], Cause::Left, 1),
        ("far branch", vec![Instruction::new(far).encode(), end], Cause::Left, 0xF_FFFF),
        ("semaphore", [vec![to_load; 256], vec![end]].concat(), Cause::Semaphore, u128::MAX),
        ("watchdog", vec![free.after(Unit::Load).encode(), end], Cause::Watchdog, 0),
        ("fault", vec![free.after(Unit::Load).encode(), end], Cause::Unit, 0),
    ];
    for (name, program, cause, at) in cases {
        let mut bench = Bench::new(verilated.model().unwrap(), 1);
        bench.load(&program);
        let fault = (cause == Cause::Unit).then_some(40);
        assert_eq!(bench.run([true, false], fault), cause, "{name}");
        if at != u128::MAX {
            assert_eq!(get(&bench.model, "pc"), at, "{name}");
        }
        // A new program runs after it.
        bench.with = [None; 3];
        bench.load(&[free.encode(), end]);
        assert_eq!(bench.run([true, true], None), Cause::None, "{name}, afterwards");
    }
}

#[test]
fn sequencer_rate_and_engines() {
    let case = sequencer();
    let mut bench = Bench::new(case.verilated().model().unwrap(), 0);
    let value = Number::new(1).unwrap();
    let set_one = Instruction::new(Operation::Set { register: Register::Layers, value }).encode();
    let mut program = vec![set_one; 100];
    program.push(Instruction::new(Operation::End {}).encode());
    bench.load(&program);
    set(&mut bench.model, &[("start", 1)]);
    tick(&mut bench.model);
    set(&mut bench.model, &[("start", 0)]);
    let mut cycles = 0;
    while get(&bench.model, "busy") == 1 {
        tick(&mut bench.model);
        cycles += 1;
    }
    assert_eq!(cycles, 101 * Sequencer::INTERVAL);
    case.agree_on_random(600, |r| {
        r.often("reset", 0.01);
        r.often("program_write", 0.5);
        r.few("program_address", &[0, 1, 2, 3]);
        r.few("length", &[3, 4]);
        r.few("fault", &[0]);
    });
    let path = case.synthesised().depth.reg_to_reg.unwrap();
    assert!(path.levels <= 6, "{path:?}");
}
