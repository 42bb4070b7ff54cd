//! The host's registers against the map, and the counters against sums.

mod common;

use common::{get, seeds, set, tick, Case};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use skipopu_hdl::Word;
use skipopu_hw::axi::resp;
use skipopu_hw::control::registers::RESET_CYCLES;
use skipopu_hw::control::{HostOptions, HostRegisters, PerformanceCounters};
use skipopu_isa::host::{self, control, status, Access, Counter, HostRegister};
use skipopu_isa::VERSION;
use skipopu_sim::{Engine, Model};
use std::collections::VecDeque;

const OPTIONS: HostOptions =
    HostOptions { configuration: 0x0123_4567_89AB_CDEF, rows: 12, context: 200 };

/// Cycles that an access may take when the host is slow.
const BUDGET: usize = 60;

fn case() -> Case {
    Case::new("host_registers", || HostRegisters::new(OPTIONS).unwrap())
}

/// The map, written from the manual.
#[derive(Default)]
struct Map {
    settings: [u32; 4],
    enable: bool,
    running: bool,
    done: bool,
    pending: bool,
    starts: u32,
    /// What the block is shown: cause, pc, fault.
    shown: [u64; 6],
}

const SETTINGS: [HostRegister; 4] =
    [HostRegister::Program, HostRegister::Rows, HostRegister::Position, HostRegister::Watchdog];

impl Map {
    fn new() -> Map {
        Map { settings: [0, 0, 0, host::WATCHDOG], ..Map::default() }
    }

    fn startable(&self) -> bool {
        let [_, rows, position, _] = self.settings.map(u64::from);
        !self.running && (1..=12).contains(&rows) && position + rows <= 200
    }

    fn write(&mut self, address: u32, data: u32, strobe: u32) -> u64 {
        let Some(register) = HostRegister::ALL.iter().find(|r| r.offset() == address) else {
            return resp::SLVERR;
        };
        match register.spec().access {
            Access::Read => return resp::SLVERR,
            Access::Setting => {
                if self.running {
                    return resp::SLVERR;
                }
                let i = SETTINGS.iter().position(|r| r == register).unwrap();
                for b in (0..4).filter(|b| strobe >> b & 1 == 1) {
                    let mask = 0xFF << (8 * b);
                    self.settings[i] = self.settings[i] & !mask | data & mask;
                }
            }
            Access::ReadWrite if strobe & 1 == 1 => {
                let (start, reset) = (data & control::START != 0, data & control::RESET != 0);
                if start && (reset || !self.startable()) {
                    return resp::SLVERR;
                }
                self.enable = data & control::INTERRUPT_ENABLE != 0;
                if start {
                    (self.running, self.done, self.pending) = (true, false, false);
                    self.starts += 1;
                }
                if reset {
                    (self.running, self.done, self.pending) = (false, false, false);
                }
            }
            Access::Clear if strobe & data & 1 == 1 => self.pending = false,
            Access::ReadWrite | Access::Clear => {}
        }
        resp::OKAY
    }

    /// What a reading gives, counters apart.
    fn read(&self, address: u32) -> (u32, u64) {
        if address % 4 != 0 {
            return (0, resp::SLVERR);
        }
        let at = address;
        let word = |v: u64| v >> (8 * (at & 4));
        let flag = |on: bool, bits: u32| if on { bits } else { 0 };
        let value = match HostRegister::ALL
            .iter()
            .find(|r| (r.offset()..r.offset() + 4 * r.spec().words).contains(&at))
        {
            None => return (0, resp::SLVERR),
            Some(r) => match r {
                HostRegister::Id => u64::from(u32::from_le_bytes(*b"SKOP")),
                HostRegister::MapVersion => 1,
                HostRegister::IsaVersion => u64::from(VERSION),
                HostRegister::Configuration => word(OPTIONS.configuration),
                HostRegister::Control => flag(self.enable, control::INTERRUPT_ENABLE).into(),
                HostRegister::Status => u64::from(
                    flag(self.running, status::BUSY)
                        | flag(self.done, status::DONE)
                        | flag(self.pending, status::INTERRUPT),
                ),
                HostRegister::Interrupt => u64::from(self.pending),
                HostRegister::Cause => self.shown[0],
                HostRegister::Pc => self.shown[1],
                HostRegister::FaultUnit => self.shown[2],
                HostRegister::FaultKind => self.shown[3],
                HostRegister::FaultPort => self.shown[4],
                HostRegister::FaultAddress => word(self.shown[5]),
                setting => {
                    let i = SETTINGS.iter().position(|s| s == setting).unwrap();
                    self.settings[i].into()
                }
            },
        };
        (value as u32, resp::OKAY)
    }

