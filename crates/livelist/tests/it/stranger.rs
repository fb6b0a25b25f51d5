//! A RESO server that shares nothing with this project: threads, sockets, and OData as a small vendor
//! might implement it. One request per connection.

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::json;

use crate::town::LONGEST;

/// How it names the next page.
#[derive(Clone, Copy, PartialEq)]
pub enum Links {
    /// The first page's URL, with a token.
    Absolute,
    /// Without a host.
    Relative,
    /// A URL of another path that shows nothing of the query.
    Opaque,
}

/// What the standard leaves open, or what this vendor does not care for.
#[derive(Clone)]
pub struct Manners {
    pub links: Links,
    /// Rows a page, whatever is preferred.
    pub page: usize,
    /// `$top` is what is owed over all pages.
    pub top_is_total: bool,
    pub counts: bool,
    /// Tokens for client credentials, without a word on their life; else a static token.
    pub oauth: bool,
    /// Rows are shown whatever the filter says.
    pub deaf: bool,
    /// What it takes for the time.
    pub date: Option<&'static str>,
}

/// A vendor like others.
pub const PLAIN: Manners = Manners {
    links: Links::Absolute,
    page: 17,
    top_is_total: false,
    counts: true,
    oauth: false,
    deaf: false,
    date: None,
};

pub const CLIENT: (&str, &str) = ("livelist", "p&ss=w rd+%");
pub const TOKEN: &str = "stranger-token-31d0";

/// What it has.
#[derive(Default)]
pub struct Book {
    /// In the order they are listed.
    rows: Vec<String>,
    /// The same, to be looked up.
    known: HashSet<String>,
    /// Rows that its pages lose, though they are there.
    pub lost: HashSet<String>,
    pub asked: Vec<String>,
    cursors: Vec<Cursor>,
}

#[derive(Clone)]
struct Cursor {
    query: BTreeMap<String, String>,
    at: usize,
    owed: Option<usize>,
}

pub struct Stranger {
    pub address: SocketAddr,
    pub book: Arc<Mutex<Book>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Stranger {
    pub fn start(rows: impl IntoIterator<Item = String>, manners: Manners) -> Stranger {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut book = Book::default();
        book.list(rows);
        let book = Arc::new(Mutex::new(book));
        let over = Arc::new(AtomicBool::new(false));
        let (of_thread, told) = (book.clone(), over.clone());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if told.load(Ordering::SeqCst) {
                    return;
                }
                let (book, manners) = (of_thread.clone(), manners.clone());
                let stream = stream.unwrap();
                // A client that goes away is none of its business.
                std::thread::spawn(move || drop(serve(stream, address, &book, &manners)));
            }
        });
        Stranger {
            address,
            book,
            over,
            thread: Some(thread),
        }
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the thread.
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn serve(
    stream: TcpStream,
    address: SocketAddr,
    book: &Mutex<Book>,
    manners: &Manners,
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(LONGEST))?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let (method, target) = (method.to_owned(), target.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|l| l.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let bearer = headers.get("authorization");
    let mut book = book.lock().unwrap();
    book.asked.push(format!("{method} {target}"));
    let (status, answer) = match (method.as_str(), path) {
        ("POST", "/token") => token(&body),
        ("GET", _) if bearer != Some(&format!("Bearer {TOKEN}")) => refusal(401),
        ("GET", path) => book.page(path, options(query), address, manners),
        _ => refusal(405),
    };
    drop(book);
    // In one piece: a second one would wait for the first to be acknowledged.
    let date = manners.date.map(|date| format!("Date: {date}\r\n"));
    let whole = format!(
        "HTTP/1.1 {status} Whatever\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         {}Connection: close\r\n\r\n{answer}",
        answer.len(),
        date.unwrap_or_default()
    );
    reader.get_mut().write_all(whole.as_bytes())
}

fn refusal(status: u16) -> (u16, String) {
    (
        status,
        r#"{"error":{"code":"E","message":"no"}}"#.to_owned(),
    )
}

