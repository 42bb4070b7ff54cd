//! Designs and stimuli that the whole-system tests and the measurements share.

pub mod array;
pub mod crossing;
pub mod dma;
pub mod ideal;
pub mod kv;
pub mod npe;
pub mod systolic;
