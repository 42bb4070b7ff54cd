//! [`KvOrder`]: the order in which attention reads the tokens of a block and of those before it.

use crate::error::{require, KvError};
use crate::schedule::{Schedule, Source};
use crate::KvMachine;
use skipopu_config::Config;

/// Rounds as attention takes them: what of a machine the order of tokens depends on.
///
/// A round is [`KvOrder::round`] slots, a token or none each. Rounds come in slices of [`KvOrder::slice`] slots, the lanes
/// that a slice of probabilities fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KvOrder {
    /// Ports, banks, depths.
    pub machine: KvMachine,
    /// Slots of a round: half the columns of the array.
    pub round: usize,
    /// Slots of a slice: the lanes of the array.
    pub slice: usize,
}

impl KvOrder {
    /// That of a machine with an array of `columns` by `lanes`.
    ///
    /// # Errors
    /// More streams than slots of a round, rounds that do not fill slices.
    pub fn new(machine: KvMachine, columns: usize, lanes: usize) -> Result<KvOrder, KvError> {
        machine.check()?;
        let (round, streams) = (columns / 2, machine.ports + machine.read_ports);
        let legal = format!(
            "at most {round}, half of array.columns: use fewer memory.hbm_ports or kv_buffer.ports, or more columns"
        );
        require(streams <= round, "HBM ports and buffer read ports", streams, legal)?;
        let legal = format!("an even divisor of twice array.lanes = {lanes}");
        require(lanes % round == 0 && columns % 2 == 0, "array.columns", columns, legal)?;
        Ok(KvOrder { machine, round, slice: lanes })
    }

    /// That of a configuration.
    ///
    /// # Errors
    /// As [`KvOrder::new`].
    pub fn of(config: &Config) -> Result<KvOrder, KvError> {
        let (columns, lanes) = (config.array.columns as usize, config.array.lanes as usize);
        KvOrder::new(KvMachine::of(config), columns, lanes)
    }

    /// The slots of a schedule: round after round, a slot for each HBM port, then for each read port, the rest none; then none
    /// up to a whole slice.
    pub fn earlier(&self, schedule: &Schedule) -> Vec<Option<Source>> {
        let mut slots = Vec::new();
        for round in 0..schedule.len() {
            let hbm = schedule.hbm.iter().enumerate();
            slots.extend(hbm.map(|(p, list)| Some(Source::Hbm(p, *list.get(round)?))));
            let buffer = schedule.buffer.iter().enumerate();
            slots.extend(buffer.map(|(p, list)| Some(Source::Buffer(p, *list.get(round)?))));
            slots.resize((round + 1) * self.round, None);
        }
        slots.resize(slots.len().next_multiple_of(self.slice), None);
        slots
    }

    /// The slots of a block's own rows: row after row, then none up to a whole slice.
    pub fn own(&self, rows: usize) -> Vec<Option<usize>> {
        let slots = rows.next_multiple_of(self.slice);
        (0..slots).map(|row| (row < rows).then_some(row)).collect()
    }
}