    fn stop(&mut self) {
        if self.running {
            (self.running, self.done, self.pending) = (false, true, true);
        }
    }
}

/// A channel that the host drives: offers its items in order, each after a random pause, and holds it until it is taken.
struct Channel {
    items: VecDeque<u128>,
    pause: u32,
}

impl Channel {
    fn new(items: impl IntoIterator<Item = u128>) -> Channel {
        Channel { items: items.into_iter().collect(), pause: 0 }
    }

    fn offer(&self) -> Option<u128> {
        self.items.front().copied().filter(|_| self.pause == 0)
    }

    fn next(&mut self, fired: bool, rng: &mut SmallRng, hurry: bool) {
        match fired {
            true => {
                self.items.pop_front();
                self.pause = if hurry || rng.random() { 0 } else { rng.random_range(1..5) };
            }
            false => self.pause = self.pause.saturating_sub(1),
        }
    }
}

/// A response that waits must not change.
#[derive(Default)]
struct Held(Option<u128>);

impl Held {
    fn check(&mut self, valid: bool, ready: bool, payload: u128) {
        if let Some(before) = self.0.take() {
            assert!(valid && payload == before, "a response changed or went away");
        }
        self.0 = (valid && !ready).then_some(payload);
    }
}

struct Bench {
    model: Model,
    rng: SmallRng,
    cycles: usize,
    starts: u32,
    resets: usize,
    held: [Held; 2],
}

impl Bench {
    fn new(case: &Case, seed: u64) -> Bench {
        let mut model = case.verilated().model().unwrap();
        set(&mut model, &[("reset", 1)]);
        tick(&mut model);
        set(&mut model, &[("reset", 0)]);
        let rng = SmallRng::seed_from_u64(seed);
        Bench { model, rng, cycles: 0, starts: 0, resets: 0, held: Default::default() }
    }

    fn cycle(&mut self) {
        self.starts += get(&self.model, "start") as u32;
        self.resets += get(&self.model, "core_reset") as usize;
        tick(&mut self.model);
        self.cycles += 1;
    }

    fn idle(&mut self, cycles: usize) {
        (0..cycles).for_each(|_| self.cycle());
    }

