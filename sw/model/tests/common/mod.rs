//! Files of a small random model in every format.
#![allow(dead_code)]

use proptest::prelude::ProptestConfig;
use proptest::test_runner::RngSeed;
use safetensors::{serialize_to_file, Dtype, View};
use serde_json::json;
use skipopu_model::{
    adapter, container, synthetic, Adapter, Matrix, Model, Placement, Projection, Quantised, Tensor,
};
use std::borrow::Cow;
use std::io::Write;
use std::path::Path;

/// Cases with a fixed seed unless the environment names one.
pub fn config(cases: u32) -> ProptestConfig {
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(0);
    }
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    println!("seed {:?}", config.rng_seed);
    config
}

/// A model of a few kilobytes, for tests that damage its files thousands of times.
pub fn little(tied: bool) -> Model {
    let spec = skipopu_model::Spec {
        dim: 8,
        hidden: 12,
        layers: 2,
        heads: 2,
        kv_heads: 1,
        head_dim: 4,
        vocab: 300,
        context: 16,
        ..synthetic::spec()
    };
    synthetic::model(spec, 0, tied)
}

/// Every value of two models must be the same bits.
pub fn assert_same(a: &Model, b: &Model) {
    assert_eq!(a.spec, b.spec);
    assert_eq!(a.embedding.to_f32(), b.embedding.to_f32());
    assert_eq!(a.final_norm, b.final_norm);
    assert_eq!(a.classifier.is_some(), b.classifier.is_some());
    let mut compared = 0;
    for ((name, x), (_, y)) in a.matrices().zip(b.matrices()) {
        assert_eq!(x.to_f32(), y.to_f32(), "{name}");
        compared += 1;
    }
    assert_eq!(compared, 7 * a.spec.layers + 1);
    for (x, y) in a.layers.iter().zip(&b.layers) {
        assert_eq!((&x.attention_norm, &x.ffn_norm), (&y.attention_norm, &y.ffn_norm));
    }
}

struct Stored {
    shape: Vec<usize>,
    dtype: Dtype,
    bytes: Vec<u8>,
}

impl View for &Stored {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }
    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// Writes a Hugging Face folder: `shards` safetensors files of values in `dtype`.
pub fn write_hf(model: &Model, folder: &Path, dtype: Dtype, shards: usize) {
    let s = &model.spec;
    let config = json!({
        "model_type": "llama", "hidden_size": s.dim, "intermediate_size": s.hidden,
        "num_hidden_layers": s.layers, "num_attention_heads": s.heads,
        "num_key_value_heads": s.kv_heads, "head_dim": s.head_dim, "vocab_size": s.vocab,
        "max_position_embeddings": s.context, "rms_norm_eps": 1e-5, "rope_theta": s.rope.base,
        "tie_word_embeddings": model.classifier.is_none(), "bos_token_id": 256,
        "eos_token_id": [257, 258], "torch_dtype": "anything",
    });
    std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    std::fs::write(folder.join("tokenizer.json"), tokenizer_json().to_string()).unwrap();
    let tensors = hf_tensors(model, dtype);
    if shards == 1 {
        let views = tensors.iter().map(|(n, t)| (n.clone(), t));
        serialize_to_file(views, None, &folder.join("model.safetensors")).unwrap();
        return;
    }
    let mut map = serde_json::Map::new();
    for i in 0..shards {
        let file = format!("model-{i}.safetensors");
        let mine = || tensors.iter().enumerate().filter(|(j, _)| j % shards == i).map(|(_, t)| t);
        map.extend(mine().map(|(n, _)| (n.clone(), json!(file))));
        serialize_to_file(mine().map(|(n, t)| (n.clone(), t)), None, &folder.join(file)).unwrap();
    }
    let index = json!({ "metadata": {}, "weight_map": map });
    std::fs::write(folder.join("model.safetensors.index.json"), index.to_string()).unwrap();
}

fn hf_tensors(model: &Model, dtype: Dtype) -> Vec<(String, Stored)> {
    let store = |shape: Vec<usize>, values: &[f32]| {
        let bytes = values.iter().flat_map(|v| match dtype {
            Dtype::F32 => v.to_le_bytes().to_vec(),
            Dtype::F16 => half::f16::from_f32(*v).to_le_bytes().to_vec(),
            _ => half::bf16::from_f32(*v).to_le_bytes().to_vec(),
        });
        Stored { shape, dtype, bytes: bytes.collect() }
    };
    let s = &model.spec;
    let table = vec![s.vocab, s.dim];
    let mut out = vec![
        ("model.embed_tokens.weight".to_string(), store(table.clone(), &model.embedding.to_f32())),
        ("model.norm.weight".to_string(), store(vec![s.dim], &model.final_norm)),
    ];
    if let Some(c) = &model.classifier {
        out.push(("lm_head.weight".into(), store(table, &c.to_f32())));
    }
    for (i, layer) in model.layers.iter().enumerate() {
        let name = |part: &str| format!("model.layers.{i}.{part}.weight");
        out.push((name("input_layernorm"), store(vec![s.dim], &layer.attention_norm)));
        out.push((name("post_attention_layernorm"), store(vec![s.dim], &layer.ffn_norm)));
        use Projection::*;
        for p in Projection::ALL {
            let part = match p {
                Query => "self_attn.q_proj",
                Key => "self_attn.k_proj",
                Value => "self_attn.v_proj",
                Output => "self_attn.o_proj",
                Gate => "mlp.gate_proj",
                Up => "mlp.up_proj",
                Down => "mlp.down_proj",
            };
            let (rows, cols) = p.shape(s);
            let mut values = layer.get(p).to_f32();
            if matches!(p, Query | Key) {
                values = halves(&values, cols, s.head_dim);
            }
            out.push((name(part), store(vec![rows, cols], &values)));
        }
    }
    out
}

