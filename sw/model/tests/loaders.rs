//! Every format gives the same model back, and refuses a malformed file in one sentence.

mod common;

use common::*;
use safetensors::Dtype;
use skipopu_model::{container, hf, llama2c, open, synthetic};
use std::path::Path;

fn error<T>(result: Result<T, skipopu_model::ModelError>) -> String {
    let text = result.err().expect("a malformed file").to_string();
    assert!(!text.contains('\n') && text.len() < 400, "one sentence: {text}");
    text
}

#[test]
fn llama2c_files_give_the_model_back() {
    for tied in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let model = synthetic::model(synthetic::spec(), 0, tied);
        write_llama2c(&model, folder.path());
        assert_same(&llama2c::load(&folder.path().join("model.bin")).unwrap(), &model);
        let opened = open(folder.path().to_str().unwrap()).unwrap();
        assert_eq!((opened.format, opened.tokenizer.is_none()), ("llama2.c", true));
    }
}

#[test]
fn malformed_llama2c_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.bin");
    let good = llama2c::to_bytes(&little(false));
    let load = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        error(llama2c::load(&path))
    };
    let with = |at: usize, bytes: &[u8]| {
        let mut file = good.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    assert!(load(&good[..good.len() - 1]).contains("truncated"));
    assert!(load(&[&good[..], &[0]].concat()).contains("too long"));
    assert!(load(&good[..20]).contains("header"));
    assert!(load(&[]).contains("is empty"));
    assert!(load(&with(0, &(-8i32).to_le_bytes())).contains("dim = -8"));
    assert!(load(&with(0, &i32::MAX.to_le_bytes())).contains("do not divide"));
    assert!(load(&with(4, &i32::MAX.to_le_bytes())).contains("feed-forward size"));
    assert!(load(&with(20, &i32::MIN.to_le_bytes())).contains("vocabulary size"));
    assert!(load(&with(24, &0i32.to_le_bytes())).contains("context length"));
    assert!(load(&with(0, b"24ka")).contains("--version 0"));
    let nan = with(28 + 4 * 8 * 5, &f32::NAN.to_le_bytes());
    assert!(load(&nan).contains("`embedding` holds an Inf or a NaN in row 5, column 0"));
    let last = with(good.len() - 4, &f32::INFINITY.to_le_bytes());
    assert!(load(&last).contains("`classifier`"));
    assert!(error(llama2c::load(folder.path())).contains("is not a file"));
    assert!(error(llama2c::load(Path::new("no/such.bin"))).contains("cannot read"));
}

