//! Formats an error and its causes as one line. The text of an error in this project never repeats
//! its source, so each cause appears once.

use std::error::Error;

/// An error and its causes in one line, separated by colons.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
