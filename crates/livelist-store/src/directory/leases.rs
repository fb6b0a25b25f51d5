//! Leases as locked files. The operating system releases a lock when its process ends, even after a
//! crash. So a run that was killed does not block its credential until the lease expires.

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use livelist_model::layout;
use livelist_model::registry::CredentialRef;

use crate::{Clock, Lease, LeaseState, Leases, StoreError};

struct Locked {
    file: File,
    owner: String,
}

/// Leases under `leases/` of a directory.
pub struct DirectoryLeases {
    root: PathBuf,
    clock: Arc<dyn Clock>,
    held: Mutex<HashMap<String, Locked>>,
}

impl DirectoryLeases {
    /// Leases below `root`.
    pub fn open(root: &Path, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        fs::create_dir_all(root.join("leases"))
            .map_err(|e| StoreError::refused(format!("the directory {}", root.display()), e))?;
        Ok(DirectoryLeases {
            root: root.to_owned(),
            clock,
            held: Mutex::default(),
        })
    }

    fn take(&self, key: &str, owner: &str, ttl: Duration) -> io::Result<LeaseState> {
        let now = self.clock.now();
        let lease = Lease::new(owner, now, ttl);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(locked) = held.get_mut(key) {
            let present = read(&mut locked.file)?;
            let expired = present.as_ref().is_none_or(|l| l.is_over(now));
            if locked.owner != owner && !expired {
                return Ok(LeaseState::Busy(present.unwrap_or(lease)));
            }
            write(&mut locked.file, &lease)?;
            locked.owner = owner.to_owned();
            return Ok(LeaseState::Held);
        }
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.root.join(key))?;
        match file.try_lock() {
            Ok(()) => {
                write(&mut file, &lease)?;
                let owner = owner.to_owned();
                held.insert(key.to_owned(), Locked { file, owner });
                Ok(LeaseState::Held)
            }
            Err(TryLockError::WouldBlock) => {
                Ok(LeaseState::Busy(read(&mut file)?.unwrap_or(Lease {
                    owner: "another process".to_owned(),
                    ..lease
                })))
            }
            Err(TryLockError::Error(e)) => Err(e),
        }
    }
}

fn read(file: &mut File) -> io::Result<Option<Lease>> {
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    Ok(serde_json::from_str(&text).ok())
}

fn write(file: &mut File, lease: &Lease) -> io::Result<()> {
    let text = serde_json::to_vec(lease)?;
    file.rewind()?;
    file.set_len(0)?;
    file.write_all(&text)
}

#[async_trait]
impl Leases for DirectoryLeases {
    async fn acquire(
        &self,
        credential: &CredentialRef,
        owner: &str,
        ttl: Duration,
    ) -> Result<LeaseState, StoreError> {
        let key = layout::lease(credential);
        self.take(&key, owner, ttl)
            .map_err(|e| StoreError::unavailable(key, e))
    }

    async fn release(&self, credential: &CredentialRef, owner: &str) -> Result<(), StoreError> {
        let key = layout::lease(credential);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.get(&key).is_some_and(|locked| locked.owner == owner)
            && let Some(mut locked) = held.remove(&key)
        {
            // The file stays: removing it would let two processes lock two files of one name.
            locked
                .file
                .rewind()
                .and_then(|()| locked.file.set_len(0))
                .map_err(|e| StoreError::unavailable(key, e))?;
        }
        Ok(())
    }
}