    /// Writes (address, data, strobe) and readings at the same time, each in its order; their responses.
    fn access(
        &mut self,
        writes: &[(u32, u32, u32)],
        reads: &[u32],
        hurry: bool,
    ) -> (Vec<u64>, Vec<(u32, u64)>) {
        let mut aw = Channel::new(writes.iter().map(|w| u128::from(w.0)));
        let mut w = Channel::new(writes.iter().map(|w| u128::from(w.2) << 32 | u128::from(w.1)));
        let mut ar = Channel::new(reads.iter().map(|r| u128::from(*r)));
        // Either of address and data may come long before the other.
        if !hurry {
            aw.pause = self.rng.random_range(0..8);
            w.pause = self.rng.random_range(0..8);
        }
        let (mut written, mut read) = (Vec::new(), Vec::new());
        let budget = BUDGET * (1 + writes.len() + reads.len());
        for _ in 0..budget {
            if written.len() == writes.len() && read.len() == reads.len() {
                break;
            }
            let garbage: u128 = self.rng.random();
            let (a, d, r) = (aw.offer(), w.offer(), ar.offer());
            let word = d.unwrap_or(garbage);
            let take = |rng: &mut SmallRng| hurry || rng.random();
            let (bready, rready) = (take(&mut self.rng), take(&mut self.rng));
            set(
                &mut self.model,
                &[
                    ("s_axi_awvalid", a.is_some().into()),
                    ("s_axi_awaddr", a.unwrap_or(garbage) & 0xFFF),
                    ("s_axi_wvalid", d.is_some().into()),
                    ("s_axi_wdata", word & 0xFFFF_FFFF),
                    ("s_axi_wstrb", word >> 32 & 15),
                    ("s_axi_arvalid", r.is_some().into()),
                    ("s_axi_araddr", r.unwrap_or(garbage) & 0xFFF),
                    ("s_axi_bready", bready.into()),
                    ("s_axi_rready", rready.into()),
                ],
            );
            self.model.eval().unwrap();
            let is = |port: &str| get(&self.model, port) == 1;
            let (b, data) = (is("s_axi_bvalid"), is("s_axi_rvalid"));
            let (bresp, rresp) = (get(&self.model, "s_axi_bresp"), get(&self.model, "s_axi_rresp"));
            let rdata = get(&self.model, "s_axi_rdata");
            let fired = [
                a.is_some() && is("s_axi_awready"),
                d.is_some() && is("s_axi_wready"),
                r.is_some() && is("s_axi_arready"),
            ];
            self.held[0].check(b, bready, bresp);
            self.held[1].check(data, rready, rresp << 32 | rdata);
            if b && bready {
                written.push(bresp as u64);
            }
            if data && rready {
                // Data of a refused reading means nothing.
                let word = if rresp == 0 { rdata as u32 } else { 0 };
                read.push((word, rresp as u64));
            }
            self.cycle();
            aw.next(fired[0], &mut self.rng, hurry);
            w.next(fired[1], &mut self.rng, hurry);
            ar.next(fired[2], &mut self.rng, hurry);
        }
        set(&mut self.model, &[("s_axi_awvalid", 0), ("s_axi_wvalid", 0), ("s_axi_arvalid", 0)]);
        // Nothing extra comes out.
        for _ in 0..4 {
            self.model.eval().unwrap();
            assert_eq!(get(&self.model, "s_axi_bvalid") | get(&self.model, "s_axi_rvalid"), 0);
            self.cycle();
        }
        assert_eq!(
            (written.len(), read.len()),
            (writes.len(), reads.len()),
            "answers within {budget} cycles"
        );
        (written, read)
    }

    fn write(&mut self, address: u32, data: u32) -> u64 {
        self.access(&[(address, data, 15)], &[], true).0[0]
    }

    fn read(&mut self, address: u32) -> (u32, u64) {
        self.access(&[], &[address], true).1[0]
    }

    fn show(&mut self, values: [u64; 6]) {
        let names = ["cause", "pc", "fault_unit", "fault_kind", "fault_port", "fault_address"];
        for (name, value) in names.iter().zip(values) {
            set(&mut self.model, &[(name, value.into())]);
        }
    }

    /// Outputs that follow the map's state.
    fn holds(&mut self, map: &Map) {
        self.idle(2);
        self.model.eval().unwrap();
        let output = |name: &str| get(&self.model, name) as u64;
        assert_eq!(output("running"), u64::from(map.running));
        assert_eq!(output("irq"), u64::from(map.pending && map.enable));
        let [program, rows, position, watchdog] = map.settings.map(u64::from);
        assert_eq!(output("program_word"), program);
        assert_eq!(output("rows"), rows & 15);
        assert_eq!(output("position"), position & 255);
        assert_eq!(output("watchdog"), watchdog);
        assert_eq!(self.starts, map.starts, "starts");
    }
}

/// An address of the map, near it, or anywhere.
fn address(rng: &mut SmallRng) -> u32 {
    let known = HostRegister::ALL[rng.random_range(0..HostRegister::ALL.len())].offset();
    let at = match rng.random_range(0..10) {
        0..7 => known,
        7 => known + 4,
        // Counters are read elsewhere; a hole behind the registers, and far addresses that look like registers.
        8 => 0x80 + 4 * rng.random_range(0..32),
        _ => 0x200 + rng.random_range(0..0xE00),
    };
    match rng.random_bool(0.9) {
        true => at & !3,
        false => at & !3 | rng.random_range(1..4),
    }
}

