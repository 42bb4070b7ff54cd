//! The AXI slave: random traffic gives the right data under every disturbance, and every broken rule is
//! found.

mod common;

use common::axi::{Master, Wires};
use skipopu_sim::memory::validation::{hbm_gbs, Pattern};
use skipopu_sim::memory::{
    AxiError, AxiSlave, AxiStats, AxiVersion, Broken, Channel, Ddr, Delay, Disturbance, Hbm,
    HbmConfig, Response, Store, Switch,
};
use skipopu_sim::Engine;

const SPAN: usize = 8 * 4096;
const BURSTS: u32 = 400;

fn contents(store: &Store) -> Vec<u8> {
    let mut bytes = vec![0; SPAN];
    store.read(0, &mut bytes).unwrap();
    bytes
}

/// Random traffic until it is done; the statistics of the slave.
fn traffic(
    version: AxiVersion,
    bits: usize,
    seed: u64,
    awkward: bool,
    change: impl FnOnce(AxiSlave) -> AxiSlave,
) -> AxiStats {
    let mut wires = Wires::master(3, bits);
    let store = Store::noisy(SPAN as u64, seed);
    let patience = if awkward { 0.4 } else { 0.0 };
    let data_bytes = bits as u64 / 8;
    let mut master = Master::new(seed, version, data_bytes, 4, contents(&store), BURSTS, patience);
    let mut slave = change(AxiSlave::bind(&wires, "m_axi", version, store.clone()).unwrap());
    let mut cycles = 0;
    while !master.done() {
        assert!(cycles < 200_000, "seed {seed}: the traffic hangs");
        cycles += 1;
        slave.present(&mut wires);
        master.present(&mut wires);
        slave.observe(&wires).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        master.observe(&wires);
    }
    let stats = slave.finish().unwrap();
    assert_eq!(contents(&store), master.memory(), "seed {seed}: the memory at the end");
    assert_eq!((stats.read_beats, stats.write_bursts), (master.compared, master.answered));
    assert!(master.compared > 500 && master.answered > 100, "{stats:?}");
    assert_eq!(stats.cycles, cycles);
    stats
}

#[test]
fn random_traffic_gives_the_right_data() {
    let mut total = AxiStats::default();
    for (version, bits) in
        [(AxiVersion::Axi3, 256), (AxiVersion::Axi4, 512), (AxiVersion::Axi4, 32)]
    {
        for seed in 0..6 {
            traffic(version, bits, seed, false, |s| s);
            traffic(version, bits, seed, true, |s| s.timing(Delay::random(1..=90, seed)));
            let stats = traffic(version, bits, seed, seed % 2 == 0, |s| {
                let s = s.timing(Delay::random(1..=90, seed)).disturb(Disturbance::random(seed));
                s.interleave(seed % 3 == 0)
            });
            total.reordered += stats.reordered;
            total.r_stalls += stats.r_stalls;
            total.ar_stalls += stats.ar_stalls;
            total.aw_stalls += stats.aw_stalls;
            total.w_stalls += stats.w_stalls;
        }
    }
    let hit = [total.reordered, total.r_stalls, total.ar_stalls, total.aw_stalls, total.w_stalls];
    assert!(hit.iter().all(|n| *n > 100), "a disturbance hardly happened: {total:?}");
}

#[test]
fn random_traffic_on_the_boards_memories_gives_the_right_data() {
    for seed in 0..4 {
        let (hbm, ddr) = (Hbm::u280(), Ddr::u280());
        let switched = Hbm::with(HbmConfig { switch: Switch::On, ..HbmConfig::default() });
        let awkward = seed % 2 == 1;
        let disturb = |s: AxiSlave| match awkward {
            true => s.disturb(Disturbance::random(seed)),
            false => s,
        };
        let runs = [
            (AxiVersion::Axi3, 256, hbm.port(7)),
            (AxiVersion::Axi3, 256, switched.port(30)),
            (AxiVersion::Axi4, 512, ddr.port()),
        ];
        for (version, bits, port) in runs {
            let stats = traffic(version, bits, seed, awkward, |s| disturb(s).timing(port));
            let least = if version == AxiVersion::Axi3 { 48 } else { 22 };
            assert!(stats.read_latency_sum >= least * stats.read_bursts, "{stats:?}");
        }
        let rows = [hbm.rows(7), switched.rows(0), ddr.rows()];
        assert!(rows.iter().all(|r| r.hits > 1000 && r.closed > 10), "{rows:?}");
    }
}

