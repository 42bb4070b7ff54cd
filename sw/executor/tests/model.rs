//! Compiled models on the executor: every logit equals the exact backend's.

use skipopu_compiler::{compile, Compiled};
use skipopu_config::{Accumulation, Config};
use skipopu_executor::{Counters, Executor, Machine, Memory, Stop};
use skipopu_forward::{Engine, Exact, Network, Session, Skipping};
use skipopu_isa::{Operation, Unit, Units};
use skipopu_kv::layout::{CHANNEL_BYTES, WORD_BYTES};
use skipopu_model::{synthetic, Model, Placement, Spec};
use skipopu_quant::{quantise, Method};

/// A small model with heads of whole slices on 8 lanes, a ragged last group, grouped-query attention.
fn model(kv_heads: usize, placement: Placement, seed: u64) -> Model {
    let spec = Spec { head_dim: 16, kv_heads, context: 48, ..synthetic::spec() };
    let mut model = synthetic::model(spec, seed, true);
    model = quantise(&model, 4, 32, Method::Rtn, |_| ()).unwrap();
    model.routers = Some(synthetic::routers(&model.spec, seed + 1, placement));
    model
}

fn configuration(accumulation: Accumulation) -> Config {
    let mut config = Config::preset("tiny").unwrap();
    config.array.accumulation = accumulation;
    config.validate().unwrap();
    config
}

/// Executor and program.
struct Overlay {
    executor: Executor,
    compiled: Compiled,
    network: Network<Exact>,
    position: usize,
    seed: u64,
}

impl Overlay {
    fn new(model: &Model, config: &Config, skipping: Skipping, seed: u64) -> Overlay {
        let machine = Machine::of(config).unwrap();
        let compiled = compile(model, config, skipping).unwrap();
        let ddr = (compiled.map.ddr.end * WORD_BYTES) as u64;
        let mut memory = Memory::new(ddr, config.memory.hbm_ports as usize, CHANNEL_BYTES);
        for (port, image) in memory.hbm.iter_mut().zip(&compiled.images.hbm) {
            port.write(0, image).unwrap();
        }
        for (at, image) in &compiled.images.ddr {
            memory.ddr.write(*at, image).unwrap();
        }
        let network = Network::new(machine.exact().unwrap(), model, skipping).unwrap();
        let executor = Executor::new(machine, memory);
        Overlay { executor, compiled, network, position: 0, seed }
    }

