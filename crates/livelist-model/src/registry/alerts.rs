//! `alerts.json`: whom operators' alerts are sent to, on one machine. On AWS they go to the topic of alarms.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CredentialRef, Notify};

/// The document's name in the registry.
pub const ALERTS_FILE: &str = "alerts.json";

/// Whom alerts are sent to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertsDocument {
    /// By e-mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// By a signed webhook: the same signature and rules as for sites.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Notify>,
}

/// How e-mails are sent, and to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Email {
    /// The recipients, 1 to 20 addresses.
    pub to: Vec<String>,
    /// The sender's address.
    pub from: String,
    /// The mail server's name or address.
    pub server: String,
    /// Its port; 587 for `starttls`, 465 for `tls`, 25 for `none` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How the connection is encrypted.
    #[serde(default)]
    pub tls: MailTls,
    /// The user's name, if the server wants one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Where the password is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialRef>,
}

/// How the connection to a mail server is encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// After `STARTTLS`, which the server has to offer.
    #[default]
    Starttls,
    /// From the beginning.
    Tls,
    /// Not at all: only to a mail server on this machine.
    None,
}

impl Email {
    /// The port: the document's, or the usual one.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            MailTls::Starttls => 587,
            MailTls::Tls => 465,
            MailTls::None => 25,
        })
    }
}