/// A value that means something to the register at hand, often.
fn value(rng: &mut SmallRng, address: u32) -> u32 {
    match HostRegister::ALL.iter().find(|r| r.offset() == address) {
        Some(HostRegister::Rows) => rng.random_range(0..14),
        Some(HostRegister::Position) => rng.random_range(170..202),
        // No reset: until it is over, answers depend on time.
        Some(HostRegister::Control) => rng.random::<u32>() & !control::RESET,
        Some(HostRegister::Interrupt) => rng.random_range(0..4),
        _ => rng.random(),
    }
}

#[test]
fn every_access_does_what_the_map_says() {
    let case = case();
    let (mut refused, mut accepted, mut errors, mut starts, mut interrupts) = (0, 0, 0, 0, 0);
    for seed in seeds() {
        let mut bench = Bench::new(&case, seed);
        let mut map = Map::new();
        for round in 0..800 {
            let hurry = bench.rng.random_bool(0.3);
            let count = bench.rng.random_range(0..6);
            let writes: Vec<(u32, u32, u32)> = (0..count)
                .map(|_| {
                    let at = address(&mut bench.rng);
                    let strobe =
                        if bench.rng.random_bool(0.6) { 15 } else { bench.rng.random_range(0..16) };
                    (at, value(&mut bench.rng, at), strobe)
                })
                .collect();
            let expected: Vec<u64> = writes.iter().map(|w| map.write(w.0, w.1, w.2)).collect();
            let (written, _) = bench.access(&writes, &[], hurry);
            assert_eq!(written, expected, "seed {seed} round {round}: {writes:x?}");
            refused += written.iter().filter(|r| **r == resp::SLVERR).count();
            accepted += written.iter().filter(|r| **r == resp::OKAY).count();
            bench.holds(&map);

            let values = [0; 6].map(|_: u64| bench.rng.random::<u64>());
            map.shown = [
                values[0] & 15,
                values[1] & 0x1F_FFFF,
                values[2] & 3,
                values[3] & 15,
                values[4] & 255,
                values[5],
            ];
            bench.show(map.shown);
            let count = bench.rng.random_range(1..6);
            let reads: Vec<u32> = (0..count).map(|_| address(&mut bench.rng)).collect();
            let expected: Vec<(u32, u64)> = reads.iter().map(|r| map.read(*r)).collect();
            let (_, read) = bench.access(&[], &reads, hurry);
            assert_eq!(read, expected, "seed {seed} round {round}: {reads:x?}");
            errors += read.iter().filter(|r| r.1 == resp::SLVERR).count();

            if bench.rng.random_bool(0.6) {
                interrupts += u32::from(map.running);
                map.stop();
                set(&mut bench.model, &[("stopped", 1)]);
                bench.cycle();
                set(&mut bench.model, &[("stopped", 0)]);
                bench.holds(&map);
            }
            if bench.rng.random_bool(0.05) {
                let before = bench.resets;
                assert_eq!(
                    map.write(HostRegister::Control.offset(), control::RESET, 15),
                    resp::OKAY
                );
                assert_eq!(bench.write(HostRegister::Control.offset(), control::RESET), resp::OKAY);
                // Busy meanwhile.
                let (flags, _) = bench.read(HostRegister::Status.offset());
                assert_eq!(flags, status::BUSY);
                assert_eq!(bench.write(HostRegister::Rows.offset(), 3), resp::SLVERR);
                bench.idle(RESET_CYCLES);
                assert_eq!(bench.resets - before, RESET_CYCLES);
                bench.holds(&map);
            }
        }
        starts += map.starts;
    }
    println!("{accepted} writes accepted, {refused} refused, {errors} readings refused, {starts} starts, {interrupts} interrupts");
    assert!(accepted > 500 && refused > 500 && errors > 200 && starts > 10 && interrupts > 10);
}

