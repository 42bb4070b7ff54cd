use super::*;
use proptest::prelude::*;

/// The file of a vocabulary: special tokens, all bytes, then `words` with their scores.
fn file(words: &[(&str, f32)]) -> Vec<u8> {
    let special = ["<unk>", "\n<s>\n", "\n</s>\n"].map(String::from);
    let bytes = (0..=255u8).map(|b| format!("<0x{b:02X}>"));
    let all = special.into_iter().chain(bytes).map(|t| (t, 0.0));
    let all = all.chain(words.iter().map(|(t, s)| (t.to_string(), *s)));
    let mut out = 8i32.to_le_bytes().to_vec();
    for (text, score) in all {
        out.extend(f32::to_le_bytes(score));
        out.extend((text.len() as i32).to_le_bytes());
        out.extend(text.as_bytes());
    }
    out
}

const WORDS: [(&str, f32); 13] = [
    (" ", -10.0),
    ("a", -11.0),
    ("b", -12.0),
    ("c", -13.0),
    ("é", -14.0),
    ("ab", -1.0),
    ("bc", -0.5),
    ("aa", -2.0),
    (" a", -1.5),
    ("abc", -0.25),
    ("aab", -3.0),
    ("bb", -2.0),
    (" aa", -0.75),
];

fn bpe() -> Bpe {
    Bpe::parse(&file(&WORDS)).unwrap()
}

fn texts(bpe: &Bpe, text: &str) -> Vec<String> {
    let ids = bpe.encode(text).unwrap();
    ids.iter().map(|i| String::from_utf8(bpe.tokens[*i as usize].clone()).unwrap()).collect()
}

/// The definition: look at every pair, merge the best and leftmost, start again.
fn naive(bpe: &Bpe, mut ids: Vec<u32>) -> Vec<u32> {
    loop {
        let mut best: Option<(f32, usize, u32)> = None;
        for i in 0..ids.len().saturating_sub(1) {
            let (a, b) = (&bpe.tokens[ids[i] as usize], &bpe.tokens[ids[i + 1] as usize]);
            if let Some(id) = bpe.ids.get(&[&a[..], b].concat()) {
                let score = bpe.scores[*id as usize];
                if best.is_none_or(|(s, _, _)| score > s) {
                    best = Some((score, i, *id));
                }
            }
        }
        let Some((_, i, id)) = best else { return ids };
        ids[i] = id;
        ids.remove(i + 1);
    }
}

#[test]
fn the_best_pair_merges_first_and_the_leftmost_of_equals() {
    let bpe = bpe();
    assert_eq!(texts(&bpe, "abc"), [" ", "abc"]);
    assert_eq!(texts(&bpe, "bbb"), [" ", "bb", "b"]);
    assert_eq!(texts(&bpe, ""), [""; 0]);
}

#[test]
fn unknown_characters_become_bytes_and_come_back() {
    let bpe = bpe();
    assert_eq!(bpe.encode("é").unwrap().len(), 2);
    let ids = bpe.encode("ü\n").unwrap();
    assert_eq!(ids[1..], [3 + 0xC3, 3 + 0xBC, 3 + 0x0A]);
    let back: Vec<u8> = ids.iter().enumerate().flat_map(|(i, t)| bpe.piece(*t, i == 0)).collect();
    assert_eq!(back, "ü\n".as_bytes());
    assert!(bpe.piece(100_000, false).is_empty());
}

#[test]
fn malformed_files_are_named() {
    let good = file(&WORDS);
    let error = |bytes: &[u8]| Bpe::parse(bytes).err().unwrap();
    assert!(error(&good[..2]).contains("header"));
    assert!(error(&good[..good.len() - 1]).contains("truncated"));
    let mut long = good.clone();
    long[8] = 200;
    assert!(error(&long).contains("200 bytes"));
    let mut nan = good.clone();
    nan[4..8].copy_from_slice(&f32::NAN.to_le_bytes());
    assert!(error(&nan).contains("NaN"));
    let few = Bpe::parse(&good[..4 + 3 * 8 + 16]).unwrap();
    assert!(few.encode("q").unwrap_err().contains("single bytes"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn the_queue_merges_as_the_definition(text in "[abcé ]{0,40}") {
        let bpe = bpe();
        let mut symbols: Vec<u32> = Vec::new();
        if !text.is_empty() {
            symbols.push(bpe.ids[&b" "[..]]);
            symbols.extend(text.chars().map(|c| bpe.ids[c.to_string().as_bytes()]));
        }
        prop_assert_eq!(bpe.encode(&text).unwrap(), naive(&bpe, symbols));
    }

    #[test]
    fn any_bytes_parse_or_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Bpe::parse(&bytes);
    }

    #[test]
    fn damaged_files_parse_or_are_refused(at in 0usize..1000, value in any::<u8>(), text in "\\PC{0,10}") {
        let mut bytes = file(&WORDS);
        let at = at % bytes.len();
        bytes[at] = value;
        if let Ok(bpe) = Bpe::parse(&bytes) {
            let _ = bpe.encode(&text);
        }
    }
}
