//! Copies files with their digests. Files are for their owner alone.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its way below the backup.
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, as hex.
    pub sha256: String,
}

/// Writes files below a directory, and remembers them.
pub struct Writer {
    root: PathBuf,
    entries: Vec<Entry>,
}

impl Writer {
    /// A writer below `root`.
    pub fn new(root: &Path) -> Writer {
        Writer {
            root: root.to_owned(),
            entries: Vec::new(),
        }
    }

    /// What was written.
    pub fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    /// Copies a file; one that is not there (any more) is no error. A link is followed only where `follows`:
    /// in the data, the service could lead root to any file.
    pub fn copy(&mut self, from: &Path, way: &Path, follows: bool) -> io::Result<()> {
        // A pipe is not waited for.
        let flags = match follows {
            true => OFlags::NONBLOCK,
            false => OFlags::NONBLOCK | OFlags::NOFOLLOW,
        };
        let opened = File::options()
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(from);
        let source = match opened {
            Ok(source) if source.metadata()?.is_file() => source,
            Ok(_) => return Err(named(from, io::Error::other("it is no file"))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(named(from, e)),
        };
        self.take(source, way).map_err(|e| named(from, e))
    }

    /// Writes a file.
    pub fn put(&mut self, bytes: &[u8], way: &Path) -> io::Result<()> {
        self.take(bytes, way)
    }

    fn take(&mut self, source: impl Read, way: &Path) -> io::Result<()> {
        let to = self.root.join(way);
        if let Some(folder) = to.parent() {
            make(folder, 0o700)?;
        }
        let (bytes, sha256) = copied(source, &to, 0o600)?;
        let file = way
            .to_str()
            .ok_or_else(|| io::Error::other("its name is no text"))?;
        self.entries.push(Entry {
            file: file.to_owned(),
            bytes,
            sha256,
        });
        Ok(())
    }

    /// Copies all files below a folder.
    pub fn copy_folder(&mut self, from: &Path, way: &Path) -> io::Result<()> {
        let entries = match fs::read_dir(from) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(named(from, e)),
        };
        for entry in entries {
            let entry = entry?;
            let way = way.join(entry.file_name());
            match entry.file_type()?.is_dir() {
                true => self.copy_folder(&entry.path(), &way)?,
                false => self.copy(&entry.path(), &way, false)?,
            }
        }
        Ok(())
    }

    /// Removes what was copied to `way`.
    pub fn forget(&mut self, way: &Path) -> io::Result<()> {
        self.entries
            .retain(|entry| !Path::new(&entry.file).starts_with(way));
        let path = self.root.join(way);
        let removed = match path.is_dir() {
            true => fs::remove_dir_all(path),
            false => fs::remove_file(path),
        };
        match removed {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }
}

/// Makes a directory and those above it.
pub fn make(folder: &Path, mode: u32) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(folder)
}

/// Writes a small file.
pub fn write(to: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = created(to, 0o600)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Copies `source` to a new file; its length and SHA-256.
pub fn copied(mut source: impl Read, to: &Path, mode: u32) -> io::Result<(u64, String)> {
    let mut file = created(to, mode)?;
    let (mut hash, mut bytes) = (Sha256::new(), 0_u64);
    let mut room = vec![0; 64 * 1024];
    loop {
        let read = source.read(&mut room)?;
        if read == 0 {
            break;
        }
        hash.update(&room[..read]);
        file.write_all(&room[..read])?;
        bytes = bytes.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
    Ok((bytes, hex::encode(hash.finalize())))
}

fn created(to: &Path, mode: u32) -> io::Result<File> {
    File::options()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(to)
}

/// The error with the file that it is about.
pub fn named(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
