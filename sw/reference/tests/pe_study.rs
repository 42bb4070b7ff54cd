//! The error bars, and the operand files they can be measured on.

use skipopu_reference::pe::mac::{chain_fp16, Subnormals};
use skipopu_reference::pe::study::{read_fp16, read_int4, Errors, Trial, Values, Weights};
use skipopu_reference::pe::{dot_fp16, dot_int4, oracle, AlignedWidths, Format, Variant};
use std::path::PathBuf;

const ALIGNED: Variant = Variant::Aligned(AlignedWidths { a: 17, b: 17, int4: 14 });

fn trials() -> impl Iterator<Item = Trial> {
    (0..4).map(|seed| {
        println!("seed {seed}");
        Trial { lanes: 64, dots: 10_000, seed, format: Format::Fp16 }
    })
}

fn fp16(a: Values, b: Values, unit: impl Fn(&[u16], &[u16]) -> u32) -> f64 {
    let errors = trials().map(|t| t.fp16(a, b, &unit)).fold(Errors::default(), Errors::merge);
    assert_eq!(errors.compared + errors.skipped, 40_000);
    errors.sum_percent().expect("compared")
}

fn int4(a: Values, w: Weights, variant: Variant) -> f64 {
    let unit = |a: &[u16], w: &[i8]| dot_int4(variant, a, w, Format::Fp16).expect("legal operands");
    let errors = trials().map(|t| t.int4(a, w, unit)).fold(Errors::default(), Errors::merge);
    errors.sum_percent().expect("compared")
}

fn variant(v: Variant) -> impl Fn(&[u16], &[u16]) -> u32 {
    move |a, b| dot_fp16(v, a, b, Format::Fp16).expect("legal operands")
}

#[test]
fn the_bars_hold_on_normal_operands() {
    let of = |v| fp16(Values::Normal, Values::Normal, variant(v));
    let perfect = fp16(Values::Normal, Values::Normal, |a, b| {
        oracle::dot_fp16(a, b).expect("finite").round(Format::Fp16)
    });
    let chain =
        fp16(Values::Normal, Values::Normal, |a, b| chain_fp16(a, b, Subnormals::Keep).into());
    let (bits22, bits15, aligned) = (of(Variant::Bits22), of(Variant::Bits15), of(ALIGNED));
    println!("perfect {perfect} bits22 {bits22} bits15 {bits15} aligned {aligned} chain {chain}");
    assert!((0.017..0.0182).contains(&perfect));
    assert!(bits22 <= 0.020 && aligned <= 0.020 && bits15 <= 0.030);
    assert!(perfect <= bits22 && bits22 < bits15 && bits15 < chain);
}

#[test]
fn aligned_is_no_worse_than_fifteen_bits_with_outliers() {
    for factor in [30.0, 200.0, 1000.0] {
        let outlier = Values::Outlier(factor);
        for (a, b) in [
            (outlier, Values::Normal),
            (Values::Normal, outlier),
            (Values::OutlierAt(5, factor), Values::OutlierAt(5, factor)),
        ] {
            let (aligned, bits15) =
                (fp16(a, b, variant(ALIGNED)), fp16(a, b, variant(Variant::Bits15)));
            println!("{a:?} {b:?}: aligned {aligned} bits15 {bits15}");
            assert!(aligned <= bits15);
        }
        for weights in [Weights::Uniform, Weights::Normal] {
            assert!(int4(outlier, weights, ALIGNED) <= int4(outlier, weights, Variant::Bits15));
        }
    }
    for weights in [Weights::Uniform, Weights::Normal] {
        let aligned = int4(Values::Normal, weights, ALIGNED);
        assert!(aligned <= 0.020 && aligned <= int4(Values::Normal, weights, Variant::Bits15));
    }
}

/// A file that vanishes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, bytes: &[u8]) -> Scratch {
        let path = std::env::temp_dir().join(format!("skipopu-{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).expect("a writable temporary folder");
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn operand_files_are_read_and_measured() {
    let ones = Scratch::new("ones.f16", &[0x00, 0x3C].repeat(130));
    let weights = Scratch::new("weights.i4", &[0xF8].repeat(130));
    let (a, w) = (read_fp16(&ones.0).expect("legal"), read_int4(&weights.0).expect("legal"));
    assert_eq!((a[0], a.len(), w[0], w.len()), (0x3C00, 130, -8, 130));
    let trial = Trial { lanes: 64, dots: 0, seed: 0, format: Format::Fp16 };
    let errors = trial.fp16_from(&a, &a, variant(Variant::Bits15));
    assert_eq!((errors.compared, errors.exact, errors.error), (2, 128.0, 0.0));
    let errors =
        trial.int4_from(&a, &w, |a, w| dot_int4(ALIGNED, a, w, Format::Fp16).expect("legal"));
    assert_eq!((errors.compared, errors.exact, errors.error), (2, 1024.0, 0.0));
    let nothing = trial.fp16_from(&a[..63], &a[..63], variant(Variant::Bits15));
    assert_eq!((nothing.sum_percent(), nothing.mean_percent()), (None, None));
}

#[test]
fn bad_operand_files_are_refused_in_one_sentence() {
    let odd = Scratch::new("odd.f16", &[1, 2, 3]);
    let path = odd.0.display();
    assert_eq!(
        read_fp16(&odd.0).expect_err("odd").to_string(),
        format!(
            "{path} holds 3 bytes: FP16 operands take two bytes each, little-endian, nothing else"
        )
    );
    let wide = Scratch::new("wide.i4", &[7, 0xF8, 9]);
    assert_eq!(
        read_int4(&wide.0).expect_err("wide").to_string(),
        format!(
            "byte 2 of {} is 9: INT4 weights take one signed byte each, -8 to 7",
            wide.0.display()
        )
    );
    let missing = std::env::temp_dir().join("skipopu-no-such-operands");
    let error = read_fp16(&missing).expect_err("missing").to_string();
    assert!(error.starts_with(&format!("cannot read operands from {}: ", missing.display())));
}
