//! Checks `alerts.json`.

use super::super::alerts::{ALERTS_FILE, AlertsDocument, Email, MailTls};
use super::Finding;
use super::document::Findings;

/// Recipients of one e-mail.
const MOST: usize = 20;
/// RFC 5321: a path of 256 octets, the brackets included.
const LONGEST: usize = 254;

/// Reads the document of the alerts.
pub fn parse_alerts(text: &[u8]) -> Result<AlertsDocument, Vec<Finding>> {
    let mut findings = Findings::of(ALERTS_FILE);
    let Some(alerts) = findings.read::<AlertsDocument>(text) else {
        return Err(findings.list);
    };
    if let Some(email) = &alerts.email {
        check_email(&mut findings, email);
    }
    if let Some(webhook) = &alerts.webhook {
        findings.notice_url("webhook.url", &webhook.url);
    }
    findings.result(alerts)
}

fn check_email(findings: &mut Findings<'_>, email: &Email) {
    if !(1..=MOST).contains(&email.to.len()) {
        findings.add(
            "email.to",
            "there is no recipient, or there are too many",
            "give 1 to 20 addresses; a list of the mail server reaches more",
        );
    }
    let to = email.to.iter().enumerate();
    let all = to.map(|(i, address)| (format!("email.to[{i}]"), address));
    for (field, address) in all.chain([("email.from".to_owned(), &email.from)]) {
        if !is_address(address) {
            findings.add(
                &field,
                "this is not an e-mail address",
                "give the bare address, e.g. `operators@example.com`",
            );
        }
    }
    let is_host = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b':');
    if email.server.is_empty() || !email.server.bytes().all(is_host) {
        findings.add(
            "email.server",
            "this is not a host",
            "give the mail server's name or address, e.g. `smtp.example.com`; the port has its own field",
        );
    }
    let is_here = ["localhost", "127.0.0.1", "::1"].contains(&email.server.as_str());
    if email.tls == MailTls::None && !is_here {
        findings.add(
            "email.tls",
            "the connection would not be encrypted",
            "use `starttls` or `tls`; `none` is for a mail server on this machine (`localhost`)",
        );
    }
    if email.user.is_some() != email.credential.is_some() {
        findings.add(
            "email.credential",
            "a user and a password belong together",
            "give both `user` and `credential`, or neither",
        );
    }
}

/// Whether this may be an address. The mail server has the last word.
fn is_address(text: &str) -> bool {
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_graphic() && !b"<>(),;:\\\"[]".contains(&b));
    let parts = text.split_once('@');
    let sound = parts.is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@')
    });
    plain && sound && text.len() <= LONGEST
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Vec<String> {
        let findings = parse_alerts(text.as_bytes()).err().unwrap_or_default();
        findings.into_iter().map(|finding| finding.field).collect()
    }

    #[test]
    fn a_sound_document_has_no_finding() {
        for text in [
            r"{}",
            r#"{"email":{"to":["ops@x.example"],"from":"livelist@x.example","server":"smtp.x.example",
                "user":"u","credential":"env:SMTP"}}"#,
            r#"{"email":{"to":["a@x","b+c@y.example"],"from":"l@x","server":"localhost","tls":"none"},
                "webhook":{"url":"https://hooks.example/x?y=z","credential":"file:/s/alerts"}}"#,
        ] {
            assert_eq!(fields(text), Vec::<String>::new(), "{text}");
        }
        let read =
            parse_alerts(br#"{"email":{"to":["a@x"],"from":"l@x","server":"s","tls":"tls"}}"#);
        assert_eq!(read.unwrap().email.unwrap().port(), 465);
    }

    #[test]
    fn every_fault_is_told_with_its_field() {
        for (text, expected) in [
            (r#"{"mail":{}}"#, vec!["mail"]),
            (
                r#"{"email":{"to":[],"from":"l","server":"smtp.x:587/","tls":"none","user":"u"}}"#,
                vec![
                    "email.to",
                    "email.from",
                    "email.server",
                    "email.tls",
                    "email.credential",
                ],
            ),
            (
                r#"{"email":{"to":["Ops <ops@x.example>"],"from":"a@b@c","server":"x","tls":"starttls"}}"#,
                vec!["email.to[0]", "email.from"],
            ),
            (
                r#"{"email":{"to":["a@x\nBcc: b@y"],"from":"a@b","server":"10.0.0.5","tls":"none"}}"#,
                vec!["email.to[0]", "email.tls"],
            ),
            (
                r#"{"webhook":{"url":"http://169.254.169.254/","credential":"env:X"}}"#,
                vec!["webhook.url", "webhook.url"],
            ),
        ] {
            assert_eq!(fields(text), expected, "{text}");
        }
    }
}
