//! The parameters, grouped as in the TOML file.

use crate::fields::{lookup, FIELDS};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A validated configuration.
///
/// Values built by hand must pass [`Config::validate`] before hardware is elaborated from them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name, used in file headers and reports: lower-case letters, digits, `-` and `_`, 1 to 32.
    /// Two configurations that differ in the name alone describe the same hardware.
    pub name: String,
    /// The multiplier array.
    pub array: Array,
    /// Number formats.
    pub formats: Formats,
    /// External memories.
    pub memory: Memory,
    /// The KV invariance buffer.
    pub kv_buffer: KvBuffer,
    /// The nonlinear processing engine.
    pub npe: Npe,
    /// Memories on chip around the array.
    pub buffers: Buffers,
    /// Clocks.
    pub clocks: Clocks,
}

/// The multiplier array: `lanes` products are summed in each of `columns` columns every cycle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Array {
    /// Products summed per column and cycle, along the reduction; a power of two, 2 to 128.
    /// More lanes shorten every reduction but waste products where the model's dimension is
    /// not a multiple: choose a divisor of the head size (64 or 128 in Llama models).
    pub lanes: u32,
    /// Dot products per cycle, along the outputs; 4 to 256. Area and rate grow in proportion.
    pub columns: u32,
    /// How the products of a column are summed.
    pub accumulation: Accumulation,
    /// Magnitude bits of an aligned activation, without the sign; 11 to 17. Used by
    /// [`Accumulation::Aligned`] alone. Wider keeps small values beside outliers;
    /// 17 gives the accuracy of the 22-bit adder tree on normal data.
    pub aligned_act_bits: u32,
    /// Magnitude bits of aligned K, V or FP16 weights, without the sign; 11 to 26. Used by
    /// [`Accumulation::Aligned`] alone. The sum of products must fit the accumulator of the DSP.
    pub aligned_kv_bits: u32,
}

/// FP16 vectors, a column each, that a load beat brings to an array of `columns`: memory gives an eighth
/// of the array a cycle.
pub fn load_positions(columns: usize) -> usize {
    columns.div_ceil(8)
}

impl Array {
    /// INT4 weights that a column multiplies at a time: one result each.
    pub fn int4_results(&self) -> usize {
        match self.accumulation {
            Accumulation::Aligned => 2,
            _ => 1,
        }
    }

    /// Magnitude bits of an aligned activation that meets INT4 weights: 14, less where
    /// `aligned_act_bits` is, and 13 at 128 lanes. Two weights share a DSP, and the lower of their two
    /// sums has 24 bits (docs/numerics.md, 8.3).
    pub fn aligned_int4_bits(&self) -> u32 {
        self.aligned_act_bits.min(14).min(20 - self.lanes.ilog2())
    }
}

/// How the products of one column are summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accumulation {
    /// Products aligned to the largest exponent, 22-bit adder tree in LUTs.
    Bits22,
    /// Products aligned to the largest exponent, 15-bit adder tree in LUTs.
    Bits15,
    /// Products aligned to the largest exponent, two 15-bit paths per DSP adder.
    Dsp15,
    /// Operands aligned to block exponents at the edge, products summed down the DSP cascade.
    Aligned,
}

impl Accumulation {
    /// All variants, in the order of the documentation.
    pub const ALL: [Accumulation; 4] = [Self::Bits22, Self::Bits15, Self::Dsp15, Self::Aligned];

    /// The name used in TOML and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bits22 => "bits22",
            Self::Bits15 => "bits15",
            Self::Dsp15 => "dsp15",
            Self::Aligned => "aligned",
        }
    }
}

impl std::fmt::Display for Accumulation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A 16-bit operand format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FloatFormat {
    /// IEEE 754 binary16.
    Fp16,
}

/// A format of array results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WideFormat {
    /// IEEE 754 binary16.
    Fp16,
    /// IEEE 754 binary32.
    Fp32,
}

/// Number formats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Formats {
    /// Activations, K and V.
    pub activation: FloatFormat,
    /// Bits of a quantised weight, two's complement: 2, 3, 4 or 8. Decoding is bound by weight
    /// bytes: take the fewest the model's accuracy allows.
    pub weight_bits: u32,
    /// Weight scales.
    pub scale: FloatFormat,
    /// Weights that share a scale along the reduction, or 0 for one scale per output channel.
    /// A power of two from `array.lanes` to 1024: smaller groups are more accurate and cost
    /// `16 / group` bits per weight.
    pub group: u32,
    /// Sums leaving the array.
    pub accumulate_out: WideFormat,
}

