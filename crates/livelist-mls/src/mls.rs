//! One simulated MLS: its book, credential, limits, faults and log, and the processing of a request. The
//! order of checks is that of the providers: the transport, the caller, the rate limit, and only then the
//! request.

mod cached;
mod contrary;
mod deleted;
mod issue;
mod metadata;
mod replies;
mod single;
mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use hyper::{Method, StatusCode};

use crate::answer::{Answer, Body, Wire};
use crate::book::Book;
use crate::book::bits::Bits;
use crate::book::keys::KeyStyle;
use crate::book::select::{Found, Reading, Start};
#[cfg(test)]
use crate::clock::SystemClock;
use crate::clock::{self, Ahead, Clock};
use crate::dialect::{self, Ask, Asked, Cursors, Dialect, NextPage, PECULIAR, Refusal, Shape};
use crate::fault::Fault;
use crate::fault::board::{Board, Due};
use crate::incoming::Incoming;
use crate::incoming::RequestKind;
use crate::limits::Limits;
use crate::log::LoggedRequest;
use crate::page::{Column, Line, Next, Page, Pieces};
use crate::record::tables::Resource;
use crate::record::{self, Schema};
use crate::spec::{KeyType, MlsSpec, Provider, Stamps};
use crate::tokens::Tokens;

/// One simulated MLS.
pub(crate) struct Mls {
    pub spec: MlsSpec,
    pub book: Book,
    pub tokens: Tokens,
    pub board: Board,
    pub log: Vec<LoggedRequest>,
    dialect: Box<dyn Dialect>,
    clock: Arc<dyn Clock>,
    /// The same, to be set.
    pub ahead: Arc<Ahead>,
    limits: Limits,
    cursors: Cursors,
    /// Rows served since the scan began.
    served: Bits,
    /// When the cache was last refreshed.
    cached_at: Option<std::time::Instant>,
    /// The targets of expired links.
    dead: std::collections::BTreeMap<String, u16>,
    serial: u64,
    /// Members and offices that changed: how often, and when last.
    revised: std::collections::HashMap<(Resource, u64), (u32, i64)>,
    /// The fields of its records.
    pub schema: Schema,
}

impl Mls {
    /// An MLS by the machine's clock.
    #[cfg(test)]
    pub fn open(spec: MlsSpec) -> Self {
        Self::open_by(spec, Arc::new(SystemClock))
    }

    /// An MLS by this clock.
    pub fn open_by(spec: MlsSpec, clock: Arc<dyn Clock>) -> Self {
        let ahead = Arc::new(Ahead::of(clock));
        let clock: Arc<dyn Clock> = ahead.clone();
        let dialect = dialect::of(&spec);
        let listings = u32::try_from(spec.listings).unwrap_or(u32::MAX);
        let style = match spec.options.contrary.keys {
            KeyType::Text => dialect.key_style(&spec),
            KeyType::Int64 => KeyStyle::Digits,
            KeyType::Guid => KeyStyle::Guid,
        };
        let mut book = Book::open(
            style,
            spec.seed,
            listings,
            dialect.keeps_deleted(),
            &spec.options.contrary,
        );
        if let Some(records) = &spec.options.records {
            let by_clock = records.stamps == Stamps::Clock;
            book.keep_records(records.photos_move, by_clock.then(|| Arc::clone(&clock)));
        }
        Self {
            book,
            ahead,
            tokens: Tokens::new(&spec),
            board: Board::default(),
            log: Vec::new(),
            limits: Limits::new(dialect.windows(), spec.options.rate_limit).by(Arc::clone(&clock)),
            dialect,
            clock,
            cursors: Cursors::default(),
            served: Bits::default(),
            cached_at: None,
            dead: std::collections::BTreeMap::new(),
            serial: 0,
            revised: std::collections::HashMap::new(),
            schema: Schema::new(spec.records().fields),
            spec,
        }
    }

    /// The base URL's path.
    pub fn base_path(&self) -> String {
        format!("/{}{}", self.spec.mls, self.dialect.base(&self.spec))
    }

    /// The token endpoint's path.
    pub fn token_path(&self) -> Option<String> {
        let path = self.dialect.token_path(&self.spec)?;
        Some(format!("/{}{path}", self.spec.mls))
    }