/// Writes and readings at the same time do not disturb each other.
#[test]
fn both_directions_at_once() {
    let case = case();
    for seed in seeds() {
        let mut bench = Bench::new(&case, seed);
        let mut map = Map::new();
        for _ in 0..60 {
            let hurry = bench.rng.random();
            let writes: Vec<(u32, u32, u32)> = (0..8)
                .map(|_| {
                    let at = SETTINGS[bench.rng.random_range(0..4)].offset();
                    (at, value(&mut bench.rng, at), 15)
                })
                .collect();
            let fixed = [HostRegister::Id, HostRegister::IsaVersion, HostRegister::Configuration];
            let reads: Vec<u32> =
                (0..8).map(|_| fixed[bench.rng.random_range(0..3)].offset()).collect();
            let expected: Vec<u64> = writes.iter().map(|w| map.write(w.0, w.1, w.2)).collect();
            let readings: Vec<(u32, u64)> = reads.iter().map(|r| map.read(*r)).collect();
            assert_eq!(bench.access(&writes, &reads, hurry), (expected, readings), "seed {seed}");
            bench.holds(&map);
        }
    }
}

#[test]
fn latency_and_rate() {
    let case = case();
    let mut bench = Bench::new(&case, 0);
    let at = HostRegister::Program.offset();
    for count in [1usize, 5] {
        let writes: Vec<(u32, u32, u32)> = (0..count as u32).map(|i| (at, i, 15)).collect();
        let before = bench.cycles;
        bench.access(&writes, &[], true);
        // Four idle cycles follow every call.
        let cycles = bench.cycles - before - 4;
        assert_eq!(cycles, HostRegisters::WRITE_LATENCY + 1 + 2 * (count - 1), "{count} writes");
        let before = bench.cycles;
        bench.access(&[], &vec![at; count], true);
        let cycles = bench.cycles - before - 4;
        assert_eq!(cycles, HostRegisters::LATENCY + 1 + 4 * (count - 1), "{count} readings");
    }
}

/// Low and high word of a counter that runs belong together, though its carry comes a cycle late.
#[test]
fn counters_are_read_whole() {
    let case = case();
    let bits = Counter::ALL.len() * 64;
    for seed in seeds() {
        let mut bench = Bench::new(&case, seed);
        let (mut wrapped, mut compared) = (0, 0);
        for counter in Counter::ALL {
            for _ in 0..12 {
                let mut low = bench.rng.random::<u32>();
                let (mut high, mut carry) = (bench.rng.random::<u32>() >> 1, false);
                let mut totals = Vec::new();
                let mut words = Vec::new();
                // Low word, then high word, while the counter goes on by steps that often wrap.
                for half in 0..2 {
                    let address = counter.offset() + 4 * half;
                    let mut asked = false;
                    loop {
                        let total =
                            u64::from(high).wrapping_add(carry.into()) << 32 | u64::from(low);
                        totals.push(total);
                        let mut limbs = vec![0u64; bits / 64];
                        limbs[*counter as usize] = u64::from(high) << 32 | u64::from(low);
                        let counts = Word::from_limbs(bits, &limbs);
                        Engine::set(&mut bench.model, "counts", &counts).unwrap();
                        set(
                            &mut bench.model,
                            &[
                                ("s_axi_arvalid", (!asked).into()),
                                ("s_axi_araddr", address.into()),
                                ("s_axi_rready", 1),
                            ],
                        );
                        bench.model.eval().unwrap();
                        asked |= get(&bench.model, "s_axi_arready") == 1;
                        let answer = (get(&bench.model, "s_axi_rvalid") == 1)
                            .then(|| get(&bench.model, "s_axi_rdata") as u64);
                        high = high.wrapping_add(carry.into());
                        let step = bench.rng.random::<u32>();
                        (low, carry) = low.overflowing_add(step);
                        bench.cycle();
                        if let Some(word) = answer {
                            words.push(word);
                            break;
                        }
                    }
                }
                let read = words[1] << 32 | words[0];
                assert!(totals.contains(&read), "seed {seed}: {read:x} of {totals:x?}");
                wrapped += usize::from(totals.windows(2).any(|t| t[0] >> 32 != t[1] >> 32));
                compared += 1;
            }
        }
        println!("{compared} readings, {wrapped} of counters whose low half wrapped");
        assert!(compared == 12 * Counter::ALL.len() && wrapped > 100);
    }
}

