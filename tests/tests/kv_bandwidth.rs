//! KV bandwidth: the RTL and the fast model of the same rounds agree, and the buffer is worth having.

use skipopu_config::Config;
use skipopu_kv::{KvMachine, KvModel, Masks, Routing};
use skipopu_system::kv::{fast, rtl, Bench, Mapping, Study};

/// Greatest difference between fast model and RTL, in percent of the cycles.
const TOLERANCE_PERCENT: f64 = 3.0;

#[test]
fn fast_model_and_rtl_agree() {
    let machine = KvMachine::of(&Config::preset("cosim").unwrap());
    let bench = Bench::new(machine).unwrap_or_else(|e| panic!("{e}"));
    let model = KvModel::STORIES15M;
    let study = Study { machine, model, layers: 6, passes: usize::MAX };
    for (skip, tokens, masks) in
        [(0.25, 128, Masks::Independent), (0.5, 61, Masks::Layers), (0.1, 256, Masks::Tokens)]
    {
        let routing = Routing::random(6, tokens, skip, masks, 3).unwrap();
        for mapping in [Mapping::Dense, Mapping::TokenMap, Mapping::Buffer] {
            let modelled = fast(&study, mapping, &routing, tokens).unwrap();
            let simulated = rtl(&bench, &study, mapping, &routing, tokens).unwrap();
            println!("{mapping:?}, skip {skip}, {tokens} tokens: {modelled:?}, RTL {simulated:?}");
            assert_eq!(modelled.words, simulated.words);
            assert_eq!(modelled.hbm_words, simulated.hbm_words);
            let off = 100.0 * (modelled.cycles as f64 / simulated.cycles as f64 - 1.0);
            assert!(off.abs() <= TOLERANCE_PERCENT, "{mapping:?}: {off} percent");
        }
    }
}

#[test]
fn the_buffer_gives_more_than_the_memory_could() {
    let machine = KvMachine::of(&Config::preset("u280").unwrap());
    let study = Study { machine, model: KvModel::LLAMA2_7B, layers: 4, passes: 16 };
    let routing = Routing::random(32, 512, 0.25, Masks::Independent, 0).unwrap();
    let gbs = |mapping| fast(&study, mapping, &routing, 512).unwrap().effective_gbs(225.0);
    let [dense, interleaved, token_map, buffer] = Mapping::ALL.map(gbs);
    println!("dense {dense}, interleaved {interleaved}, token map {token_map}, buffer {buffer}");
    assert!(buffer > dense && buffer > token_map && buffer > interleaved);
    assert!(buffer > 467.8, "{buffer}");
}
