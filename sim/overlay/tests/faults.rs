//! Whatever is wrong with a program or a memory: the core stops with the cause in its registers, and the next program runs.

use skipopu_compiler::{compile, Compiled};
use skipopu_config::Config;
use skipopu_cosim::compare::run;
use skipopu_cosim::{Comparison, Core, Memories, Mismatch, VerilatedDevice};
use skipopu_executor::random::RandomText;
use skipopu_executor::Machine;
use skipopu_forward::Skipping;
use skipopu_isa::host::{FaultKind, HostRegister, NO_PORT};
use skipopu_isa::set::INSTRUCTIONS;
use skipopu_isa::{asm, Cause, Program, Unit};
use skipopu_model::{synthetic, Placement, Spec};
use skipopu_quant::{quantise, Method};
use skipopu_runtime::{Device, ExecutorDevice, Overlay};
use skipopu_sim::memory::Response;
use std::ops::ControlFlow;

/// First word of 64 bytes of the programs.
const AT: u32 = 4096;
/// Everything that programs may touch, in bytes.
const MAP: u64 = 1 << 20;
/// The number of the DDR channel: after the HBM ports.
const DDR_PORT: u32 = 2;

struct Rig {
    pair: Comparison,
    executor: ExecutorDevice,
    machine: Machine,
    hash: u64,
}

impl Rig {
    fn new() -> Rig {
        let config = Config::preset("tiny").unwrap();
        let core = Core::build(&config, false).unwrap();
        let mut pair = Comparison::new(&core, Memories::Fixed).unwrap();
        let mut executor = pair.executor(3).unwrap();
        for device in [&mut pair.core as &mut dyn Device, &mut executor] {
            let data: Vec<u8> = (0..MAP).map(|i| (i % 61) as u8).collect();
            device.write_ddr(0, &data).unwrap();
            device.write_hbm(0, 0, &data).unwrap();
            device.write_hbm(1, 0, &data).unwrap();
        }
        let machine = Machine::of(&config).unwrap();
        Rig { pair, executor, machine, hash: config.hash_value() }
    }

    /// Runs a program file on both.
    fn run(&mut self, file: &[u8], rows: usize, position: usize) {
        for device in [&mut self.pair.core as &mut dyn Device, &mut self.executor] {
            device.write_ddr(u64::from(AT) * 64, file).unwrap();
            run(device, AT, rows, position).unwrap();
        }
    }

    fn words(&mut self, words: &[u128]) {
        let file = Program::file(self.hash, words);
        self.run(&file, 1, 0);
    }

