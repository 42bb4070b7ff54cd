//! The one configuration that hardware, reference and compiler share.
//!
//! A [`Config`] is read from TOML, checked against the table of [`fields`](fields::FIELDS) (type,
//! range, rules between fields) and is legal from then on. Hardware is elaborated from it at run
//! time, so any legal file works without a rebuild.
//!
//! ```
//! use skipopu_config::Config;
//!
//! let tiny = Config::preset("tiny").unwrap();
//! assert_eq!(tiny.array.lanes, 8);
//!
//! let text = tiny.to_toml().replace("lanes = 8", "lanes = 7");
//! let error = Config::from_toml_str(&text).unwrap_err();
//! assert!(error.to_string().starts_with("array.lanes = 7: must be a power of two"));
//! ```

mod config;
mod error;
pub mod fields;
mod load;
pub mod presets;
mod validate;

pub use config::{
    load_positions, Accumulation, Array, Buffers, Clocks, Config, FloatFormat, Formats, KvBuffer,
    Memory, Npe, WideFormat,
};
pub use error::ConfigError;