/// External memories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// HBM pseudo-channels in use, each a 256-bit AXI3 port; 1 to 32.
    pub hbm_ports: u32,
    /// Clock of the HBM ports in MHz; 50 to 450.
    pub hbm_clock_mhz: u32,
    /// DDR4 channels in use, each a 512-bit AXI4 port; 1 or 2.
    pub ddr_channels: u32,
}

/// The KV invariance buffer: keys and values of earlier tokens that the next layer reuses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KvBuffer {
    /// Read ports, at most `memory.hbm_ports`; a power of two, 1 to 16. There is a bank per HBM port,
    /// written by that port alone; read port `g` serves the banks whose number is `g` modulo `ports`.
    pub ports: u32,
    /// URAM288 blocks in all; 8 to 960: a power of two times 8 per HBM port. One holds 32 KiB of K/V.
    pub urams: u32,
    /// Most tokens that a bank keeps; a power of two, 2 to 256.
    pub slots: u32,
    /// Longest text in tokens; a power of two, 2 to 16384.
    pub context: u32,
    /// Most layers of a model; 2 to 128.
    pub layers: u32,
}

/// The nonlinear processing engine: softmax, RMSNorm, SwiGLU, RoPE, scaling and residual addition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Npe {
    /// Values of a tile, taken every cycle; a power of two, 4 to 64, at most `array.columns`.
    pub ways: u32,
    /// Rows whose statistics are held at a time, of each kind; a power of two, 16 to 512.
    pub rows: u32,
    /// Tokens whose RoPE factors are held at a time; a power of two, 16 to 8192.
    pub rotation_tokens: u32,
    /// Largest head size that RoPE turns; a power of two, 16 to 256.
    pub head_size: u32,
}

/// Memories on chip around the array.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Buffers {
    /// Most tokens of a block, which a program works on at a time; a power of two, 1 to 256. A
    /// prefill of many rows serves each weight tile that often.
    pub rows: u32,
    /// Scratchpad: residual stream, queries, keys, values and logits of a block; KiB.
    pub scratchpad_kib: u32,
    /// Each of the two operand memories, which feed the array; KiB.
    pub operand_kib: u32,
    /// Constant memory: gains and routers; KiB.
    pub constant_kib: u32,
}

/// Clocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clocks {
    /// Core clock in MHz; 50 to 450. Feeds cycle-to-time conversion and the timing constraints.
    pub core_mhz: u32,
}

impl Config {
    /// The configuration as TOML with every parameter spelled out;
    /// [`Config::from_toml_str`] reads it back unchanged.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("numbers and names always serialise")
    }

    /// Stable identity of the hardware: 16 lower-case hex digits over every parameter except
    /// the name. It stands in file headers, in the manifest and in an identification register.
    pub fn hash(&self) -> String {
        let table: toml::Table = toml::from_str(&self.to_toml()).expect("own output parses");
        let mut digest = Sha256::new();
        for field in FIELDS.iter().filter(|f| f.path != "name") {
            let value = lookup(&table, field.path).expect("every field is serialised");
            digest.update(format!("{} = {value}\n", field.path));
        }
        digest.finalize()[..8].iter().map(|b| format!("{b:02x}")).collect()
    }

    /// The hash as the number that stands in programs and in the identification register.
    pub fn hash_value(&self) -> u64 {
        u64::from_str_radix(&self.hash(), 16).expect("a hash is 16 hex digits")
    }

    /// Products per cycle with FP16 operands on both sides: `lanes * columns`.
    pub fn products_per_cycle(&self) -> u64 {
        u64::from(self.array.lanes) * u64::from(self.array.columns)
    }

    /// Bytes of keys and values that the KV buffer holds (64 data bits a word, 4,096 words a
    /// URAM288).
    pub fn kv_buffer_bytes(&self) -> u64 {
        u64::from(self.kv_buffer.urams) * 32 * 1024
    }

    /// Bytes that HBM delivers per core cycle at most, over all ports (32 bytes a port and HBM
    /// cycle).
    pub fn hbm_bytes_per_core_cycle(&self) -> f64 {
        f64::from(self.memory.hbm_ports) * 32.0 * f64::from(self.memory.hbm_clock_mhz)
            / f64::from(self.clocks.core_mhz)
    }
}
