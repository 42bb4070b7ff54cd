//! The memory's timing rules: each one alone, all of them under random traffic, and a checker that finds
//! each one broken.

mod common;

use common::dram::check;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use skipopu_sim::memory::dram::{
    AddressMap, Channel, Command, DramTiming, Finished, Issued, Policy, DDR4_TIMING, HBM2_TIMING,
};
use std::collections::{HashMap, HashSet};

const NO_REFRESH: Policy = Policy { refresh: false, ..Policy::DEFAULT };

/// Address of a column of a row of a bank (two bits of group, then two of bank) of the HBM.
fn address(bank: u64, row: u64, column: u64) -> u64 {
    let bit = |n: u64| bank >> n & 1;
    bit(0) << 5 | bit(1) << 13 | bit(2) << 11 | bit(3) << 12 | row << 14 | column << 6
}

/// The commands for these accesses (address, write), all there at once.
fn commands(t: DramTiming, policy: Policy, accesses: &[(u64, bool)]) -> Vec<Issued> {
    let mut channel = Channel::new(t, AddressMap::HBM2, policy, t.refi);
    channel.log();
    for (tag, (address, write)) in accesses.iter().enumerate() {
        channel.push(0, *address, *write, tag as u64);
    }
    let mut done = Vec::new();
    channel.advance(5000, &mut done);
    assert_eq!((done.len(), channel.backlog()), (accesses.len(), 0));
    check(&t, channel.commands(), None).unwrap();
    channel.commands().to_vec()
}

/// Cycles from the first `a` to the first `b` after it.
fn gap(commands: &[Issued], a: Command, b: Command) -> u64 {
    let from = commands.iter().position(|c| c.command == a).expect("the first command");
    let to = commands[from + 1..].iter().find(|c| c.command == b).expect("the second command");
    to.cycle - commands[from].cycle
}

