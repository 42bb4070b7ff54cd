//! The table of legal fields: one row per parameter, from which come the checks, the texts of
//! errors, suggestions for misspelt names and the reference page.

use std::fmt::Write as _;

/// What values a field takes.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A name: lower-case letters, digits, `-` and `_`, with the longest legal length.
    Name(usize),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number from the first to the second, inclusive, that also obeys the rule.
    Int(i64, i64, Rule),
}

/// A rule beside the range of a whole number.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// None.
    Any,
    /// A power of two.
    PowerOfTwo,
    /// Zero or a power of two not below the number.
    ZeroOrPowerOfTwo(i64),
    /// One of these.
    OneOf(&'static [i64]),
}

/// One parameter.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Dotted name, e.g. `array.lanes`.
    pub path: &'static str,
    /// Legal values.
    pub kind: Kind,
    /// Unit, or empty.
    pub unit: &'static str,
    /// Why the rule holds; follows "must be ... because".
    pub because: &'static str,
    /// Why the range ends where it does; follows "out of range because".
    pub limit: &'static str,
    /// Effect and how to choose.
    pub help: &'static str,
}

/// Every parameter, in the order of the file.
pub const FIELDS: &[Field] = &[
    Field {
        path: "name",
        kind: Kind::Name(32),
        unit: "",
        because: "it becomes part of file names and headers",
        limit: "it becomes part of file names and headers",
        help: "Name in headers and reports. It does not change the hardware.",
    },
    Field {
        path: "array.lanes",
        kind: Kind::Int(2, 128, Rule::PowerOfTwo),
        unit: "products",
        because: "the adder tree is balanced",
        limit: "a column's sums are sized for at least 2 and at most 128 products",
        help: "Products summed per column and cycle, along the reduction. Choose a divisor of the \
               head size.",
    },
    Field {
        path: "array.columns",
        kind: Kind::Int(4, 256, Rule::Any),
        unit: "columns",
        because: "",
        limit: "the nonlinear engine takes the results of at least 4 columns, and at most 256 share an activation slice",
        help: "Dot products per cycle, along the outputs. Area and rate grow in proportion.",
    },
    Field {
        path: "array.accumulation",
        kind: Kind::Word(&["bits22", "bits15", "dsp15", "aligned"]),
        unit: "",
        because: "each variant is a different adder",
        limit: "",
        help: "How products are summed: 22-bit or 15-bit adder tree in LUTs, two 15-bit paths per \
               DSP adder, or operands aligned at the edge and summed down the DSP cascade.",
    },
    Field {
        path: "array.aligned_act_bits",
        kind: Kind::Int(11, 17, Rule::Any),
        unit: "bits",
        because: "",
        limit: "a significand has 11 bits and the narrow port of the DSP 17 beside the sign",
        help:
            "Magnitude bits of an aligned activation, without the sign. Used by `aligned` alone. \
               Wider keeps small values beside outliers; 17 matches the 22-bit tree on normal data.",
    },
    Field {
        path: "array.aligned_kv_bits",
        kind: Kind::Int(11, 26, Rule::Any),
        unit: "bits",
        because: "",
        limit: "a significand has 11 bits and the wide port of the DSP 26 beside the sign",
        help:
            "Magnitude bits of aligned K, V or FP16 weights, without the sign. Used by `aligned` \
               alone.",
    },
    Field {
        path: "formats.activation",
        kind: Kind::Word(&["fp16"]),
        unit: "",
        because: "the operand converters read this format alone",
        limit: "",
        help: "Format of activations, K and V.",
    },
    Field {
        path: "formats.weight_bits",
        kind: Kind::Int(2, 8, Rule::OneOf(&[2, 3, 4, 8])),
        unit: "bits",
        because: "weight tiles are packed at these widths",
        limit: "weight tiles are packed at 2, 3, 4 or 8 bits",
        help:
            "Bits of a quantised weight, two's complement. Decoding is bound by weight bytes: take \
               the fewest the model's accuracy allows.",
    },
    Field {
        path: "formats.scale",
        kind: Kind::Word(&["fp16"]),
        unit: "",
        because: "the scaling multipliers read this format alone",
        limit: "",
        help: "Format of weight scales.",
    },
    Field {
        path: "formats.group",
        kind: Kind::Int(0, 1024, Rule::ZeroOrPowerOfTwo(8)),
        unit: "weights",
        because: "a group must end where a slice of the reduction ends",
        limit: "a scale is held for at most 1024 weights, or for the whole channel (0)",
        help:
            "Weights that share a scale along the reduction, 0 for one scale per output channel. \
               Costs 16 / group bits per weight.",
    },
    Field {
        path: "formats.accumulate_out",
        kind: Kind::Word(&["fp16", "fp32"]),
        unit: "",
        because: "sums are reconstructed in these formats",
        limit: "",
        help: "Format of sums leaving the array.",
    },
    Field {
        path: "memory.hbm_ports",
        kind: Kind::Int(1, 32, Rule::Any),
        unit: "ports",
        because: "",
        limit: "the device has 32 pseudo-channels",
        help: "HBM pseudo-channels in use, each a 256-bit AXI3 port.",
    },
    Field {
        path: "memory.hbm_clock_mhz",
        kind: Kind::Int(50, 450, Rule::Any),
        unit: "MHz",
        because: "",
        limit: "the HBM controller accepts port clocks of 50 to 450 MHz",
        help: "Clock of the HBM ports.",
    },
    Field {
        path: "memory.ddr_channels",
        kind: Kind::Int(1, 2, Rule::Any),
        unit: "channels",
        because: "",
        limit: "the board has two DDR4 modules and scales and programs live in one at least",
        help: "DDR4 channels in use, each a 512-bit AXI4 port.",
    },
    Field {
        path: "kv_buffer.ports",
        kind: Kind::Int(1, 16, Rule::PowerOfTwo),
        unit: "read ports",
        because: "bank b is read by port b modulo their number",
        limit: "attention takes words from at most 16 of them beside the HBM ports",
        help: "Read ports, at most `memory.hbm_ports`. Each gives a token a round, beside the HBM \
               ports; the banks, one per HBM port, share them evenly.",
    },
    Field {
        path: "kv_buffer.urams",
        kind: Kind::Int(8, 960, Rule::Any),
        unit: "URAM288",
        because: "",
        limit: "a bank is 8 URAM288 wide and the device has 960",
        help: "URAM blocks in all: 8, 16, 32, ... per HBM port. One holds 32 KiB of K/V.",
    },
    Field {
        path: "kv_buffer.slots",
        kind: Kind::Int(2, 256, Rule::PowerOfTwo),
        unit: "tokens",
        because: "lists of free slots wrap around",
        limit: "a slot number has at most 8 bits",
        help: "Most tokens a bank keeps. More serve models with few KV heads; those of Llama-2-7B fill \
               16 URAM288 with 32 tokens.",
    },
    Field {
        path: "kv_buffer.context",
        kind: Kind::Int(2, 16_384, Rule::PowerOfTwo),
        unit: "tokens",
        because: "it is the depth of tables that are indexed by token",
        limit: "schedules hold at most 16384 tokens",
        help: "Longest text. Block RAM of schedules grows in proportion.",
    },
    Field {
        path: "kv_buffer.layers",
        kind: Kind::Int(2, 128, Rule::Any),
        unit: "layers",
        because: "",
        limit: "the routing of a token is one word of at most 128 bits",
        help: "Most layers of a model.",
    },
    Field {
        path: "npe.ways",
        kind: Kind::Int(4, 64, Rule::PowerOfTwo),
        unit: "values",
        because: "the tree that adds over a tile is balanced",
        limit: "a tile holds at least two pairs and a column's sums are sized for 64 values a cycle",
        help: "Values that the nonlinear engine takes in a cycle, at most `array.columns`. 64 keep \
               up with 128 columns from a head size of 128 on.",
    },
    Field {
        path: "npe.rows",
        kind: Kind::Int(16, 512, Rule::PowerOfTwo),
        unit: "rows",
        because: "a row's number is an address",
        limit: "statistics are kept in LUTs",
        help: "Rows (a token of RMSNorm, a token and head of softmax) whose statistics are held at a \
               time, of each kind.",
    },
    Field {
        path: "npe.rotation_tokens",
        kind: Kind::Int(16, 8192, Rule::PowerOfTwo),
        unit: "tokens",
        because: "the low bits of a token's index are its place",
        limit: "the factors are kept in on-chip memory",
        help: "Consecutive token indices whose RoPE factors are held at a time.",
    },
    Field {
        path: "npe.head_size",
        kind: Kind::Int(16, 256, Rule::PowerOfTwo),
        unit: "values",
        because: "the tile within a head is an address",
        limit: "heads of Llama models have up to 128 values, and at most 256 are foreseen",
        help: "Largest head that RoPE turns; a smaller one leaves part of its place unused.",
    },
    Field {
        path: "buffers.rows",
        kind: Kind::Int(1, 256, Rule::PowerOfTwo),
        unit: "tokens",
        because: "a row's number is an address",
        limit: "partial sums are kept for at most 256 rows",
        help: "Most tokens of a block. A weight tile serves all rows of a block: 16 keep the array \
               busy, decode uses one.",
    },
    Field {
        path: "buffers.scratchpad_kib",
        kind: Kind::Int(16, 16_384, Rule::PowerOfTwo),
        unit: "KiB",
        because: "its banks are addressed by low bits",
        limit: "the device has 30 MiB of UltraRAM, half of which the KV buffer may take",
        help: "Scratchpad: residual stream, queries, keys, values of a block, and the logits.",
    },
    Field {
        path: "buffers.operand_kib",
        kind: Kind::Int(1, 4096, Rule::PowerOfTwo),
        unit: "KiB",
        because: "its banks are addressed by low bits",
        limit: "two of them share the device with the scratchpad",
        help: "Each of the two operand memories; one holds the feed-forward vectors of a block.",
    },
    Field {
        path: "buffers.constant_kib",
        kind: Kind::Int(1, 1024, Rule::PowerOfTwo),
        unit: "KiB",
        because: "its words are addressed by low bits",
        limit: "gains and routers of two layers fit well below",
        help: "Constant memory: gain of the last norm, gains and routers of three layers, or of two where three do not fit.",
    },
    Field {
        path: "clocks.core_mhz",
        kind: Kind::Int(50, 450, Rule::Any),
        unit: "MHz",
        because: "",
        limit: "the clock generator and the timing constraints cover 50 to 450 MHz",
        help: "Core clock: timing constraints and conversion of cycles to time.",
    },
];

