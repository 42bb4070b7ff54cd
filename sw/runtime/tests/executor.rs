//! The driver on the reference executor: whole texts on a small random model, and what is said of everything that goes wrong.

use skipopu_compiler::{compile, Compiled, Geometry};
use skipopu_config::Config;
use skipopu_executor::Machine;
use skipopu_forward::{Engine, Network, Sampler, Session, Skipping};
use skipopu_isa::host::{self, control, Counter, HostRegister};
use skipopu_kv::layout::WORD_BYTES;
use skipopu_model::{synthetic, Model, Placement, Spec};
use skipopu_quant::{quantise, Method};
use skipopu_runtime::ledger::Costs;
use skipopu_runtime::{
    write, Backend, Device, DeviceError, Ended, EngineBackend, Event, ExecutorDevice, Overlay,
    OverlayBackend, Plan, Progress, Record, Report, RuntimeError,
};
use std::ops::ControlFlow;

fn model() -> Model {
    let spec = Spec { head_dim: 16, kv_heads: 3, context: 48, ..synthetic::spec() };
    let mut model = synthetic::model(spec, 5, true);
    model = quantise(&model, 4, 32, Method::Rtn, |_| ()).unwrap();
    model.routers = Some(synthetic::routers(&model.spec, 6, Placement::PreAttention));
    model
}

fn config() -> Config {
    Config::preset("tiny").unwrap()
}

fn exact(model: &Model, skipping: Skipping) -> Box<dyn Engine> {
    let machine = Machine::of(&config()).unwrap();
    Box::new(Session::new(Network::new(machine.exact().unwrap(), model, skipping).unwrap()))
}

struct Bench {
    model: Model,
    compiled: Compiled,
    overlay: Overlay,
}

fn bench(skipping: Skipping) -> Bench {
    let (model, config) = (model(), config());
    let compiled = compile(&model, &config, skipping).unwrap();
    let device = Box::new(ExecutorDevice::new(&config, 3).unwrap());
    let overlay = Overlay::new(device, &model, &compiled, &config, |_| ()).unwrap();
    Bench { model, compiled, overlay }
}

fn plan(prompt: usize, tokens: usize) -> Plan {
    Plan {
        prompt: (0..prompt as u32).map(|i| 17 + 31 * i % 250).collect(),
        tokens,
        stops: Vec::new(),
        timeline: false,
    }
}

fn go(_: Event) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn a_text_is_written_and_every_logit_is_the_references() {
    for skipping in [Skipping::Dense, Skipping::Partial, Skipping::KvReuse] {
        let Bench { model, compiled, overlay } = bench(skipping);
        let costs = Costs::new(&compiled, &Geometry::of(&config()), skipping);
        let mut backend = OverlayBackend(overlay);
        // A prompt of more than a block, twice, so that the second text begins anew.
        for _ in 0..2 {
            backend.0.restart();
            let mut reference = exact(&model, skipping);
            let mut sampler = Sampler::new(0.8, 0.9, 7);
            let mut record = Record::default();
            let (mut made, mut prefilled) = (Vec::new(), Vec::new());
            let mut on = |event: Event| {
                match event {
                    Event::Token(t) => made.push(t),
                    Event::Prefilled(n) => prefilled.push(n),
                    Event::Working(_) => {}
                }
                ControlFlow::Continue(())
            };
            let ended = write(
                &mut backend,
                Some(&mut *reference),
                &plan(11, 20),
                &mut sampler,
                &mut record,
                &mut on,
            )
            .unwrap();
            assert_eq!(ended, Ended::Length);
            assert_eq!((made.len(), prefilled), (9, vec![8, 11]));
            assert_eq!(record.tokens[11..], made);
            // Two blocks of the prompt, eight tokens: the last token made is not computed.
            assert_eq!(record.blocks.len(), 10);
            assert_eq!(record.compared(), 10 * model.spec.vocab as u64);
            assert_eq!(record.mismatched(), 0);

            let report = Report::new(backend.label(), &config(), &costs, &record, Some(ended));
            assert_eq!((report.prefill.tokens, report.decode.tokens), (11, 8));
            assert_eq!(report.tokens.len(), 19);
            assert_eq!(report.weights_as_expected, Some(true), "{skipping:?}");
            let skips = report.skips.as_ref().unwrap();
            assert_eq!(skips.rate > 0.0, skipping != Skipping::Dense);
            let bytes = report.decode.bytes.unwrap();
            assert!(bytes.weights > 4 * bytes.scales && bytes.scales > 0, "{bytes:?}");
            assert!(bytes.kv_hbm > 0 && bytes.kv_written > 0 && bytes.ddr_written > 0);
            assert_eq!(bytes.routers > 0, skipping != Skipping::Dense);
            assert!(report.speed.is_none(), "the executor has no cycles");
            sums_agree(&report);
        }
    }
}

