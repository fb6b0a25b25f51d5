//! Starting simulators, and reading all pages of a scan the way any client would.

use livelist_mls::{Control, Credential, MlsSpec, Provider, Simulator};

use crate::client::{Ask, Reply, get, post};

/// One simulated MLS named `abor` and what is needed to ask it.
pub struct Stage {
    pub simulator: Simulator,
    pub control: Control,
    pub base: String,
    pub provider: Provider,
    credential: Credential,
}

pub async fn stage(spec: MlsSpec) -> Stage {
    let (mls, provider) = (spec.mls.clone(), spec.provider);
    let credential = spec.credential.clone();
    let simulator = Simulator::start(vec![spec]).await.expect("starts");
    Stage {
        control: simulator.control(&mls).expect("known"),
        base: simulator.base_url(&mls),
        simulator,
        provider,
        credential,
    }
}

pub fn spec(provider: Provider, listings: u64) -> MlsSpec {
    MlsSpec {
        seed: 11,
        ..MlsSpec::new("abor", provider, listings)
    }
}

impl Stage {
    /// A request with what has to be in its head besides a token.
    pub fn ask(&self, url: &str) -> Ask {
        self.keyed(get(url))
    }

    fn keyed(&self, ask: Ask) -> Ask {
        match &self.credential {
            Credential::ClientCredentialsWithApiKey { api_key, .. } => {
                ask.header("x-api-key", api_key)
            }
            _ => ask,
        }
    }

    pub fn token_request(&self) -> Ask {
        let form = match &self.credential {
            Credential::ClientCredentials {
                client_id: id,
                client_secret: secret,
            }
            | Credential::ClientCredentialsWithApiKey {
                client_id: id,
                client_secret: secret,
                ..
            } => {
                let scope = match self.provider {
                    Provider::Crea => "DDFApi_Read",
                    _ => "api",
                };
                format!(
                    "grant_type=client_credentials&client_id={id}&client_secret={secret}&scope={scope}"
                )
            }
            Credential::Password {
                username, password, ..
            } => format!("grant_type=password&username={username}&password={password}"),
            Credential::Token(_) => panic!("a token is not asked for"),
        };
        let ask = post(&self.simulator.token_url("abor"), &form);
        self.keyed(ask.header("content-type", "application/x-www-form-urlencoded"))
    }

    pub async fn token(&self) -> String {
        match &self.credential {
            Credential::Token(token) => token.clone(),
            _ => {
                let reply = self.token_request().send().await;
                reply.json()["access_token"].as_str().unwrap().to_owned()
            }
        }
    }

    /// Asks for a path behind the base URL, or a whole URL, as the client is due to.
    pub async fn get(&self, path: &str) -> Reply {
        let url = match path.strip_prefix("http://") {
            Some(_) => path.to_owned(),
            None => format!("{}/{}", self.base, path.trim_start_matches('/')),
        };
        let token = self.token().await;
        self.ask(&url).bearer(&token).gzip().send().await
    }

    /// All pages from here to the end, by the links in them.
    pub async fn scan(&self, first: &str) -> Vec<Reply> {
        let token = self.token().await;
        let mut url = format!("{}/{first}", self.base);
        let mut pages = Vec::new();
        loop {
            let page = self.ask(&url).bearer(&token).gzip().send().await;
            assert_eq!(page.status, 200, "{url}: {}", page.text());
            let next = page.next();
            pages.push(page);
            match next {
                Some(next) if next.starts_with("http") => url = next,
                Some(next) => url = format!("{}/{next}", self.base),
                None => return pages,
            }
            assert!(pages.len() < 1_000, "no end");
        }
    }

    /// The keys of a whole scan, in the order they came.
    pub async fn keys(&self, first: &str) -> Vec<String> {
        let pages = self.scan(first).await;
        pages.iter().flat_map(Reply::keys).collect()
    }

    /// An OData condition on these keys.
    pub fn by_keys(keys: &[String]) -> String {
        let quoted: Vec<_> = keys
            .iter()
            .map(|key| format!("ListingKey eq '{}'", escaped(&key.replace('\'', "''"))))
            .collect();
        quoted.join(" or ")
    }
}

/// Percent-encodes what a query cannot hold raw.
pub fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'%' | b'&' | b'+' | b'#' | b' ' | b'/' => out.push_str(&format!("%{byte:02X}")),
            _ => out.push(char::from(byte)),
        }
    }
    out
}

pub fn sorted(mut keys: Vec<String>) -> Vec<String> {
    keys.sort();
    keys
}

/// Every provider, with so many pages that paging matters.
pub async fn every_provider() -> Vec<Stage> {
    let mut stages = Vec::new();
    for provider in Provider::ALL {
        let mut spec = spec(provider, 230);
        spec.page_limit = Some(50);
        stages.push(stage(spec).await);
    }
    stages
}

