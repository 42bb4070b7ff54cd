//! The container: a model with quantised weights in one file.
//!
//! A safetensors file. Its metadata holds
//!
//! | key | value |
//! |---|---|
//! | `format` | `skipopu-model` |
//! | `version` | [`VERSION`] |
//! | `model` | JSON: sizes, RoPE, norm epsilon, format of each matrix, router placement, tokenizer |
//! | `sha256` | of the model's JSON and every tensor, see [`write()`] |
//!
//! and its tensors are
//!
//! | name | type, shape |
//! |---|---|
//! | `embedding` | F16, F32 or BF16, vocabulary x D |
//! | `layers.N.attention_norm`, `layers.N.ffn_norm`, `final_norm` | F32, D |
//! | `layers.N.{query,key,value,output,gate,up,down}`, `classifier` | dense: F32, F16 or BF16, outputs x inputs |
//! | the same with `.codes` and `.scales` | quantised: U8, outputs x bytes ([`crate::Quantised`]); F16, outputs x groups |
//! | `layers.N.{attention,ffn}_router` | F32, F16 or BF16, 2 x D |
//! | `tokenizer` | U8, the tokenizer's file |

mod read;
mod write;

pub use read::read;
pub use write::write;

use crate::{Placement, Spec};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Version of the container this program writes, and the only one it reads.
pub const VERSION: u32 = 1;
/// What the metadata's `format` says.
const FORMAT: &str = "skipopu-model";

/// The metadata's `model`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    spec: Spec,
    tied: bool,
    /// Format of each quantised matrix, by name; the others are dense.
    quantised: std::collections::BTreeMap<String, Packing>,
    routers: Option<Placement>,
    tokenizer: Option<Tokens>,
}

/// How a matrix is quantised.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Packing {
    bits: u32,
    /// 0: one scale per row.
    group: usize,
}

/// What is to know of the tokenizer besides its file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tokens {
    kind: String,
    bos: Option<u32>,
    stops: Vec<u32>,
}

/// The checksum: lengths before contents, so that no two containers feed the same bytes.
pub(crate) struct Checksum(Sha256);

impl Checksum {
    pub(crate) fn new(description: &str) -> Checksum {
        let mut sum = Checksum(Sha256::new());
        sum.part(description.as_bytes());
        sum
    }

    fn part(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    pub(crate) fn tensor(&mut self, name: &str, tensor: &crate::Tensor) {
        self.part(name.as_bytes());
        let (dtype, rows, cols) = (tensor.dtype().name(), tensor.rows(), tensor.cols());
        self.part(format!("{dtype} {rows} {cols}").as_bytes());
        self.part(tensor.bytes());
    }

    pub(crate) fn hex(self) -> String {
        hex(&self.0.finalize())
    }
}

/// Lower-case hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
