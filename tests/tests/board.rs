//! The preset for the board, on the board and for the models it is meant for.

use skipopu_compiler::{overlay, Geometry, Sizes};
use skipopu_config::Config;
use skipopu_cosim::Core;
use skipopu_eda::synth::U280;
use skipopu_model::{synthetic, Spec};

/// UltraRAM is instantiated, never inferred: what the emitted text names is what the core takes. The other resources are mapped by
/// `skipopu-system -- cost`.
#[test]
fn the_core_takes_no_more_ultraram_than_there_is() {
    let design = Core::design(&Config::preset("u280").unwrap()).unwrap();
    let taken = |m: &skipopu_hdl::Module| m.text.matches("URAM288 #").count() * m.instances;
    let urams: usize = design.modules.iter().map(taken).sum();
    println!("{urams} of {}", U280.urams);
    assert!(urams > 512, "beside the invariance buffer there are other memories");
    assert!(urams as u64 <= U280.urams, "{urams} of {}", U280.urams);
}

/// Llama-2-7B with its whole context: heads, statistics, sums, a block in the memories on chip.
#[test]
fn llama2_7b_fits_the_board() {
    let config = Config::preset("u280").unwrap();
    let llama = Spec {
        dim: 4096,
        hidden: 11_008,
        layers: 32,
        heads: 32,
        kv_heads: 32,
        head_dim: 128,
        vocab: 32_000,
        context: 4096,
        ..synthetic::spec()
    };
    overlay::check(&config).unwrap();
    overlay::check_model(&llama, &config).unwrap();
    let sizes = Sizes::new(&llama, &Geometry::of(&config)).unwrap();
    assert_eq!((sizes.head_slices, sizes.hidden), (2, 172));
    let wider = Spec { hidden: 22_016, ..llama };
    let error = Sizes::new(&wider, &Geometry::of(&config)).unwrap_err().to_string();
    assert!(error.contains("operand_kib"), "{error}");
}
