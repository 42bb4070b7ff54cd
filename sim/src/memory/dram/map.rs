//! [`AddressMap`]: which bank, row and column an address is.

use serde::Serialize;

/// Banks of a channel.
pub const BANKS: usize = 16;

/// Where an access goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Bank, 0 to 15; its group is the lower two bits.
    pub bank: u8,
    /// Row.
    pub row: u32,
    /// Column, in units of a column command.
    pub column: u16,
}

impl Place {
    /// The bank's group.
    pub fn group(&self) -> usize {
        usize::from(self.bank & 3)
    }
}

/// The address bits, from the lowest: for each of the fields group (2), bank in group (2), column, row the
/// positions of its bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AddressMap {
    /// Bits of the bank group.
    pub group: [u32; 2],
    /// Bits of the bank within its group.
    pub bank: [u32; 2],
    /// Lowest bit and number of bits of the column.
    pub column: (u32, u32),
    /// Lowest bit and number of bits of the row.
    pub row: (u32, u32),
}

impl AddressMap {
    /// Default map of the HBM IP: `[4:0]` byte, `[5]` BG0, `[10:6]` column, `[11]` BA0, `[12]` BA1, `[13]` BG1,
    /// `[27:14]` row. Two rows of 1 KB hold 2 KB in turns of 32 bytes.
    pub const HBM2: AddressMap =
        AddressMap { group: [5, 13], bank: [11, 12], column: (6, 5), row: (14, 14) };

    /// DDR4 with banks interleaved: `[5:0]` burst, `[7:6]` group, `[9:8]` bank, `[16:10]` column, `[33:17]` row.
    /// 128 KB lie in 16 open rows of 8 KB.
    pub const DDR4: AddressMap =
        AddressMap { group: [6, 7], bank: [8, 9], column: (10, 7), row: (17, 17) };

    /// Place of a byte address; bits above the row are ignored.
    pub fn place(&self, address: u64) -> Place {
        let bit = |at: u32| (address >> at & 1) as u8;
        let field = |(low, bits): (u32, u32)| address >> low & ((1 << bits) - 1);
        let [g0, g1] = self.group;
        let [b0, b1] = self.bank;
        Place {
            bank: bit(g0) | bit(g1) << 1 | bit(b0) << 2 | bit(b1) << 3,
            row: field(self.row) as u32,
            column: field(self.column) as u16,
        }
    }

    /// Bytes of a channel.
    pub fn bytes(&self) -> u64 {
        1 << (self.row.0 + self.row.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn consecutive_bursts_alternate_groups_and_walk_all_banks() {
        let place = |a: u64| AddressMap::HBM2.place(a);
        assert_eq!(place(0), Place { bank: 0, row: 0, column: 0 });
        assert_eq!(place(32), Place { bank: 1, row: 0, column: 0 });
        assert_eq!(place(64), Place { bank: 0, row: 0, column: 1 });
        assert_eq!(place(2048), Place { bank: 4, row: 0, column: 0 });
        assert_eq!(place(1 << 13), Place { bank: 2, row: 0, column: 0 });
        assert_eq!(place((1 << 14) + 16), Place { bank: 0, row: 1, column: 0 });
        let banks: HashSet<u8> = (0..1 << 14).step_by(32).map(|a| place(a).bank).collect();
        assert_eq!(banks.len(), 16);
        let rows: HashSet<(u8, u32)> =
            (0..2048).step_by(32).map(|a| (place(a).bank, place(a).row)).collect();
        assert_eq!(rows.len(), 2);
        assert_eq!(AddressMap::HBM2.bytes(), 256 << 20);
    }

    #[test]
    fn maps_are_one_to_one() {
        for (map, step) in [(AddressMap::HBM2, 32), (AddressMap::DDR4, 64)] {
            let all: HashSet<(u8, u32, u16)> = (0..1 << 18)
                .step_by(step)
                .map(|a| map.place(a))
                .map(|p| (p.bank, p.row, p.column))
                .collect();
            assert_eq!(all.len(), (1 << 18) / step);
        }
        assert_eq!(AddressMap::DDR4.bytes(), 16 << 30);
    }
}
