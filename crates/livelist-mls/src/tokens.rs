//! Who may ask: the credential of an MLS, the tokens issued for it, and when they end.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::spec::{Credential, MlsSpec, TokenReuse};

/// The tokens of one MLS.
pub(crate) struct Tokens {
    credential: Credential,
    name: String,
    life: Duration,
    reuse: TokenReuse,
    living: Vec<(String, Instant)>,
    ever: Vec<String>,
    /// Whether nothing is accepted any more.
    pub revoked: bool,
}

impl Tokens {
    pub fn new(spec: &MlsSpec) -> Self {
        Self {
            credential: spec.credential.clone(),
            name: format!("{} {}", spec.mls, spec.seed),
            life: Duration::from_secs(spec.token_seconds),
            reuse: spec.options.tokens,
            living: Vec::new(),
            ever: Vec::new(),
            revoked: false,
        }
    }

    /// Whether these are the client's id and secret.
    pub fn knows(&self, id: &str, secret: &str) -> bool {
        matches!(&self.credential, Credential::ClientCredentials { client_id, client_secret }
            if client_id == id && client_secret == secret && !self.revoked)
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
            TokenReuse::Fresh => {}
        }
        let hash = Sha256::digest(format!("{} {}", self.name, self.ever.len()));
        let token = URL_SAFE_NO_PAD.encode(hash);
        self.ever.push(token.clone());
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
            Credential::ClientCredentials { .. } => {
                let mut living = self.living.iter();
                living.any(|(token, until)| token == shown && *until > now)
            }
        }
    }

    /// Ends one issued token; a static one cannot end.
    pub fn end(&mut self, shown: &str) {
        self.living.retain(|(token, _)| token != shown);
    }

    pub fn end_all(&mut self) {
        self.living.clear();
    }

    /// The client's secret or static token, and every token ever issued.
    pub fn secrets(&self) -> Vec<String> {
        let own = match &self.credential {
            Credential::ClientCredentials { client_secret, .. } => client_secret,
            Credential::Token(token) => token,
        };
        std::iter::once(own).chain(&self.ever).cloned().collect()
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
