//! Which keys an approval of a held run would remove. It is shown before the decision, and computed by the
//! rule of publishing itself.

use livelist_model::record::{ListRef, Resume};
use livelist_model::run::RunSpec;
use livelist_store::Objects;

use super::{Goes, Work};
use crate::StepError;
use crate::progress::{Compared, Confirmation, load};

/// The list of the keys that would be removed; `None` if there are none.
///
/// # Errors
/// The run's documents have expired or cannot be read, or the store is unavailable.
pub async fn removed(
    objects: &dyn Objects,
    run: &RunSpec,
    resume: &Resume,
) -> Result<Option<ListRef>, StepError> {
    let compared: Compared = load(objects, run, &resume.comparison).await?;
    let told: Option<Confirmation> = match &resume.confirmation {
        Some(key) => Some(load(objects, run, key).await?),
        None => None,
    };
    let work = Work {
        run,
        compared: &compared,
        told: told.as_ref(),
        hold: None,
        let_through: true,
    };
    Ok(match work.goes() {
        Goes::All => Some(compared.absent.list.clone()),
        Goes::These(gone) => Some(gone.clone()),
        Goes::Nothing => None,
    })
}
