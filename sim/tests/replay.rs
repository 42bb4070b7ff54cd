//! Replaying accesses on the HBM.

use skipopu_sim::memory::validation::{comparisons, hbm_percent, Pattern};
use skipopu_sim::memory::{Access, Replay, ReplayError, ReplayOptions, ReplayReport};

fn read(channel: u64, address: u64, bytes: u64) -> Access {
    Access { cycle: None, channel, address, bytes, write: false }
}

fn run(options: ReplayOptions, accesses: &[Access]) -> ReplayReport {
    let mut replay = Replay::new(options).unwrap();
    accesses.iter().for_each(|a| replay.access(*a).unwrap());
    replay.finish()
}

#[test]
fn one_access_takes_its_latency() {
    let report = run(ReplayOptions::default(), &[read(3, 0, 32)]);
    assert_eq!((report.cycles, report.bursts, report.read_bytes), (110, 1, 32));
    assert_eq!((report.latency.min, report.latency.max, report.rows.closed), (110, 110, 1));
    assert!((report.nanoseconds - 122.2).abs() < 0.1);
    let longer = ReplayOptions { extra_latency: 33, ..ReplayOptions::default() };
    assert_eq!(run(longer, &[read(3, 0, 32)]).cycles, 143);
    let later = Access { cycle: Some(1000), ..read(3, 0, 32) };
    assert_eq!(run(ReplayOptions::default(), &[later]).cycles, 1110);
}

#[test]
fn bytes_become_the_bursts_they_touch() {
    for (address, bytes, bursts) in [(0, 1, 1), (31, 2, 2), (16, 32, 2), (64, 512, 16), (1, 31, 1)]
    {
        let report = run(ReplayOptions::default(), &[read(0, address, bytes)]);
        assert_eq!((report.bursts, report.read_bytes), (bursts, bytes), "{bytes} from {address}");
    }
}

#[test]
fn open_bursts_are_bounded() {
    let mean = |outstanding| {
        let options = ReplayOptions { outstanding, ..ReplayOptions::default() };
        run(options, &[read(0, 0, 1 << 16)])
    };
    // One at a time: every burst takes its whole latency, the next is issued with the answer.
    let one = mean(1);
    assert!(one.cycles > 2048 * 96 && one.latency.p50 == 96, "{one:?}");
    let (few, many) = (mean(16).gbs, mean(64).gbs);
    // 16 bursts of 32 B in at least 106.7 ns, less what refreshes and the opening of rows take.
    assert!((4.2..4.8 * 0.924).contains(&few), "{few}");
    assert!(many > 12.5, "{many}");
}

#[test]
fn channels_are_independent_and_barriers_join_them() {
    let options = ReplayOptions { spread_refresh: false, ..ReplayOptions::default() };
    let alone = run(options, &[read(0, 0, 8192)]).cycles;
    let both = run(options, &[read(0, 0, 8192), read(31, 0, 8192)]);
    assert_eq!((both.cycles, both.channels.len()), (alone, 2));
    let mut replay = Replay::new(options).unwrap();
    replay.access(read(0, 0, 8192)).unwrap();
    replay.barrier();
    assert_eq!(replay.now(), alone);
    replay.access(read(31, 0, 8192)).unwrap();
    replay.barrier();
    replay.barrier();
    assert_eq!(replay.now(), 2 * alone);
    replay.wait_until(3 * alone);
    replay.access(read(31, 64, 32)).unwrap();
    let report = replay.finish();
    assert_eq!((report.cycles, report.barriers), (3 * alone + 96, 2));
}

#[test]
fn threads_and_batches_do_not_change_the_result() {
    // More accesses than one batch against the same accesses in small portions, which barriers would join
    // but `now` does not.
    let accesses: Vec<Access> = (0..300_000u64)
        .map(|i| read(i % 32, i * 7919 % (1 << 22) * 64, 64))
        .map(|a| Access { write: a.address % 3 == 0, ..a })
        .collect();
    let report = run(ReplayOptions::default(), &accesses);
    let mut singly = Vec::new();
    for channel in 0..32 {
        let own: Vec<Access> = accesses.iter().filter(|a| a.channel == channel).copied().collect();
        singly.extend(run(ReplayOptions::default(), &own).channels);
    }
    for (a, b) in report.channels.iter().zip(&singly) {
        assert_eq!((a.last, a.rows.hits, a.bytes), (b.last, b.rows.hits, b.bytes));
    }
    assert_eq!(report.channels.len(), 32);
}

#[test]
fn long_bursts_reach_the_published_share() {
    let (sequential, blocks) =
        (hbm_percent(Pattern::Sequential).unwrap(), hbm_percent(Pattern::Random(8192)).unwrap());
    assert!(sequential >= 91.0, "sequential: {sequential} % of 460.8 GB/s");
    assert!(blocks >= 88.0, "8 KiB blocks: {blocks} % of 460.8 GB/s");
}

#[test]
fn the_models_agree_with_what_was_measured() {
    let mut published = 0;
    for c in comparisons().unwrap() {
        let Some(difference) = c.difference_percent() else { continue };
        published += 1;
        let bound = if c.unit == "GB/s" { 2.0 } else { 0.5 };
        assert!(difference.abs() <= bound, "{}: {} against {:?}", c.what, c.model, c.published);
    }
    assert!(published >= 18, "{published}");
}

#[test]
fn accesses_outside_are_refused() {
    let mut replay = Replay::new(ReplayOptions::default()).unwrap();
    let mut refused = |access| replay.access(access).unwrap_err();
    assert_eq!(refused(read(32, 0, 32)), ReplayError::Channel { found: 32 });
    assert_eq!(refused(read(0, 0, 0)), ReplayError::Empty);
    assert!(matches!(refused(read(0, (256 << 20) - 16, 32)), ReplayError::Range { .. }));
    assert!(matches!(refused(read(0, u64::MAX, 2)), ReplayError::Range { .. }));
    let none = ReplayOptions { outstanding: 0, ..ReplayOptions::default() };
    assert_eq!(Replay::new(none).unwrap_err(), ReplayError::Outstanding);
    assert_eq!(replay.finish().cycles, 0);
}
