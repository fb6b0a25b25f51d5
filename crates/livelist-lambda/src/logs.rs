//! Sets up the log: JSON lines on standard output, with the fields at the top level, so that
//! CloudWatch can query them.

use std::panic;

use tracing_subscriber::EnvFilter;

const DEFAULT: &str = "info";

/// Other crates log more than operators need, and below `info` some print what they send and receive,
/// including tokens. The filter never enables them. The runtime's own line about an error would only repeat
/// ours.
const OTHERS: &[&str] = &[
    "aws_config=warn",
    "aws_runtime=warn",
    "aws_sdk_kms=warn",
    "aws_sdk_s3=warn",
    "aws_sdk_sfn=warn",
    "aws_sdk_sns=warn",
    "aws_sdk_sqs=warn",
    "aws_sdk_ssm=warn",
    "aws_sdk_sts=warn",
    "aws_sigv4=warn",
    "aws_smithy_http=warn",
    "aws_smithy_http_client=warn",
    "aws_smithy_runtime=warn",
    "aws_smithy_runtime_api=warn",
    "h2=warn",
    "hyper=warn",
    "hyper_rustls=warn",
    "hyper_util=warn",
    "lambda_http=info",
    "lambda_runtime=info",
    "lambda_runtime::layers::panic=off",
    "lambda_runtime_api_client=info",
    "rustls=warn",
    "tower_http=warn",
];

/// The filter that `wanted` asks for, within bounds.
fn filter(wanted: &str) -> Result<EnvFilter, tracing_subscriber::filter::ParseError> {
    let mut filter = EnvFilter::builder().parse(wanted)?;
    for other in OTHERS {
        filter = filter.add_directive(other.parse()?);
    }
    Ok(filter)
}

/// Starts logging with the filter `wanted`; an invalid filter is reported, and `info` is used. Panics are
/// logged too.
pub(crate) fn init(wanted: Option<String>) {
    let wanted = wanted.filter(|w| !w.trim().is_empty());
    let wanted = wanted.as_deref().unwrap_or(DEFAULT);
    let (filter, wrong) = match filter(wanted) {
        Ok(filter) => (filter, None),
        Err(error) => (
            filter(DEFAULT).unwrap_or_else(|_| EnvFilter::new(DEFAULT)),
            Some(error),
        ),
    };
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_env_filter(filter)
        .init();
    if let Some(error) = wrong {
        tracing::warn!("LIVELIST_LOG is {wanted:?}, which is no filter ({error}); info is logged");
    }
    panic::set_hook(Box::new(|info| {
        let at = info.location().map(ToString::to_string);
        let said = info.payload_as_str().unwrap_or("no message");
        tracing::error!(at, "panicked: {said}");
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_opens_the_crates_that_print_what_they_send() {
        for wanted in ["trace", "info,aws_smithy_runtime=trace,hyper=debug"] {
            let shown = filter(wanted).unwrap().to_string();
            assert!(shown.contains("aws_smithy_runtime=warn"), "{shown}");
            assert!(shown.contains("hyper=warn"), "{shown}");
            assert!(!shown.contains("aws_smithy_runtime=trace"), "{shown}");
        }
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_an_error() {
        assert!(filter("livelist=loud").is_err());
    }
}
