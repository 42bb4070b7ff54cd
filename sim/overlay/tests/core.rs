//! The core in simulation: whole models, every logit equal to the exact backend's, counters equal to the executor's.

use skipopu_compiler::{compile_as, Dataflow};
use skipopu_config::Config;
use skipopu_cosim::{Core, Memories, VerilatedDevice};
use skipopu_executor::Machine;
use skipopu_forward::{Engine, Network, Session, Skipping};
use skipopu_isa::host::Counter;
use skipopu_model::{synthetic, Model, Placement, Spec};
use skipopu_quant::{quantise, Method};
use skipopu_runtime::{ExecutorDevice, Overlay};
use std::ops::ControlFlow;

/// Cycles of silence after which a core that hangs says so.
const WATCHDOG: u32 = 20_000;
/// Counters that the executor keeps too.
const COUNTED: usize = 10;

fn model(kv_heads: usize, placement: Placement) -> Model {
    let spec = Spec { head_dim: 16, kv_heads, context: 48, ..synthetic::spec() };
    let mut model = synthetic::model(spec, 5, true);
    model = quantise(&model, 4, 32, Method::Rtn, |_| ()).unwrap();
    model.routers = Some(synthetic::routers(&model.spec, 6, placement));
    model
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

fn agree(core: &Core, config: &Config, model: &Model, skipping: Skipping, blocks: &[usize]) {
    agree_as(core, config, model, (skipping, Dataflow::Fused, Memories::Fixed), blocks);
}

fn agree_as(
    core: &Core,
    config: &Config,
    model: &Model,
    (skipping, dataflow, memories): (Skipping, Dataflow, Memories),
    blocks: &[usize],
) {
    let compiled = compile_as(model, config, skipping, dataflow).unwrap();
    let device = Box::new(VerilatedDevice::new(core, memories).unwrap());
    let mut overlay = Overlay::new(device, model, &compiled, config, |_| ()).unwrap();
    overlay.set_watchdog(WATCHDOG).unwrap();
    let device = Box::new(ExecutorDevice::new(config, 1).unwrap());
    let mut executor = Overlay::new(device, model, &compiled, config, |_| ()).unwrap();
    let machine = Machine::of(config).unwrap();
    let network = Network::new(machine.exact().unwrap(), model, skipping).unwrap();
    let mut reference = Session::new(network);
    let mut token = 17u32;
    for (b, length) in blocks.iter().enumerate() {
        let tokens: Vec<u32> = (0..*length as u32).map(|i| (token + 31 * i) % 300).collect();
        token = (token + 7) % 300;
        let expected = reference.next(&tokens).unwrap();
        let go = &mut |_| ControlFlow::Continue(());
        let of_executor = executor.next(&tokens, go).unwrap();
        assert_eq!(bits(&of_executor.logits), bits(&expected), "executor, block {b}");
        let found = overlay.next(&tokens, go).unwrap_or_else(|e| panic!("block {b}: {e}"));
        assert_eq!(bits(&found.logits), bits(&expected), "{skipping:?}, block {b} of {blocks:?}");
        let mut compared = 0;
        for (counter, there) in of_executor.counts.iter() {
            let here = found.counts.get(counter);
            let name = counter.name();
            assert_eq!(here, Some(there), "{name}: {skipping:?}, block {b} of {blocks:?}");
            compared += 1;
        }
        assert_eq!(compared, COUNTED, "what the executor counts too");
    }
}

#[test]
fn skipping() {
    let config = Config::preset("tiny").unwrap();
    let core = Core::build(&config, false).unwrap();
    for placement in [Placement::PreAttention, Placement::OwnInput] {
        let model = model(3, placement);
        for skipping in [Skipping::Partial, Skipping::KvReuse] {
            agree(&core, &config, &model, skipping, &[3, 1, 1, 8, 1, 5, 1, 1]);
        }
    }
}

#[test]
fn dense() {
    let config = Config::preset("tiny").unwrap();
    let core = Core::build(&config, false).unwrap();
    let model = model(3, Placement::PreAttention);
    agree(&core, &config, &model, Skipping::Dense, &[1, 1, 1, 8, 1]);
}

#[test]
fn rowwise_passes_give_the_same() {
    let config = Config::preset("tiny").unwrap();
    let core = Core::build(&config, false).unwrap();
    let model = model(3, Placement::PreAttention);
    let how = (Skipping::KvReuse, Dataflow::Rowwise, Memories::Fixed);
    agree_as(&core, &config, &model, how, &[3, 1, 8, 1]);
}

/// Heads of 48 values, which fill three slices of the lanes, as those of stories15M do.
#[test]
fn shapes_of_stories15m() {
    let config = Config::preset("cosim").unwrap();
    let core = Core::build(&config, false).unwrap();
    let spec = Spec {
        dim: 96,
        head_dim: 48,
        heads: 2,
        kv_heads: 2,
        hidden: 160,
        context: 64,
        ..synthetic::spec()
    };
    let mut model = synthetic::model(spec, 5, true);
    model = quantise(&model, 4, 32, Method::Rtn, |_| ()).unwrap();
    model.routers = Some(synthetic::routers(&model.spec, 6, Placement::PreAttention));
    for memories in [Memories::Fixed, Memories::Modelled] {
        for skipping in [Skipping::Dense, Skipping::KvReuse] {
            let how = (skipping, Dataflow::Fused, memories);
            agree_as(&core, &config, &model, how, &[5, 1, 16, 1, 1]);
        }
    }
}

/// Counters read while a program runs change nothing, rise, and add up to what they are in the end.
#[test]
fn a_timeline_adds_up() {
    let config = Config::preset("tiny").unwrap();
    let core = Core::build(&config, false).unwrap();
    let model = model(3, Placement::PreAttention);
    let compiled = compile_as(&model, &config, Skipping::KvReuse, Dataflow::Fused).unwrap();
    let overlay = || {
        let device = Box::new(VerilatedDevice::new(&core, Memories::Fixed).unwrap());
        Overlay::new(device, &model, &compiled, &config, |_| ()).unwrap()
    };
    let (mut sampled, mut alone) = (overlay(), overlay());
    for tokens in [&[5, 6, 7][..], &[8]] {
        let mut ticks = 0;
        let mut tick = |_| {
            ticks += 1;
            ControlFlow::Continue(())
        };
        let (block, timeline) = sampled.next_sampled(tokens, &mut tick).unwrap();
        let expected = alone.next(tokens, &mut |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(bits(&block.logits), bits(&expected.logits));
        assert!(timeline.samples.len() > 10 && ticks + 1 == timeline.samples.len());
        for counter in [Counter::Int4Cycles, Counter::NpeTiles, Counter::WeightBeats] {
            let first = timeline.samples[0].get(counter).unwrap();
            let risen: u64 = timeline.spans(counter).map(|s| s.counted).sum();
            assert_eq!(Some(first + risen), block.counts.get(counter), "{}", counter.name());
            assert_eq!(block.counts.get(counter), expected.counts.get(counter));
        }
        let start = timeline.samples[0].get(Counter::Cycles).unwrap();
        let length: u64 = timeline.spans(Counter::Cycles).map(|s| s.cycles).sum();
        assert_eq!(start + length, timeline.cycles());
        assert_eq!(Some(timeline.cycles()), block.counts.get(Counter::Cycles));
    }
    let broken = sampled.next_sampled(&[9], &mut |_| ControlFlow::Break(()));
    assert_eq!(broken.unwrap_err().to_string(), "interrupted");
}
