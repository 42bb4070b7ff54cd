//! The nonlinear processing engine (NPE): everything that is not a matrix product.
//!
//! | module | holds |
//! |---|---|
//! | [`float`] | conversions, products, sums, order |
//! | [`function`] | exponential, reciprocal, reciprocal root, SiLU |
//! | [`tile`] | the stream of tiles |
//! | [`command`] | what is done with them |
//! | [`term`], [`reduction`] | values to a row's sum |
//! | [`statistics`] | sums to factors, kept by row |
//! | [`rotation`] | RoPE factors, kept by token |
//! | [`timing`] | the steps of the datapath |
//! | [`Engine`] | all of them; its datapath is a [`WayPair`] for every two ways |

pub mod command;
mod compact;
mod engine;
mod error;
pub mod float;
pub mod function;
mod pair;
mod pipe;
pub mod reduction;
pub mod rotation;
pub mod statistics;
pub mod term;
pub mod tile;
pub mod timing;
mod visible;

pub use compact::Compact;
pub use engine::{Engine, EngineShape};
pub use error::NpeError;
pub use pair::{WayPair, OPERAND_BITS};
pub use pipe::Pipe;
pub use visible::Visible;

use crate::entry::Entry;

/// Rows of the catalogue, by part.
pub const ENTRIES: [&[Entry]; 3] = [float::ENTRIES, function::ENTRIES, ENGINE];

const LEGAL: &str = "a valid configuration describes an engine";

/// The engine of a configuration.
fn engine(config: &skipopu_config::Config) -> Engine {
    Engine::new(EngineShape::of(config)).expect(LEGAL)
}

const ENGINE: &[Entry] = &[
    Entry {
        name: "npe-visible",
        summary: "how many values of a tile count: a row's length and the causal mask",
        latency: |_| Some(Visible::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::npe_rows",
        build: |c| Box::new(Visible::new(tile::TileShape::of(c)).expect(LEGAL)),
    },
    Entry {
        name: "npe-term",
        summary: "an FP16 result's square or an exponential as a term of its row's sum",
        latency: |_| Some(term::TermOf::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::npe_rows",
        build: |_| Box::new(term::TermOf::new().expect(LEGAL)),
    },
    Entry {
        name: "npe-tile-sum",
        summary: "terms of a tile, shifted to the largest exponent and added",
        latency: |c| Some(reduction::TileSum::latency(c.npe.ways as usize)),
        interval: |_| Some(1),
        test: "skipopu-hw::npe_rows",
        build: |c| Box::new(reduction::TileSum::new(c.npe.ways as usize).expect(LEGAL)),
    },
    Entry {
        name: "npe-row-accumulator",
        summary: "sums of tiles to sums of rows, rows in any order",
        latency: |_| Some(reduction::RowAccumulator::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::npe_rows",
        build: |c| Box::new(reduction::RowAccumulator::new(tile::TileShape::of(c)).expect(LEGAL)),
    },
    Entry {
        name: "npe-row-factor",
        summary: "a row's sum to its factor: reciprocal, or reciprocal root of the mean",
        latency: |_| Some(statistics::RowFactor::square_latency()),
        interval: |_| Some(1),
        test: "skipopu-hw::npe_engine",
        build: |c| {
            let bits = tile::TileShape::of(c).row_bits();
            Box::new(statistics::RowFactor::new(bits).expect(LEGAL))
        },
    },
    Entry {
        name: "npe-statistics-buffer",
        summary: "factors and exponents of rows, and which are closed",
        latency: |_| Some(statistics::StatisticsBuffer::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::npe_rows",
        build: |c| Box::new(statistics::StatisticsBuffer::new(c.npe.rows as usize).expect(LEGAL)),
    },
    Entry {
        name: "npe-masked-read",
        summary: "statistics of the rows of a bitmask, one after the other",
        latency: |_| Some(statistics::MaskedRead::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::npe_rows",
        build: |c| Box::new(statistics::MaskedRead::new(c.npe.rows as usize).expect(LEGAL)),
    },
    Entry {
        name: "npe-rotation-buffer",
        summary: "RoPE factors by token",
        latency: |_| Some(rotation::RotationBuffer::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::npe_engine",
        build: |c| {
            let shape = rotation::RotationShape::of(c);
            Box::new(rotation::RotationBuffer::new(shape).expect(LEGAL))
        },
    },
    Entry {
        name: "npe-compact",
        summary: "two tiles of pairs' results to one tile",
        latency: |_| Some(Compact::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::npe_rows",
        build: |c| Box::new(Compact::new(c.npe.ways as usize).expect(LEGAL)),
    },
    Entry {
        name: "npe-way-pair",
        summary: "the engine's datapath for two neighbouring values",
        latency: |_| Some(WayPair::latency()),
        interval: |_| Some(1),
        test: "skipopu-hw::npe_engine",
        build: |_| Box::new(WayPair::new().expect(LEGAL)),
    },
    Entry {
        name: "npe-engine",
        summary: "softmax, RMSNorm, SwiGLU, RoPE, scaling, addition: a tile a cycle",
        latency: |c| Some(engine(c).latency()),
        interval: |_| Some(1),
        test: "skipopu-hw::npe_engine",
        build: |c| Box::new(engine(c)),
    },
];
