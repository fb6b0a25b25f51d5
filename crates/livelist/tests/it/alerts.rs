//! Alerts to operators: the real command, a mail server that is not ours, and a receiver of webhooks.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use livelist_mls::{MlsSpec, Provider};
use serde_json::{Value, json};

use crate::notices::{SECRET, Site};
use crate::serve::Server;
use crate::town::{Town, account, bounded};

/// Python's mail server: it appends what it takes to a file.
const SERVER: &str = "
import asyncore, smtpd, sys
class Server(smtpd.SMTPServer):
    def process_message(self, peer, sender, recipients, data, **_):
        with open(sys.argv[1], 'ab') as file:
            file.write(b'To-all: ' + ' '.join(recipients).encode() + b'\\n' + data + b'\\n=====\\n')
print(Server(('127.0.0.1', 0), None).socket.getsockname()[1], flush=True)
asyncore.loop()
";

/// A mail server; killed when it is dropped.
struct Mails {
    child: Child,
    port: u16,
    file: PathBuf,
}

impl Mails {
    /// `None` where there is no Python with such a server.
    fn open(town: &Town) -> Option<Mails> {
        let file = town.dir.path().join("mails");
        let child = Command::new("python3")
            .args(["-W", "ignore", "-c", SERVER])
            .arg(&file)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = child.ok()?;
        let mut said = String::new();
        BufReader::new(child.stdout.take()?)
            .read_line(&mut said)
            .ok()?;
        let Ok(port) = said.trim().parse() else {
            let _ = child.wait();
            println!("SKIPPED: there is no python3 with smtpd, the foreign mail server");
            return None;
        };
        Some(Mails { child, port, file })
    }

    fn got(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        let mails = text.split("\n=====\n").filter(|mail| !mail.is_empty());
        mails.map(str::to_owned).collect()
    }
}

