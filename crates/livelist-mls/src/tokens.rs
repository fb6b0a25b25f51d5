//! Authentication: the credential of an MLS, the tokens issued for it, and their expiry.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::query::Query;
use crate::spec::{Credential, MlsSpec, Provider, RefreshReuse, TokenReuse};

/// The tokens of one MLS.
pub(crate) struct Tokens {
    credential: Credential,
    name: String,
    life: Duration,
    reuse: TokenReuse,
    refresh_reuse: RefreshReuse,
    living: Vec<(String, Instant)>,
    refreshes: Vec<Refresh>,
    ever: Vec<String>,
    /// How many requests a token serves, and how many each has served.
    most_served: Option<u64>,
    served: HashMap<String, u64>,
    /// Whether nothing is accepted any more.
    pub revoked: bool,
}

/// A refresh token, and the one it was got for.
struct Refresh {
    token: String,
    before: Option<String>,
}

impl Tokens {
    pub fn new(spec: &MlsSpec) -> Self {
        let reuse = match (spec.options.tokens, spec.provider) {
            (TokenReuse::Usual, Provider::Constellation1) => TokenReuse::Cached,
            (TokenReuse::Usual, _) => TokenReuse::Fresh,
            (set, _) => set,
        };
        Self {
            credential: spec.credential.clone(),
            name: format!("{} {}", spec.mls, spec.seed),
            life: Duration::from_secs(spec.token_seconds),
            reuse,
            refresh_reuse: spec.options.refresh,
            living: Vec::new(),
            refreshes: Vec::new(),
            ever: Vec::new(),
            most_served: spec.options.contrary.token_requests,
            served: HashMap::new(),
            revoked: false,
        }
    }

    /// Whether a token request has the right credentials. `basic` are those in its header.
    pub fn grants(&self, form: &Query, basic: Option<&(String, String)>) -> bool {
        let shown = match (form.get("client_id"), form.get("client_secret"), basic) {
            (Some(id), Some(secret), _) => Some((id, secret)),
            (_, _, Some((id, secret))) => Some((id.as_str(), secret.as_str())),
            _ => None,
        };
        let granted = match (&self.credential, form.get("grant_type")) {
            (
                Credential::ClientCredentials {
                    client_id,
                    client_secret,
                }
                | Credential::ClientCredentialsWithApiKey {
                    client_id,
                    client_secret,
                    ..
                },
                Some("client_credentials"),
            ) => shown == Some((client_id, client_secret)),
            (
                Credential::Password {
                    username,
                    password,
                    client_id,
                    client_secret,
                },
                Some(grant @ ("password" | "refresh_token")),
            ) => {
                let client = client_id.as_deref().zip(client_secret.as_deref());
                let known = match grant {
                    "password" => {
                        form.get("username") == Some(username)
                            && form.get("password") == Some(password)
                    }
                    _ => form.get("refresh_token").is_some_and(|shown| {
                        self.refreshes.iter().any(|known| known.token == shown)
                    }),
                };
                known && client.is_none_or(|client| shown == Some(client))
            }
            _ => false,
        };
        granted && !self.revoked
    }

    /// The refresh token for a new token, if the credential has one; `used` is the one of the request.
    pub fn refresh(&mut self, used: Option<&str>) -> Option<String> {
        if !matches!(self.credential, Credential::Password { .. }) {
            return None;
        }
        if let Some(used) = used {
            let over = match self.refresh_reuse {
                RefreshReuse::Lasting => return Some(used.to_owned()),
                RefreshReuse::Once => Some(used.to_owned()),
                RefreshReuse::UntilNextIsUsed => {
                    let known = self.refreshes.iter().find(|known| known.token == used);
                    known.and_then(|known| known.before.clone())
                }
            };
            self.refreshes
                .retain(|known| Some(&known.token) != over.as_ref());
        }
        let token = self.mint();
        self.refreshes.push(Refresh {
            token: token.clone(),
            before: used.map(str::to_owned),
        });
        Some(token)
    }

    fn mint(&mut self) -> String {
        let hash = Sha256::digest(format!("{} {}", self.name, self.ever.len()));
        let token = URL_SAFE_NO_PAD.encode(hash);
        self.ever.push(token.clone());
        token
    }

    /// A token and the seconds it has left.
    pub fn issue(&mut self, now: Instant) -> (String, u64) {
        self.living.retain(|(_, until)| *until > now);
        match self.reuse {
            TokenReuse::Cached => {
                if let Some((token, until)) = self.living.last() {
                    return (token.clone(), until.duration_since(now).as_secs());
                }
            }
            TokenReuse::Single => self.living.clear(),
            TokenReuse::Fresh | TokenReuse::Usual => {}
        }
        let token = self.mint();
        self.living.push((token.clone(), now + self.life));
        (token, self.life.as_secs())
    }