/// What the report's numbers add up to.
fn sums_agree(report: &Report) {
    let all = report.prefill.counts.get(Counter::WeightBeats).unwrap()
        + report.decode.counts.get(Counter::WeightBeats).unwrap();
    let beat = Geometry::of(&config()).beat_bytes() as u64;
    let bytes = [report.prefill.bytes.unwrap(), report.decode.bytes.unwrap()];
    assert_eq!(bytes.iter().map(|b| b.weights + b.scales).sum::<u64>(), all * beat);
}

#[test]
fn a_forward_pass_writes_the_same_text() {
    let Bench { model, overlay, .. } = bench(Skipping::KvReuse);
    let text = |backend: &mut dyn Backend| {
        let mut record = Record::default();
        let mut sampler = Sampler::new(1.0, 1.0, 1);
        write(backend, None, &plan(3, 16), &mut sampler, &mut record, &mut go).unwrap();
        assert_eq!((record.compared(), record.blocks.len()), (0, 13));
        (record.tokens.clone(), record)
    };
    let (tokens, record) = text(&mut OverlayBackend(overlay));
    assert!(record.blocks.iter().all(|b| b.counts.is_some() && b.ran.is_none()));
    let mut engine = EngineBackend::new("exact", exact(&model, Skipping::KvReuse), 8);
    let (same, record) = text(&mut engine);
    assert_eq!(tokens, same);
    assert!(record.blocks.iter().all(|b| b.counts.is_none() && b.ran.is_some()));
}

/// That the comparison can fail: a reference that does not skip.
#[test]
fn a_difference_ends_the_text_and_is_named() {
    let Bench { model, overlay, .. } = bench(Skipping::KvReuse);
    let mut record = Record::default();
    let mut reference = exact(&model, Skipping::Dense);
    let ended = write(
        &mut OverlayBackend(overlay),
        Some(&mut *reference),
        &plan(4, 12),
        &mut Sampler::new(0.0, 1.0, 0),
        &mut record,
        &mut go,
    );
    assert_eq!(ended.unwrap(), Ended::Mismatch);
    assert!(record.mismatched() > 0 && record.blocks.len() == 1);
    let mismatch = record.mismatch.unwrap();
    assert!(mismatch.position == 3 && mismatch.found != mismatch.expected);
}