#[tokio::test]
async fn an_offset_scan_loses_a_row_when_one_before_it_is_sold() {
    // F8, from nothing but the paging itself.
    for provider in [Provider::MlsGrid, Provider::Reso] {
        let mut spec = spec(provider, 100);
        spec.page_limit = Some(50);
        let stage = stage(spec).await;
        let first = stage.get(&stage.first()).await;
        let sold = stage.control.sell_keys(&first.keys()[..1]);
        let second = stage.get(&first.next().unwrap()).await;
        let mut seen = first.keys();
        seen.extend(second.keys());
        let live = stage.control.live_keys();
        let lost: Vec<_> = live.iter().filter(|key| !seen.contains(key)).collect();
        assert_eq!(lost.len(), 1, "{provider:?}");
        assert!(!sold.contains(lost[0]));
    }
}

#[tokio::test]
async fn the_replication_endpoint_loses_none() {
    let mut spec = spec(Provider::Bridge, 100);
    spec.page_limit = Some(50);
    let stage = stage(spec).await;
    let first = stage.get(&stage.first()).await;
    stage.control.sell_keys(&first.keys()[..1]);
    let second = stage.get(&first.next().unwrap()).await;
    assert_eq!(second.keys().len(), 50);
}

#[tokio::test]
async fn only_what_is_asked_is_in_a_row() {
    for stage in every_provider().await {
        let page = |select| stage.page_of(select).replace("300000", "10");
        let row = stage.get(&page("*")).await.json()["value"][0].clone();
        assert!(row.as_object().unwrap().len() > 8, "{row}");
        let both = page("ListingKey,ModificationTimestamp");
        let row = stage.get(&both).await.json()["value"][0].clone();
        let names: Vec<_> = row.as_object().unwrap().keys().cloned().collect();
        let names: Vec<_> = names.iter().filter(|name| !name.starts_with('@')).collect();
        assert_eq!(names, ["ListingKey", "ModificationTimestamp"], "{row}");
    }
}

#[tokio::test]
async fn nobody_unknown_gets_rows() {
    for stage in every_provider().await {
        let url = format!("{}/{}", stage.base, stage.first());
        let ask = stage.ask(&url).gzip();
        for ask in [
            ask.clone(),
            ask.clone().bearer("wrong"),
            ask.clone().bearer(""),
        ] {
            let reply = ask.send().await;
            assert_eq!(reply.status, 401, "{:?}", stage.provider);
            assert!(!reply.text().contains("ListingKey"));
        }
        stage.control.revoke(true);
        let shown = stage.control.secrets().pop().unwrap();
        assert_eq!(ask.bearer(&shown).send().await.status, 401);
        stage.control.revoke(false);
        assert_eq!(stage.get(&stage.first()).await.status, 200);
    }
}

#[tokio::test]
async fn what_is_not_understood_is_refused_in_words() {
    for stage in every_provider().await {
        for query in [
            "$filter=ListPrice gt 5",
            "$filter=ListingKey eq",
            "$top=x",
            "$wonder=1",
        ] {
            let reply = stage
                .get(&format!("Property?class=Residential&{query}"))
                .await;
            assert_eq!(reply.status, 400, "{:?} {query}", stage.provider);
            assert!(reply.json()["error"]["message"].is_string());
        }
        assert_eq!(stage.get("Nothing?class=Residential").await.status, 404);
    }
}

#[tokio::test]
async fn confirmations_find_exactly_what_lives() {
    for provider in [Provider::Trestle, Provider::Bridge, Provider::Reso] {
        let stage = stage(spec(provider, 400)).await;
        let gone = stage.control.sell(8);
        let live = stage.control.live_keys();
        let mut asked = gone.clone();
        asked.extend_from_slice(&live[..16]);
        let by_or = format!(
            "Property?$select=ListingKey&$top=50&$filter={}",
            Stage::by_keys(&asked)
        );
        let list: Vec<_> = asked
            .iter()
            .map(|k| format!("'{}'", escaped(&k.replace('\'', "''"))))
            .collect();
        let by_in = format!(
            "Property?$select=ListingKey&$top=50&$filter=ListingKey in ({})",
            list.join(",")
        );
        for path in [by_or, by_in] {
            let found = stage.get(&path).await;
            assert_eq!(sorted(found.keys()), live[..16], "{provider:?}");
        }
        for (key, status) in [(&live[0], 200), (&live[7], 200), (&gone[0], 404)] {
            let path = format!(
                "Property('{}')?$select=ListingKey",
                escaped(&key.replace('\'', "''"))
            );
            let found = stage.get(&path).await;
            assert_eq!(found.status, status);
            if status == 200 {
                assert_eq!(found.json()["ListingKey"], key.as_str());
            }
        }
    }
}