    /// Answers a request and logs it.
    pub fn answer(&mut self, incoming: &Incoming) -> Answer {
        self.serial += 1;
        let at = self.clock.now();
        let ask = self.read(incoming);
        let kind = self.kind(incoming, &ask);
        let due = self.board.due(kind);
        let mut answer = match self.instead(&due) {
            Some(answer) => answer,
            None if kind == RequestKind::Token => self.issue(incoming, &due),
            None => self.rows(incoming, kind, ask, &due),
        };
        self.break_wire(&mut answer, incoming, &due);
        answer.delay += std::time::Duration::from_millis(self.spec.options.latency_ms);
        if self.spec.options.records.is_some() {
            answer.headers.push(("date", clock::http_date(at)));
        }
        self.log.push(LoggedRequest {
            at,
            method: incoming.method.to_string(),
            target: incoming.target.clone(),
            kind,
            authorization: incoming.header("authorization").is_some(),
            accept_encoding: incoming.header("accept-encoding").map(str::to_owned),
            prefer: incoming.header("prefer").map(str::to_owned),
            status: answer.status.as_u16(),
            rows: answer.rows,
            struck: self.board.strikes().to_vec(),
        });
        answer
    }

    /// Parses the request, before the caller is checked.
    fn read(&self, incoming: &Incoming) -> Result<Ask, Refusal> {
        let base = self.base_path();
        let segments: Vec<&str> = base.split('/').skip(1).collect();
        let path: Vec<&str> = incoming.path.iter().map(String::as_str).collect();
        match path.strip_prefix(&segments[..]) {
            Some(["$metadata"]) if incoming.method == Method::GET => {
                Ok(Ask::metadata(incoming.query.clone()))
            }
            Some(rest) if incoming.method == Method::GET => {
                if let Some(ask) = Ask::photos(rest, &incoming.query) {
                    return Ok(ask);
                }
                let resource = self.resource(rest);
                let as_property: Vec<String> = rest
                    .iter()
                    .map(|segment| segment.replacen(resource.name(), "Property", 1))
                    .collect();
                let path: Vec<&str> = as_property.iter().map(String::as_str).collect();
                let asked = Asked {
                    resource,
                    spec: &self.spec,
                    incoming,
                    cursors: &self.cursors,
                    serial: self.serial,
                    peculiar: self.dialect.peculiar(),
                    schema: self.schema,
                };
                self.dialect.ask(&asked, &path)
            }
            Some(_) => Err((StatusCode::METHOD_NOT_ALLOWED, "only GET".into())),
            None => Err((StatusCode::NOT_FOUND, "Resource not found".into())),
        }
    }

    fn kind(&self, incoming: &Incoming, ask: &Result<Ask, Refusal>) -> RequestKind {
        let path = incoming.target.split('?').next();
        if path == self.token_path().as_deref() {
            return RequestKind::Token;
        }
        match ask {
            Err(_) => RequestKind::Other,
            Ok(Ask {
                shape: Shape::Deleted | Shape::Metadata | Shape::Photos(..),
                ..
            }) => RequestKind::Other,
            Ok(ask) if ask.resource != Resource::Property => RequestKind::Other,
            Ok(ask) if ask.shape == Shape::Number => RequestKind::Count,
            Ok(ask) if ask.filter.names_rows() => RequestKind::Confirm,
            Ok(ask) if ask.size <= 1 && ask.query.get("$count") == Some("true") => {
                RequestKind::Count
            }
            Ok(_) => RequestKind::Page,
        }
    }

    fn rows(
        &mut self,
        incoming: &Incoming,
        kind: RequestKind,
        ask: Result<Ask, Refusal>,
        due: &[Due],
    ) -> Answer {
        if let Err(answer) = self.dialect.precondition(incoming) {
            return answer;
        }
        if let Err(answer) = self.admit(incoming, due) {
            return answer;
        }
        // Without enforced limits, a quota is shown but never used up, because clients obey the headers.
        if self.spec.rate_limited
            && let Err(wait) = self.limits.take(self.clock.instant())
        {
            let mut answer = self.dialect.throttled(wait);
            self.dialect.headers(&mut answer, &self.limits);
            return answer;
        }
        let mut answer = match ask {
            Ok(ask) => {
                if let Some(answer) = self.question_refused(incoming, &ask) {
                    return answer;
                }
                if let Some(answer) = self.dead_page(incoming, kind, &ask, due) {
                    return answer;
                }
                self.stir(kind, &ask, due);
                let mut answer = self.serve(incoming, kind, &ask, due);
                if self.is_too_long(incoming, &ask) {
                    answer.wire = Wire::Cut;
                }
                answer
            }
            Err((status, message)) => return self.dialect.refusal(status, &message),
        };
        self.dialect.headers(&mut answer, &self.limits);
        answer
    }

