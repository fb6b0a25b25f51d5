//! The token endpoint (OAuth 2.0 client credentials, RFC 6749, 4.4), and the faults it can show.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::{Method, StatusCode};
use serde_json::json;

use super::{Mls, replies};
use crate::answer::Answer;
use crate::fault::Fault;
use crate::fault::board::Due;
use crate::incoming::Incoming;
use crate::query::{Query, decode};
use crate::spec::Provider;

impl Mls {
    pub(super) fn issue(&mut self, incoming: &Incoming, due: &[Due]) -> Answer {
        if incoming.method != Method::POST {
            return self
                .dialect
                .refusal(StatusCode::METHOD_NOT_ALLOWED, "only POST");
        }
        let form = Query::parse(&String::from_utf8_lossy(&incoming.body));
        let basic = incoming.header("authorization").and_then(basic);
        let (id, secret) = match (form.get("client_id"), form.get("client_secret"), &basic) {
            (Some(id), Some(secret), _) => (id, secret),
            (_, _, Some((id, secret))) => (id.as_str(), secret.as_str()),
            _ => ("", ""),
        };
        let granted = form.get("grant_type") == Some("client_credentials");
        // Trestle documents `scope=api`; a plain RESO server asks for none.
        let scoped = self.spec.provider != Provider::Trestle || form.get("scope") == Some("api");
        if !(granted && scoped && self.tokens.knows(id, secret)) {
            return self.dialect.no_token();
        }
        for fault in due {
            let answer = match fault.fault {
                Fault::Revoke => {
                    self.tokens.revoked = true;
                    self.dialect.no_token()
                }
                Fault::TokenError200 => {
                    Answer::json(StatusCode::OK, &json!({"error": "invalid_grant"}))
                }
                Fault::TokenHtml => replies::html(),
                _ => continue,
            };
            self.board.strike(fault);
            return answer;
        }
        let (token, seconds) = self.tokens.issue(self.clock.instant());
        let mut body = json!({
            "access_token": token,
            "expires_in": seconds,
            "token_type": "Bearer",
        });
        for fault in due {
            match fault.fault {
                Fault::TokenNoExpiresIn => {
                    if let Some(members) = body.as_object_mut() {
                        members.remove("expires_in");
                    }
                }
                Fault::TokenExpiresInString => body["expires_in"] = json!(seconds.to_string()),
                _ => continue,
            }
            self.board.strike(fault);
        }
        Answer::json(StatusCode::OK, &body)
    }
}

/// Id and secret of `Authorization: Basic …` (RFC 6749, 2.3.1).
fn basic(header: &str) -> Option<(String, String)> {
    let encoded = header.strip_prefix("Basic ")?.trim();
    let decoded = STANDARD.decode(encoded);
    let text = String::from_utf8(decoded.ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let plain = |text| decode(text, true);
    Some((plain(id), plain(secret)))
}
