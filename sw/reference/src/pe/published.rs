//! The published columns: one 64-lane column of arXiv 2603.14785, Table 1, and its baseline.

/// One row of the published table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Published {
    /// The paper's name.
    pub name: &'static str,
    /// Our unit that it is compared with, by [`Unit::name`](super::Unit::name).
    pub unit: &'static str,
    /// FP16xFP16, random operands: mean |error| / |exact| in percent.
    pub fp16_random_percent: f64,
    /// FP16xFP16, operands of a real model.
    pub fp16_empirical_percent: f64,
    /// FP16xINT4, random operands.
    pub int4_random_percent: f64,
    /// FP16xINT4, operands of a real model.
    pub int4_empirical_percent: f64,
    /// LUTs, multipliers and accumulation.
    pub luts: u32,
    /// Flip-flops.
    pub ffs: u32,
    /// DSP slices.
    pub dsps: f64,
}

/// The published rows. The order of the error columns is our reading of the table's header.
pub const PUBLISHED: [Published; 4] = [
    Published {
        name: "IMPL1, 22-bit LUT adders",
        unit: "bits22",
        fp16_random_percent: 0.035,
        fp16_empirical_percent: 0.065,
        int4_random_percent: 0.035,
        int4_empirical_percent: 0.036,
        luts: 1544 + 6829,
        ffs: 3618 + 6043,
        dsps: 32.0,
    },
    Published {
        name: "IMPL2, 15-bit LUT adders",
        unit: "bits15",
        fp16_random_percent: 0.064,
        fp16_empirical_percent: 0.116,
        int4_random_percent: 0.074,
        int4_empirical_percent: 0.067,
        luts: 1472 + 5244,
        ffs: 3426 + 4850,
        dsps: 32.0,
    },
    Published {
        name: "IMPL3, two 15-bit paths per DSP adder",
        unit: "dsp15",
        fp16_random_percent: 0.064,
        fp16_empirical_percent: 0.116,
        int4_random_percent: 0.074,
        int4_empirical_percent: 0.067,
        luts: 1408 + 4408,
        ffs: 3426 + 4138,
        dsps: 32.0 + 31.5,
    },
    Published {
        name: "64 cascaded FP16 MAC IPs",
        unit: "mac_flush",
        fp16_random_percent: 0.410,
        fp16_empirical_percent: 0.490,
        int4_random_percent: 0.369,
        int4_empirical_percent: 0.415,
        luts: 13598,
        ffs: 21138,
        dsps: 64.0,
    },
];

/// The published row a unit is compared with.
pub fn of(unit: &str) -> Option<&'static Published> {
    PUBLISHED.iter().find(|p| p.unit == unit)
}
