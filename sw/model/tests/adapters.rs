//! Adapters: written, read, applied, damaged.

mod common;

use common::{little, small_adapter as adapter};
use skipopu_model::{container, synthetic, Adapter, Placement, Projection, Tensor};
use std::path::Path;

fn refused<T>(result: Result<T, skipopu_model::ModelError>) -> String {
    result.err().expect("it is refused").to_string()
}

#[test]
fn adapters_come_back_and_change_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.adapter");
    let model = little(true);
    adapter(&model).write(&path).unwrap();
    let found = Adapter::read(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let again = Adapter::from_bytes(Path::new("inside"), bytes).unwrap();
    assert_eq!((found.base.clone(), again.base), (model.fingerprint(), model.fingerprint()));
    let changed = found.apply(&model, &path).unwrap();
    let routers = changed.routers.as_ref().unwrap();
    assert_eq!(routers.placement, Placement::OwnInput);
    let original = synthetic::routers(&model.spec, 3, Placement::OwnInput);
    for ((name, a), (_, b)) in original.named().zip(routers.named()) {
        assert_eq!(a.to_f32(), b.to_f32(), "{name}");
    }
    let mut compared = 0;
    for (l, layer) in changed.layers.iter().enumerate() {
        for p in Projection::ALL {
            let mut expected = model.layers[l].get(p).to_f32();
            if let Some(change) = found.changes.get(&format!("layers.{l}.{}", p.name())) {
                assert_eq!((change.bits(), change.group()), (8, 0));
                for (i, v) in expected.iter_mut().enumerate() {
                    *v += (i % 5) as f32 - 2.0;
                    compared += 1;
                }
            }
            let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 1.01 / 127.0;
            assert!(layer.get(p).to_f32().iter().zip(&expected).all(near), "{l} {}", p.name());
        }
    }
    assert_eq!(compared, 8 * 8 + 8 * 12);
    assert_eq!(changed.layers[0].ffn_norm, model.layers[0].ffn_norm);
    assert_eq!(changed.layers[1].ffn_norm, [0.5; 8]);
    assert_eq!(changed.final_norm, [2.0; 8]);
}

#[test]
fn equal_contents_are_equal_files() {
    let folder = tempfile::tempdir().unwrap();
    let model = little(true);
    let bytes = |i: usize| {
        let files = ["adapter", "container"].map(|kind| folder.path().join(format!("{kind}{i}")));
        adapter(&model).write(&files[0]).unwrap();
        container::write(&files[1], &model, None).unwrap();
        files.map(|file| std::fs::read(file).unwrap())
    };
    let first = bytes(0);
    assert!((1..12).all(|i| bytes(i) == first));
}

/// As any file that a program makes, not the writer's alone.
#[cfg(unix)]
#[test]
fn files_have_the_permissions_of_new_ones() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let mode = |name: &str| {
        std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777
    };
    std::fs::write(folder.path().join("plain"), "x").unwrap();
    container::write(&folder.path().join("container"), &little(true), None).unwrap();
    assert_eq!(mode("container"), mode("plain"));
}

#[test]
fn adapters_that_do_not_fit_are_named() {
    let model = little(true);
    let path = Path::new("x.adapter");
    let good = adapter(&model);
    let other = synthetic::model(model.spec, 1, true);
    assert!(refused(good.apply(&other, path)).contains("another model"));
    let mut wrong = good.clone();
    let change = wrong.changes.remove("layers.0.query").unwrap();
    wrong.changes.insert("layers.0.gate".into(), change.clone());
    assert!(refused(wrong.apply(&model, path)).contains("does not fit"));
    let mut wrong = good.clone();
    wrong.changes.insert("layers.7.query".into(), change);
    assert!(refused(wrong.apply(&model, path)).contains("does not have"));
    let mut wrong = good.clone();
    wrong.norms.insert("final_norm".into(), vec![1.0; 7]);
    assert!(refused(wrong.apply(&model, path)).contains("1 x 7"));
    let mut wrong = good.clone();
    wrong.routers.attention.pop();
    assert!(refused(wrong.apply(&model, path)).contains("1 layers"));
    let mut wrong = good;
    wrong.routers.ffn[0] = Tensor::from_f32(2, 8, &[f32::NAN; 16]);
    assert!(refused(wrong.apply(&model, path)).contains("Inf or a NaN"));
}

#[test]
fn damaged_adapters_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.adapter");
    let model = little(true);
    adapter(&model).write(&path).unwrap();
    let good = std::fs::read(&path).unwrap();
    let read = |bytes: Vec<u8>| Adapter::from_bytes(Path::new("x"), bytes);
    let with = |from: &str, to: &str| {
        let at = good.windows(from.len()).position(|w| w == from.as_bytes()).unwrap();
        let mut file = good.clone();
        file[at..at + to.len()].copy_from_slice(to.as_bytes());
        refused(read(file))
    };
    assert!(with("skipopu-adapter", "skipopu-adopter").contains("no skipopu adapter"));
    assert!(with("\"version\":\"2\"", "\"version\":\"3\"").contains("version 3"));
    assert!(with("own-input", "own-imput").contains("damaged"));
    assert!(refused(read(good[..good.len() - 1].to_vec())).contains("no intact safetensors"));
    assert!(refused(read(Vec::new())).contains("no intact safetensors"));
}

#[test]
fn what_comes_along_is_intact() {
    let adapter = skipopu_model::adapter::stories15m().unwrap();
    assert_eq!((adapter.routers.attention.len(), adapter.routers.ffn.len()), (6, 6));
    assert_eq!(adapter.changes.len(), 6 * 7, "every matrix is repaired");
    assert_eq!(adapter.norms.len(), 2 * 6 + 1);
    assert!(adapter.changes.values().all(|c| c.cols() == 288 || c.cols() == 768));
}