#[test]
fn stop_tokens_and_interruptions_end_a_text() {
    let Bench { overlay, .. } = bench(Skipping::Dense);
    let mut backend = OverlayBackend(overlay);
    let mut record = Record::default();
    let mut sampler = Sampler::new(0.0, 1.0, 0);
    let mut run =
        |plan: &Plan, record: &mut Record, on: &mut dyn FnMut(Event) -> ControlFlow<()>| {
            backend.0.restart();
            write(&mut backend, None, plan, &mut sampler, record, on).unwrap()
        };
    assert_eq!(run(&plan(3, 9), &mut record, &mut go), Ended::Length);
    let second = record.tokens[4];
    let stopping = Plan { stops: vec![second], ..plan(3, 9) };
    assert_eq!(run(&stopping, &mut record, &mut go), Ended::Stop);
    assert_eq!(record.tokens.len(), 4);

    // During a program, after a part of the prompt, after a token.
    let mut working = 0;
    let mut third = |event: Event| match event {
        Event::Working(_) => {
            working += 1;
            if working == 3 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        }
        _ => ControlFlow::Continue(()),
    };
    assert_eq!(run(&plan(3, 9), &mut record, &mut third), Ended::Interrupted);
    assert_eq!((record.blocks.len(), record.tokens.len()), (2, 5));
    let mut prefill = |event: Event| match event {
        Event::Prefilled(8) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    assert_eq!(run(&plan(11, 20), &mut record, &mut prefill), Ended::Interrupted);
    assert_eq!(record.blocks.len(), 1);
    let mut token = |event: Event| match event {
        Event::Token(_) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    assert_eq!(run(&plan(11, 20), &mut record, &mut token), Ended::Interrupted);
    assert_eq!(record.tokens.len(), 12);
    // And the overlay goes on.
    assert_eq!(run(&plan(3, 9), &mut record, &mut go), Ended::Length);
}

#[test]
fn wrong_requests_are_one_sentence() {
    let Bench { mut overlay, .. } = bench(Skipping::Dense);
    let mut quiet = |_: Progress| ControlFlow::Continue(());
    let mut say = |tokens: &[u32]| overlay.next(tokens, &mut quiet).unwrap_err().to_string();
    assert_eq!(say(&[]), "the text has 0 tokens and a block takes 1 to 8: give a shorter one");
    assert!(say(&[1; 9]).contains("a block takes 1 to 8"));
    assert_eq!(say(&[300]), "token 300 is outside the vocabulary of 300");
    let long = |tokens: usize| {
        let mut backend = OverlayBackend(bench(Skipping::Dense).overlay);
        let mut record = Record::default();
        let mut sampler = Sampler::new(0.0, 1.0, 0);
        write(&mut backend, None, &plan(tokens, 99), &mut sampler, &mut record, &mut go)
            .map(|ended| (ended, record.tokens.len()))
    };
    assert_eq!(
        long(49).unwrap_err().to_string(),
        "the text has 49 tokens and the context holds 48: give a shorter one"
    );
    assert!(long(0).unwrap_err().to_string().contains("at least one is needed"));
    // As many as the context holds, and no more.
    assert_eq!(long(48).unwrap(), (Ended::Length, 48));
    assert_eq!(long(40).unwrap(), (Ended::Length, 48));
}

/// What stands in memory is spoilt; the core stops, says so, and runs again once it is repaired.
#[test]
fn every_stop_is_one_sentence_and_can_be_repaired() {
    let config = config();
    let model = model();
    let compiled = compile(&model, &config, Skipping::KvReuse).unwrap();
    let at = (compiled.map.ddr.program * WORD_BYTES) as u64;
    let good = compiled.program.to_bytes();
    let spoilt = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        bytes
    };
    let reseal = |bytes: &mut Vec<u8>| {
        let program = skipopu_isa::Program::from_bytes(&good).unwrap();
        let mut program = program;
        program.instructions.truncate(40);
        *bytes = program.to_bytes();
    };
    let cases: [(&str, Vec<u8>, &str); 6] = [
        ("magic", spoilt(&|b| b[0] ^= 1), "no program stands at the address"),
        ("version", spoilt(&|b| b[4] ^= 64), "another version of the instruction set"),
        ("configuration", spoilt(&|b| b[8] ^= 1), "for another configuration"),
        ("checksum", spoilt(&|b| b[100] ^= 1), "checksum is wrong"),
        ("length", spoilt(&|b| b[16] ^= 2), "checksum is wrong"),
        ("truncated", spoilt(&reseal), "control was at instruction"),
    ];
    for (name, bytes, said) in cases {
        let mut changed = compiled.clone();
        let program = changed.images.ddr.iter_mut().find(|(a, _)| *a == at).unwrap();
        program.1 = bytes;
        let device = Box::new(ExecutorDevice::new(&config, 0).unwrap());
        let mut overlay = Overlay::new(device, &model, &changed, &config, |_| ()).unwrap();
        let mut quiet = |_: Progress| ControlFlow::Continue(());
        let text = overlay.next(&[1, 2], &mut quiet).unwrap_err().to_string();
        println!("{name}: {text}");
        assert!(text.starts_with("the core stopped: ") && text.contains(said), "{name}: {text}");
        assert!(!text.contains('\n'), "{text}");
    }
}

#[test]
fn another_core_is_refused() {
    let (model, mut config) = (model(), config());
    let compiled = compile(&model, &config, Skipping::Dense).unwrap();
    config.buffers.rows = 4;
    let device = Box::new(ExecutorDevice::new(&config, 0).unwrap());
    let refused = Overlay::new(device, &model, &compiled, &config, |_| ()).err().unwrap();
    assert!(matches!(refused, RuntimeError::Configuration { .. }), "{refused}");
    assert!(refused.to_string().contains("compile it for the core's"));
}

/// The registers behave as the manual says.
#[test]
fn registers_follow_the_map() {
    let mut device = ExecutorDevice::new(&config(), 0).unwrap();
    let read = |d: &mut ExecutorDevice, r: HostRegister| d.read_register(r.offset());
    assert_eq!(read(&mut device, HostRegister::Id), Ok(host::ID));
    assert_eq!(read(&mut device, HostRegister::Watchdog), Ok(host::WATCHDOG));
    for offset in [0x0C, 0x1, 0x21, 0xFF0, 0x44] {
        let refused = DeviceError::Refused { offset, write: false };
        assert_eq!(device.read_register(offset), Err(refused));
    }
    for register in [HostRegister::Id, HostRegister::Status, HostRegister::Cause] {
        assert!(device.write_register(register.offset(), 0).is_err());
    }
    assert!(device.write_register(Counter::Cycles.offset(), 0).is_err());
    // A start without rows is refused; one of an empty memory stops with an interrupt.
    let control_at = HostRegister::Control.offset();
    let start = control::START | control::INTERRUPT_ENABLE;
    assert!(device.write_register(control_at, start).is_err());
    device.write_register(HostRegister::Rows.offset(), 1).unwrap();
    assert!(device.write_register(control_at, start | control::RESET).is_err());
    device.write_register(control_at, start).unwrap();
    device.wait(&mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(read(&mut device, HostRegister::Status), Ok(6));
    assert_eq!(read(&mut device, HostRegister::Cause), Ok(9));
    device.write_register(HostRegister::Interrupt.offset(), 1).unwrap();
    assert_eq!(read(&mut device, HostRegister::Status), Ok(2));
    assert!(device.wait(&mut |_| ControlFlow::Continue(())).is_err());
    let far = device.write_hbm(0, u64::MAX, &[0]).unwrap_err();
    assert!(far.to_string().contains("outside HBM port 0"), "{far}");
    assert!(device.read_hbm(9, 0, &mut [0]).is_err());
    assert!(device.read_ddr(u64::MAX - 3, &mut [0; 8]).is_err());
}