fn token(form: &[u8]) -> (u16, String) {
    let form = options(std::str::from_utf8(form).unwrap_or(""));
    let field = |name: &str| form.get(name).map(String::as_str);
    let known = field("grant_type") == Some("client_credentials")
        && (field("client_id"), field("client_secret")) == (Some(CLIENT.0), Some(CLIENT.1));
    if !known {
        return (400, r#"{"error":"invalid_client"}"#.to_owned());
    }
    let answer = json!({"access_token": TOKEN, "token_type": "bearer"});
    (200, answer.to_string())
}

impl Book {
    /// Lists new ones behind the others.
    pub fn list(&mut self, keys: impl IntoIterator<Item = String>) {
        let before = self.rows.len();
        self.rows.extend(keys);
        self.known.extend(self.rows[before..].iter().cloned());
    }

    /// Sells those at these places, and names them.
    pub fn sell(&mut self, places: Range<usize>) -> HashSet<String> {
        let sold: HashSet<String> = self.rows.drain(places).collect();
        for key in &sold {
            self.known.remove(key);
        }
        sold
    }

    /// All there are, sorted.
    pub fn keys(&self) -> Vec<String> {
        let mut keys = self.rows.clone();
        keys.sort_unstable();
        keys
    }

    fn page(
        &mut self,
        path: &str,
        query: BTreeMap<String, String>,
        address: SocketAddr,
        manners: &Manners,
    ) -> (u16, String) {
        let token = path.strip_prefix("/more/").map(str::to_owned);
        let cursor = match token.or_else(|| query.get("$skiptoken").cloned()) {
            Some(token) => match token.parse().ok().and_then(|n: usize| self.cursors.get(n)) {
                Some(cursor) => cursor.clone(),
                None => return refusal(410),
            },
            None if matches!(path, "/odata/Property" | "/odata/Property/replication") => Cursor {
                owed: query.get("$top").and_then(|n| n.parse().ok()),
                at: query.get("$skip").and_then(|n| n.parse().ok()).unwrap_or(0),
                query,
            },
            None => return refusal(404),
        };
        let Cursor { query, at, owed } = cursor;
        let counts = query.get("$count").is_some_and(|c| c == "true");
        if counts && !manners.counts {
            return refusal(400);
        }
        let asked: Option<Vec<String>> =
            query
                .get("$filter")
                .filter(|_| !manners.deaf)
                .map(|filter| {
                    let mut keys = wanted(filter);
                    keys.retain(|key| self.known.contains(key));
                    keys
                });
        let rows = asked.as_deref().unwrap_or(&self.rows);
        let size = manners.page.min(owed.unwrap_or(usize::MAX));
        let stamped = query
            .get("$select")
            .is_none_or(|fields| fields.contains("ModificationTimestamp"));
        let mut end = at;
        let mut value = Vec::new();
        let stamp = match stamped {
            true => r#","ModificationTimestamp":"2026-11-20T10:00:00.000Z""#,
            false => "",
        };
        for key in rows.iter().skip(at) {
            if value.len() == size {
                break;
            }
            end += 1;
            if asked.is_some() || !self.lost.contains(key) {
                let key = serde_json::to_string(key).unwrap();
                value.push(format!(
                    r#"{{"@odata.id":"P({end})","ListingKey":{key}{stamp}}}"#
                ));
            }
        }
        let mut answer = json!({"@odata.context": "$metadata#Property"});
        if counts {
            answer["@odata.count"] = rows.len().into();
        }
        let owed = owed.map(|owed| owed - value.len());
        let owes = !manners.top_is_total || owed != Some(0);
        if end < rows.len() && owes {
            let query_text = encoded(&query);
            let id = self.cursors.len();
            answer["@odata.nextLink"] = match manners.links {
                Links::Absolute => format!("http://{address}{path}?{query_text}$skiptoken={id}"),
                Links::Relative => format!("Property?{query_text}$skiptoken={id}"),
                Links::Opaque => format!("http://{address}/more/{id}"),
            }
            .into();
            self.cursors.push(Cursor {
                query,
                at: end,
                owed: owed.filter(|_| manners.top_is_total),
            });
        }
        let members = answer.to_string();
        let members = members.trim_end_matches('}');
        (200, format!(r#"{members},"value":[{}]}}"#, value.join(",")))
    }
}

/// The keys of `ListingKey eq '…' or ListingKey eq '…'`.
fn wanted(filter: &str) -> Vec<String> {
    let terms = filter.split("ListingKey eq ").skip(1);
    let literal = |term: &str| {
        let term = term.trim_end().trim_end_matches(" or").trim_end();
        let inner = term.strip_prefix('\'')?.strip_suffix('\'')?;
        Some(inner.replace("''", "'"))
    };
    terms.map(|term| literal(term).expect(filter)).collect()
}

/// `a=b&c=d`, decoded.
fn options(query: &str) -> BTreeMap<String, String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(n, v)| (decoded(n), decoded(v))).collect()
}

fn encoded(query: &BTreeMap<String, String>) -> String {
    let byte = |b: u8| match b.is_ascii_alphanumeric() {
        true => char::from(b).to_string(),
        false => format!("%{b:02X}"),
    };
    let pair = |(name, value): (&String, &String)| {
        let value: String = value.bytes().map(byte).collect();
        format!("{name}={value}&")
    };
    query.iter().map(pair).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        bytes.push(match first {
            b'%' => {
                let (hex, tail) = rest.split_at(2);
                rest = tail;
                u8::from_str_radix(std::str::from_utf8(hex).unwrap(), 16).unwrap()
            }
            b'+' => b' ',
            other => *other,
        });
    }
    String::from_utf8(bytes).unwrap()
}
