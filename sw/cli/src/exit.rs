//! Exit codes, and how errors become one sentence and a code.

use skipopu_compiler::CompileError;
use skipopu_config::ConfigError;
use skipopu_eda::EdaError;
use skipopu_forward::ForwardError;
use skipopu_ledger::LedgerError;
use skipopu_model::ModelError;
use skipopu_quant::QuantError;
use skipopu_runtime::RuntimeError;
use skipopu_train::TrainError;
use std::fmt;
use std::process::ExitCode;

/// What a run of the program means. Usage errors found by the argument parser exit with
/// [`Exit::Usage`] too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything asked for was done, every check passed.
    Success = 0,
    /// A check failed: a finding, a mismatch, a stale figure.
    Failed = 1,
    /// The request was wrong: unknown block, illegal configuration, unusable folder.
    Usage = 2,
    /// Something the request needs is not there: a tool, a readable file.
    Environment = 3,
    /// The user interrupted it; what was done until then is reported.
    Interrupted = 130,
}

/// An error for the user: one sentence and the exit code.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    /// A failed check.
    pub fn check(message: impl fmt::Display) -> Failure {
        Failure { exit: Exit::Failed, message: message.to_string() }
    }

    /// A wrong request.
    pub fn usage(message: impl fmt::Display) -> Failure {
        Failure { exit: Exit::Usage, message: message.to_string() }
    }

    /// The user's interruption.
    pub fn interrupted(message: impl fmt::Display) -> Failure {
        Failure { exit: Exit::Interrupted, message: message.to_string() }
    }

    /// Something missing around the program.
    pub fn environment(message: impl fmt::Display) -> Failure {
        Failure { exit: Exit::Environment, message: message.to_string() }
    }
}

/// Result of a command.
pub type Done<T = ()> = Result<T, Failure>;

impl From<ConfigError> for Failure {
    fn from(e: ConfigError) -> Failure {
        Failure::usage(e)
    }
}

impl From<EdaError> for Failure {
    fn from(e: EdaError) -> Failure {
        match e {
            EdaError::Missing { .. } | EdaError::Start { .. } | EdaError::Folder { .. } => {
                Failure::environment(e)
            }
            EdaError::NoSuchModule { .. } => Failure::usage(e),
            _ => Failure::check(e),
        }
    }
}

impl From<LedgerError> for Failure {
    fn from(e: LedgerError) -> Failure {
        match e {
            LedgerError::Io { .. } => Failure::environment(e),
            _ => Failure::check(e),
        }
    }
}

impl From<ModelError> for Failure {
    fn from(e: ModelError) -> Failure {
        match e {
            ModelError::Read { .. } | ModelError::Write { .. } | ModelError::Fetch { .. } => {
                Failure::environment(e)
            }
            _ => Failure::usage(e),
        }
    }
}

impl From<ForwardError> for Failure {
    fn from(e: ForwardError) -> Failure {
        Failure::usage(e)
    }
}

impl From<RuntimeError> for Failure {
    fn from(e: RuntimeError) -> Failure {
        match e {
            RuntimeError::Halted(_) | RuntimeError::Device(_) => Failure::check(e),
            _ => Failure::usage(e),
        }
    }
}

impl From<CompileError> for Failure {
    fn from(e: CompileError) -> Failure {
        Failure::usage(e)
    }
}

impl From<QuantError> for Failure {
    fn from(e: QuantError) -> Failure {
        Failure::usage(e)
    }
}

impl From<TrainError> for Failure {
    fn from(e: TrainError) -> Failure {
        match e {
            TrainError::File(_) => Failure::environment(e),
            TrainError::Diverged { .. } | TrainError::Tensor(_) => Failure::check(e),
            _ => Failure::usage(e),
        }
    }
}

/// Reports the result of the run.
pub fn finish(result: Done) -> ExitCode {
    let exit = match result {
        Ok(()) => Exit::Success,
        Err(failure) => {
            eprintln!("skipopu: {}", failure.message);
            failure.exit
        }
    };
    ExitCode::from(exit as u8)
}
