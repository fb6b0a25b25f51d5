//! Admits connections: limits in all and per address, and a few that are reserved for `/v1/health`.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits::{Limits, counted};
use crate::error::ApiError;

/// Seconds after which a refused address may try again.
const LATER: u64 = 30;

/// The seats of a server.
pub(super) struct Door {
    pub(super) limits: Limits,
    room: Arc<Semaphore>,
    reserve: Arc<Semaphore>,
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// How a peer is let in.
pub(super) enum Let {
    /// Like any other.
    In(Seat),
    /// To ask for `/v1/health`; all else is answered with this.
    ToHealth(OwnedSemaphorePermit, ApiError),
    /// Not at all.
    Not,
}

/// A place for a connection, freed when dropped.
pub(super) struct Seat {
    _room: OwnedSemaphorePermit,
    _address: Option<AddressSeat>,
}

impl Door {
    pub(super) fn new(limits: Limits) -> Door {
        Door {
            room: Arc::new(Semaphore::new(limits.connections)),
            reserve: Arc::new(Semaphore::new(limits.reserved)),
            by_address: Arc::default(),
            limits,
        }
    }

    /// Admits a connection from `peer`. It waits only if all places are taken, including those for health,
    /// each of which is free in a moment.
    pub(super) async fn enter(&self, peer: IpAddr) -> Let {
        let address = match self.limits.trusts(peer) {
            true => None,
            false => match self.seat_of(peer) {
                Some(seat) => Some(seat),
                None => {
                    // An address that has too many does not make others wait.
                    let reserved = self.reserve.clone().try_acquire_owned();
                    return reserved.map_or(Let::Not, |r| Let::ToHealth(r, too_many()));
                }
            },
        };
        if let Ok(room) = self.room.clone().try_acquire_owned() {
            return Let::In(Seat {
                _room: room,
                _address: address,
            });
        }
        // The semaphore is never closed.
        let reserved = self.reserve.clone().acquire_owned().await;
        reserved.map_or(Let::Not, |r| Let::ToHealth(r, ApiError::Busy))
    }

    /// A seat among those of `address`, if it has not too many.
    pub(super) fn seat_of(&self, address: IpAddr) -> Option<AddressSeat> {
        let limit = self.limits.of(address);
        let address = counted(address);
        let mut taken = self
            .by_address
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(address).or_insert(0);
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(AddressSeat {
            taken: self.by_address.clone(),
            address,
        })
    }
}

/// The answer for an address that has too many.
pub(super) fn too_many() -> ApiError {
    ApiError::TooManyRequests { retry_after: LATER }
}

/// One of the seats of an address, until it is dropped.
pub(super) struct AddressSeat {
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
    address: IpAddr,
}

impl Drop for AddressSeat {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            // Nothing is kept of addresses that have gone.
            if *count == 0 {
                taken.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_of_those_who_left() {
        let door = Door::new(Limits {
            per_address: 2,
            ..Limits::default()
        });
        let address = "192.0.2.1".parse().unwrap();
        let one = door.seat_of(address);
        let two = door.seat_of(address);
        assert!(one.is_some() && two.is_some());
        assert!(door.seat_of(address).is_none());
        assert!(door.seat_of("192.0.2.2".parse().unwrap()).is_some());
        drop(one);
        assert!(door.seat_of(address).is_some());
        drop(two);
        assert!(door.by_address.lock().unwrap().is_empty());
    }
}
