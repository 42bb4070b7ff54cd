//! Timing parameters as data, each with its source.

use serde::Serialize;

/// One parameter of a memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Value, in clock cycles of the memory unless the name says otherwise.
    pub value: u64,
    /// Where the value comes from.
    pub source: &'static str,
}

/// Declares [`DramTiming`] with its documentation, once for all memories.
macro_rules! timing {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Timing of a memory and its controller, in cycles of the memory's clock.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        pub struct DramTiming { $($(#[$doc])* pub $name: u64,)* }

        impl DramTiming {
            /// From a table that has every parameter once.
            const fn of(table: &[Parameter]) -> DramTiming {
                DramTiming { $($name: value(table, stringify!($name)),)* }
            }
        }
    };
}

timing! {
    /// Clock in MHz.
    clock_mhz,
    /// Commands are issued at multiples of this: the clock of the controller.
    slot,
    /// Data of a column command occupy the bus for this long.
    burst,
    /// Bytes of a column command.
    bytes,
    /// Read latency on the memory's pins.
    cl,
    /// Write latency on the memory's pins.
    cwl,
    /// Column command to column command, different bank groups.
    ccd_s,
    /// Column command to column command, same bank group.
    ccd_l,
    /// Activate to read.
    rcd_rd,
    /// Activate to write.
    rcd_wr,
    /// Precharge to activate.
    rp,
    /// Activate to precharge.
    ras,
    /// Activate to activate, same bank.
    rc,
    /// Activate to activate, different bank groups.
    rrd_s,
    /// Activate to activate, same bank group.
    rrd_l,
    /// At most four activates in this window.
    faw,
    /// Read to precharge.
    rtp,
    /// End of write data to precharge.
    wr,
    /// End of write data to read, different bank groups.
    wtr_s,
    /// End of write data to read, same bank group.
    wtr_l,
    /// Idle cycles on the bus between read and write data.
    turn,
    /// Refresh to activate.
    rfc,
    /// Between refreshes.
    refi,
    /// From the port to the first command that an access may cause.
    front,
    /// From the column command to the data (or the answer to a write) at the port.
    back,
}

impl DramTiming {
    /// Least distance from a read to a write command.
    pub fn read_to_write(&self) -> u64 {
        (self.cl + self.burst + self.turn).saturating_sub(self.cwl)
    }

    /// Least distance from a write command to a read, same bank group or not.
    pub fn write_to_read(&self, same_group: bool) -> u64 {
        self.cwl + self.burst + if same_group { self.wtr_l } else { self.wtr_s }
    }

    /// Least distance from a write command to the precharge of its bank.
    pub fn write_to_precharge(&self) -> u64 {
        self.cwl + self.burst + self.wr
    }

    /// Latency of a read that finds its row open and the memory idle.
    pub fn hit_latency(&self) -> u64 {
        self.front + self.back
    }

