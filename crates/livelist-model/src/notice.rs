//! Notices to the sites: what happened to a feed, who is told of it, what the webhook says, when it
//! is tried again, and which addresses may be called at all. Decisions only; `livelist-notify`
//! carries them out.

mod address;
mod delivery;
mod event;
mod schedule;
mod told;

pub use address::is_public;
pub use delivery::{Deliveries, Delivery, DeliveryState, Disabled, KEPT};
pub use event::{EventKind, FeedEvent, NoticeMessage, Notified};
pub use schedule::{ATTEMPTS, next_attempt};
pub use told::told;
