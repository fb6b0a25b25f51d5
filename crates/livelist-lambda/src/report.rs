//! Reports errors: writes the whole chain to the log once, and gives Step Functions the stable name.

use lambda_runtime::Diagnostic;
use livelist_steps::StepError;

/// Step Functions keeps 32 KiB of a cause; an operator reads less.
const LONGEST: usize = 4_000;

/// Lambda's answer for `error`: `errorType` is its stable name, `errorMessage` the message and, on a
/// separate line, the advice.
pub(crate) fn diagnostic(error: &StepError) -> Diagnostic {
    let mut message: String = error.chain().chars().take(LONGEST).collect();
    message.push('\n');
    message.push_str(error.advice());
    Diagnostic {
        error_type: error.name().to_owned(),
        error_message: message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use livelist_store::StoreError;

    #[test]
    fn a_diagnostic_has_the_stable_name_every_cause_and_the_advice() {
        let error = StepError::from(StoreError::unavailable("reading x", "reset by peer"));
        let told = diagnostic(&error);
        assert_eq!(told.error_type, "StoreUnavailable");
        assert_eq!(
            told.error_message,
            format!(
                "storage gave no result: reading x is not available: reset by peer\n{}",
                error.advice()
            )
        );
    }

    #[test]
    fn a_long_message_is_cut_and_keeps_its_advice() {
        let error = StepError::InputInvalid("ß".repeat(100_000));
        let told = diagnostic(&error);
        assert!(told.error_message.len() < 10_000);
        assert!(told.error_message.ends_with(error.advice()));
    }
}
