//! Simulated MLSs in process: no sockets, no waiting, and time by any clock. The server over sockets uses
//! exactly this.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::body::Bytes;
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, StatusCode};
use serde::Serialize;

use crate::answer::{Answer, Delivery};
use crate::clock::Clock;
use crate::control::{Control, remote};
use crate::incoming::Incoming;
use crate::mls::Mls;
use crate::spec::{MlsSpec, Provider, SpecError};

/// The first path segment of the controls; no MLS can have it as its name.
const CONTROLS: &str = "_control";

/// Simulated MLSs that are asked by function call.
pub struct Town {
    mlss: BTreeMap<String, Control>,
}

/// How one simulated MLS is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// The MLS's name.
    pub mls: String,
    /// The provider whose API it has.
    pub provider: Provider,
    /// The base URL for the registry document.
    pub base_url: String,
    /// The token URL, if it issues tokens.
    pub token_url: Option<String>,
    /// Further members of the registry document.
    pub settings: serde_json::Map<String, serde_json::Value>,
}

impl Town {
    /// Opens these MLSs, which live by `clock`.
    ///
    /// # Errors
    /// The specs cannot be served together.
    pub fn new(specs: Vec<MlsSpec>, clock: &Arc<dyn Clock>) -> Result<Self, SpecError> {
        MlsSpec::check(&specs)?;
        let named = specs.into_iter().map(|spec| {
            let name = spec.mls.clone();
            let mls = Mls::open_by(spec, Arc::clone(clock));
            (name, Control::new(mls))
        });
        Ok(Self {
            mlss: named.collect(),
        })
    }

    /// The controls of an MLS.
    pub fn control(&self, mls: &str) -> Option<Control> {
        self.mlss.get(mls).cloned()
    }

    /// How an MLS is reached under `origin`, a scheme and an authority.
    pub fn endpoint(&self, mls: &str, origin: &str) -> Option<Endpoint> {
        let mls = self.mlss.get(mls)?.mls();
        Some(Endpoint {
            mls: mls.spec.mls.clone(),
            provider: mls.spec.provider,
            base_url: format!("{origin}{}", mls.base_path()),
            token_url: mls.token_path().map(|path| format!("{origin}{path}")),
            settings: mls.spec.settings(),
        })
    }

    /// How every MLS is reached under `origin`, by name.
    pub fn endpoints(&self, origin: &str) -> Vec<Endpoint> {
        let names = self.mlss.keys();
        names.filter_map(|mls| self.endpoint(mls, origin)).collect()
    }

    /// Answers a request. The first segment of its path is the MLS; links in the answer lead to the
    /// scheme and host that the request was sent to.
    pub fn send(&self, request: Request<Bytes>) -> Delivery {
        let (head, body) = request.into_parts();
        let mut headers = head.headers;
        if let (None, Some(authority)) = (headers.get(HOST), head.uri.authority())
            && let Ok(host) = HeaderValue::from_str(authority.as_str())
        {
            headers.insert(HOST, host);
        }
        let incoming = Incoming::new(head.method, &head.uri, headers, body);
        self.answer(&incoming).deliver(incoming.takes_gzip())
    }

    fn answer(&self, incoming: &Incoming) -> Answer {
        let path: Vec<&str> = incoming.path.iter().map(String::as_str).collect();
        match path[..] {
            [CONTROLS, "mlss"] => {
                let all = self.endpoints(&incoming.origin());
                Answer::json(StatusCode::OK, &serde_json::json!(all))
            }
            [CONTROLS, mls, verb] => match self.mlss.get(mls) {
                Some(control) => control.answer(verb, incoming),
                None => remote::refused(StatusCode::NOT_FOUND, "no such mls"),
            },
            [mls, ..] => match self.mlss.get(mls) {
                Some(control) => control.mls().answer(incoming),
                None => remote::refused(StatusCode::NOT_FOUND, "no such mls"),
            },
            [] => remote::refused(StatusCode::NOT_FOUND, "no such mls"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::clock::SetClock;
    use crate::spec::Credential;

    fn ask(town: &Town, method: &str, url: &str, token: &str, body: &str) -> (StatusCode, String) {
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header("authorization", format!("Bearer {token}"))
            .body(Bytes::copy_from_slice(body.as_bytes()))
            .unwrap();
        let delivery = town.send(request);
        let body = delivery.pieces.into_pieces().collect::<Vec<_>>().concat();
        (delivery.status, String::from_utf8(body).unwrap())
    }

    #[test]
    fn a_town_lives_by_its_clock_and_under_its_hosts() {
        let clock = Arc::new(SetClock::at(Timestamp::UNIX_EPOCH));
        let spec = MlsSpec::new("abor", Provider::Trestle, 30);
        let Credential::ClientCredentials {
            client_id,
            client_secret,
        } = spec.credential.clone()
        else {
            panic!("Trestle wants client credentials");
        };
        let seconds = spec.token_seconds;
        let shared: Arc<dyn Clock> = clock.clone();
        let town = Town::new(vec![spec], &shared).unwrap();
        let place = town.endpoint("abor", "https://abor.example").unwrap();
        let form = format!(
            "grant_type=client_credentials&scope=api&client_id={client_id}&client_secret={client_secret}"
        );
        let (status, body) = ask(&town, "POST", &place.token_url.unwrap(), "", &form);
        assert_eq!(status, StatusCode::OK);
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let token = body["access_token"].as_str().unwrap();
        let page = format!("{}/Property?$top=10", place.base_url);
        let (status, body) = ask(&town, "GET", &page, token, "");
        assert_eq!(status, StatusCode::OK);
        assert!(body.contains("\"@odata.nextLink\":\"https://abor.example/"));
        clock.set(Timestamp::UNIX_EPOCH + Duration::from_secs(seconds));
        let (status, _) = ask(&town, "GET", &page, token, "");
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
}
