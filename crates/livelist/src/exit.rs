//! Exit codes, and the errors that end the command. The codes are part of the interface: 0 success; 2 the
//! command line or the registry is wrong; 3 someone has to look (a held result, a failed check of `probe`);
//! 4 something failed.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use livelist_model::with_causes;
use livelist_ops::OpsError;
use livelist_steps::StepError;
use livelist_store::StoreError;

/// How the command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// All well.
    Ok = 0,
    /// The command line or the registry is wrong.
    Usage = 2,
    /// Someone has to look: a result waits, or a check of `probe` failed.
    Held = 3,
    /// Something could not be done.
    Failed = 4,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> ExitCode {
        ExitCode::from(code as u8)
    }
}

/// Why the command could not do its work.
#[derive(Debug)]
pub struct Failed {
    code: Code,
    message: String,
}

impl Failed {
    /// The request makes no sense.
    pub fn usage(message: impl Display) -> Failed {
        Failed {
            code: Code::Usage,
            message: message.to_string(),
        }
    }

    /// It could not be done.
    pub fn because(message: impl Display) -> Failed {
        Failed {
            code: Code::Failed,
            message: message.to_string(),
        }
    }

    /// Something here broke.
    pub fn internal(error: &dyn std::error::Error) -> Failed {
        Failed::because(with_causes(error))
    }

    /// Prints it on standard error.
    pub fn report(self) -> ExitCode {
        if !self.message.is_empty() {
            // If standard error is closed, nothing can be reported.
            let _ = writeln!(std::io::stderr(), "livelist: {}", self.message);
        }
        self.code.into()
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Failed::internal(&error)
    }
}

impl From<OpsError> for Failed {
    fn from(error: OpsError) -> Self {
        match error {
            OpsError::Store(error) => error.into(),
            OpsError::Step(error) => error.into(),
            error if error.is_usage() => Failed::usage(error),
            error => Failed::internal(&error),
        }
    }
}

impl From<StepError> for Failed {
    fn from(error: StepError) -> Self {
        Failed::because(format!(
            "{} ({}). {}",
            error.chain(),
            error.name(),
            error.advice()
        ))
    }
}

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            // `livelist runs | head` is no failure: the reader has closed the pipe.
            return Failed {
                code: Code::Ok,
                message: String::new(),
            };
        }
        Failed::internal(&error)
    }
}

impl From<serde_json::Error> for Failed {
    fn from(error: serde_json::Error) -> Self {
        Failed::internal(&error)
    }
}
