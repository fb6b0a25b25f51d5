//! Maps the errors of this crate to HTTP answers.

use livelist_api::ApiError;
use livelist_model::with_causes;
use livelist_store::registry::DocumentError;

use crate::OpsError;

impl From<OpsError> for ApiError {
    fn from(error: OpsError) -> ApiError {
        match error {
            OpsError::Unknown { what, name, .. } => ApiError::Unknown(format!("{what} {name}")),
            OpsError::Registry(DocumentError::Missing(file)) => {
                ApiError::Unknown(format!("{file} in the registry"))
            }
            OpsError::Registry(DocumentError::Store(error)) | OpsError::Store(error) => {
                error.into()
            }
            OpsError::Damaged { .. } => ApiError::unsound(error.to_string()),
            OpsError::Step(step) => {
                let told = format!("{}: {}. {}", step.name(), with_causes(&step), step.advice());
                ApiError::failed(told, step)
            }
            OpsError::Internal => ApiError::Internal,
            error => ApiError::Conflict(sentence(&error.to_string())),
        }
    }
}

/// The text as a complete sentence.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().unwrap_or_default().to_uppercase();
    format!("{first}{}.", chars.as_str().trim_end_matches('.'))
}