#[test]
fn registers_agree() {
    let case = case();
    case.agree_on_random(1500, |r| {
        r.often("reset", 0.005);
        r.often("stopped", 0.05);
        let at: Vec<usize> = HostRegister::map().iter().map(|s| s.offset as usize).collect();
        r.few("s_axi_awaddr", &[&at[..], &[0x20, 0x24, 0x28, 0x60, 0x64, 0x68]].concat());
        r.few("s_axi_araddr", &[&at[..], &[0x44, 0x7C, 0x1FC, 0x260]].concat());
        r.few("s_axi_wdata", &[0, 1, 2, 3, 4, 5, 8, 100]);
        r.few("s_axi_wstrb", &[15, 15, 15, 1, 6]);
    });
    let path = case.synthesised().depth.reg_to_reg.unwrap();
    assert!(path.levels <= 6, "{path:?}");
}

#[test]
fn counters_add_up() {
    const BITS: usize = 40;
    let case = Case::new("counters", || PerformanceCounters::with_bits(BITS));
    let mut model = case.verilated().model().unwrap();
    let (all, mask) = (Counter::ALL.len(), (1u64 << BITS) - 1);
    for seed in seeds() {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut totals = vec![0u64; all];
        let mut wrapped = 0;
        set(&mut model, &[("clear", 1)]);
        tick(&mut model);
        for cycle in 0..4000 {
            let clear = rng.random_bool(0.0005);
            let own: [u64; 2] = rng.random::<[u32; 2]>().map(u64::from);
            set(
                &mut model,
                &[
                    ("clear", clear.into()),
                    ("instructions", own[0].into()),
                    ("branches", own[1].into()),
                ],
            );
            for (c, total) in totals.iter_mut().enumerate() {
                let step = rng.random::<u64>() & ((1 << Counter::ALL[c].step_bits()) - 1);
                set(&mut model, &[(&format!("step_{c}"), step.into())]);
                let before = *total;
                *total = if clear { 0 } else { *total + step };
                wrapped += u64::from(*total >> (BITS / 2) != before >> (BITS / 2) && !clear);
            }
            tick(&mut model);
            // The carry settles in a cycle without steps.
            if cycle % 7 == 0 {
                set(&mut model, &[("clear", 0)]);
                for c in 0..all {
                    set(&mut model, &[(&format!("step_{c}"), 0)]);
                }
                tick(&mut model);
                let counts = Engine::get(&model, "counts").unwrap();
                for (c, counter) in Counter::ALL.iter().enumerate() {
                    let expected = match counter {
                        Counter::Instructions => own[0],
                        Counter::Branches => own[1],
                        _ => totals[c],
                    };
                    let found = counts.slice(BITS * c, BITS).to_u128() as u64;
                    assert_eq!(
                        found,
                        expected & mask,
                        "seed {seed} cycle {cycle} {}",
                        counter.name()
                    );
                }
            }
        }
        assert!(wrapped > 500, "carries happened: {wrapped}");
    }
    case.agree_on_random(200, |r| r.often("clear", 0.02));
    let full = Case::new("counters", PerformanceCounters::new);
    let path = full.synthesised().depth.reg_to_reg.unwrap();
    assert!(path.levels <= 6, "{path:?}");
}

#[test]
fn options_out_of_range_are_refused() {
    for options in [
        HostOptions { rows: 0, ..OPTIONS },
        HostOptions { rows: 1 << 17, context: 1 << 18, ..OPTIONS },
        HostOptions { rows: 20, context: 19, ..OPTIONS },
        HostOptions { context: (1 << 24) + 1, ..OPTIONS },
    ] {
        let refused = HostRegisters::new(options).err().unwrap();
        assert!(refused.to_string().starts_with("host registers: "), "{refused}");
    }
}
