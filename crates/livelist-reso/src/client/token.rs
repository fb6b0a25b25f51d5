//! Decides whether a refusal means that the token has expired, so that requesting a new one makes
//! sense.

use http::Uri;
use livelist_model::registry::AuthKind;

use super::Client;
use crate::admission::Admission;
use crate::error::ClientError;
use crate::policy;

impl Client<'_> {
    /// The same client, with what is known about its token. A refusal that may mean an expired token
    /// becomes [`ClientError::Unauthorized`], whatever its status.
    #[must_use]
    pub fn admitted(self, admission: Admission) -> Self {
        Client {
            admission: Some(admission),
            ..self
        }
    }

    /// What is known about the token now.
    pub fn admission(&self) -> Admission {
        self.admission.clone().unwrap_or_default()
    }

    /// Whether a refusal may be due to an expired token that was accepted before.
    pub fn may_be_the_token(&self, error: &ClientError) -> bool {
        let is_let_in = self.admission.as_ref().is_some_and(Admission::is_let_in);
        is_let_in && self.names_token(error).is_some()
    }

    /// Whether a refusal names the token; `None` if the token cannot be the reason. Some providers answer
    /// 403 for an expired token, or 400 with a message about it. A static token cannot be replaced.
    fn names_token(&self, error: &ClientError) -> Option<bool> {
        if self.feed.auth == AuthKind::ServerToken {
            return None;
        }
        match error {
            ClientError::Denied {
                status: 403,
                message,
            } => Some(policy::speaks_of_a_token(message)),
            ClientError::Rejected {
                status: 400,
                message,
            } => policy::speaks_of_a_token(message).then_some(true),
            _ => None,
        }
    }

    /// A refusal, or that the token has ended.
    pub(super) fn refused(
        &mut self,
        uri: &Uri,
        names_keys: bool,
        error: ClientError,
        tried: u32,
    ) -> ClientError {
        let (Some(is_named), Some(known)) = (self.names_token(&error), &self.admission) else {
            return error;
        };
        let is_the_token = known.may_have_ended(uri, is_named) && (is_named || !names_keys);
        match is_the_token {
            true => self.end_token(uri, tried),
            false => error,
        }
    }

    /// Treats refusals that do not name the token as its expiry: the caller knows that its request is
    /// valid.
    pub fn doubt_token(&mut self) -> ClientError {
        if let Some(known) = &mut self.admission {
            known.doubt();
        }
        ClientError::Unauthorized
    }

    pub(super) fn end_token(&mut self, uri: &Uri, tried: u32) -> ClientError {
        if let Some(known) = &mut self.admission {
            known.refuse(uri, tried);
        }
        ClientError::Unauthorized
    }
}