    fn admit(&mut self, incoming: &Incoming, due: &[Due]) -> Result<(), Answer> {
        let shown = self.dialect.token_shown(incoming);
        let now = self.clock.instant();
        if self.tokens.accepts(shown, now) {
            self.tokens.serve(shown);
            let ends = |due: &&Due| matches!(due.fault, Fault::ExpireToken | Fault::Revoke);
            let Some(fault) = due.iter().find(ends) else {
                return Ok(());
            };
            if fault.fault == Fault::Revoke {
                self.tokens.revoked = true;
            } else if let Some(shown) = shown {
                self.tokens.end(shown);
            }
            self.board.strike(fault);
            if fault.fault == Fault::ExpireToken {
                return Err(self.ended().unwrap_or_else(|| self.dialect.expired()));
            }
        }
        let ended = match self.tokens.is_over(shown, now) {
            true => self.ended(),
            false => None,
        };
        Err(ended.unwrap_or_else(|| self.dialect.unauthorized()))
    }

    /// Changes the book as the faults have it, just before a page is read.
    fn stir(&mut self, kind: RequestKind, ask: &Ask, due: &[Due]) {
        let begins = ask.start.is_beginning() && !ask.filter.goes_on();
        if kind == RequestKind::Page && begins {
            self.served = Bits::default();
        }
        for fault in due {
            let changed = match fault.fault {
                Fault::SellDuringScan { n } => {
                    let served = self.served.ones().collect();
                    self.book.sell_some(served, clamp(n))
                }
                Fault::AddDuringScan { n } => self.book.add(clamp(n)),
                Fault::TouchDuringScan { n } => self.book.touch(clamp(n)),
                _ => continue,
            };
            if !changed.is_empty() {
                self.board.strike(fault);
            }
        }
    }

    fn serve(&mut self, incoming: &Incoming, kind: RequestKind, ask: &Ask, due: &[Due]) -> Answer {
        match &ask.shape {
            Shape::Photos(key, behind) => return self.further_photos(incoming, key, *behind),
            Shape::Deleted => return self.tell_deleted(incoming, ask),
            Shape::Metadata => return self.metadata(incoming),
            _ if ask.resource != Resource::Property => return self.table(incoming, ask),
            _ => {}
        }
        let sight = self.sight(kind, ask, due);
        let system = self.spec.system().to_owned();
        let start = match &ask.start {
            Start::Skip(skip) => Start::Skip(skip.saturating_add(ask.drift)),
            other => other.clone(),
        };
        let reading = Reading {
            filter: &ask.filter,
            system: &system,
            order: ask.order,
            start,
            limit: ask.size,
            sight,
        };
        let wants_count = ask.count || ask.shape == Shape::Number;
        let count = wants_count.then(|| self.counted(&reading, due));
        let found = match ask.shape {
            Shape::Number => Found::default(),
            _ => self.book.read(&reading),
        };
        if kind == RequestKind::Page {
            for row in &found.rows {
                self.served.put(row.index, true);
            }
        }
        if let Some(answer) = self.behind_the_end(ask, kind, &found) {
            return answer;
        }
        let base = format!("{}{}", incoming.origin(), self.base_path());
        let mut next = self.next(incoming, ask, &found, &base, due);
        if kind == RequestKind::Page && next == Next::None {
            next = self.without_end(incoming, ask, &found, due);
        }
        let columns = ask.columns.clone().unwrap_or_else(|| self.all_columns());
        let line = |row| Line {
            row,
            keyless: false,
        };
        let form = self.dialect.form(&self.spec, ask);
        let mut page = Page {
            context: self.dialect.context(&base, ask),
            columns,
            edits: self.book.edits_of(&found.rows),
            lines: found.rows.into_iter().map(line).collect(),
            count,
            next,
            count_as_string: self.spec.provider == Provider::Reso
                && self.spec.options.count_as_string,
            whole: ask.columns.is_none(),
            media: self.expansion().filter(|_| ask.expands),
            ..self.blank_page(base, form)
        };
        let own_url = format!("{}{}", incoming.origin(), incoming.target);
        for fault in due {
            if page.mar(&fault.fault, &own_url) {
                self.board.strike(fault);
            }
        }
        self.written(page, ask)
    }

