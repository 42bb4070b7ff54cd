//! What rust-hdl cannot express: DSP48E2, memories, shift registers, synchronisers. The only folder with Verilog text.
//!
//! Memories hold 0 at first, in every simulator and in the device. What a read gives of the word
//! being written in the same cycle:
//!
//! | block | read latency | read during write |
//! |---|---|---|
//! | [`Lutram`] | 0 | old word before the edge, new word after it |
//! | [`Bram`] | 1 or 2 | old word |
//! | [`Uram`] | 1 to 3 | port `a` goes before port `b` |
//! | [`UramMemory`] | 1 to 3 | new word |
//! | [`TwoClockBram`], [`TwoClockLutram`] | 2, 1 | not to be done |

mod bram;
mod contents;
mod delay;
pub mod dsp48e2;
mod exchange;
mod lutram;
mod shift_stage;
mod srl;
mod synchroniser;
mod ternary_adder;
mod two_clock;
mod uram;

pub use bram::Bram;
pub use delay::{Delay, DelayReset};
pub use dsp48e2::{Dsp48e2, DspMode};
pub use exchange::Exchange;
pub use lutram::Lutram;
pub use shift_stage::ShiftStage;
pub use srl::Srl;
pub use synchroniser::{Synchroniser, JITTER};
pub use ternary_adder::TernaryAdder;
pub use two_clock::{TwoClockBram, TwoClockLutram};
pub use uram::{Uram, UramMemory, UramPort};

use crate::entry::Entry;
use dsp48e2::{PreAdder, Z};

const LEGAL: &str = "the catalogue's parameters are legal";

/// Rows of the catalogue.
pub const ENTRIES: &[Entry] = &[
    Entry {
        name: "delay",
        summary: "delays a slice of activations by five cycles, mostly in SRLs",
        latency: |_| Some(5),
        interval: |_| Some(1),
        test: "skipopu-hw::primitives",
        build: |c| Box::new(Delay::new(slice_bits(c), 5).expect(LEGAL)),
    },
    Entry {
        name: "delay-reset",
        summary: "delays control bits by three cycles, with a reset",
        latency: |_| Some(3),
        interval: |_| Some(1),
        test: "skipopu-hw::primitives",
        build: |_| Box::new(DelayReset::new(2, 3).expect(LEGAL)),
    },
    Entry {
        name: "srl",
        summary: "shift register in LUTs, 16 bits by 40 cycles",
        latency: |_| Some(40),
        interval: |_| Some(1),
        test: "skipopu-hw::primitives",
        build: |_| Box::new(Srl::new(16, 40).expect(LEGAL)),
    },
    Entry {
        name: "lutram",
        summary: "register file in LUTs, 32 words of 16 bits, asynchronous read",
        latency: |_| Some(Lutram::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::primitives",
        build: |_| Box::new(Lutram::new(16, 32).expect(LEGAL)),
    },
    Entry {
        name: "bram",
        summary: "one block RAM, 512 words of 72 bits, a write port and a read port",
        latency: |_| Some(1),
        interval: |_| Some(1),
        test: "skipopu-hw::primitives",
        build: |_| Box::new(Bram::new(72, 512, 1).expect(LEGAL)),
    },
    Entry {
        name: "uram",
        summary: "one UltraRAM, 4,096 words of 72 bits, two ports, byte enables",
        latency: |_| Some(2),
        interval: |_| Some(1),
        test: "skipopu-hw::primitives",
        build: |_| Box::new(Uram::new(2).expect(LEGAL)),
    },
    Entry {
        name: "uram-memory",
        summary: "memory of four UltraRAMs, 8,192 words of 128 bits, byte enables",
        latency: |_| Some(3),
        interval: |_| Some(1),
        test: "skipopu-hw::primitives",
        build: |_| Box::new(UramMemory::new(128, 8192, 3).expect(LEGAL)),
    },
    Entry {
        name: "ternary-adder",
        summary: "sum of three 18-bit operands and two carries in one carry chain",
        latency: |_| Some(TernaryAdder::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::lut_primitives",
        build: |_| Box::new(TernaryAdder::new(18).expect(LEGAL)),
    },
    Entry {
        name: "shift-stage",
        summary: "16 bits right by one place or not, complemented or not, half a LUT a bit",
        latency: |_| Some(ShiftStage::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::lut_primitives",
        build: |_| Box::new(ShiftStage::new(16, 1).expect(LEGAL)),
    },
    Entry {
        name: "two-clock-bram",
        summary: "block RAM, 512 words of 72 bits, written and read with two clocks",
        latency: |_| Some(TwoClockBram::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::cdc",
        build: |_| Box::new(TwoClockBram::new(72, 512).expect(LEGAL)),
    },
    Entry {
        name: "two-clock-lutram",
        summary:
            "32 words of 14 bits in LUTs, written with one clock, read into a register of another",
        latency: |_| Some(TwoClockLutram::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::cdc",
        build: |_| Box::new(TwoClockLutram::new(14, 32).expect(LEGAL)),
    },
    Entry {
        name: "synchroniser",
        summary: "six bits of a Gray code from one clock to another",
        latency: |_| None,
        interval: |_| Some(1),
        test: "skipopu-hw::cdc",
        build: |_| Box::new(Synchroniser::new(6, 2).expect(LEGAL)),
    },
    Entry {
        name: "exchange",
        summary: "two words of 16 bits straight or crossed, a LUT for a bit of both",
        latency: |_| Some(Exchange::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::lut_primitives",
        build: |_| Box::new(Exchange::new(16).expect(LEGAL)),
    },
    Entry {
        name: "dsp48e2",
        summary: "DSP slice, here (D - A) * B + C: the overpacked multiplier's mode",
        latency: |_| Some(4),
        interval: |_| Some(1),
        test: "skipopu-hw::dsp48e2",
        build: |_| {
            let mode = DspMode::new().b_regs(2).pre_adder(PreAdder::DMinusA).product().z(Z::C);
            Box::new(mode.build().expect(LEGAL))
        },
    },
];

/// Bits of one slice of activations: what the lanes take in one cycle.
pub(crate) fn slice_bits(config: &skipopu_config::Config) -> usize {
    config.array.lanes as usize * 16
}
