//! E-mails by SMTP, for operators' alerts: one connection for each mail, within a time limit.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use lettre::message::{Mailbox, header::ContentType};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::{AsyncSmtpTransport, Error as SmtpError};
use lettre::{AsyncTransport, Message, Tokio1Executor};
use livelist_model::registry::{Email, MailTls};
use livelist_notify::{Mail, MailError, Mailer};
use secrecy::{ExposeSecret, SecretString};

/// The time for a whole mail.
const LONGEST: Duration = Duration::from_secs(30);

/// Sends by the mail server that `alerts.json` names. It trusts Mozilla's roots, and these.
#[derive(Default)]
pub struct Smtp {
    roots: Vec<Certificate>,
}

#[async_trait]
impl Mailer for Smtp {
    async fn send(
        &self,
        email: &Email,
        password: Option<&SecretString>,
        mail: &Mail,
    ) -> Result<u16, MailError> {
        let transport = self.transport(email, password).map_err(refused)?;
        let mut taken = None;
        let mut last = None;
        // Each recipient gets a mail of his own: a server that refuses one takes the others.
        for (nth, to) in email.to.iter().enumerate() {
            let message = written(email, to, mail)?;
            let sent = tokio::time::timeout(LONGEST, transport.send(message)).await;
            let error = match sent {
                Ok(Ok(answer)) => {
                    taken = Some(u16::from(answer.code()));
                    continue;
                }
                Ok(Err(error)) => refused(error),
                Err(_) => failed("timed_out", None),
            };
            tracing::warn!(
                recipient = nth + 1,
                error = error.name,
                "an alert was not taken"
            );
            // Whatever does not lie with the recipient fails for the others as well.
            let is_of_one = error.name == "mail_refused";
            last = Some(error);
            if !is_of_one {
                break;
            }
        }
        match (taken, last) {
            (Some(code), _) => Ok(code),
            (None, Some(error)) => Err(error),
            (None, None) => Err(failed("address_invalid", None)),
        }
    }
}

impl Smtp {
    fn transport(
        &self,
        email: &Email,
        password: Option<&SecretString>,
    ) -> Result<AsyncSmtpTransport<Tokio1Executor>, SmtpError> {
        let parameters = || {
            let mut parameters = TlsParameters::builder(email.server.clone());
            for root in &self.roots {
                parameters = parameters.add_root_certificate(root.clone());
            }
            parameters.build()
        };
        let tls = match email.tls {
            MailTls::Starttls => Tls::Required(parameters()?),
            MailTls::Tls => Tls::Wrapper(parameters()?),
            MailTls::None => Tls::None,
        };
        let mut transport =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(email.server.clone())
                .port(email.port())
                .tls(tls)
                .timeout(Some(LONGEST));
        if let (Some(user), Some(password)) = (&email.user, password) {
            let password = password.expose_secret().trim().to_owned();
            transport = transport.credentials(Credentials::new(user.clone(), password));
        }
        Ok(transport.build())
    }
}

/// The mail to one recipient.
fn written(email: &Email, to: &str, mail: &Mail) -> Result<Message, MailError> {
    let address = |text: &str| -> Result<Mailbox, MailError> {
        let parsed = text
            .parse()
            .map_err(|e| failed("address_invalid", boxed(e)))?;
        Ok(Mailbox::new(None, parsed))
    };
    let domain = email.from.rsplit('@').next().unwrap_or("localhost");
    Message::builder()
        .from(address(&email.from)?)
        .to(address(to)?)
        .date(SystemTime::from(mail.at))
        .message_id(Some(format!("<{}@{domain}>", mail.id)))
        .subject(&mail.subject)
        .header(ContentType::TEXT_PLAIN)
        .body(mail.text.clone())
        .map_err(|e| failed("mail_invalid", boxed(e)))
}

fn refused(error: SmtpError) -> MailError {
    let status = error.status().map(u16::from);
    let name = match status {
        // RFC 4954: no or wrong credentials.
        Some(454 | 530 | 534 | 535 | 538) => "login_refused",
        Some(_) => "mail_refused",
        None if error.is_tls() => "tls_failed",
        None if error.is_timeout() => "timed_out",
        None => "connect_failed",
    };
    MailError {
        name,
        status,
        source: boxed(error),
    }
}

fn failed(name: &'static str, source: Source) -> MailError {
    MailError {
        name,
        status: None,
        source,
    }
}

type Source = Option<Box<dyn std::error::Error + Send + Sync>>;

fn boxed(error: impl std::error::Error + Send + Sync + 'static) -> Source {
    Some(Box::new(error))
}

#[cfg(test)]
mod tests;
