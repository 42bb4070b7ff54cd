//! Real models: Llama-architecture weights, tokenizers and the quantised container.
//!
//! | what | module |
//! |---|---|
//! | open whatever a path holds | [`mod@open`] |
//! | llama2.c `.bin` | [`llama2c`] |
//! | Hugging Face folder | [`hf`] |
//! | our container: quantised weights, routers, tokenizer in one file | [`container`] |
//! | llama2.c `tokenizer.bin`, Hugging Face `tokenizer.json` | [`tokenizer`] |
//! | routers and changes of weights that training made | [`adapter`] |
//! | get stories15M | [`fetch`] |
//!
//! Weights stay in the mapped file until somebody reads them. Every loader refuses a malformed file
//! with one sentence and allocates no more than the file's own size class.

pub mod adapter;
pub mod container;
mod error;
pub mod fetch;
pub mod files;
pub mod hf;
pub mod llama2c;
mod model;
pub mod open;
mod quantised;
mod rope;
pub mod routers;
pub mod sample;
mod spec;
pub mod synthetic;
mod tensor;
pub mod tensor_file;
pub mod tokenizer;

pub use adapter::Adapter;
pub use error::ModelError;
pub use model::{Layer, Matrix, Model, Projection};
pub use open::{open, Opened};
pub use quantised::{code_range, Quantised, BITS};
pub use rope::{Rope, Scaling};
pub use routers::{Placement, Routers};
pub use spec::Spec;
pub use tensor::{Bytes, DType, Tensor};
pub use tokenizer::Tokenizer;
