//! Compiles a model for the overlay: a program, and what stands in HBM and DDR before it runs.
//!
//! One program serves prefill and decode: it works on a block of tokens whose number and position the host writes into
//! registers.
//!
//! | module | holds |
//! |---|---|
//! | [`overlay`] | what a configuration must be to run programs |
//! | [`geometry`] | the sizes of a configuration that decide how data is cut |
//! | [`sizes`] | the sizes of a model in slices and tiles |
//! | [`weights`] | weights in the order in which the array takes them |
//! | [`map`] | where everything lies in HBM, DDR and on chip |
//! | [`images`] | the contents of the memories |
//! | [`codegen`] | the program |

pub mod codegen;
pub mod error;
pub mod geometry;
pub mod images;
pub mod map;
pub mod overlay;
pub mod sizes;
pub mod weights;

pub use codegen::Dataflow;
pub use error::CompileError;
pub use geometry::Geometry;
pub use images::Images;
pub use map::{Matrix, MemoryMap};
pub use sizes::Sizes;

use skipopu_config::Config;
use skipopu_forward::Skipping;
use skipopu_isa::Program;
use skipopu_model::Model;

/// A model, compiled.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The program.
    pub program: Program,
    /// What stands in memory before it runs.
    pub images: Images,
    /// Where it stands.
    pub map: MemoryMap,
    /// The model's sizes on this configuration.
    pub sizes: Sizes,
}

/// Compiles a quantised model.
///
/// # Errors
/// A configuration that is no overlay, weights that the array cannot multiply, sizes that do not fit: what is needed and what there is.
pub fn compile(
    model: &Model,
    config: &Config,
    skipping: Skipping,
) -> Result<Compiled, CompileError> {
    compile_as(model, config, skipping, Dataflow::Fused)
}

/// Compiles a quantised model with a given dataflow.
///
/// # Errors
/// As [`compile`].
pub fn compile_as(
    model: &Model,
    config: &Config,
    skipping: Skipping,
    dataflow: Dataflow,
) -> Result<Compiled, CompileError> {
    overlay::check(config)?;
    overlay::check_model(&model.spec, config)?;
    let geometry = Geometry::of(config);
    let sizes = Sizes::new(&model.spec, &geometry)?;
    let map = MemoryMap::new(model, config, &geometry, &sizes, skipping)?;
    let instructions = codegen::generate(model, &geometry, &sizes, &map, skipping, dataflow)?;
    let program = Program { configuration: config.hash_value(), instructions };
    let images = Images::new(model, &geometry, &sizes, &map, &program)?;
    Ok(Compiled { program, images, map, sizes })
}
