//! What the dialects know about registry documents: which providers exist, how each authenticates, and
//! which fields each needs.

use livelist_model::registry::{AuthKind, Finding, Mls, Providers};

use crate::dialect::Dialect;

/// The JSON Schema of `mls` or `client` documents, with the names of the providers.
pub fn schema(kind: &str) -> Option<serde_json::Value> {
    let mut schema = livelist_model::registry::schema(kind)?;
    if let Some(provider) = schema.pointer_mut("/$defs/Provider") {
        provider["enum"] = serde_json::json!(Dialects::names());
    }
    Some(schema)
}

/// The providers of this version. With them a registry document is completed and checked.
///
/// ```
/// use livelist_model::registry::parse_mls;
/// use livelist_reso::Dialects;
///
/// let text = br#"{ "mls": "abor", "provider": "trestle", "credential": "ssm:/livelist/mls/abor",
///                  "base_url": "https://api.cotality.com/trestle/odata" }"#;
/// let mls = parse_mls("mls/abor.json", text, &Dialects).unwrap();
/// assert_eq!(mls.auth_kind().as_str(), "client_credentials", "as Trestle wants it");
///
/// let misspelt = br#"{ "mls": "abor", "provider": "trestel", "credential": "ssm:/livelist/mls/abor",
///                      "base_url": "https://api.cotality.com/trestle/odata" }"#;
/// let findings = parse_mls("mls/abor.json", misspelt, &Dialects).unwrap_err();
/// assert_eq!(findings[0].field, "provider");
/// assert!(findings[0].remedy.contains("trestle"));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Dialects;

impl Dialects {
    /// The names, in order.
    pub fn names() -> Vec<&'static str> {
        Dialect::all().map(|dialect| dialect.name).collect()
    }
}

impl Providers for Dialects {
    fn complete(&self, file: &str, mls: &mut Mls) -> Vec<Finding> {
        let finding = |field: &str, problem: String, remedy: String| Finding {
            file: file.to_owned(),
            field: field.to_owned(),
            problem,
            remedy,
        };
        let Some(dialect) = Dialect::of(mls.provider.as_str()) else {
            return vec![finding(
                "provider",
                format!("this version knows no provider `{}`", mls.provider),
                format!(
                    "give one of {}; `reso` is for any other RESO Web API server",
                    Dialects::names().join(", ")
                ),
            )];
        };
        let mut findings = Vec::new();
        let auth = mls.auth.unwrap_or_else(|| usual(&dialect, mls));
        mls.auth = Some(auth);
        if !dialect.auth.contains(&auth) {
            let known: Vec<&str> = dialect.auth.iter().map(|a| a.as_str()).collect();
            findings.push(finding(
                "auth",
                format!(
                    "{} does not authenticate by {}",
                    dialect.title,
                    auth.as_str()
                ),
                format!("give {}, or leave it out", known.join(" or ")),
            ));
        } else if auth != AuthKind::ServerToken
            && mls.token_url.is_none()
            && dialect.token_url.is_none()
        {
            findings.push(finding(
                "token_url",
                format!("{} issues tokens, and it is not said where", dialect.title),
                "add `token_url` with the address that the provider gave".to_owned(),
            ));
        }
        if dialect.needs_system && mls.originating_system.is_none() {
            findings.push(finding(
                "originating_system",
                format!(
                    "{} answers only requests that name one OriginatingSystemName",
                    dialect.title
                ),
                "add `originating_system` with the name that the provider gave for this MLS"
                    .to_owned(),
            ));
        }
        findings
    }
}

/// The authentication that the document suggests: if it has a token URL, tokens are requested.
fn usual(dialect: &Dialect, mls: &Mls) -> AuthKind {
    let requests = |auth: &&AuthKind| **auth != AuthKind::ServerToken;
    let first = dialect.auth.first();
    let usual = match mls.token_url {
        Some(_) => dialect.auth.iter().find(requests).or(first),
        None => first,
    };
    usual.copied().unwrap_or(AuthKind::ServerToken)
}

#[cfg(test)]
mod tests {
    use livelist_model::registry::parse_mls;

    use super::*;

    fn parse(rest: &str) -> Result<Mls, Vec<Finding>> {
        let text = format!(
            r#"{{"mls":"abor","base_url":"https://x.example/odata","credential":"env:X",{rest}}}"#
        );
        parse_mls("mls/abor.json", text.as_bytes(), &Dialects)
    }

    fn auth(rest: &str) -> AuthKind {
        parse(rest).unwrap().auth_kind()
    }

    #[test]
    fn each_provider_authenticates_in_its_way() {
        use AuthKind::{ClientCredentials, Password, ServerToken};
        let url = r#""token_url":"https://x.example/token""#;
        assert_eq!(auth(r#""provider":"trestle""#), ClientCredentials);
        assert_eq!(auth(r#""provider":"bridge""#), ServerToken);
        assert_eq!(auth(&format!(r#""provider":"bridge",{url}"#)), ServerToken);
        assert_eq!(auth(r#""provider":"reso""#), ServerToken);
        assert_eq!(
            auth(&format!(r#""provider":"reso",{url}"#)),
            ClientCredentials
        );
        assert_eq!(
            auth(&format!(r#""provider":"paragon",{url}"#)),
            ClientCredentials
        );
        assert_eq!(auth(&format!(r#""provider":"rapattoni",{url}"#)), Password);
    }

    #[test]
    fn what_a_provider_needs_and_is_not_said_is_found() {
        for (rest, field) in [
            (r#""provider":"tresle""#, "provider"),
            (r#""provider":"trestle","auth":"password""#, "auth"),
            (
                r#""provider":"reso","auth":"client_credentials""#,
                "token_url",
            ),
            (r#""provider":"rapattoni""#, "token_url"),
            (r#""provider":"mlsgrid""#, "originating_system"),
        ] {
            let findings = parse(rest).unwrap_err();
            assert_eq!(findings[0].field, field, "{rest}: {findings:?}");
        }
    }
}