impl Drop for Mails {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A town whose account is in a file, and whose operators are alerted in both ways.
fn town(site: &Site) -> (Town, Option<Mails>) {
    let mut town = Town::one(MlsSpec::new("abor", Provider::Trestle, 300));
    town.set("ALERTS_SECRET", Some(SECRET));
    town.set("LIVELIST_NOTIFY_LOOPBACK", Some("yes"));
    town.mls_document("abor", &json!({"credential": "file:abor.secret"}));
    std::fs::create_dir_all(town.data()).unwrap();
    let mails = Mails::open(&town);
    let mut document = json!({"webhook": {
        "url": format!("http://127.0.0.1:{}/hook", site.port), "credential": "env:ALERTS_SECRET"}});
    if let Some(mails) = &mails {
        document["email"] = json!({"to": ["ops@x.example", "more@y.example"], "from": "livelist@x.example",
            "server": "127.0.0.1", "port": mails.port, "tls": "none"});
    }
    town.write("alerts.json", &document);
    (town, mails)
}

fn give_secret(town: &Town) {
    let secret = account(&MlsSpec::new("abor", Provider::Trestle, 300).credential);
    std::fs::write(town.registry().join("abor.secret"), secret).unwrap();
}

#[test]
fn what_begins_and_what_ends_is_told_once() {
    // The first attempt fails.
    let site = Site::open(503);
    let (town, mails) = town(&site);
    // Five minutes pass in half a second.
    let more = ["--lapse", "600", "--public-url", "https://livelist.example"];
    let server = Server::with_schedule(&town, &more);
    bounded(|| (!site.got().is_empty()).then_some(()));
    site.answer(200);
    bounded(|| (site.got().len() >= 2).then_some(()));
    give_secret(&town);
    bounded(|| {
        site.got()
            .iter()
            .any(|body| body["data"]["standing"] == 0)
            .then_some(())
    });
    // Looks go on, and nothing is new.
    std::thread::sleep(std::time::Duration::from_secs(8));
    let got = site.got();
    let ids = site.ids();
    assert_eq!(got.len(), 3, "{got:?}");
    assert_eq!(
        (&got[0], &ids[0]),
        (&got[1], &ids[1]),
        "an attempt has the same id"
    );
    assert_ne!(ids[1], ids[2]);
    let data = |n: usize| &got[n]["data"];
    let feed = data(0)["began"][0]["subject"].as_str().unwrap();
    assert!(feed.starts_with("abor-property-"), "{feed}");
    assert_eq!(data(0)["began"][0]["kind"], "feed_failed");
    assert_eq!(
        (&data(0)["standing"], &data(0)["ended"]),
        (&json!(1), &json!([]))
    );
    assert_eq!(data(2)["ended"][0]["subject"], feed);
    assert_eq!(data(2)["link"], "https://livelist.example/dashboard");
    if let Some(mails) = mails {
        let got = mails.got();
        // Each recipient gets his own.
        assert_eq!(got.len(), 4, "{got:?}");
        for line in [
            "To-all: ops@x.example\n",
            "Subject: Livelist: 1 new; 1 needs attention",
            &format!("- {feed} failed: SecretMissing"),
            "https://livelist.example/dashboard",
        ] {
            assert!(got[0].contains(line), "{line} in {}", got[0]);
        }
        assert!(got[1].contains("To-all: more@y.example\n"), "{}", got[1]);
        for mail in &got[2..] {
            let subject = "Subject: Livelist: 1 over; 0 need attention";
            assert!(mail.contains(subject), "{mail}");
        }
        for key in town.mls("abor").live_keys() {
            assert!(!got.concat().contains(&key), "{key}");
        }
    }
    server.stop().assert(0);
    let listed = town.livelist(&["alerts", "list"]);
    let listed = &listed.assert(0).out;
    assert!(listed.contains("1 over; 0 need attention"), "{listed}");
    for secret in [SECRET, "p1anted"] {
        let state = std::fs::read_to_string(town.data().join("alerts.json")).unwrap();
        assert!(!state.contains(secret) && !listed.contains(secret));
    }
}

#[test]
fn a_test_says_whether_it_arrived() {
    let site = Site::open(200);
    let (town, mails) = town(&site);
    let done = town.livelist(&["alerts", "test", "--json"]);
    done.assert(0);
    let told: Vec<Value> = done
        .out
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert!(
        told.iter().all(|one| one["state"] == "delivered"),
        "{told:?}"
    );
    assert_eq!(site.got()[0]["type"], "alert.test");
    if let Some(mails) = mails {
        assert_eq!(told.len(), 2);
        assert!(mails.got()[0].contains("Subject: Livelist: a test of alerts"));
        // Nobody listens there any more.
        drop(mails);
        let done = town.livelist(&["alerts", "test"]);
        done.assert(4);
        assert!(done.out.contains("connect_failed"), "{}", done.out);
    }
    // (rule) Without the setting for tests, an alert goes to public addresses only.
    let mut town = town;
    town.set("LIVELIST_NOTIFY_LOOPBACK", None);
    let done = town.livelist(&["alerts", "test"]);
    done.assert(4);
    assert!(done.out.contains("address_refused"), "{}", done.out);
    std::fs::remove_file(town.registry().join("alerts.json")).unwrap();
    town.livelist(&["alerts", "test"]).assert(2);
}

#[test]
fn a_wrong_document_is_told_by_the_check() {
    let (town, _) = town(&Site::open(200));
    town.write(
        "alerts.json",
        &json!({"email": {"to": [], "from": "x", "server": "smtp.x.example", "tls": "none"}}),
    );
    let registry = town.registry();
    let done = town.livelist(&["registry", "check", registry.to_str().unwrap()]);
    done.assert(2);
    for field in ["email.to", "email.from", "email.tls"] {
        assert!(
            done.out.contains(&format!("alerts.json: {field}: ")),
            "{}",
            done.out
        );
    }
}