/// Rows of each head with first values of pairs before second ones, as Hugging Face keeps them.
fn halves(values: &[f32], cols: usize, head: usize) -> Vec<f32> {
    let rows: Vec<&[f32]> = values.chunks_exact(cols).collect();
    let first = |h: &[&[f32]]| h.iter().step_by(2).copied().collect::<Vec<_>>().concat();
    let second = |h: &[&[f32]]| h.iter().skip(1).step_by(2).copied().collect::<Vec<_>>().concat();
    rows.chunks_exact(head).flat_map(|h| [first(h), second(h)].concat()).collect()
}

/// Byte-level BPE without merges, then three special tokens.
pub fn tokenizer_json() -> serde_json::Value {
    let plain = |b: u32| matches!(b, 33..=126 | 161..=172 | 174..=255);
    let (mut vocab, mut extra) = (serde_json::Map::new(), 256);
    for byte in 0..256u32 {
        let c = if plain(byte) {
            byte
        } else {
            extra += 1;
            extra - 1
        };
        vocab.insert(char::from_u32(c).unwrap().to_string(), json!(byte));
    }
    let special = |id: u32, text: &str| {
        json!({ "id": id, "content": text, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": true })
    };
    let level = json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
                        "use_regex": true });
    json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": [special(256, "<s>"), special(257, "</s>"), special(258, "<eot>")],
        "normalizer": null, "pre_tokenizer": level, "post_processor": null, "decoder": level,
        "model": { "type": "BPE", "dropout": null, "unk_token": null,
                   "continuing_subword_prefix": null, "end_of_word_suffix": null,
                   "fuse_unk": false, "byte_fallback": false, "vocab": vocab, "merges": [] },
    })
}

/// Writes a llama2.c model.
pub fn write_llama2c(model: &Model, folder: &Path) {
    std::fs::write(folder.join("model.bin"), skipopu_model::llama2c::to_bytes(model)).unwrap();
}

/// A dense matrix's bytes in an error-free model are its own.
pub fn is_dense(matrix: &Matrix) -> bool {
    matches!(matrix, Matrix::Dense(_))
}

/// A container with everything in it.
pub fn full_container(path: &Path) -> Model {
    let mut model = little(false);
    for layer in &mut model.layers {
        for matrix in &mut layer.projections {
            let (rows, cols) = matrix.shape();
            let codes: Vec<i8> = (0..rows * cols).map(|i| (i % 16) as i8 - 8).collect();
            let groups = cols.div_ceil(4);
            let scales: Vec<f32> = (0..rows * groups).map(|i| 0.125 * (1 + i % 3) as f32).collect();
            *matrix = Matrix::Quantised(Quantised::pack(4, cols, 4, &codes, &scales));
        }
    }
    model.embedding = Tensor::to_f16(300, 8, &model.embedding.to_f32());
    model.routers = Some(synthetic::routers(&model.spec, 3, Placement::PreAttention));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokenizer.json");
    std::fs::write(&file, tokenizer_json().to_string()).unwrap();
    let tokenizer = skipopu_model::Tokenizer::json(&file, Some(256), vec![257]).unwrap();
    container::write(path, &model, Some(&tokenizer)).unwrap();
    model
}

/// An adapter of a [`little`] model.
pub fn small_adapter(model: &Model) -> Adapter {
    let routers = synthetic::routers(&model.spec, 3, Placement::OwnInput);
    let mut adapter = Adapter::new(model.fingerprint(), routers);
    for (layer, p) in [(0, Projection::Query), (1, Projection::Down)] {
        let (rows, cols) = p.shape(&model.spec);
        let numbers: Vec<f32> = (0..rows * cols).map(|i| (i % 5) as f32 - 2.0).collect();
        let change = adapter::change(&numbers, cols);
        adapter.changes.insert(format!("layers.{layer}.{}", p.name()), change);
    }
    adapter.norms.insert("layers.1.ffn_norm".into(), vec![0.5; model.spec.dim]);
    adapter.norms.insert("final_norm".into(), vec![2.0; model.spec.dim]);
    adapter
}

/// An npm package with one member.
pub fn package(path: &Path, member: &str, content: &[u8]) {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in [("package/package.json", &b"{}"[..]), (member, content)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, bytes).unwrap();
    }
    let file = std::fs::File::create(path).unwrap();
    let mut gz = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    gz.write_all(&tar.into_inner().unwrap()).unwrap();
    gz.finish().unwrap();
}

/// A llama2.c tokenizer: special tokens, bytes, some letters and pairs.
pub fn llama2c_tokenizer() -> Vec<u8> {
    let special = ["<unk>", "<s>", "</s>"].map(String::from);
    let bytes = (0..=255u8).map(|b| format!("<0x{b:02X}>"));
    let texts = [" ", "a", "b", ",", " a", " b", "ab"].map(String::from);
    let mut file = 6i32.to_le_bytes().to_vec();
    for (i, text) in special.into_iter().chain(bytes).chain(texts).enumerate() {
        file.extend((i as f32).to_le_bytes());
        file.extend((text.len() as i32).to_le_bytes());
        file.extend(text.as_bytes());
    }
    file
}