    /// Peak rate of one channel in GB/s.
    pub fn peak_gbs(&self) -> f64 {
        (self.bytes * self.clock_mhz) as f64 / self.burst as f64 / 1e3
    }
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

const fn value(table: &[Parameter], name: &str) -> u64 {
    let mut i = 0;
    while i < table.len() {
        if same(table[i].name, name) {
            return table[i].value;
        }
        i += 1;
    }
    panic!("a parameter is missing")
}

const fn p(name: &'static str, value: u64, source: &'static str) -> Parameter {
    Parameter { name, value, source }
}

const PG276: &str = "AMD PG276, UG1393";
const EXPORT: &str = "parameter set exported by the HBM IP for 900 MHz";
const DERIVED: &str = "derived";

/// HBM2 of the U280, one pseudo-channel.
pub const HBM2: &[Parameter] = &[
    p("clock_mhz", 900, PG276),
    p("slot", 2, "fitted: at one command of each kind per 450 MHz cycle the published latencies (+7, +14 cycles) follow from tRCD and tRP"),
    p("burst", 2, "burst length 4 on 64 bits, two per cycle"),
    p("bytes", 32, "burst length 4 on 64 bits"),
    p("cl", 14, "assumed: DRAMsim3's HBM2; not published for this device"),
    p("cwl", 4, "assumed: DRAMsim3's HBM2"),
    p("ccd_s", 2, "burst length 4"),
    p("ccd_l", 4, "JESD235: twice the bursts' distance; why the address map alternates bank groups"),
    p("rcd_rd", 13, EXPORT),
    p("rcd_wr", 9, EXPORT),
    p("rp", 13, EXPORT),
    p("ras", 30, EXPORT),
    p("rc", 43, EXPORT),
    p("rrd_s", 4, EXPORT),
    p("rrd_l", 4, EXPORT),
    p("faw", 15, EXPORT),
    p("rtp", 6, "assumed: DRAMsim3's HBM2 (same bank group)"),
    p("wr", 15, EXPORT),
    p("wtr_s", 4, EXPORT),
    p("wtr_l", 8, EXPORT),
    p("turn", 2, "JESD235, as Ramulator 2 has it"),
    p("rfc", 234, EXPORT),
    p("refi", 3510, EXPORT),
    p("front", 32, "fitted: front + back = 48 port cycles (Shuhai, page hit); their split is assumed"),
    p("back", 64, "fitted, see front"),
];

/// DDR4 of the U280: one channel, 2400 MT/s.
pub const DDR4: &[Parameter] = &[
    p("clock_mhz", 1200, "board file: 833 ps"),
    p("slot", 4, "user clock of 300 MHz; the published latencies (+5, +10 cycles) follow from 17 cycles rounded up"),
    p("burst", 4, "burst length 8, two per cycle"),
    p("bytes", 64, "burst length 8 on 64 bits (without ECC)"),
    p("cl", 17, "board file"),
    p("cwl", 12, "board file"),
    p("ccd_s", 4, "JESD79-4, 2400"),
    p("ccd_l", 6, "JESD79-4, 2400"),
    p("rcd_rd", 17, "JESD79-4, 2400R (17-17-17)"),
    p("rcd_wr", 17, "JESD79-4, 2400R (17-17-17)"),
    p("rp", 17, "JESD79-4, 2400R (17-17-17)"),
    p("ras", 39, "JESD79-4, 32 ns"),
    p("rc", 56, DERIVED),
    p("rrd_s", 4, "JESD79-4, 2400, 1/2 KB page: 3.3 ns"),
    p("rrd_l", 6, "JESD79-4, 2400, 1/2 KB page: 4.9 ns"),
    p("faw", 16, "JESD79-4, 2400, 1/2 KB page: 13 ns"),
    p("rtp", 9, "JESD79-4, 7.5 ns"),
    p("wr", 18, "JESD79-4, 15 ns"),
    p("wtr_s", 3, "JESD79-4, 2.5 ns"),
    p("wtr_l", 9, "JESD79-4, 7.5 ns"),
    p("turn", 2, "JESD79-4"),
    p("rfc", 420, "JESD79-4, 350 ns for 8 Gb"),
    p("refi", 9360, "JESD79-4, 7.8 us"),
    p("front", 32, "fitted: front + back = 22 user cycles (Shuhai, page hit); their split is assumed"),
    p("back", 56, "fitted, see front"),
];

/// Timing of one HBM2 pseudo-channel of the U280.
pub const HBM2_TIMING: DramTiming = DramTiming::of(HBM2);

/// Timing of one DDR4 channel of the U280.
pub const DDR4_TIMING: DramTiming = DramTiming::of(DDR4);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_no_parameter_twice_and_none_unused() {
        for (table, timing) in [(HBM2, HBM2_TIMING), (DDR4, DDR4_TIMING)] {
            let fields = serde_json::to_value(timing).unwrap();
            let fields = fields.as_object().unwrap();
            assert_eq!(fields.len(), table.len());
            for p in table {
                assert_eq!(fields[p.name], p.value, "{}", p.name);
            }
        }
    }

    #[test]
    fn derived_distances() {
        assert_eq!(HBM2_TIMING.peak_gbs(), 14.4);
        assert_eq!(DDR4_TIMING.peak_gbs(), 19.2);
        assert_eq!((HBM2_TIMING.hit_latency(), DDR4_TIMING.hit_latency()), (96, 88));
        assert_eq!(HBM2_TIMING.read_to_write(), 14);
        assert_eq!((HBM2_TIMING.write_to_read(false), HBM2_TIMING.write_to_read(true)), (10, 14));
    }
}
