//! A token that a provider echoes in a link is never stored: a mark stands for it at rest.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::ExposeSecret;

use super::Client;
use crate::policy::UNRESERVED;

impl Client<'_> {
    /// Replaces the token, should a provider echo it in a link, so that it is never stored.
    pub fn conceal(&self, link: &str) -> String {
        let mut link = link.to_owned();
        for (form, mark) in self.token_forms() {
            link = link.replace(&form, mark);
        }
        link
    }

    /// Undoes [`Client::conceal`], with the token of today.
    pub fn reveal(&self, link: &str) -> String {
        let mut link = link.to_owned();
        for (form, mark) in self.token_forms() {
            link = link.replace(mark, &form);
        }
        link
    }

    /// The token as it may stand in a link, and what stands for it at rest.
    fn token_forms(&self) -> [(String, &'static str); 3] {
        let token = self.session.token.expose_secret();
        let upper = utf8_percent_encode(token, NON_ALPHANUMERIC).to_string();
        let usual = utf8_percent_encode(token, UNRESERVED).to_string();
        [
            (token.to_owned(), "{livelist:token}"),
            (usual, "{livelist:token:encoded}"),
            (upper, "{livelist:token:all-encoded}"),
        ]
    }
}