#[test]
fn a_port_gives_the_rate_of_its_channel() {
    // Addresses as fast as they are taken: the slave must not cost any of the channel's rate.
    let (mut wires, slave) = (Wires::master(2, 256), Store::new(256 << 20));
    let slave = AxiSlave::bind(&wires, "m_axi", AxiVersion::Axi3, slave).unwrap();
    let mut slave = slave.timing(Hbm::u280().port(0));
    let (mut address, mut beats) = (0, 0);
    let cycles = 40 * 1755;
    for _ in 0..cycles {
        slave.present(&mut wires);
        for (name, value) in [("arvalid", 1), ("araddr", address), ("arlen", 15), ("rready", 1)] {
            wires.put(name, value);
        }
        slave.observe(&wires).unwrap();
        address += 512 * u64::from(wires.bit("arready"));
        beats += u64::from(wires.bit("rvalid"));
    }
    let gbs = beats as f64 * 32.0 * 0.45 / f64::from(cycles);
    let channel = hbm_gbs(Pattern::Sequential, 1 << 20, 1, 64, false).unwrap();
    assert!(gbs > 0.998 * channel, "{gbs} of {channel} GB/s");
}

#[test]
fn without_reordering_answers_keep_their_order() {
    let stats = traffic(AxiVersion::Axi3, 256, 1, true, |s| {
        s.disturb(Disturbance::random(1).reorder(false))
    });
    assert_eq!(stats.reordered, 0);
}

/// A slave over 64 KiB and wires with 256 bits of data.
fn bench() -> (Wires, AxiSlave) {
    let wires = Wires::master(2, 256);
    let slave = AxiSlave::bind(&wires, "m_axi", AxiVersion::Axi3, Store::new(1 << 16)).unwrap();
    (wires, slave)
}

/// One cycle with these signals; what the slave says.
fn cycle((wires, slave): &mut (Wires, AxiSlave), signals: &[(&str, u64)]) -> Result<(), AxiError> {
    slave.present(wires);
    for name in ["arvalid", "awvalid", "wvalid"] {
        wires.put(name, 0);
    }
    for (name, value) in signals {
        wires.put(name, *value);
    }
    slave.observe(wires)
}

fn broken(result: Result<(), AxiError>) -> Broken {
    match result {
        Err(e @ AxiError::Rule { .. }) => {
            println!("{e}");
            let AxiError::Rule { broken, .. } = e else { unreachable!() };
            broken
        }
        other => panic!("{other:?} instead of a broken rule"),
    }
}

/// A bench whose address channels are not ready.
fn stalled() -> (Wires, AxiSlave) {
    let (wires, slave) = bench();
    (wires, slave.timing(Full))
}

/// A memory without room.
struct Full;

impl skipopu_sim::memory::Timing for Full {
    fn room(&self, _: bool) -> usize {
        0
    }
    fn push(&mut self, _: u64, _: &skipopu_sim::memory::Burst) {
        panic!("pushed without room");
    }
    fn advance(&mut self, _: u64, _: &mut Vec<skipopu_sim::memory::DoneBeat>) {}
}

#[test]
fn what_is_valid_must_stay() {
    for (channel, valid, address) in
        [(Channel::Ar, "arvalid", "araddr"), (Channel::Aw, "awvalid", "awaddr")]
    {
        let mut b = stalled();
        cycle(&mut b, &[(valid, 1), (address, 64)]).unwrap();
        cycle(&mut b, &[(valid, 1)]).unwrap();
        assert_eq!(broken(cycle(&mut b, &[])), Broken::ValidDropped(channel));
        let mut b = stalled();
        cycle(&mut b, &[(valid, 1), (address, 64)]).unwrap();
        let change = broken(cycle(&mut b, &[(valid, 1), (address, 96)]));
        let want = Broken::PayloadChanged { channel, what: "addr", before: 64, after: 96 };
        assert_eq!(change, want);
    }
    // Two bursts of data ahead of their addresses are not taken.
    let ahead = || {
        let mut b = bench();
        cycle(&mut b, &[("wvalid", 1), ("wlast", 1)]).unwrap();
        cycle(&mut b, &[("wvalid", 1), ("wlast", 1), ("wstrb", 3)]).unwrap();
        assert!(!b.0.bit("wready"));
        b
    };
    assert_eq!(broken(cycle(&mut ahead(), &[])), Broken::ValidDropped(Channel::W));
    let change = broken(cycle(&mut ahead(), &[("wvalid", 1), ("wstrb", 7)]));
    let channel = Channel::W;
    assert_eq!(change, Broken::PayloadChanged { channel, what: "strb", before: 3, after: 7 });
}

