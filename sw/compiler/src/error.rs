//! [`CompileError`].

/// What cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// A matrix that is not INT4.
    #[error("`{matrix}` is {format} and the array multiplies weights of at most 4 bits: make a container with `skipopu quantise`")]
    NotInt4 {
        /// The matrix.
        matrix: String,
        /// Its format.
        format: String,
    },
    /// Scales that do not stand at slice borders.
    #[error("`{matrix}` has a scale every {group} weights, which does not end where slices of {lanes} lanes do: quantise with a group that is a multiple of {lanes}{}", if *.padded { " and of the head size, or with --group 0" } else { "" })]
    Group {
        /// The matrix.
        matrix: String,
        /// Its group.
        group: usize,
        /// Lanes of the array.
        lanes: usize,
        /// Is its reduction padded head by head?
        padded: bool,
    },
    /// A configuration whose array is no part of an overlay.
    #[error("{field} = {value}: an overlay needs {legal}")]
    Overlay {
        /// The parameter.
        field: &'static str,
        /// Its value.
        value: String,
        /// What it may be and why.
        legal: String,
    },
    /// Something that does not fit.
    #[error("{what} needs {needed} and has {there}: {remedy}")]
    Capacity {
        /// What does not fit where.
        what: String,
        /// What it needs.
        needed: u64,
        /// What there is.
        there: u64,
        /// What to change.
        remedy: &'static str,
    },
    /// Skipping without routers.
    #[error("the model has no routers, so nothing can be skipped: choose dense")]
    NoRouters,
    /// The KV region.
    #[error(transparent)]
    Kv(#[from] skipopu_kv::KvError),
}

/// Does it fit?
pub(crate) fn fits(
    what: impl Into<String>,
    needed: u64,
    there: u64,
    remedy: &'static str,
) -> Result<(), CompileError> {
    match needed <= there {
        true => Ok(()),
        false => Err(CompileError::Capacity { what: what.into(), needed, there, remedy }),
    }
}
