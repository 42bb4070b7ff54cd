//! Cells, counted over the hierarchy.

use super::cells::{kind, CellKind};
use super::netlist::{NetModule, Netlist};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Cells of a module and everything below it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Area {
    /// LUTs used as logic, raw cells; an inverter takes one.
    pub luts: u64,
    /// Flip-flops.
    pub ffs: u64,
    /// DSP slices.
    pub dsps: u64,
    /// Eight-bit carry elements. Yosys maps chains in elements of four bits; each chain is rounded
    /// up to whole elements of eight.
    pub carry8: u64,
    /// Block RAM in halves of a RAMB36; see [`Area::brams`].
    pub bram_halves: u64,
    /// UltraRAM blocks.
    pub urams: u64,
    /// LUTs used as shift registers.
    pub srls: u64,
    /// LUTs used as RAM.
    pub lutrams: u64,
    /// MUXF7, MUXF8 and MUXF9.
    pub muxf: u64,
    /// Level-sensitive latches; always zero in a sound design.
    pub latches: u64,
    /// Cells of other types.
    pub other: BTreeMap<String, u64>,
}

/// What a device has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its name.
    pub name: &'static str,
    /// LUT sites.
    pub luts: u64,
    /// Flip-flops.
    pub ffs: u64,
    /// DSP slices.
    pub dsps: u64,
    /// Block RAM in RAMB36.
    pub brams: u64,
    /// UltraRAM blocks.
    pub urams: u64,
}

/// The Alveo U280 (AMD DS963); its shell takes a part of all but the UltraRAM.
pub const U280: Device = Device {
    name: "Alveo U280",
    luts: 1_303_680,
    ffs: 2_607_360,
    dsps: 9_024,
    brams: 2_016,
    urams: 960,
};

impl Device {
    /// What of the device `area` takes, in percent: LUT sites, flip-flops, DSP slices, block RAM, UltraRAM.
    pub fn percent(&self, area: &Area) -> [(&'static str, f64); 5] {
        let of = |used: f64, all: u64| 100.0 * used / all as f64;
        [
            ("LUT", of(area.lut_sites() as f64, self.luts)),
            ("FF", of(area.ffs as f64, self.ffs)),
            ("DSP", of(area.dsps as f64, self.dsps)),
            ("BRAM", of(area.brams(), self.brams)),
            ("URAM", of(area.urams as f64, self.urams)),
        ]
    }

    /// The first thing that `area` takes more of than there is, and the percentage; none when it fits.
    pub fn lacks(&self, area: &Area) -> Option<(&'static str, f64)> {
        self.percent(area).into_iter().find(|(_, percent)| *percent > 100.0)
    }
}

impl Area {
    /// Block RAM in RAMB36; a RAMB18 is half of one.
    pub fn brams(&self) -> f64 {
        self.bram_halves as f64 / 2.0
    }

    /// LUT sites in all: logic, shift registers and RAM.
    pub fn lut_sites(&self) -> u64 {
        self.luts + self.srls + self.lutrams
    }

    /// Adds the cells of another module.
    pub fn add(&mut self, other: &Area) {
        let Area {
            luts,
            ffs,
            dsps,
            carry8,
            bram_halves,
            urams,
            srls,
            lutrams,
            muxf,
            latches,
            other: rest,
        } = other;
        self.luts += luts;
        self.ffs += ffs;
        self.dsps += dsps;
        self.carry8 += carry8;
        self.bram_halves += bram_halves;
        self.urams += urams;
        self.srls += srls;
        self.lutrams += lutrams;
        self.muxf += muxf;
        self.latches += latches;
        for (name, n) in rest {
            *self.other.entry(name.clone()).or_default() += n;
        }
    }
}

/// The cells of one instance of each module, children included.
pub(super) fn count(netlist: &Netlist) -> BTreeMap<String, Area> {
    let mut areas: BTreeMap<String, Area> = BTreeMap::new();
    for name in &netlist.order {
        let module = &netlist.modules[name];
        let mut area = Area { carry8: carry_elements(module), ..Area::default() };
        for cell in module.cells.values() {
            match areas.get(&cell.kind) {
                Some(child) => area.add(child),
                None => add_cell(&mut area, &cell.kind),
            }
        }
        areas.insert(name.clone(), area);
    }
    areas
}

fn add_cell(area: &mut Area, name: &str) {
    match kind(name) {
        CellKind::Lut => area.luts += 1,
        CellKind::Muxf => area.muxf += 1,
        CellKind::FlipFlop => area.ffs += 1,
        CellKind::Latch => area.latches += 1,
        CellKind::Dsp => area.dsps += 1,
        CellKind::Bram(halves) => area.bram_halves += halves,
        CellKind::Uram => area.urams += 1,
        CellKind::Srl => area.srls += 1,
        CellKind::LutRam(luts) => area.lutrams += luts,
        CellKind::Carry(_) | CellKind::Buffer | CellKind::Constant => {}
        CellKind::Other => *area.other.entry(name.into()).or_default() += 1,
    }
}

/// Eight-bit carry elements: each chain's bits over eight, rounded up.
fn carry_elements(module: &NetModule) -> u64 {
    let carries = || {
        module.cells.values().filter_map(|c| match kind(&c.kind) {
            CellKind::Carry(bits) => Some((c, bits)),
            _ => None,
        })
    };
    // Last carry out -> bits of the element; an element whose carry in is one of these continues.
    let mut next: HashMap<u32, (Option<u32>, usize)> = HashMap::new();
    let mut outs = HashSet::new();
    let mut heads = Vec::new();
    for (cell, bits) in carries() {
        outs.extend(
            cell.connections.get("CO").and_then(|co| co.get(bits - 1)).and_then(|b| b.net()),
        );
    }
    for (cell, bits) in carries() {
        let out = cell.connections.get("CO").and_then(|co| co.get(bits - 1)).and_then(|b| b.net());
        match cell.nets("CI").next().filter(|ci| outs.contains(ci)) {
            Some(carry_in) => {
                next.insert(carry_in, (out, bits));
            }
            None => heads.push((out, bits)),
        }
    }
    let mut total = 0;
    for (mut out, mut bits) in heads {
        while let Some((after, more)) = out.and_then(|o| next.remove(&o)) {
            (out, bits) = (after, bits + more);
        }
        total += bits.div_ceil(8) as u64;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_lacks_what_an_area_takes_more_of() {
        let full = Area {
            luts: U280.luts - 30,
            srls: 10,
            lutrams: 20,
            ffs: U280.ffs,
            dsps: U280.dsps,
            bram_halves: 2 * U280.brams,
            urams: U280.urams,
            ..Area::default()
        };
        assert_eq!(U280.percent(&full).map(|(_, percent)| percent), [100.0; 5]);
        assert_eq!(U280.lacks(&full), None);
        let more = |change: fn(&mut Area)| {
            let mut area = full.clone();
            change(&mut area);
            U280.lacks(&area).map(|(what, _)| what)
        };
        assert_eq!(more(|a| a.luts += 1), Some("LUT"));
        assert_eq!(more(|a| a.srls += 1), Some("LUT"));
        assert_eq!(more(|a| a.lutrams += 1), Some("LUT"));
        assert_eq!(more(|a| a.ffs += 1), Some("FF"));
        assert_eq!(more(|a| a.dsps += 1), Some("DSP"));
        assert_eq!(more(|a| a.bram_halves += 1), Some("BRAM"));
        assert_eq!(more(|a| a.urams += 1), Some("URAM"));
    }
}
