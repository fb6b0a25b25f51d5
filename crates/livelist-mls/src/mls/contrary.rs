//! Behaviours of a server that contradict a client: questions that are too long, expired pages, answers
//! after the last page, and rows that a reader does not see.

use hyper::StatusCode;

use super::Mls;
use super::replies::code;
use crate::answer::Answer;
use crate::book::dice::mix;
use crate::book::select::{Found, Hidden, Reading, Sight, Start};
use crate::dialect::{Ask, NextPage, Shape};
use crate::fault::board::Due;
use crate::fault::{Fault, OddCount};
use crate::filter::Filter;
use crate::incoming::Incoming;
use crate::incoming::RequestKind;
use crate::page::Next;
use crate::spec::{Provider, Refused, Ties};

impl Mls {
    /// The reader's view of the book.
    pub(super) fn sight(&mut self, kind: RequestKind, ask: &Ask, due: &[Due]) -> Sight {
        let mut sight = Sight {
            stale: self.stale(kind),
            // CREA: only the master list is that of the destination.
            away: self.spec.provider == Provider::Crea && ask.shape != Shape::Replication,
            ties: match self.spec.options.contrary.ties {
                Ties::ByKey => None,
                Ties::Changing => Some(mix(self.spec.seed ^ self.serial)),
                Ties::OfThePlace => {
                    let place = mix(ask.skip()) ^ mix(ask.size as u64).rotate_left(1);
                    Some(mix(self.spec.seed ^ place))
                }
            },
            ..Sight::default()
        };
        for fault in due {
            match fault.fault {
                Fault::DenyPartial { percent } => {
                    sight.hidden[0] = Hidden { percent, salt: 0 };
                }
                Fault::Rebuilding { percent, salt } => {
                    sight.hidden[1] = Hidden { percent, salt };
                }
                Fault::ConfirmFindsGone => sight.departed = true,
                _ => continue,
            }
            self.board.strike(fault);
        }
        sight
    }

    /// How many rows there are, as this server counts.
    pub(super) fn counted(&mut self, reading: &Reading<'_>, due: &[Due]) -> i64 {
        let count = self.book.count(reading) as i64;
        let of_all = |due: &&Due| {
            matches!(
                due.fault,
                Fault::OddCount {
                    what: OddCount::OfAll
                }
            )
        };
        let Some(fault) = due.iter().find(of_all) else {
            return count;
        };
        let all = self.book.count(&Reading {
            filter: &Filter::All,
            system: reading.system,
            order: reading.order,
            start: Start::Skip(0),
            limit: 0,
            sight: reading.sight,
        }) as i64;
        if all != count {
            self.board.strike(fault);
        }
        all
    }

    /// The answer to an expired token, if it is not the provider's usual one.
    pub(super) fn ended(&self) -> Option<Answer> {
        let status = self.spec.options.contrary.ended_token?;
        let message = "The access token has expired";
        Some(self.dialect.refusal(code(status), message))
    }

    pub(super) fn is_too_long(&self, incoming: &Incoming, ask: &Ask) -> bool {
        let question = &self.spec.options.contrary.question;
        question
            .longest
            .is_some_and(|most| incoming.target.len() > most)
            || question
                .most_values
                .is_some_and(|most| ask.filter.values() > most)
    }

    /// The answer to a question in a form that this server does not take.
    pub(super) fn question_refused(&self, incoming: &Incoming, ask: &Ask) -> Option<Answer> {
        let question = &self.spec.options.contrary.question;
        let by_list = question.in_status.filter(|_| ask.filter.has_list_of_rows());
        let status = match (by_list, question.refused) {
            (Some(status), _) => status,
            (None, Refused::Status(status)) if self.is_too_long(incoming, ask) => status,
            _ => return None,
        };
        let status = code(status);
        let reason = status.canonical_reason().unwrap_or("Error");
        Some(self.dialect.refusal(status, reason))
    }

    /// The answer to a request for a page whose token has died.
    pub(super) fn dead_page(
        &mut self,
        incoming: &Incoming,
        kind: RequestKind,
        ask: &Ask,
        due: &[Due],
    ) -> Option<Answer> {
        if kind != RequestKind::Page {
            return None;
        }
        if is_beginning(ask) {
            self.dead.clear();
            return None;
        }
        for fault in due {
            if let Fault::PageTokenDies { code } = fault.fault {
                self.board.strike(fault);
                self.dead.insert(incoming.target.clone(), code);
            }
        }
        let status = code(*self.dead.get(&incoming.target)?);
        Some(self.dialect.refusal(status, "The page token is not valid"))
    }

    /// The answer after the last page, if it is not an empty one.
    pub(super) fn behind_the_end(
        &self,
        ask: &Ask,
        kind: RequestKind,
        found: &Found,
    ) -> Option<Answer> {
        let status = self.spec.options.contrary.dead_end?;
        let is_behind = found.rows.is_empty() && !ask.start.is_beginning();
        if kind != RequestKind::Page || !is_behind || ask.shape == Shape::Number {
            return None;
        }
        Some(match code(status) {
            StatusCode::NO_CONTENT => Answer::text(StatusCode::NO_CONTENT, "text/plain", ""),
            status => self.dialect.refusal(status, "no more rows"),
        })
    }

    /// A link after the last row, if a fault says so.
    pub(super) fn without_end(
        &mut self,
        incoming: &Incoming,
        ask: &Ask,
        found: &Found,
        due: &[Due],
    ) -> Next {
        let wanted = |due: &&Due| match due.fault {
            Fault::EmptyPagesForEver => found.rows.is_empty(),
            Fault::LastPageForEver => !found.rows.is_empty(),
            _ => false,
        };
        let Some(fault) = due.iter().find(wanted) else {
            return Next::None;
        };
        // If the provider has no links, none can mislead.
        let has_links = self.dialect.link(NextPage {
            base: "",
            spec: &self.spec,
            ask,
            incoming,
            served: 0,
            last: (0, ""),
            cursors: &mut self.cursors,
        });
        if has_links.is_none() {
            return Next::None;
        }
        self.board.strike(fault);
        let target = incoming.target.split("&again=").next();
        let target = target.unwrap_or(&incoming.target);
        let joint = if target.contains('?') { "" } else { "?" };
        let origin = incoming.origin();
        let serial = self.serial;
        Next::To(format!("{origin}{target}{joint}&again={serial}"))
    }
}

/// Whether a scan begins with this page.
pub(super) fn is_beginning(ask: &Ask) -> bool {
    ask.start.is_beginning() && !ask.filter.goes_on()
}
