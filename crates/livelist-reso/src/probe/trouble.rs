//! Advice for a request that failed: by the class of the error, which fields of the MLS's document may be
//! wrong. Pure.

use livelist_model::run::FeedSpec;
use livelist_model::with_causes;

use super::check::Check;
use crate::allow::LinkError;
use crate::error::ClientError;
use crate::page::PageError;

/// `check`, failed with `error`, and the advice.
pub(super) fn trouble(check: Check, feed: &FeedSpec, error: &ClientError) -> Check {
    let check = check.fail(with_causes(error));
    match error {
        ClientError::Throttled(_) => check.advise("wait as long as told and probe again").change(
            "limits",
            "give the account's real budget if this comes back",
        ),
        ClientError::Unauthorized => check.change(
            "credential",
            "the token was let in before: see that nobody else has a new one issued meanwhile",
        ),
        ClientError::CredentialRefused(_) => check
            .change(
                "credential",
                "compare what is behind the reference with what the provider gave",
            )
            .change(
                "token_url",
                "see that it is the token address of this account",
            ),
        ClientError::Denied { .. } => {
            let check = check.change(
                "base_url",
                format!(
                    "see that it is where `/{}` begins; it is {}",
                    feed.resource, feed.base_url
                ),
            );
            check
                .change("dataset", "see that it is the one of this account")
                .advise("ask the provider whether the account may read this resource")
        }
        ClientError::Rejected { .. } => rejected(check, feed),
        ClientError::Page(PageError::Key { .. }) => check.change(
            "key_field",
            format!(
                "give the field that every row has and that identifies it, if that is not `{}`",
                feed.key_field
            ),
        ),
        ClientError::Page(PageError::Order) => check.change(
            "provider",
            "the server does not sort as asked: choose a dialect that follows links (`reso`)",
        ),
        ClientError::Page(PageError::Shape(what)) if what.contains("by which it is read") => check
            .change(
                "provider",
                "rows lack the field that this dialect reads by: choose one that follows links \
                 (`reso`)",
            ),
        ClientError::Page(_) => check
            .change(
                "base_url",
                format!(
                    "it seems to lead to something else than the API; it is {}",
                    feed.base_url
                ),
            )
            .advise("if the address is right, the server is down: probe again later"),
        ClientError::Link(LinkError::Host { host }) => check.change(
            "allow_hosts",
            format!("add \"{host}\" if the provider confirms that the host is its own"),
        ),
        ClientError::Link(LinkError::Port { port, .. }) => check.change(
            "base_url",
            format!(
                "give it with port {port} if the provider confirms that its API is there; it is {}",
                feed.base_url
            ),
        ),
        ClientError::Link(_) => {
            check.advise("the token may not go there: the provider has to give https links")
        }
        ClientError::Unavailable { .. } => check
            .change(
                "base_url",
                format!("see that it is right; it is {}", feed.base_url),
            )
            .advise("if it is, the server is down or slow: probe again later"),
        ClientError::Loop { .. } => {
            check.advise("the server's paging leads back to where it was: ask the provider")
        }
        ClientError::Endless(_) => check
            .change(
                "max_requests",
                "give as many as a scan really needs, if the pages are sound",
            )
            .advise("ask the provider why its pages show nothing new"),
        ClientError::OutOfTime => check.advise("probe again"),
        ClientError::TooLarge { .. } => check.change("page_size", "give a smaller one"),
        ClientError::Settings(_) | ClientError::UnknownProvider(_) => {
            check.change("provider", "see what `livelist providers` says of it")
        }
        ClientError::Internal(_) => check.advise("probe again; report it if it comes back"),
    }
}

fn rejected(check: Check, feed: &FeedSpec) -> Check {
    let mut check = check;
    if feed.filter.is_some() {
        check =
            check.advise("probe without `--filter`: if that works, the filter is not understood");
    }
    if feed.originating_system.is_some() {
        check = check.change("originating_system", "see that the name is spelt as given");
    }
    if !feed.parameters.is_empty() {
        check = check.change("parameters", "see that names and values are the provider's");
    }
    check.change(
        "provider",
        "see that the dialect is the server's; `livelist providers` lists them",
    )
}