#[test]
fn bursts_must_be_legal() {
    let ar = |signals: &[(&str, u64)]| {
        let all = [&[("arvalid", 1)], signals].concat();
        cycle(&mut bench(), &all)
    };
    assert!(ar(&[("araddr", 4096 - 512), ("arlen", 15)]).is_ok());
    assert!(matches!(
        broken(ar(&[("araddr", 16)])),
        Broken::Unaligned { address: 16, bytes: 32, .. }
    ));
    let crossing = broken(ar(&[("araddr", 4096 - 480), ("arlen", 15)]));
    assert!(matches!(crossing, Broken::Crosses4k { beats: 16, .. }));
    assert!(matches!(broken(ar(&[("arlen", 16)])), Broken::TooLong { beats: 17, limit: 16, .. }));
    assert!(matches!(broken(ar(&[("arsize", 4)])), Broken::Size { found: 4, wanted: 5, .. }));
    assert!(matches!(broken(ar(&[("arburst", 0)])), Broken::Kind { found: 0, .. }));
    let aw = broken(cycle(&mut bench(), &[("awvalid", 1), ("awaddr", 8)]));
    assert!(matches!(aw, Broken::Unaligned { channel: Channel::Aw, .. }));
}

#[test]
fn write_data_must_fit_their_address() {
    let first = [("awvalid", 1), ("awlen", 1), ("wvalid", 1), ("wlast", 0)];
    let second = [("wvalid", 1), ("wlast", 0)];
    let mut b = bench();
    cycle(&mut b, &first).unwrap();
    assert_eq!(broken(cycle(&mut b, &second)), Broken::MissingLast { beats: 2 });
    let mut b = bench();
    let early = [("awvalid", 1), ("awlen", 1), ("wvalid", 1), ("wlast", 1)];
    assert_eq!(broken(cycle(&mut b, &early)), Broken::EarlyLast { beat: 1, beats: 2 });
    // The same with the data first.
    let mut b = bench();
    for _ in 0..3 {
        cycle(&mut b, &[("wvalid", 1), ("wlast", 0)]).unwrap();
    }
    let late = broken(cycle(&mut b, &[("awvalid", 1), ("awlen", 2)]));
    assert_eq!(late, Broken::MissingLast { beats: 3 });
    let mut b = bench();
    cycle(&mut b, &[("awvalid", 1), ("awid", 2)]).unwrap();
    let id = broken(cycle(&mut b, &[("wvalid", 1), ("wid", 1), ("wlast", 1)]));
    assert_eq!(id, Broken::WriteId { found: 1, wanted: 2 });
}

#[test]
fn overlapping_accesses_are_found_across_ports() {
    let read = [("arvalid", 1), ("araddr", 64), ("arlen", 1)];
    let write = [("awvalid", 1), ("awaddr", 96)];
    let mut b = bench();
    cycle(&mut b, &write).unwrap();
    let hazard = broken(cycle(&mut b, &read));
    let want = Broken::Hazard {
        kind: "read",
        first: 64,
        last: 127,
        other: "write",
        other_first: 96,
        other_last: 127,
    };
    assert_eq!(hazard, want);
    let (wires, slave) = bench();
    let mut b = (wires, slave.hazards(false));
    cycle(&mut b, &write).unwrap();
    cycle(&mut b, &read).unwrap();
    // Two slaves of one store.
    let store = Store::new(1 << 16);
    let other = || {
        let wires = Wires::master(2, 256);
        let slave = AxiSlave::bind(&wires, "m_axi", AxiVersion::Axi3, store.clone()).unwrap();
        (wires, slave)
    };
    let (mut a, mut b) = (other(), other());
    cycle(&mut a, &read).unwrap();
    assert!(matches!(broken(cycle(&mut b, &write)), Broken::Hazard { kind: "write", .. }));
}

