//! K and V to tiles of the array: keys with a token a column, values with a token a lane.

mod group_select;
mod lane_memory;
mod loader;

pub use group_select::GroupSelect;
pub use lane_memory::{LaneMemory, WORDS, WORD_VALUES};
pub use loader::{KvCommand, KvLoader, HEAD_BITS};
