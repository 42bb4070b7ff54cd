//! The ledger of claimed figures and the tables generated from it.
//!
//! Every number the project claims is one [`Entry`] of `docs/figures.json`, written by the command
//! that obtained it and never by hand. Tables in the documentation are generated from it
//! ([`pages`]), so that text and measurement cannot drift apart.

mod entry;
mod error;
mod ledger;
pub mod pages;
mod table;

pub use entry::{Entry, Kind};
pub use error::LedgerError;
pub use ledger::Ledger;
pub use table::format_value;
