//! Notices to the sites: events of a feed, the clients that are notified, the body of the webhook, the
//! schedule of retries, and the addresses that may be called. This module only decides; `livelist-notify`
//! sends.

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
