//! Finds rows that a scan by links missed. While such a scan reads, rows before its position are
//! removed, and new rows move from behind its position to before it. Those rows have been modified
//! since the list was last proved, so the MLS is asked for modified rows. The result only adds keys.
//! An error here fails nothing.

use jiff::SignedDuration;
use livelist_model::evidence::Paging;
use livelist_model::keys::KeyBuffer;
use livelist_model::run::RunSpec;
use livelist_reso::{Client, ClientError, late};

use crate::progress::Progress;
use crate::{Env, StepError, budget, parts};

/// Rows that changed this long before are asked for as well: clocks differ, and a row becomes visible only
/// when its transaction ends.
const OVERLAP: SignedDuration = SignedDuration::from_hours(1);

/// Asks what has changed, at the end of a scan of several pages, and adds the keys. An error is only
/// logged.
pub(crate) async fn look(
    env: &Env,
    run: &RunSpec,
    client: &mut Client<'_>,
    progress: &mut Progress,
) -> Result<Option<ClientError>, StepError> {
    let scan = &progress.scan.evidence;
    let slips = scan.paging == Paging::Links && scan.pages > 1;
    let since = progress.proved_at.map(|at| at.saturating_sub(OVERLAP));
    let (true, Some(Ok(since))) = (slips, since) else {
        return Ok(None);
    };
    let mut keys = KeyBuffer::default();
    let failed = late::changed_since(client, since, &mut keys).await.err();
    if let Some(error) = &failed {
        tracing::info!(
            run = %run.run, feed = %run.feed.feed, mls = %run.feed.mls, %error,
            "rows modified since the last list could not be asked for; the next scan finds them"
        );
    }
    budget::keep(env, run, client).await?;
    parts::write_beside(env, run, progress, &mut keys).await?;
    Ok(failed)
}
