//! Designs that the whole-system tests and the measurements share.

pub mod systolic;
