//! The token endpoint (OAuth 2.0, RFC 6749: client credentials 4.4, password 4.3, refresh 6), and its
//! faults.

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

impl Mls {
    pub(super) fn issue(&mut self, incoming: &Incoming, due: &[Due]) -> Answer {
        if incoming.method != Method::POST {
            return self
                .dialect
                .refusal(StatusCode::METHOD_NOT_ALLOWED, "only POST");
        }
        if let Err(answer) = self.dialect.precondition(incoming) {
            return answer;
        }
        let form = Query::parse(&String::from_utf8_lossy(&incoming.body));
        let basic = incoming.header("authorization").and_then(basic);
        let scope = self.dialect.scope();
        let scoped = scope.is_none() || form.get("scope") == scope;
        if !(scoped && self.tokens.grants(&form, basic.as_ref())) {
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
        let renews = form.get("grant_type") == Some("refresh_token");
        let used = form.get("refresh_token").filter(|_| renews);
        let refresh = self.tokens.refresh(used);
        if let Some(members) = body.as_object_mut() {
            let refresh = refresh.map(|token| ("refresh_token".to_owned(), token.into()));
            members.extend(refresh);
            if let Some(scope) = scope {
                members.insert("scope".into(), scope.into());
            }
            self.dialect.granted(members, self.clock.now(), seconds);
        }
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
