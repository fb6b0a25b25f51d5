//! Errors of MySQL and MariaDB, classified by their number (MySQL's documentation, *Server Error Message
//! Reference*; MariaDB's, *MariaDB Error Codes*).

use mysql_async::{Error, ServerError};

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
            Fault::Sql(error) => (code(&error), text(&error)),
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
        match code {
            // No such table or column, not a table, a view without its tables.
            1054 | 1051 | 1146 | 1347 | 1356 => DestinationError::Altered {
                destination,
                reason,
            },
            // No access to the host, the database, a table or a column; no such database; a read-only
            // server; a locked account, an expired password, TLS required.
            1044 | 1045 | 1049 | 1130 | 1142 | 1143 | 1227 | 1290 | 1370 | 1410 | 1698 | 1792
            | 1820 | 1836 | 1862 | 3118 | 3159 => DestinationError::Refused {
                destination,
                reason,
            },
            _ => DestinationError::Unavailable {
                destination,
                reason,
            },
        }
    }
}

fn server(error: &Error) -> Option<&ServerError> {
    match error {
        Error::Server(error) => Some(error),
        _ => None,
    }
}

/// The number of a server's error; zero of another one.
pub(super) fn code(error: &Error) -> u16 {
    server(error).map_or(0, |error| error.code)
}

/// The text of an error.
pub(super) fn text(error: &Error) -> String {
    match error {
        Error::Server(error) => error.message.clone(),
        // It could repeat the URL.
        Error::Url(_) => "its URL cannot be read".to_owned(),
        error => error.to_string(),
    }
}

/// Whether the server refuses a single row: a constraint, a check, an owner's trigger, a value outside of
/// the type's range. Every other error stops the batch.
pub(super) fn is_of_a_row(error: &Error) -> bool {
    let Some(error) = server(error) else {
        return false;
    };
    let known = matches!(
        error.code,
        // Null, duplicates, foreign keys, too long, out of range, no default, checks (3819, 4025), no such
        // value, row too large, forbidden in a trigger.
        1048 | 1062
            | 1118
            | 1216
            | 1217
            | 1264
            | 1265
            | 1292
            | 1364
            | 1366
            | 1406
            | 1407
            | 1411
            | 1442
            | 1451
            | 1452
            | 1526
            | 1586
            | 1644
            | 1690
            | 3819
            | 4025
    );
    // Signals of a trigger.
    known || error.state.starts_with("45") || error.state.starts_with("22")
}

/// Whether a lock was not to be had in time.
pub(super) fn is_locked(error: &Error) -> bool {
    matches!(code(error), 1205 | 1213)
}
