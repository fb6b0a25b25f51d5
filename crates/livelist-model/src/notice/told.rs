//! Which clients are notified of a feed.

use crate::ids::{ClientId, FeedId};
use crate::registry::Registry;
use crate::run::FeedSpec;

/// The enabled clients that have the feed and want webhooks, in the order of their names.
pub fn told(registry: &Registry, feed: &FeedId) -> Vec<ClientId> {
    let has_it = |client: &crate::registry::Client| {
        client.pairs.iter().filter(|pair| pair.enabled).any(|pair| {
            let mls = registry.mls.get(&pair.mls).filter(|mls| mls.enabled);
            mls.is_some_and(|mls| FeedSpec::resolve(mls, pair).feed == *feed)
        })
    };
    let clients = registry.clients.values();
    clients
        .filter(|client| client.notify.is_some() && has_it(client))
        .map(|client| client.client.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{AnyProvider, RegistryBuilder};

    fn registry() -> Registry {
        let mut builder = RegistryBuilder::new(&AnyProvider);
        for (name, extra) in [("abor", ""), ("cold", r#","enabled":false"#)] {
            let text = format!(
                r#"{{"mls":"{name}","provider":"reso","base_url":"https://x.example/odata","credential":"env:X"{extra}}}"#
            );
            builder.mls(&format!("mls/{name}.json"), text.as_bytes());
        }
        let notify = r#","notify":{"url":"https://site.example/?rest_route=/livelist/v1/notify","credential":"ssm:/livelist/notify/x"}"#;
        for (name, notify, pairs) in [
            ("acme", notify, r#"{"mls":"abor","resource":"Property"}"#),
            ("best", "", r#"{"mls":"abor","resource":"Property"}"#),
            (
                "cosy",
                notify,
                r#"{"mls":"abor","resource":"Property","filter":"A eq 1"}"#,
            ),
            (
                "dull",
                notify,
                r#"{"mls":"abor","resource":"Property","enabled":false}"#,
            ),
            ("east", notify, r#"{"mls":"cold","resource":"Property"}"#),
            (
                "fair",
                notify,
                r#"{"mls":"cold","resource":"Property"},{"mls":"abor","resource":"Property"}"#,
            ),
        ] {
            let text = format!(r#"{{"client":"{name}"{notify},"pairs":[{pairs}]}}"#);
            builder.client(&format!("clients/{name}.json"), text.as_bytes());
        }
        let (registry, findings) = builder.finish();
        assert!(findings.is_empty(), "{findings:?}");
        registry
    }

    fn feed(mls: &str, filter: Option<&str>) -> FeedId {
        let (mls, resource) = (mls.parse().unwrap(), "Property".parse().unwrap());
        FeedId::of(&mls, &resource, "env:X", filter)
    }

    #[test]
    fn those_are_told_who_have_the_feed_and_want_to_know() {
        let registry = registry();
        let told = |mls, filter| -> Vec<String> {
            let clients = told(&registry, &feed(mls, filter));
            clients.into_iter().map(String::from).collect()
        };
        assert_eq!(told("abor", None), ["acme", "fair"]);
        assert_eq!(told("abor", Some("A eq 1")), ["cosy"]);
        assert!(told("cold", None).is_empty(), "the MLS is disabled");
        assert!(told("else", None).is_empty());
    }
}
