//! Ctrl-C: the first ends the run after its cycle, the second the program at once.

use crate::exit::{Done, Failure};
use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);

/// Begins to listen.
///
/// # Errors
/// The system installs no handler.
pub fn listen() -> Done {
    ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::Relaxed) {
            std::process::exit(crate::exit::Exit::Interrupted as i32);
        }
        eprintln!("\nending; once more ends at once");
    })
    .map_err(|e| Failure::environment(format!("Ctrl-C cannot be caught: {e}")))
}

/// Was it pressed?
pub fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}
