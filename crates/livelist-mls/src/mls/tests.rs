//! Whatever is asked, an MLS answers, and never with rows for a stranger.

use hyper::body::Bytes;
use hyper::header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderValue};
use hyper::{HeaderMap, Method, Uri};
use proptest::prelude::*;

use super::Mls;
use crate::answer::{Answer, Body};
use crate::clock;
use crate::incoming::Incoming;
use crate::spec::{Credential, MlsSpec, Provider};

fn mls(provider: Provider) -> Mls {
    let mut spec = MlsSpec::new("abor", provider, 60);
    spec.page_limit = Some(7);
    Mls::open(spec)
}

fn ask(mls: &mut Mls, path: &str, query: &str, known: bool) -> (Answer, String) {
    let target = format!("{}/{path}?{query}", mls.base_path());
    let uri: Uri = target.parse().unwrap_or_else(|_| Uri::from_static("/abor"));
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    if let Credential::ClientCredentialsWithApiKey { api_key, .. } = &mls.spec.credential {
        headers.insert("x-api-key", api_key.parse().unwrap());
    }
    if known {
        let secret = match &mls.spec.credential {
            Credential::Token(token) => token.clone(),
            _ => mls.tokens.issue(clock::instant()).0,
        };
        let bearer = format!("Bearer {secret}").parse().unwrap();
        headers.insert(AUTHORIZATION, bearer);
    }
    let incoming = Incoming::new(Method::GET, &uri, headers, Bytes::new());
    let mut answer = mls.answer(&incoming);
    let body = std::mem::replace(&mut answer.body, Body::Text(String::new()));
    let text = match body {
        Body::Text(text) | Body::Document(text) => text,
        Body::Page(pieces) => pieces
            .map(|piece| String::from_utf8(piece).unwrap())
            .collect(),
    };
    (answer, text)
}

fn option() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("$top"),
        Just("$skip"),
        Just("$select"),
        Just("$filter"),
        Just("$orderby"),
        Just("$count"),
        Just("$skiptoken"),
        Just("next"),
        Just("$expand"),
        Just("class"),
    ];
    let value = prop_oneof![
        any::<u64>().prop_map(|n| n.to_string()),
        (0..90u64).prop_map(|n| n.to_string()),
        Just("true".to_owned()),
        Just("ListingKey".to_owned()),
        Just("ListingKey,City".to_owned()),
        Just("Residential".to_owned()),
        Just("ModificationTimestamp desc".to_owned()),
        Just("OriginatingSystemName eq 'actris'".to_owned()),
        Just("ListingKey gt '5' and ListingKey lt '3'".to_owned()),
        Just("ListingKeyNumeric gt 5000000".to_owned()),
        Just("ListingKeyNumeric".to_owned()),
        Just("ListingKey in ('1','2')".to_owned()),
        "\\PC{0,12}",
    ];
    (name, value).prop_map(|(name, value)| {
        let mut out = format!("{name}=");
        crate::query::Escape::Strict.write(&value, &mut out);
        out
    })
}

proptest! {
    #[test]
    fn every_request_has_an_answer(
        path in prop_oneof![
            Just("Property"), Just("Property/replication"), Just("Property/$count"),
            Just("Property('1')"), Just("Property(1)"), Just("Member"), Just("Deleted"),
            Just("Property/PropertyReplication(DestinationId=1)"),
        ],
        options in proptest::collection::vec(option(), 0..5),
        known in any::<bool>(),
    ) {
        for provider in Provider::ALL {
            let mut mls = mls(provider);
            let (answer, text) = ask(&mut mls, path, &options.join("&"), known);
            if !known {
                prop_assert_eq!(answer.status.as_u16(), 401);
                prop_assert_eq!(answer.rows, 0);
            } else if answer.status.is_success() {
                prop_assert!(answer.rows <= 7);
                prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
            } else {
                prop_assert!(answer.status.is_client_error());
            }
        }
    }
}