    /// A block: the host writes embeddings, starts the program, reads the last row's logits.
    fn next(&mut self, tokens: &[u32]) -> Result<Vec<f32>, Stop> {
        let x = self.network.embed(tokens).unwrap();
        let map = &self.compiled.map.ddr;
        let row_bytes = (map.logits - map.block) * WORD_BYTES / 8;
        for t in 0..tokens.len() {
            let bytes: Vec<u8> =
                x.row(t).iter().flat_map(|v| half::f16::from_f32(*v).to_le_bytes()).collect();
            let at = map.block * WORD_BYTES + t * row_bytes;
            self.executor.memory.ddr.write(at as u64, &bytes)?;
        }
        let (program, position) = (&self.compiled.program, self.position);
        self.executor.run(program, tokens.len(), position, self.seed)?;
        self.position += tokens.len();
        let mut bytes = vec![0; 4 * self.network.spec().vocab];
        self.executor.memory.ddr.read((map.logits * WORD_BYTES) as u64, &mut bytes)?;
        Ok(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

/// Runs blocks of these lengths on both; returns the counters.
fn agree(
    model: &Model,
    config: &Config,
    skipping: Skipping,
    blocks: &[usize],
    seed: u64,
) -> Counters {
    let mut overlay = Overlay::new(model, config, skipping, seed);
    let machine = Machine::of(config).unwrap();
    let mut reference =
        Session::new(Network::new(machine.exact().unwrap(), model, skipping).unwrap());
    let mut token = 17u32;
    for (b, length) in blocks.iter().enumerate() {
        let tokens: Vec<u32> = (0..*length as u32).map(|i| (token + 31 * i) % 300).collect();
        token = (token + 7) % 300;
        let expected = reference.next(&tokens).unwrap();
        let logits = overlay.next(&tokens).unwrap();
        assert_eq!(
            bits(&logits),
            bits(&expected),
            "{skipping:?}, block {b} of {blocks:?}, seed {seed}"
        );
    }
    let rows = reference.stats().kv_rows;
    let counters = overlay.executor.counters().clone();
    let pairs = model.spec.kv_heads.div_ceil(2) as u64;
    // Two heads of 16 values are a word of 64 bytes.
    assert_eq!(counters.kv_words_written, 2 * pairs * rows, "K and V of the tokens that ran");
    counters
}

#[test]
fn prefill_and_decode_equal_the_exact_backend() {
    let config = configuration(Accumulation::Aligned);
    for placement in [Placement::PreAttention, Placement::OwnInput] {
        let model = model(3, placement, 5);
        for skipping in [Skipping::Dense, Skipping::Partial, Skipping::KvReuse] {
            for (seed, blocks) in
                [&[1usize, 1, 1, 1, 1][..], &[8, 1, 1], &[3, 5, 1, 7, 8, 1], &[2, 1]]
                    .iter()
                    .enumerate()
            {
                agree(&model, &config, skipping, blocks, seed as u64);
            }
        }
    }
}

#[test]
fn every_schedule_of_the_units_gives_the_same() {
    let config = configuration(Accumulation::Aligned);
    let model = model(6, Placement::PreAttention, 9);
    let counters: Vec<Counters> =
        (0..40).map(|seed| agree(&model, &config, Skipping::KvReuse, &[5, 1, 1], seed)).collect();
    assert!(counters.iter().all(|c| *c == counters[0]));
}

/// That the test above can fail: without the append's token, keys are overwritten before they are stored.
#[test]
fn a_missing_token_shows() {
    let config = configuration(Accumulation::Aligned);
    let model = model(6, Placement::PreAttention, 9);
    let expected = {
        let mut overlay = Overlay::new(&model, &config, Skipping::Dense, 0);
        [&[1, 2, 3][..], &[4]].map(|t| bits(&overlay.next(t).unwrap()))
    };
    let shows = |seed: u64| {
        let mut overlay = Overlay::new(&model, &config, Skipping::Dense, seed);
        for i in &mut overlay.compiled.program.instructions {
            if matches!(i.operation, Operation::AppendKv { .. }) {
                i.signal = Units::NONE;
            }
            if i.unit() == Unit::Compute && i.wait.contains(Unit::Store) {
                i.wait = Units::from_bits(i.wait.bits() & !Units::NONE.with(Unit::Store).bits())
                    .unwrap();
            }
        }
        [&[1, 2, 3][..], &[4]].map(|t| bits(&overlay.next(t).unwrap())) != expected
    };
    assert!((0..200).any(shows));
}

#[test]
fn multi_query_attention() {
    let model = model(1, Placement::PreAttention, 11);
    let mut config = configuration(Accumulation::Aligned);
    // Statistics and sums of six query heads a row.
    (config.array.lanes, config.array.columns, config.npe.rows) = (16, 32, 128);
    config.validate().unwrap();
    agree(&model, &config, Skipping::KvReuse, &[4, 1, 8, 1], 0);
}

#[test]
fn what_is_skipped_causes_no_traffic() {
    let config = configuration(Accumulation::Aligned);
    let mut model = model(3, Placement::PreAttention, 5);
    let run = |model: &Model, skipping| agree(model, &config, skipping, &[1, 1, 1], 0);
    let dense = run(&model, Skipping::Dense);
    // Routers that never run anything: equal rows, and a tie skips.
    let routers = model.routers.as_mut().unwrap();
    for tensor in routers.attention.iter_mut().chain(&mut routers.ffn) {
        *tensor = skipopu_model::Tensor::from_f32(2, tensor.cols(), &vec![0.0; 2 * tensor.cols()]);
    }
    let skipped = run(&model, Skipping::KvReuse);
    assert!(skipped.branches_taken > 0);
    // Layer 0 still makes keys and values, the classifier still runs.
    let map = Overlay::new(&model, &config, Skipping::KvReuse, 0).compiled.map;
    let needed = map.classifier.beats + map.layers[0].key.beats + map.layers[0].value.beats;
    assert_eq!(skipped.weight_beats, 3 * needed as u64);
    assert!(skipped.weight_beats < dense.weight_beats && skipped.kv_words_hbm == 0);
    assert!(dense.kv_words_hbm > 0);
}

#[test]
fn stops_say_why() {
    let config = configuration(Accumulation::Aligned);
    let model = model(3, Placement::PreAttention, 5);
    let mut overlay = Overlay::new(&model, &config, Skipping::KvReuse, 0);
    let program = overlay.compiled.program.clone();
    let mut run = |change: &dyn Fn(&mut skipopu_isa::Program), rows: usize| {
        let mut program = program.clone();
        change(&mut program);
        overlay.executor.run(&program, rows, 0, 0).unwrap_err().to_string()
    };
    assert!(run(&|_| (), 0).contains("the block has 0 rows and the machine takes 1 to 8"));
    assert!(run(&|_| (), 9).contains("the block has 9 rows"));
    assert!(run(&|p| p.configuration ^= 1, 1).contains("compile it for this one"));
    let cut = run(&|p| p.instructions.truncate(40), 1);
    assert!(cut.contains("the program lacks an end") || cut.contains("no unit can go on"), "{cut}");
    let unsignalled = run(&|p| p.instructions.iter_mut().for_each(|i| i.signal = Units::NONE), 1);
    assert!(unsignalled.contains("no unit can go on: control at"), "{unsignalled}");
}

#[test]
fn what_is_no_overlay_is_refused() {
    let model = model(3, Placement::PreAttention, 5);
    let refused = |change: &dyn Fn(&mut Config)| {
        let mut config = configuration(Accumulation::Aligned);
        change(&mut config);
        compile(&model, &config, Skipping::KvReuse).unwrap_err().to_string()
    };
    assert!(refused(&|c| c.array.accumulation = Accumulation::Dsp15).contains("needs `aligned`"));
    assert!(refused(&|c| c.array.columns = 32).contains("a power of two from 8 to 16"));
    assert!(refused(&|c| c.npe.ways = 8).contains("npe.ways = 8: an overlay needs at most 4"));
    assert!(refused(&|c| (c.memory.hbm_ports, c.kv_buffer.urams) = (4, 32))
        .contains("use fewer memory.hbm_ports"));
    assert!(refused(&|c| c.npe.head_size = 8).contains("npe.head_size = 8"));
    let said = refused(&|c| c.npe.rows = c.buffers.rows);
    assert!(said.contains("npe.rows = 8: an overlay needs at least"), "{said}");
    let said = refused(&|c| (c.memory.hbm_ports, c.kv_buffer.ports) = (3, 1));
    assert!(said.contains("memory.hbm_ports = 3: an overlay needs a power of two"), "{said}");
    assert!(refused(&|c| c.kv_buffer.context = 32).contains("at least 48, the model's context"));
    assert!(refused(&|c| c.buffers.constant_kib = 1).contains("raise buffers.constant_kib"));
}
