//! The port for e-mails. Only operators get them, and only the command has an implementation.

use async_trait::async_trait;
use livelist_model::registry::Email;
use secrecy::SecretString;

/// One e-mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Unique: a receiver may drop a repetition.
    pub id: String,
    /// When it was written.
    pub at: jiff::Timestamp,
    /// One line of ASCII.
    pub subject: String,
    /// Lines of plain text.
    pub text: String,
}

/// Why an e-mail was not sent. Holds neither the password nor the text.
#[derive(Debug, thiserror::Error)]
#[error("{name}")]
pub struct MailError {
    /// The stable name, such as `connect_failed`.
    pub name: &'static str,
    /// The server's reply code, if it gave one.
    pub status: Option<u16>,
    /// What happened.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Sends e-mails.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands a mail to the server that `email` names, for its recipients. Returns the server's reply code
    /// (2xx) when the server has taken it.
    async fn send(
        &self,
        email: &Email,
        password: Option<&SecretString>,
        mail: &Mail,
    ) -> Result<u16, MailError>;
}
