//! Handles a refusal after good pages. The scan knows more than the status says: a link that is refused has
//! either expired, or was the last one. The client decides whether the token has expired.

use livelist_model::evidence::{EndSign, ScanEvidence};

use super::ends::Behind;
use super::{Ascending, Cursor, Idle, ScanState};
use crate::client::Client;
use crate::error::ClientError;
use crate::loops::LoopProbe;

impl ScanState {
    /// What to do about a refused page.
    pub(super) async fn refused(
        &mut self,
        client: &mut Client<'_>,
        error: ClientError,
    ) -> Result<(), ClientError> {
        if self.evidence.pages == 0 || !error.is_refusal() {
            return Err(error);
        }
        let leads_nowhere = matches!(
            error,
            ClientError::Denied {
                status: 404 | 410,
                ..
            } | ClientError::Rejected {
                status: 204 | 400 | 416,
                ..
            }
        );
        if self.gives_up_time(client, &error) {
            return Ok(());
        }
        match &self.cursor {
            Cursor::Link(_) if leads_nowhere => self.dead_link(client, error).await,
            // The provider does not answer this form, and nothing else reads these rows.
            Cursor::Within { .. } | Cursor::From { .. } => {
                tracing::warn!(%error, "rows with one timestamp cannot be read in the order of their keys");
                self.ended(EndSign::Unproved);
                Ok(())
            }
            _ => Err(error),
        }
    }

    /// After the last row, a refused link was the last one. Elsewhere it has expired, and the scan starts
    /// over, once.
    async fn dead_link(
        &mut self,
        client: &mut Client<'_>,
        error: ClientError,
    ) -> Result<(), ClientError> {
        self.proofs = self.proofs.saturating_add(1);
        let behind = match self.is_proof_too_long() {
            true => Behind::Unknown,
            false => self.behind_last(client).await?,
        };
        let rows = self.evidence.rows;
        match (behind, self.trusted_count()) {
            (Behind::Nothing, _) => self.ended(EndSign::Asked),
            (Behind::Unknown, Some(count)) if count == rows => self.ended(EndSign::Counted),
            _ if !self.begun_anew => self.begin_anew(),
            (Behind::Unknown, None) => self.ended(EndSign::Unproved),
            (Behind::Rows | Behind::Unknown, _) => return Err(error),
        }
        Ok(())
    }

    /// Starts over from the first page. Keys that were read are kept, and the list's `as_of` does not
    /// change.
    pub(super) fn begin_anew(&mut self) {
        tracing::info!(
            pages = self.evidence.pages,
            "a link has expired; the scan begins anew"
        );
        self.evidence = ScanEvidence {
            pages: 0,
            rows: 0,
            rows_skipped: 0,
            ..self.evidence.clone()
        };
        self.cursor = Cursor::Start;
        self.loops = LoopProbe::default();
        self.idle = Idle::default();
        self.ascending = Ascending::default();
        self.tail.clear();
        self.first = None;
        self.begun_anew = true;
    }
}
