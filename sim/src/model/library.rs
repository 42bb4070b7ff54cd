//! A loaded model library: the C interface of the shim as function pointers.

use std::ffi::{c_char, c_int, c_void, CStr};
use std::path::Path;

/// Version of the C interface; part of every cache key and checked when a library is loaded.
pub(crate) const ABI: u32 = 1;

/// An instance as the shim sees it.
pub(crate) type Handle = *mut c_void;

macro_rules! interface {
    ($($name:ident = $symbol:literal : fn($($arg:ty),*) $(-> $ret:ty)?;)*) => {
        /// The functions of a loaded library, valid as long as it is loaded.
        pub(crate) struct Library {
            $(pub $name: unsafe extern "C" fn($($arg),*) $(-> $ret)?,)*
            // Unloaded last, after the pointers above are gone.
            _library: libloading::Library,
        }

        impl Library {
            fn bind(library: libloading::Library) -> Result<Library, String> {
                Ok(Library {
                    // SAFETY: the signatures are those of the shim, whose version has been checked.
                    $($name: unsafe {
                        *library
                            .get::<unsafe extern "C" fn($($arg),*) $(-> $ret)?>($symbol.as_bytes())
                            .map_err(|e| e.to_string())?
                    },)*
                    _library: library,
                })
            }
        }
    };
}

interface! {
    create = "skipopu_create": fn(u32) -> Handle;
    ports = "skipopu_ports": fn(Handle, *mut *mut u8);
    eval = "skipopu_eval": fn(Handle) -> c_int;
    finalize = "skipopu_final": fn(Handle) -> c_int;
    finished = "skipopu_finished": fn(Handle) -> c_int;
    error = "skipopu_error": fn(Handle) -> *const c_char;
    time = "skipopu_time": fn(Handle, u64);
    trace_open = "skipopu_trace_open": fn(Handle, *const c_char) -> c_int;
    trace_dump = "skipopu_trace_dump": fn(Handle, u64) -> c_int;
    trace_close = "skipopu_trace_close": fn(Handle);
    destroy = "skipopu_destroy": fn(Handle);
}

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Library")
    }
}

impl Library {
    /// Loads a library built by this version of the crate.
    pub fn open(path: &Path) -> Result<Library, String> {
        // SAFETY: the file is one this crate built (its hash has been checked); its initialisers are
        // those of Verilator's run time.
        let library = unsafe { libloading::Library::new(path) }.map_err(|e| e.to_string())?;
        // SAFETY: every version of the shim has this function.
        let abi = unsafe {
            let abi = library
                .get::<unsafe extern "C" fn() -> u32>(b"skipopu_abi")
                .map_err(|e| e.to_string())?;
            abi()
        };
        if abi != ABI {
            return Err(format!("interface version {abi}, not {ABI}"));
        }
        Library::bind(library)
    }

    /// The message of an instance that has failed.
    pub fn message(&self, handle: Handle) -> String {
        // SAFETY: the shim returns a null-terminated string that lives until the next call.
        let text = unsafe { CStr::from_ptr((self.error)(handle)) };
        text.to_string_lossy().into_owned()
    }
}

/// Bytes Verilator gives a port of `width` bits.
pub(crate) fn storage_bytes(width: usize) -> usize {
    match width {
        0..=8 => 1,
        9..=16 => 2,
        17..=32 => 4,
        33..=64 => 8,
        _ => width.div_ceil(32) * 4,
    }
}
