//! PostgreSQL's errors, classified by their code (SQLSTATE; PostgreSQL's documentation, appendix A).

use tokio_postgres::Error;

use crate::error::DestinationError;

/// The errors within this folder.
#[derive(Debug)]
pub(super) enum Fault {
    /// An error of the server or the driver.
    Sql(Error),
    /// The database is not as Livelist left it.
    Altered(String),
    /// It cannot be used.
    Refused(String),
    /// Another process has written.
    Moved,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        Fault::Sql(error)
    }
}

/// Maps an error of this destination.
pub(super) fn failed(destination: &str) -> impl Fn(Fault) -> DestinationError + use<> {
    let destination = destination.to_owned();
    move |fault| {
        let destination = destination.clone();
        let (code, reason) = match fault {
            Fault::Sql(error) => (code(&error).to_owned(), text(&error)),
            Fault::Altered(reason) => {
                return DestinationError::Altered {
                    destination,
                    reason,
                };
            }
            Fault::Refused(reason) => {
                return DestinationError::Refused {
                    destination,
                    reason,
                };
            }
            Fault::Moved => return DestinationError::Moved { destination },
        };
        match code.as_str() {
            // No such table, column, view; columns of another type; no key.
            "42P01" | "42703" | "42P16" | "42804" | "42809" | "42P10" => {
                DestinationError::Altered {
                    destination,
                    reason,
                }
            }
            // No permission, no such database or schema, a read-only server.
            "42501" | "3D000" | "3F000" | "25006" => DestinationError::Refused {
                destination,
                reason,
            },
            code if code.starts_with("28") || reason.starts_with("authentication error") => {
                DestinationError::Refused {
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

/// The code of a server's error; nothing of another one.
pub(super) fn code(error: &Error) -> &str {
    error.code().map_or("", |code| code.code())
}

/// The text of an error. The server's detail is left out, because it repeats rows.
pub(super) fn text(error: &Error) -> String {
    if let Some(error) = error.as_db_error() {
        return error.message().to_owned();
    }
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        source = inner.source();
    }
    text
}

/// Whether the server refuses a single row: a constraint, a check, an owner's trigger, a value outside of
/// the type's range. Every other error stops the batch.
pub(super) fn is_of_a_row(error: &Error) -> bool {
    let Some(db) = error.as_db_error() else {
        return false;
    };
    // 22 data, 23 constraints, 44 check of a view, 54 limits (a row or key that is too long), P0 `RAISE`.
    let is_of_a_row = ["22", "23", "44", "54", "P0"]
        .iter()
        .any(|class| db.code().code().starts_with(class));
    // Any error within a trigger.
    let is_within = db
        .where_()
        .is_some_and(|place| place.contains("function") || place.contains("PL/"));
    let is_of_all = ["08", "40", "53", "55", "57", "58", "XX"]
        .iter()
        .any(|class| db.code().code().starts_with(class));
    (is_of_a_row || is_within) && !is_of_all
}

/// Whether a lock was not to be had in time.
pub(super) fn is_locked(error: &Error) -> bool {
    matches!(code(error), "55P03" | "40P01")
}