    /// Whether a request that shows this token is let in.
    pub fn accepts(&self, shown: Option<&str>, now: Instant) -> bool {
        let Some(shown) = shown.filter(|_| !self.revoked) else {
            return false;
        };
        match &self.credential {
            Credential::Token(token) => token == shown,
            _ => {
                let mut living = self.living.iter();
                living.any(|(token, until)| token == shown && *until > now)
            }
        }
    }

    /// Whether this token was issued, and is no longer taken.
    pub fn is_over(&self, shown: Option<&str>, now: Instant) -> bool {
        shown.is_some_and(|shown| self.ever.iter().any(|token| token == shown))
            && !self.revoked
            && !self.accepts(shown, now)
    }

    /// Counts a request with this token, which may be its last.
    pub fn serve(&mut self, shown: Option<&str>) {
        let (Some(most), Some(shown)) = (self.most_served, shown) else {
            return;
        };
        let served = self.served.entry(shown.to_owned()).or_default();
        *served += 1;
        if *served >= most {
            self.end(shown);
        }
    }

    /// Expires one issued token; a static one cannot expire.
    pub fn end(&mut self, shown: &str) {
        self.living.retain(|(token, _)| token != shown);
    }

    pub fn end_all(&mut self) {
        self.living.clear();
    }

    /// The secrets of the credential, and every token ever issued.
    pub fn secrets(&self) -> Vec<String> {
        let own = self.credential.secrets().into_iter().map(str::to_owned);
        own.chain(self.ever.iter().cloned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::spec::Provider;

    fn tokens(reuse: TokenReuse) -> Tokens {
        let mut spec = MlsSpec::new("abor", Provider::Trestle, 0);
        spec.options.tokens = reuse;
        Tokens::new(&spec)
    }

    #[test]
    fn tokens_end_with_their_life() {
        let mut tokens = tokens(TokenReuse::Fresh);
        let now = clock::instant();
        let (token, seconds) = tokens.issue(now);
        assert_eq!(seconds, 3600);
        assert!(tokens.accepts(Some(&token), now));
        assert!(!tokens.accepts(Some(&token), now + Duration::from_secs(3600)));
        assert!(!tokens.accepts(None, now) && !tokens.accepts(Some("x"), now));
        tokens.revoked = true;
        assert!(!tokens.accepts(Some(&token), now));
    }

    #[test]
    fn a_refresh_token_serves_as_often_as_is_set() {
        let form =
            |token: &str| Query::parse(&format!("grant_type=refresh_token&refresh_token={token}"));
        for (reuse, first_after_second, first_after_third) in [
            (RefreshReuse::Once, false, false),
            (RefreshReuse::UntilNextIsUsed, true, false),
            (RefreshReuse::Lasting, true, true),
        ] {
            let mut spec = MlsSpec::new("bari", Provider::Rapattoni, 0);
            spec.options.refresh = reuse;
            let mut tokens = Tokens::new(&spec);
            assert!(!tokens.grants(&form("none"), None));
            let first = tokens.refresh(None).unwrap();
            assert!(tokens.grants(&form(&first), None));
            let second = tokens.refresh(Some(&first)).unwrap();
            assert!(tokens.grants(&form(&second), None));
            assert_eq!(
                tokens.grants(&form(&first), None),
                first_after_second,
                "{reuse:?}"
            );
            let third = tokens.refresh(Some(&second)).unwrap();
            assert!(tokens.grants(&form(&third), None));
            assert_eq!(
                tokens.grants(&form(&first), None),
                first_after_third,
                "{reuse:?}"
            );
            assert!(tokens.secrets().contains(&third));
        }
    }

    #[test]
    fn another_token_does_to_the_first_what_the_provider_does() {
        let now = clock::instant();
        let later = now + Duration::from_secs(600);
        for (reuse, same, first_lives) in [
            (TokenReuse::Fresh, false, true),
            (TokenReuse::Cached, true, true),
            (TokenReuse::Single, false, false),
        ] {
            let mut tokens = tokens(reuse);
            let (first, _) = tokens.issue(now);
            let (second, left) = tokens.issue(later);
            assert_eq!(first == second, same);
            assert_eq!(left, if same { 3000 } else { 3600 });
            assert_eq!(tokens.accepts(Some(&first), later), first_lives);
            assert!(tokens.secrets().contains(&first) && tokens.secrets().contains(&second));
        }
    }
}