#[test]
fn every_rule_holds_commands_back_alone() {
    use Command::{Activate, Precharge, Read, Write};
    // Two banks of one group, two of different groups.
    let (r, w) = (false, true);
    let same_row = [(address(0, 0, 0), r), (address(0, 0, 1), r)];
    let groups = [(address(0, 0, 0), r), (address(1, 0, 0), r)];
    let one_group = [(address(0, 0, 0), r), (address(4, 0, 0), r)];
    let miss = [(address(0, 0, 0), r), (address(0, 1, 0), r)];
    let write_miss = [(address(0, 0, 0), w), (address(0, 1, 0), w)];
    let write_read = |bank| vec![(address(0, 0, 0), w), (address(bank, 0, 1), r)];
    let five: Vec<(u64, bool)> = (0..5).map(|b| (address(b, 0, 0), r)).collect();
    // Changed parameter, its value, accesses, the pair, the distance wanted.
    type Set = fn(&mut DramTiming, u64);
    type Case = (&'static str, Set, Vec<(u64, bool)>, Command, Command, [u64; 2]);
    let cases: Vec<Case> = vec![
        ("rcd_rd", |t, v| t.rcd_rd = v, same_row.to_vec(), Activate, Read, [14, 40]),
        ("rcd_wr", |t, v| t.rcd_wr = v, write_miss.to_vec(), Activate, Write, [10, 40]),
        ("ccd_l", |t, v| t.ccd_l = v, same_row.to_vec(), Read, Read, [4, 40]),
        ("rrd_s", |t, v| t.rrd_s = v, groups.to_vec(), Activate, Activate, [4, 40]),
        ("rrd_l", |t, v| t.rrd_l = v, one_group.to_vec(), Activate, Activate, [4, 40]),
        ("ras", |t, v| t.ras = v, miss.to_vec(), Activate, Precharge, [30, 40]),
        ("rc", |t, v| t.rc = v, miss.to_vec(), Activate, Activate, [44, 60]),
        ("rp", |t, v| t.rp = v, miss.to_vec(), Precharge, Activate, [14, 40]),
        ("rtp", |t, v| t.rtp = v, miss.to_vec(), Read, Precharge, [16, 40]),
        ("wr", |t, v| t.wr = v, write_miss.to_vec(), Write, Precharge, [22, 46]),
        ("wtr_s", |t, v| t.wtr_s = v, write_read(1), Write, Read, [10, 46]),
        ("wtr_l", |t, v| t.wtr_l = v, write_read(4), Write, Read, [14, 46]),
    ];
    for (name, set, accesses, a, b, [normal, held]) in cases {
        // Writes first where the rule is about what follows them.
        let policy = Policy { write_high: 1, batch: 0, patience: 0, ..NO_REFRESH };
        let policy = if accesses.iter().any(|a| a.1) { policy } else { NO_REFRESH };
        let found = gap(&commands(HBM2_TIMING, policy, &accesses), a, b);
        assert!(found.abs_diff(normal) <= 2, "{name}: {found} instead of {normal}");
        let mut t = HBM2_TIMING;
        set(&mut t, 40);
        if name == "rc" {
            t.rc = 60;
        }
        let found = gap(&commands(t, policy, &accesses), a, b);
        assert_eq!(found, held, "{name} at 40");
    }
    // Column commands of different groups: both rows open, then one after the other.
    let alternating: Vec<(u64, bool)> = (0..8).map(|i| (address(i % 2, 0, i / 2), r)).collect();
    let mut t = HBM2_TIMING;
    let last = |t| {
        let c = commands(t, NO_REFRESH, &alternating);
        let reads: Vec<u64> = c.iter().filter(|c| c.command == Read).map(|c| c.cycle).collect();
        reads[7] - reads[6]
    };
    assert_eq!(last(t), 2);
    t.ccd_s = 10;
    assert_eq!(last(t), 10);
    // The window of four activates.
    let fifth = |t: DramTiming| {
        let c = commands(t, NO_REFRESH, &five);
        let acts: Vec<u64> = c.iter().filter(|c| c.command == Activate).map(|c| c.cycle).collect();
        acts[4] - acts[0]
    };
    assert_eq!(fifth(HBM2_TIMING), 16);
    assert_eq!(fifth(DramTiming { faw: 50, ..HBM2_TIMING }), 50);
    // A write behind a read.
    let both = [(address(0, 0, 0), r), (address(0, 0, 1), w)];
    assert_eq!(gap(&commands(HBM2_TIMING, NO_REFRESH, &both), Read, Write), 24);
    let eager = Policy { patience: 0, ..NO_REFRESH };
    assert_eq!(gap(&commands(HBM2_TIMING, eager, &both), Read, Write), 14);
    let turn = DramTiming { turn: 20, ..HBM2_TIMING };
    assert_eq!(gap(&commands(turn, eager, &both), Read, Write), 32);
}

#[test]
fn idle_latencies_follow_from_rows() {
    let t = HBM2_TIMING;
    let mut channel = Channel::new(t, AddressMap::HBM2, Policy::DEFAULT, t.refi);
    let mut one = |at: u64, address: u64| {
        channel.push(at, address, false, 0);
        channel.run().unwrap().at - at
    };
    assert_eq!(one(0, address(3, 5, 0)), 96 + 14);
    assert_eq!(one(400, address(3, 5, 9)), 96);
    assert_eq!(one(800, address(3, 6, 0)), 96 + 28);
    // After a refresh the bank is closed.
    assert_eq!(one(4000, address(3, 6, 1)), 96 + 14);
    let rows = channel.rows();
    assert_eq!((rows.hits, rows.closed, rows.misses, rows.refreshes), (1, 2, 1, 1));
}

#[test]
fn refreshes_come_in_time_and_take_theirs() {
    let t = HBM2_TIMING;
    let mut channel = Channel::new(t, AddressMap::HBM2, Policy::DEFAULT, 1000);
    channel.log();
    channel.advance(1000 + 10 * t.refi, &mut Vec::new());
    let all: Vec<u64> = channel.commands().iter().map(|c| c.cycle).collect();
    assert_eq!(all, (0..=10).map(|i| 1000 + i * t.refi).collect::<Vec<_>>());
    // An access just behind a refresh waits for all of it.
    let mut channel = Channel::new(t, AddressMap::HBM2, Policy::DEFAULT, 1000);
    channel.push(1000 - t.front + 2, address(0, 0, 0), false, 0);
    assert_eq!(channel.run().unwrap().at, 1000 + t.rfc + 14 + t.back);
}

/// Random accesses in a channel, checked: commands, and that each access has exactly one column command,
/// in order with others to its place.
fn random(t: DramTiming, map: AddressMap, policy: Policy, seed: u64) -> usize {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut channel = Channel::new(t, map, policy, rng.random_range(1..t.refi));
    channel.log();
    let writes = [0.0, 0.1, 0.5, 1.0][rng.random_range(0..4)];
    let rows = [1, 2, 8, 1 << 14][rng.random_range(0..4)];
    let pause = [0, 4, 40, 400][rng.random_range(0..4)];
    let span = [1u64 << 11, 1 << 14, 1 << 17][rng.random_range(0..3)];
    let (mut at, mut done) = (0, Vec::new());
    let mut pushed = Vec::new();
    let mut cursor = 0;
    for tag in 0..3_000 {
        at += t.slot + rng.random_range(0..=pause);
        let run = rng.random_bool(0.8);
        let row = rng.random_range(0..rows) << (map.row.0);
        cursor = if run { cursor + t.bytes } else { row + rng.random_range(0..span) };
        let place_address = cursor % map.bytes();
        let write = rng.random_bool(writes);
        // No more than the window and what lies before it.
        while channel.backlog() > 100 {
            at += t.slot;
            channel.advance(at, &mut done);
        }
        channel.push(at, place_address, write, tag);
        pushed.push((map.place(place_address), write, at));
        channel.advance(at, &mut done);
    }
    channel.advance(at + 20 * t.refi, &mut done);
    assert_eq!(channel.backlog(), 0, "seed {seed}: accesses are stuck");
    let slack = 2 * t.write_to_precharge() + t.ras + t.rp + 2 * t.slot;
    check(&t, channel.commands(), Some(slack)).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    let tags: HashSet<u64> = done.iter().map(|f: &Finished| f.tag).collect();
    assert_eq!((tags.len(), done.len()), (pushed.len(), pushed.len()), "seed {seed}");
    // Column commands in the order of the answers are those of the accesses.
    let columns: Vec<&Issued> = channel
        .commands()
        .iter()
        .filter(|c| matches!(c.command, Command::Read | Command::Write))
        .collect();
    let mut last: HashMap<(u8, u32, u16), (u64, bool)> = HashMap::new();
    for (column, f) in columns.iter().zip(&done) {
        let (place, write, arrived) = pushed[f.tag as usize];
        assert_eq!((column.place, column.command == Command::Write), (place, write));
        assert_eq!(f.at, column.cycle + t.back);
        assert!(f.at >= arrived + t.hit_latency(), "seed {seed}: faster than the memory");
        let key = (place.bank, place.row, place.column);
        let before = last.entry(key).or_insert((f.tag, write));
        let swapped = before.0 > f.tag && (before.1 || write);
        assert!(!swapped, "seed {seed}: accesses {} and {} to one place swapped", f.tag, before.0);
        *before = (before.0.max(f.tag), write);
    }
    channel.commands().len()
}

#[test]
fn random_traffic_breaks_no_rule() {
    let mut commands = 0;
    for seed in 0..60 {
        commands += random(HBM2_TIMING, AddressMap::HBM2, Policy::DEFAULT, seed);
        commands += random(DDR4_TIMING, AddressMap::DDR4, Policy::DEFAULT, seed);
        let odd = Policy {
            window: 3,
            write_high: 2,
            batch: 1,
            patience: 0,
            starve: 50,
            ..Policy::DEFAULT
        };
        commands += random(HBM2_TIMING, AddressMap::HBM2, odd, seed);
    }
    assert!(commands > 600_000, "only {commands} commands");
}

#[test]
fn the_checker_finds_every_rule_broken() {
    // A controller that thinks a parameter is smaller than it is.
    type Set = fn(&mut DramTiming);
    let cases: [(&str, Set); 14] = [
        ("tRC", |t| t.rc += 30),
        ("tRRD", |t| t.rrd_s += 4),
        ("tRRD", |t| t.rrd_l += 4),
        ("tFAW", |t| t.faw += 10),
        ("tRCDRD", |t| t.rcd_rd += 4),
        ("tRCDWR", |t| t.rcd_wr += 4),
        ("tRAS", |t| t.ras += 10),
        ("tRP", |t| t.rp += 4),
        ("tCCD", |t| t.ccd_l += 4),
        ("tCCD", |t| t.ccd_s += 2),
        ("read to write", |t| t.turn += 4),
        ("tWTR", |t| t.wtr_l += 4),
        ("tRTP", |t| t.rtp += 20),
        ("tWR", |t| t.wr += 6),
    ];
    let t = HBM2_TIMING;
    let mut channel = Channel::new(t, AddressMap::HBM2, Policy::DEFAULT, 500);
    channel.log();
    let mut rng = SmallRng::seed_from_u64(0);
    for tag in 0..4_000u64 {
        let address = (rng.random_range(0..8u64) << 14) + rng.random_range(0..512u64) * 32;
        channel.push(tag * 6, address, rng.random_bool(0.3), tag);
    }
    channel.advance(200_000, &mut Vec::new());
    let commands = channel.commands().to_vec();
    check(&t, &commands, Some(200)).unwrap();
    for (name, set) in cases {
        let mut stricter = t;
        set(&mut stricter);
        let error = check(&stricter, &commands, Some(200)).expect_err(name);
        assert!(error.starts_with(name), "{name}: {error}");
    }
    let find = |c: Command| commands.iter().position(|i| i.command == c).unwrap();
    let without = |c: Command| {
        let mut list = commands.clone();
        list.remove(find(c));
        check(&t, &list, Some(200)).unwrap_err()
    };
    assert!(without(Command::Activate).contains("not open"));
    assert!(without(Command::PrechargeAll).contains("open bank"));
    let none: Vec<Issued> =
        commands.iter().filter(|c| c.command != Command::Refresh).copied().collect();
    assert!(check(&t, &none, Some(200)).is_err());
    let strict = DramTiming { refi: t.refi - 300, ..t };
    assert!(check(&strict, &commands, Some(200)).unwrap_err().starts_with("tREFI"));
}
