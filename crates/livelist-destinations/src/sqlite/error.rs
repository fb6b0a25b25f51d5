//! SQLite's errors, classified.

use std::path::Path;

use rusqlite::{Error, ErrorCode};

use crate::error::DestinationError;

/// Maps an error of the file at `path`.
pub(super) fn failed(path: &Path) -> impl Fn(Error) -> DestinationError {
    let destination = path.display().to_string();
    move |error| {
        let destination = destination.clone();
        let reason = error.to_string();
        match error.sqlite_error_code() {
            Some(
                ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied
                | ErrorCode::CannotOpen
                | ErrorCode::NotADatabase
                | ErrorCode::AuthorizationForStatementDenied,
            ) => DestinationError::Refused {
                destination,
                reason,
            },
            // A table or column that Livelist made is not there.
            Some(ErrorCode::Unknown)
                if reason.contains("no such") || reason.contains("no column") =>
            {
                DestinationError::Altered {
                    destination,
                    reason,
                }
            }
            _ => DestinationError::Unavailable {
                destination,
                reason,
            },
        }
    }
}