    fn text(&mut self, text: &str, rows: usize) {
        let instructions = asm::assemble(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        let file = Program { configuration: self.hash, instructions }.to_bytes();
        self.run(&file, rows, 0);
    }

    fn read(&mut self, register: HostRegister) -> u32 {
        self.pair.core.read_register(register.offset()).unwrap()
    }

    fn cause(&mut self) -> Cause {
        Cause::from_code(self.read(HostRegister::Cause) as u8).unwrap()
    }

    /// Unit, kind, port, address.
    fn fault(&mut self) -> (u32, u32, u32, u64) {
        (
            self.read(HostRegister::FaultUnit),
            self.read(HostRegister::FaultKind),
            self.read(HostRegister::FaultPort),
            self.pair.core.read_wide(HostRegister::FaultAddress.offset()).unwrap(),
        )
    }

    /// The two agree in everything, memory included; nothing outside the map was written.
    fn agree(&mut self, what: &str) {
        let agreed = self.pair.registers(0, &mut self.executor);
        agreed.unwrap_or_else(|e| panic!("{what}: {e}"));
        self.same_memory(what);
    }

    fn same_memory(&mut self, what: &str) {
        for port in [None, Some(0), Some(1)] {
            let same = self.pair.memory(0, &mut self.executor, port, 0..MAP);
            same.unwrap_or_else(|e| panic!("{what}: {e}"));
            let pages = self.pair.core.written(port).unwrap();
            assert!(pages.iter().all(|p| *p < MAP), "{what}: {port:?} {pages:x?}");
        }
    }

    /// A healthy program ends.
    fn healthy(&mut self, what: &str) {
        let text = "load.data address=3 space=scratchpad at=5 slices=9 repeat=rows signal=store
            store.data address=100 at=5 slices=27 repeat=once wait=load
            sync
            end";
        self.text(text, 3);
        self.agree(what);
        assert_eq!(self.cause(), Cause::None, "{what}");
    }
}

/// Words that are no instructions: every unknown opcode, every own unit, every field's value that means nothing, every reserved bit.
fn illegal() -> Vec<u128> {
    let known = |o: u128| INSTRUCTIONS.iter().any(|s| u128::from(s.opcode) == o);
    let mut words: Vec<u128> = (0..256).filter(|o| !known(*o)).collect();
    for spec in INSTRUCTIONS {
        let base = u128::from(spec.opcode);
        words.extend([8, 12].map(|low| base | 1 << (low + spec.unit as u32)));
        for f in spec.fields.iter().filter(|f| !f.names.is_empty()) {
            words.extend((f.names.len() as u128..1 << f.bits).map(|v| base | v << f.low));
        }
        words.extend((spec.used_bits()..128).map(|bit| base | 1 << bit));
    }
    words
}

#[test]
fn illegal_encodings_stop_the_core_where_they_stop_the_executor() {
    let mut rig = Rig::new();
    let before = asm::assemble(
        "set register=epsilon value=1
        load.data address=7 space=scratchpad at=0 slices=4 repeat=once signal=store
        store.data address=900 at=0 slices=4 repeat=once wait=load",
    )
    .unwrap();
    let words = illegal();
    let mut causes = [0; 16];
    for (i, word) in words.iter().enumerate() {
        let mut program: Vec<u128> = before.iter().map(|i| i.encode()).collect();
        program.truncate(i % (before.len() + 1));
        let at = program.len() as u32;
        program.extend([*word, 1]);
        rig.words(&program);
        let agreed = rig.pair.registers(0, &mut rig.executor);
        agreed.unwrap_or_else(|e: Mismatch| panic!("{word:032x}: {e}"));
        assert_eq!(rig.read(HostRegister::Pc), at, "{word:032x}");
        causes[rig.cause() as usize] += 1;
    }
    rig.same_memory("illegal encodings");
    rig.healthy("illegal encodings");
    for cause in [Cause::Opcode, Cause::OwnUnit, Cause::Field, Cause::Reserved] {
        assert!(causes[cause as usize] > 3, "{causes:?}");
    }
    assert_eq!(causes.iter().sum::<u32>() as usize, words.len());
}

#[test]
fn what_is_no_program_is_not_run() {
    let mut rig = Rig::new();
    let store = "store.data address=0 at=0 slices=1 repeat=once signal=load\n";
    let text = format!("{}end", store.repeat(3));
    let good = Program { configuration: rig.hash, instructions: asm::assemble(&text).unwrap() };
    let good = good.to_bytes();
    let flipped = |byte: usize| {
        let mut file = good.clone();
        file[byte] ^= 4;
        file
    };
    let length = |count: u32| {
        let mut file = good.clone();
        file[16..20].copy_from_slice(&count.to_le_bytes());
        file
    };
    let mut cut = good.clone();
    let end = cut.len() - 20;
    cut[end..].fill(0);
    let cases = [
        ("magic", flipped(1), Cause::Magic),
        ("header", flipped(29), Cause::Magic),
        ("version", flipped(4), Cause::Version),
        ("configuration", flipped(9), Cause::Configuration),
        ("configuration, high", flipped(15), Cause::Configuration),
        ("empty", length(0), Cause::Length),
        ("long", length(4097), Cause::Length),
        ("very long", length(u32::MAX), Cause::Length),
        ("one fewer", length(3), Cause::Checksum),
        ("one more", length(5), Cause::Checksum),
        ("checksum", flipped(21), Cause::Checksum),
        ("instruction", flipped(40), Cause::Checksum),
        ("cut on its way", cut, Cause::Checksum),
    ];
    for (what, file, cause) in cases {
        rig.run(&file, 1, 0);
        rig.agree(what);
        assert_eq!(rig.cause(), cause, "{what}");
    }
    // Without an end control leaves the program, once the units are done.
    rig.text(
        "load.data address=2 space=scratchpad at=0 slices=8 repeat=once signal=store
        store.data address=64 at=0 slices=8 repeat=once wait=load",
        1,
    );
    rig.agree("no end");
    assert_eq!((rig.cause(), rig.read(HostRegister::Pc)), (Cause::Left, 2));
    rig.text("branch rows=all target=9\nbranch rows=forward target=1000000\nend", 1);
    rig.agree("branch out of the program");
    rig.healthy("no program");
}

#[test]
fn units_that_wait_for_each_other_and_tokens_that_nothing_takes() {
    let mut rig = Rig::new();
    for (text, pc) in [
        ("set register=epsilon value=1\nset register=epsilon value=2 wait=compute\nend", 1),
        ("load.data address=0 space=scratchpad at=0 slices=1 repeat=once wait=compute\nend", 1),
        ("store.data address=0 at=0 slices=1 repeat=once signal=compute\nsync\nend", 1),
        ("load.data address=0 space=scratchpad at=0 slices=1 repeat=once wait=store", 1),
        ("route address=0 stride=0 slices=1 routers=none statistics=yes weights=0\n\
          matmul operand=0 rows=all slices=1 tiles=1 group=0 function=plain target=scratchpad address=0 stride=2 outputs=2\nend", 2),
    ] {
        rig.text(text, 1);
        rig.agree(text);
        assert_eq!((rig.cause(), rig.read(HostRegister::Pc)), (Cause::Watchdog, pc), "{text}");
        rig.healthy(text);
    }
    let many = format!("{}end", "set register=epsilon value=1 signal=store\n".repeat(300));
    rig.text(&many, 1);
    rig.agree("tokens");
    assert_eq!(rig.cause(), Cause::Semaphore);
    rig.healthy("tokens");
}

/// Instructions that go beyond a memory or have nothing to work on: unit, kind, port, address.
#[test]
fn impossible_addresses_are_refused_before_anything_is_written() {
    let mut rig = Rig::new();
    let (x, k, op) =
        (rig.machine.scratchpad as u64, rig.machine.constants as u64, rig.machine.operand as u64);
    let chip = FaultKind::OnChip;
    let model = "set register=head value=16\nset register=heads_per_kv value=1\nset register=kv_heads value=2\n\
        set register=layers value=2\nset register=kv_base value=16\n";
    let normalised = "route address=0 stride=0 slices=1 routers=none statistics=yes weights=0\n\
        normalise address=0 stride=0 slices=1 gain=0 rows=all operand=0 passes=fused\n";
    let ddr = 1u64 << 34;
    let port = 1u64 << 28;
    let matmul = "matmul operand=0 rows=all slices=1 tiles=1 group=0 function=plain";
    let cases: Vec<(String, Unit, FaultKind, u32, u64)> = vec![
        ("load.data address=0 space=scratchpad at=16383 slices=1 repeat=rows".into(), Unit::Load, chip, NO_PORT, x + 1),
        ("load.data address=0 space=scratchpad at=262143 slices=1000000 repeat=rows".into(), Unit::Load, chip, NO_PORT, 262_143 + 3_000_000 - 1),
        ("load.data address=0 space=constants at=511 slices=2 repeat=once".into(), Unit::Load, chip, NO_PORT, k),
        ("load.data address=0 space=rotation at=0 slices=3 repeat=rows".into(), Unit::Load, chip, NO_PORT, 2),
        ("load.data address=268435455 space=scratchpad at=0 slices=5 repeat=once".into(), Unit::Load, FaultKind::Decode, DDR_PORT, ddr),
        ("load.data address=268435454 space=scratchpad at=0 slices=1 repeat=rows".into(), Unit::Load, FaultKind::Decode, DDR_PORT, ddr),
        ("load.weights address=4194303 beats=9".into(), Unit::Load, FaultKind::Decode, 0, port),
        ("store.data address=0 at=16380 slices=5 repeat=once".into(), Unit::Store, chip, NO_PORT, x),
        ("store.data address=268435455 at=0 slices=5 repeat=once".into(), Unit::Store, FaultKind::Decode, DDR_PORT, ddr),
        ("store.data address=268435454 at=0 slices=1 repeat=rows".into(), Unit::Store, FaultKind::Decode, DDR_PORT, ddr),
        ("route address=16380 stride=1 slices=3 routers=none statistics=yes weights=0".into(), Unit::Compute, chip, NO_PORT, x),
        ("route address=0 stride=16383 slices=1 routers=none statistics=no weights=0".into(), Unit::Compute, chip, NO_PORT, 2 * 16383),
        ("route address=0 stride=1 slices=2 routers=both statistics=no weights=505".into(), Unit::Compute, chip, NO_PORT, k),
        ("route address=262143 stride=16383 slices=16383 routers=both statistics=no weights=262143".into(), Unit::Compute, chip, NO_PORT, 262_143 + 3 * 16_383 - 1),
        ("normalise address=0 stride=16383 slices=2 gain=0 rows=last operand=0 passes=fused".into(), Unit::Compute, chip, NO_PORT, 2 * 16383 + 1),
        ("normalise address=0 stride=0 slices=2 gain=511 rows=all operand=0 passes=rowwise".into(), Unit::Compute, chip, NO_PORT, k),
        ("normalise address=0 stride=0 slices=400 gain=0 rows=all operand=1 passes=fused".into(), Unit::Compute, chip, NO_PORT, 3 * 400 - 1),
        (format!("{normalised}load.weights address=0 beats=6\n{matmul} target=scratchpad address=16382 stride=1 outputs=1"), Unit::Compute, chip, NO_PORT, x),
        (format!("{normalised}load.weights address=0 beats=6\n{matmul} target=operand1 address=1022 stride=1 outputs=1"), Unit::Compute, chip, NO_PORT, op),
        (format!("{model}attend address=16381 stride=0 pair=0 pairs=1 rows=all operand=0 keys=0 values=0 kv_stride=4 passes=fused"), Unit::Compute, chip, NO_PORT, x),
        (format!("{model}attend address=0 stride=4 pair=0 pairs=1 rows=all operand=0 keys=16373 values=0 kv_stride=4 passes=fused"), Unit::Compute, chip, NO_PORT, x),
        (format!("{model}attend address=0 stride=4 pair=0 pairs=1 rows=all operand=0 keys=0 values=16373 kv_stride=4 passes=rowwise"), Unit::Compute, chip, NO_PORT, x),
        (format!("{model}append.kv layer=0 rows=all keys=16373 values=0 stride=4"), Unit::Store, chip, NO_PORT, x),
        (format!("{model}append.kv layer=0 rows=all keys=0 values=16373 stride=4"), Unit::Store, chip, NO_PORT, x),
        (format!("{model}set register=kv_base value=65535\nappend.kv layer=1 rows=all keys=0 values=0 stride=4"), Unit::Store, FaultKind::Decode, 0, 65_535 * 4096 + 4 * 32 * 64 - 64),
        (format!("{model}append.kv layer=2 rows=all keys=0 values=0 stride=4"), Unit::Store, FaultKind::KvTable, NO_PORT, 0),
        (format!("{model}load.kv layer=2"), Unit::Load, FaultKind::KvTable, NO_PORT, 0),
        (format!("{model}load.kv layer=255"), Unit::Load, FaultKind::KvTable, NO_PORT, 0),
        (format!("{normalised}load.weights address=0 beats=5\n{matmul} target=scratchpad address=0 stride=2 outputs=2"), Unit::Compute, FaultKind::Weights, NO_PORT, 0),
        (format!("{normalised}load.weights address=0 beats=7\n{matmul} target=scratchpad address=0 stride=2 outputs=2"), Unit::Compute, FaultKind::Weights, NO_PORT, 0),
        ("load.weights address=0 beats=7".into(), Unit::Load, FaultKind::Weights, NO_PORT, 0),
        // Equal logits skip: no row runs.
        ("load.data address=2000 space=constants at=0 slices=4 repeat=once signal=compute\n\
          route address=0 stride=0 slices=0 routers=none statistics=no weights=0 wait=load\n\
          matmul operand=0 rows=forward slices=1 tiles=1 group=0 function=plain target=scratchpad address=0 stride=2 outputs=2".into(), Unit::Compute, FaultKind::NoRow, NO_PORT, 0),
        (format!("{model}attend address=0 stride=4 pair=0 pairs=1 rows=attention operand=0 keys=0 values=0 kv_stride=4 passes=fused"), Unit::Compute, FaultKind::NoRow, NO_PORT, 0),
    ];
    let masks =
        "load.data address=15000 space=constants at=0 slices=4 repeat=once signal=compute\n\
        route address=0 stride=0 slices=1 routers=both statistics=yes weights=0 wait=load\nsync\n";
    for (text, unit, kind, port, address) in cases {
        let text = text.replace("slices=0 routers=none", "slices=1 routers=none");
        rig.text(&format!("{masks}{text}\nsync\nend"), 3);
        let expected = (unit as u32, kind.code(), port, address);
        assert_eq!((rig.cause(), rig.fault()), (Cause::Unit, expected), "{text}");
        let (core, executor) = (&mut rig.pair.core as &mut dyn Device, &mut rig.executor);
        for register in [
            HostRegister::Cause,
            HostRegister::FaultUnit,
            HostRegister::FaultKind,
            HostRegister::FaultPort,
            HostRegister::FaultAddress,
        ] {
            let found = core.read_register(register.offset()).unwrap();
            let told = executor.read_register(register.offset()).unwrap();
            assert_eq!(found, told, "{text}: {}", register.spec().name);
        }
        rig.same_memory(&text);
        rig.healthy(&text);
    }
}

#[test]
fn errors_of_the_bus_are_told_with_port_and_address() {
    let mut rig = Rig::new();
    let end = "\nsync\nend";
    let append = "set register=head value=16\nset register=heads_per_kv value=1\nset register=kv_heads value=1\n\
        set register=layers value=1\nset register=kv_base value=16\n\
        append.kv layer=0 rows=all keys=0 values=0 stride=2";
    // Data comes after, so that the program does not end before the weights have come.
    let weights = "load.weights address=16 beats=32\n\
        load.data address=0 space=scratchpad at=0 slices=800 repeat=once";
    let cases = [
        (
            "load.data address=33 space=scratchpad at=0 slices=64 repeat=once",
            None,
            33 * 64,
            Unit::Load,
        ),
        ("store.data address=35 at=0 slices=64 repeat=once", None, 35 * 64, Unit::Store),
        (weights, Some(1), 16 * 64, Unit::Load),
        (weights, Some(0), 16 * 64, Unit::Load),
        (append, Some(0), 16 * 4096, Unit::Store),
        (append, Some(1), 16 * 4096, Unit::Store),
    ];
    for (text, port, at, unit) in cases {
        for (response, kind) in
            [(Response::SlvErr, FaultKind::Slave), (Response::DecErr, FaultKind::Decode)]
        {
            rig.pair.core.fail(port, at..at + 64, response);
            let file = Program {
                configuration: rig.hash,
                instructions: asm::assemble(&format!("{text}{end}")).unwrap(),
            };
            let core = &mut rig.pair.core;
            core.write_ddr(u64::from(AT) * 64, &file.to_bytes()).unwrap();
            run(core, AT, 2, 0).unwrap();
            let number = port.map_or(DDR_PORT, |p| p as u32);
            let expected = (unit as u32, kind.code(), number, at);
            assert_eq!((rig.cause(), rig.fault()), (Cause::Unit, expected), "{text}");
            for port in [None, Some(0), Some(1)] {
                let pages = rig.pair.core.written(port).unwrap();
                assert!(pages.iter().all(|p| *p < MAP), "{text}: {port:?} {pages:x?}");
            }
            rig.pair.core.mend();
            // What the store had begun may be written or not; all else is as it was.
            let mut data = vec![0; MAP as usize];
            for port in [None, Some(0), Some(1)] {
                let (core, executor) = (&mut rig.pair.core as &mut dyn Device, &mut rig.executor);
                match port {
                    None => executor.read_ddr(0, &mut data).unwrap(),
                    Some(p) => executor.read_hbm(p, 0, &mut data).unwrap(),
                }
                let begun = match unit {
                    Unit::Store => (at as usize & !0xFFF)..(at as usize & !0xFFF) + 8192,
                    _ => 0..0,
                };
                let mut found = vec![0; MAP as usize];
                match port {
                    None => core.read_ddr(0, &mut found).unwrap(),
                    Some(p) => core.read_hbm(p, 0, &mut found).unwrap(),
                }
                let program = (AT as usize * 64)..(AT as usize * 64 + 4096);
                let differs = (0..found.len()).find(|i| {
                    found[*i] != data[*i]
                        && !begun.contains(i)
                        && !(port.is_none() && program.contains(i))
                });
                assert_eq!(differs, None, "{text}: {port:?}");
                match port {
                    None => core.write_ddr(0, &data).unwrap(),
                    Some(p) => core.write_hbm(p, 0, &data).unwrap(),
                }
            }
            rig.healthy(text);
        }
    }
    // The program itself cannot be read.
    rig.pair.core.fail(None, u64::from(AT) * 64..u64::from(AT) * 64 + 64, Response::SlvErr);
    run(&mut rig.pair.core, AT, 2, 0).unwrap();
    let expected = (Unit::Load as u32, FaultKind::Slave.code(), DDR_PORT, u64::from(AT) * 64);
    assert_eq!((rig.cause(), rig.fault()), (Cause::Unit, expected));
    rig.pair.core.mend();
    rig.healthy("the program");
}

/// A reset in the middle of a program, then a text: nothing is left of what was under way.
#[test]
fn a_reset_ends_whatever_runs() {
    let mut rig = Rig::new();
    let text = RandomText::new(&rig.machine, 5).unwrap();
    for cycles in [40u64, 150, 400, 900, 1700, 3000] {
        let core = &mut rig.pair.core;
        for (port, image) in text.hbm.iter().enumerate() {
            core.write_hbm(port, 0, image).unwrap();
        }
        core.write_ddr(0, &text.ddr).unwrap();
        let block = &text.blocks[0];
        core.write_ddr(u64::from(text.program_word) * 64, &block.program.to_bytes()).unwrap();
        for (register, value) in [
            (HostRegister::Program, text.program_word),
            (HostRegister::Rows, block.rows as u32),
            (HostRegister::Position, 0),
            (HostRegister::Control, skipopu_isa::host::control::START),
        ] {
            core.write_register(register.offset(), value).unwrap();
        }
        let begin = core.cycles();
        while core.cycles() < begin + cycles {
            core.read_register(HostRegister::Status.offset()).unwrap();
        }
        core.reset().unwrap();
        rig.pair.text(&text, 1).unwrap_or_else(|e| panic!("after {cycles} cycles: {e}"));
    }
}

#[test]
fn the_host_says_it_in_a_sentence() {
    let config = Config::preset("tiny").unwrap();
    let core = Core::build(&config, false).unwrap();
    let spec = Spec { head_dim: 16, kv_heads: 3, context: 48, ..synthetic::spec() };
    let mut model = synthetic::model(spec, 5, true);
    model = quantise(&model, 4, 32, Method::Rtn, |_| ()).unwrap();
    model.routers = Some(synthetic::routers(&model.spec, 6, Placement::PreAttention));
    let compiled = compile(&model, &config, Skipping::Partial).unwrap();
    let said = |compiled: &Compiled, change: &dyn Fn(&mut VerilatedDevice)| {
        let mut device = VerilatedDevice::new(&core, Memories::Fixed).unwrap();
        change(&mut device);
        let mut overlay =
            Overlay::new(Box::new(device), &model, compiled, &config, |_| ()).unwrap();
        overlay.set_watchdog(20_000).unwrap();
        let stop = overlay.next(&[1, 2], &mut |_| ControlFlow::Continue(())).unwrap_err();
        let sentence = stop.to_string();
        assert!(!sentence.contains('\n') && sentence.starts_with("the core stopped: "));
        sentence
    };
    let program = u64::from(compiled.map.ddr.program as u32) * 64;
    let damaged = |byte: usize| {
        let mut changed = compiled.clone();
        let image = changed.images.ddr.iter_mut().find(|(at, _)| *at == program).unwrap();
        image.1[byte] ^= 1;
        changed
    };
    let nothing = |_: &mut VerilatedDevice| ();
    let text = said(&damaged(100), &nothing);
    assert!(text.contains("the program's checksum is wrong"), "{text}");
    let text = said(&damaged(8), &nothing);
    assert!(text.contains("the program is for another configuration"), "{text}");
    let text = said(&compiled, &|d| d.fail(Some(1), 0..1 << 20, Response::SlvErr));
    assert!(
        text.contains("the load unit reports that the memory answered with an error"),
        "{text}"
    );
    assert!(text.contains("of HBM port 1; control was at instruction"), "{text}");
}