#[test]
fn the_latency_of_a_fixed_delay_is_exact() {
    for delay in [1, 2, 48] {
        let (wires, slave) = bench();
        let mut b = (wires, slave.timing(Delay::fixed(delay)));
        cycle(&mut b, &[("arvalid", 1), ("arlen", 1), ("rready", 1)]).unwrap();
        assert!(b.0.bit("arready"));
        let mut valid = Vec::new();
        for at in 1..60 {
            cycle(&mut b, &[]).unwrap();
            if b.0.bit("rvalid") {
                valid.push((at, b.0.bit("rlast")));
            }
        }
        assert_eq!(valid, [(delay, false), (delay + 1, true)]);
        assert_eq!(b.1.finish().unwrap().read_latency_max, delay);
    }
}

#[test]
fn errors_are_answered_where_asked_for() {
    let (wires, slave) = bench();
    let slave = slave.base(0x4000).fault(0x4020..0x4040, Response::SlvErr);
    let mut b = (wires, slave);
    let (mut answers, mut data) = (Vec::new(), Vec::new());
    let mut run = |b: &mut (Wires, AxiSlave), signals: &[(&str, u64)]| {
        let mut all = [signals, &[("rready", 1), ("bready", 1)]].concat();
        for _ in 0..40 {
            cycle(b, &all).unwrap();
            all.clear();
            if b.0.bit("rvalid") {
                answers.push(b.0.take("rresp"));
                data = b.0.take_bytes("rdata");
            }
            if b.0.bit("bvalid") {
                answers.push(10 + b.0.take("bresp"));
            }
        }
    };
    run(&mut b, &[("arvalid", 1), ("araddr", 0x4000), ("arlen", 2)]);
    run(&mut b, &[("arvalid", 1), ("araddr", 0x3fe0), ("arlen", 0)]);
    run(&mut b, &[("arvalid", 1), ("araddr", 0x1_4000)]);
    b.0.put_bytes("wdata", &[7; 32]);
    let write = [("wvalid", 1), ("wlast", 1), ("wstrb", 0xffff_ffff), ("awvalid", 1)];
    run(&mut b, &[&write[..], &[("awaddr", 0x4020)]].concat());
    run(&mut b, &[&write[..], &[("awaddr", 0x4040)]].concat());
    run(&mut b, &[("arvalid", 1), ("araddr", 0x4040), ("arlen", 0)]);
    assert_eq!(answers, [0, 2, 0, 3, 3, 12, 10, 0]);
    assert_eq!(data, [7; 32]);
    let stats = b.1.finish().unwrap();
    assert_eq!((stats.errors, stats.read_beats, stats.write_bursts), (4, 6, 2));
}

#[test]
fn a_run_that_ends_early_is_found() {
    let mut b = bench();
    cycle(&mut b, &[("arvalid", 1), ("awvalid", 1), ("awaddr", 256)]).unwrap();
    assert!(!b.1.idle());
    let error = b.1.finish().unwrap_err();
    assert!(error.to_string().contains("1 reads and 1 writes not answered"), "{error}");
    let mut b = bench();
    cycle(&mut b, &[("wvalid", 1)]).unwrap();
    assert!(b.1.finish().unwrap_err().to_string().contains("1 beats of write data"));
}

#[test]
fn ports_that_are_no_master_are_refused() {
    let bind = |list: &str, prefix: &str| {
        let wires = Wires::new(common::ports(list));
        match AxiSlave::bind(&wires, prefix, AxiVersion::Axi3, Store::new(64)) {
            Ok(_) => panic!("{list} was accepted"),
            Err(e) => e.to_string(),
        }
    };
    let read = "out m_axi_araddr 32; out m_axi_arlen 4; out m_axi_arvalid; in m_axi_arready; \
                in m_axi_rlast; in m_axi_rvalid; out m_axi_rready; in m_axi_rdata";
    assert!(bind(&format!("{read} 256"), "m_axi_0").contains("neither port `m_axi_0_arvalid`"));
    assert!(bind(&format!("{read} 96"), "m_axi").contains("96 bits in `m_axi_rdata`"));
    let backwards = format!("{read} 64").replace("in m_axi_rvalid", "out m_axi_rvalid");
    assert!(bind(&backwards, "m_axi").contains("`m_axi_rvalid` in the wrong direction"));
    let without = format!("{read} 64").replace("in m_axi_rlast; ", "");
    assert!(bind(&without, "m_axi").contains("no port `m_axi_rlast`"));
    let wires = Wires::new(common::ports(&format!("{read} 64")));
    assert!(AxiSlave::bind(&wires, "m_axi", AxiVersion::Axi3, Store::new(64)).is_ok());
    assert_eq!(wires.label(), "wires");
}