impl Field {
    /// The legal values in words, e.g. `2 to 128`.
    pub fn range(&self) -> String {
        match self.kind {
            Kind::Name(longest) => format!("1 to {longest} of a-z, 0-9, `-` and `_`"),
            Kind::Word(words) => {
                any_of(&words.iter().map(|w| format!("\"{w}\"")).collect::<Vec<_>>())
            }
            Kind::Int(_, _, Rule::OneOf(values)) => {
                any_of(&values.iter().map(i64::to_string).collect::<Vec<_>>())
            }
            Kind::Int(_, high, Rule::ZeroOrPowerOfTwo(low)) => format!("0, or {low} to {high}"),
            Kind::Int(low, high, _) => format!("{low} to {high}"),
        }
    }

    /// The rule in words, e.g. `a power of two`.
    pub fn rule(&self) -> &'static str {
        match self.kind {
            Kind::Name(_) => "a short plain name",
            Kind::Word(_) => "a known word",
            Kind::Int(_, _, Rule::Any) => "a whole number",
            Kind::Int(_, _, Rule::PowerOfTwo) => "a power of two",
            Kind::Int(_, _, Rule::ZeroOrPowerOfTwo(_)) => "0 or a power of two",
            Kind::Int(_, _, Rule::OneOf(_)) => "a supported width",
        }
    }
}

/// The field with this dotted name.
pub fn find(path: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|f| f.path == path)
}

/// The reference of all fields as a Markdown table.
pub fn markdown() -> String {
    let mut out = String::from(
        "| field | legal values | unit | effect and how to choose |\n|---|---|---|---|\n",
    );
    for f in FIELDS {
        let rule = match f.kind {
            Kind::Int(_, _, Rule::PowerOfTwo | Rule::ZeroOrPowerOfTwo(_)) => "powers of two, ",
            _ => "",
        };
        writeln!(out, "| `{}` | {rule}{} | {} | {} |", f.path, f.range(), f.unit, f.help)
            .expect("writing to a string");
    }
    out
}

fn any_of(words: &[String]) -> String {
    match words {
        [one] => one.clone(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
        [] => String::new(),
    }
}

/// The value at a dotted name.
pub(crate) fn lookup<'t>(table: &'t toml::Table, path: &str) -> Option<&'t toml::Value> {
    match path.split_once('.') {
        Some((section, rest)) => lookup(table.get(section)?.as_table()?, rest),
        None => table.get(path),
    }
}