#[test]
fn hugging_face_folders_give_the_model_back() {
    let mut compared = 0;
    for (dtype, shards, tied) in [
        (Dtype::F32, 1, true),
        (Dtype::F32, 3, false),
        (Dtype::F16, 2, true),
        (Dtype::BF16, 1, false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let exact = synthetic::model(synthetic::spec(), 1, tied);
        write_hf(&exact, folder.path(), dtype, shards);
        let opened = open(folder.path().to_str().unwrap()).unwrap();
        let found = |x: f32| match dtype {
            Dtype::F32 => x,
            Dtype::F16 => half::f16::from_f32(x).to_f32(),
            _ => half::bf16::from_f32(x).to_f32(),
        };
        for ((name, x), (_, y)) in exact.matrices().zip(opened.model.matrices()) {
            let expected: Vec<f32> = x.to_f32().into_iter().map(found).collect();
            assert_eq!(expected, y.to_f32(), "{name} in {dtype:?}");
            compared += 1;
        }
        assert_eq!(opened.model.spec, exact.spec);
        let tokenizer = opened.tokenizer.unwrap();
        assert_eq!(tokenizer.encode("hé").unwrap(), [256, 104, 0xC3, 0xA9]);
        assert_eq!(tokenizer.decode(&[256, 104, 0xC3, 0xA9, 257]), "hé");
        assert_eq!(tokenizer.stops(), [257, 258, 256]);
        let mut decoder = tokenizer.decoder();
        assert_eq!(decoder.push(0xC3), "", "half a character waits");
        assert_eq!(decoder.push(0xA9), "é");
    }
    assert_eq!(compared, 4 * (7 * 3 + 1));
}

#[test]
fn malformed_hugging_face_folders_are_named() {
    let folder = tempfile::tempdir().unwrap();
    write_hf(&little(false), folder.path(), Dtype::F32, 1);
    let config = folder.path().join("config.json");
    let good = std::fs::read_to_string(&config).unwrap();
    let with = |from: &str, to: &str| {
        assert!(good.contains(from), "{from} in {good}");
        std::fs::write(&config, good.replace(from, to)).unwrap();
        error(hf::load(folder.path()))
    };
    assert!(with("\"llama\"", "\"bert\"").contains("only `llama`"));
    assert!(with("\"vocab_size\":300", "\"vocab_size\":301").contains("301 x 8"));
    assert!(with("\"num_key_value_heads\":1", "\"num_key_value_heads\":3").contains("must divide"));
    assert!(with("\"head_dim\":4", "\"head_dim\":3").contains("RoPE needs pairs"));
    assert!(with("\"num_hidden_layers\":2", "\"num_hidden_layers\":3").contains("is missing"));
    let negative = with("\"hidden_size\":8", "\"hidden_size\":-8");
    assert!(negative.contains("not the JSON expected"), "{negative}");
    let scaling =
        |body: &str| with("\"torch_dtype\"", &format!("\"rope_scaling\":{body},\"torch_dtype\""));
    assert!(scaling("{\"type\":\"yarn\"}").contains("`yarn`"));
    assert!(scaling("{\"rope_type\":\"llama3\",\"factor\":8}").contains("low_freq_factor"));
    std::fs::write(&config, &good).unwrap();
    let weights = folder.path().join("model.safetensors");
    let bytes = std::fs::read(&weights).unwrap();
    std::fs::write(&weights, &bytes[..bytes.len() - 3]).unwrap();
    assert!(error(hf::load(folder.path())).contains("no intact safetensors"));
    std::fs::remove_file(&weights).unwrap();
    assert!(error(hf::load(folder.path())).contains("cannot read"));
    let index = folder.path().join("model.safetensors.index.json");
    std::fs::write(&index, "{\"weight_map\":{\"a\":\"../../etc/passwd\"}}").unwrap();
    assert!(error(hf::load(folder.path())).contains("elsewhere"));
}

#[test]
fn rope_parameters_are_read() {
    let folder = tempfile::tempdir().unwrap();
    write_hf(&little(true), folder.path(), Dtype::F32, 1);
    let path = folder.path().join("config.json");
    let good = std::fs::read_to_string(&path).unwrap();
    let llama3 = "\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8.0,\"low_freq_factor\":1.0,\
        \"high_freq_factor\":4.0,\"original_max_position_embeddings\":8192},\"rope_theta\":500000.0";
    std::fs::write(&path, good.replace("\"rope_theta\":10000.0", llama3)).unwrap();
    let rope = hf::load(folder.path()).unwrap().model.spec.rope;
    assert_eq!(rope.base, 500_000.0);
    let scaling =
        skipopu_model::Scaling::Llama3 { factor: 8.0, low: 1.0, high: 4.0, original: 8192.0 };
    assert_eq!(rope.scaling, scaling);
}

#[test]
fn containers_give_everything_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.skipopu");
    let model = full_container(&path);
    let opened = open(path.to_str().unwrap()).unwrap();
    assert_same(&opened.model, &model);
    assert!(!is_dense(&opened.model.layers[1].projections[3]));
    let (a, b) = (model.routers.unwrap(), opened.model.routers.unwrap());
    assert_eq!(a.placement, b.placement);
    let both: Vec<_> = a.named().zip(b.named()).collect();
    assert_eq!(both.len(), 4);
    both.iter().for_each(|((n, x), (m, y))| assert_eq!((n, x.to_f32()), (m, y.to_f32())));
    let tokenizer = opened.tokenizer.unwrap();
    assert_eq!((tokenizer.bos(), tokenizer.stops()), (Some(256), &[257][..]));
    assert_eq!(tokenizer.encode("a").unwrap(), [256, 97]);
}

#[test]
fn malformed_containers_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.skipopu");
    full_container(&path);
    let good = std::fs::read(&path).unwrap();
    let read = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        error(container::read(&path))
    };
    let with = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        let at =
            good.windows(from.len()).position(|w| w == from.as_bytes()).expect("in the header");
        let mut file = good.clone();
        file[at..at + to.len()].copy_from_slice(to.as_bytes());
        read(&file)
    };
    assert!(with("skipopu-model", "skipopu-mofel").contains("no skipopu container"));
    assert!(with("\"version\":\"1\"", "\"version\":\"7\"").contains("version 7"));
    assert!(with("\\\"group\\\":4", "\\\"group\\\":5").contains("damaged"));
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    assert!(read(&flipped).contains("damaged"));
    assert!(read(&good[..good.len() / 2]).contains("no intact safetensors"));
    assert!(read(b"PK\x03\x04").contains("no intact safetensors"));
}

#[test]
fn what_is_not_there_is_named() {
    assert!(error(open("no-such-model")).contains("model fetch stories15m"));
    let folder = tempfile::tempdir().unwrap();
    assert!(error(open(folder.path().to_str().unwrap())).contains("neither"));
}
