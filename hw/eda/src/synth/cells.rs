//! What the cells of an UltraScale+ netlist are.

/// Kind of a cell, by its type name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CellKind {
    /// A LUT used as logic, an inverter included: it takes a LUT.
    Lut,
    /// A wide multiplexer behind LUTs.
    Muxf,
    /// A carry chain element with this many bits.
    Carry(usize),
    /// A flip-flop.
    FlipFlop,
    /// A level-sensitive latch.
    Latch,
    /// A DSP slice.
    Dsp,
    /// Block RAM, in halves of a RAMB36.
    Bram(u64),
    /// An UltraRAM.
    Uram,
    /// A shift register in a LUT.
    Srl,
    /// RAM in this many LUTs.
    LutRam(u64),
    /// A buffer that costs no logic.
    Buffer,
    /// A constant driver.
    Constant,
    /// Anything else.
    Other,
}

/// Classifies a cell type.
pub(crate) fn kind(name: &str) -> CellKind {
    use CellKind::*;
    match name {
        "LUT1" | "LUT2" | "LUT3" | "LUT4" | "LUT5" | "LUT6" | "LUT6_2" | "INV" => Lut,
        "MUXF7" | "MUXF8" | "MUXF9" => Muxf,
        "CARRY8" => Carry(8),
        "CARRY4" => Carry(4),
        "FDRE" | "FDSE" | "FDCE" | "FDPE" | "FDRE_1" | "FDSE_1" | "FDCE_1" | "FDPE_1" => FlipFlop,
        "LDCE" | "LDPE" => Latch,
        "DSP48E2" | "DSP48E1" => Dsp,
        "RAMB36E2" | "RAMB36E1" => Bram(2),
        "RAMB18E2" | "RAMB18E1" => Bram(1),
        "URAM288" | "URAM288_BASE" => Uram,
        "SRL16E" | "SRLC16E" | "SRLC32E" | "CFGLUT5" => Srl,
        "RAM32X1S" | "RAM64X1S" => LutRam(1),
        "RAM32X1D" | "RAM64X1D" | "RAM128X1S" | "RAM32X2S" => LutRam(2),
        "RAM128X1D" | "RAM256X1S" | "RAM32M" | "RAM64M" => LutRam(4),
        "RAM256X1D" | "RAM512X1S" | "RAM32M16" | "RAM64M8" | "RAM64X8SW" | "RAM32X16DR8" => {
            LutRam(8)
        }
        "BUFG" | "BUFGCE" | "BUFGCTRL" | "IBUF" | "OBUF" | "BUF" => Buffer,
        "VCC" | "GND" => Constant,
        _ => Other,
    }
}
