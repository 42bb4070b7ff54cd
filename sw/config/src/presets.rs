//! The configurations that come with the generator.

/// A named configuration: its name and its TOML text.
pub const PRESETS: &[(&str, &str)] = &[
    ("tiny", include_str!("../../../hw/configs/tiny.toml")),
    ("cosim", include_str!("../../../hw/configs/cosim.toml")),
    ("u280", include_str!("../../../hw/configs/u280.toml")),
    ("u280-paper", include_str!("../../../hw/configs/u280-paper.toml")),
];

/// Names of all presets, smallest first.
pub fn names() -> Vec<&'static str> {
    PRESETS.iter().map(|(name, _)| *name).collect()
}