    fn next(
        &mut self,
        incoming: &Incoming,
        ask: &Ask,
        found: &Found,
        base: &str,
        due: &[Due],
    ) -> Next {
        let served = found.rows.len() as u64;
        let Some(last) = found.rows.last().filter(|_| ask.shape != Shape::One) else {
            return Next::None;
        };
        let owed = ask.owed.is_none_or(|owed| owed > served);
        let leads_on = |due: &&Due| {
            matches!(
                due.fault,
                Fault::FullLastPageThenEmpty | Fault::EmptyPagesForEver
            )
        };
        let dead_end = self.spec.options.contrary.dead_end.is_some() && !ask.filter.names_rows();
        let empty_end = match (found.more && owed, due.iter().find(leads_on)) {
            (true, _) => None,
            (false, Some(fault)) => Some(fault),
            (false, None) if dead_end => None,
            (false, None) => return Next::None,
        };
        let key = self.book.key(last.index);
        let link = self.dialect.link(NextPage {
            base,
            spec: &self.spec,
            ask,
            incoming,
            served,
            last: (last.index, &key),
            cursors: &mut self.cursors,
        });
        let Some(link) = link else {
            return Next::None;
        };
        if let Some(fault) = empty_end {
            self.board.strike(fault);
        }
        Next::To(link)
    }

    fn written(&self, page: Page, ask: &Ask) -> Answer {
        let json = "application/json; odata.metadata=minimal";
        let rows = page.lines.len() as u64;
        let mut answer = match ask.shape {
            Shape::Number => {
                let count = page.count.unwrap_or_default().to_string();
                Answer::text(StatusCode::OK, "text/plain", count)
            }
            Shape::One => match Pieces::single(&page) {
                Some(object) => Answer::text(StatusCode::OK, json, object),
                None => self
                    .dialect
                    .refusal(StatusCode::NOT_FOUND, "Resource not found"),
            },
            Shape::Page
            | Shape::Replication
            | Shape::Deleted
            | Shape::Metadata
            | Shape::Photos(..) => {
                let mut answer = Answer::text(StatusCode::OK, json, "");
                if let (true, Next::To(link)) = (page.form.link_in_header, &page.next) {
                    let link = format!("<{link}>; rel=\"next\"");
                    answer.headers.push(("link", link));
                }
                answer.body = Body::Page(Box::new(Pieces::new(page)));
                answer
            }
        };
        answer.rows = rows;
        answer
    }

    fn all_columns(&self) -> Vec<Column> {
        let own = self.dialect.peculiar();
        let known = |name: &str| own.contains(&name) || !PECULIAR.contains(&name);
        if self.schema.places().is_empty() {
            let all = Column::ALL.iter().filter(|(name, _)| known(name));
            return all.map(|(_, column)| *column).collect();
        }
        let names = self.schema.places().filter_map(record::field);
        let names = names.map(|field| field.name).chain(own.iter().copied());
        names
            .filter_map(|name| Column::named(name, self.schema))
            .collect()
    }

    /// Lets the faults of the wire at an answer.
    fn break_wire(&mut self, answer: &mut Answer, incoming: &Incoming, due: &[Due]) {
        for fault in due {
            let wire = match fault.fault {
                Fault::TruncateJson => Wire::Cut,
                Fault::Reset => Wire::Reset,
                Fault::ShortContentLength => Wire::Short,
                Fault::GzipTruncated if incoming.takes_gzip() => Wire::GzipCut,
                Fault::Slow { ms } => {
                    answer.delay += std::time::Duration::from_millis(ms);
                    self.board.strike(fault);
                    continue;
                }
                _ => continue,
            };
            let gzippable = answer.body.is_long();
            if answer.status.is_success() && (gzippable || wire != Wire::GzipCut) {
                answer.wire = wire;
                self.board.strike(fault);
            }
        }
    }
}

fn clamp(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
