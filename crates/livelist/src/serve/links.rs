//! The key that signs links to lists. It is stored with the data, so links stay valid after a restart, and
//! two processes on one directory accept each other's links.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use livelist_store::{Entropy, StoreError};
use secrecy::SecretBox;

use crate::exit::Failed;

const NAME: &str = ".livelist/links.key";
const BYTES: usize = 32;

/// The key of the data directory; a new one if there is none, or no valid one.
///
/// # Errors
/// It can neither be read nor be created.
pub fn key(data: &Path, entropy: &dyn Entropy) -> Result<SecretBox<[u8; BYTES]>, Failed> {
    let path = data.join(NAME);
    let fail = |e: io::Error| Failed::because(format!("the key of links, {}: {e}", path.display()));
    if let Some(key) = kept(&path).map_err(fail)? {
        return Ok(key);
    }
    let made = drawn(entropy).map_err(|e| Failed::internal(&e))?;
    // Whole or not at all, and the first of two processes counts.
    let new = path.with_extension(format!("key.{}", std::process::id()));
    let written = write(&new, &made).and_then(|()| match fs::hard_link(&new, &path) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => match kept(&path)? {
            Some(_) => Ok(()),
            None => fs::rename(&new, &path),
        },
        other => other,
    });
    // It may have been renamed.
    let _ = fs::remove_file(&new);
    written.map_err(fail)?;
    let key = kept(&path).map_err(fail)?;
    key.ok_or_else(|| fail(io::Error::other("it is damaged")))
}

fn kept(path: &Path) -> io::Result<Option<SecretBox<[u8; BYTES]>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(bytes
            .try_into()
            .ok()
            .map(|key: [u8; BYTES]| SecretBox::new(key.into()))),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

fn drawn(entropy: &dyn Entropy) -> Result<[u8; BYTES], StoreError> {
    let mut key = [0; BYTES];
    for part in key.chunks_exact_mut(8) {
        part.copy_from_slice(&entropy.bits()?.to_be_bytes());
    }
    Ok(key)
}

fn write(path: &Path, key: &[u8]) -> io::Result<()> {
    let mut file = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(key)?;
    file.sync_all()
}
