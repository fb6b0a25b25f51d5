//! `livelist backup` and `livelist restore`: the registry, the keys and the data of one machine in a directory of files,
//! each with its SHA-256. A backup may be made while `livelist serve` works.
//!
//! What is consistent: the files of a feed, or of a log of records, are copied together, and once more if its head
//! changed meanwhile ([`with_head`]). So no head names a file that the backup lacks. Left out are logs, leases, and copies in SQLite,
//! which are written again from the log of records.

mod files;
mod restore;
mod secrets;

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use livelist_ops::health::Backup;
use livelist_reso::Dialects;
use livelist_store::alerts::read_alerts;
use livelist_store::registry::read_registry_with_records;
use livelist_store::{Clock, SystemClock};
use serde::{Deserialize, Serialize};

use crate::cli::BackupArgs;
use crate::context::{open_data, open_registry};
use crate::exit::{Code, Failed};
use crate::machine;
use crate::overlay::Overlay;
use crate::owner::become_owner_of;

use files::{Entry, Writer};

pub use restore::run as restore;

/// The list of the files, and the proof that the backup is whole: it is written last.
const MANIFEST: &str = "backup.json";
/// The parts.
const REGISTRY: &str = "registry";
const DATA: &str = "data";
const SECRETS: &str = "secrets";
/// The folders of the registry's documents, and its documents outside of folders.
const FOLDERS: [&str; 4] = ["mls", "clients", "replications", "destinations"];
const DOCUMENTS: [&str; 2] = ["admins.json", "alerts.json"];
/// Folders of the data that are not copied.
const LEFT_OUT: [&str; 2] = ["leases", "logs"];
/// Folders of the data in which each folder has a head.
const WITH_HEADS: [&str; 2] = ["feeds", "records"];
/// How often a folder is copied whose head changes.
const TRIES: u32 = 3;

/// `backup.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    /// Version of this document's form.
    schema: u32,
    /// When the backup ended.
    at: jiff::Timestamp,
    /// The version of Livelist that made it.
    version: String,
    /// The files, with the way of each below the directory.
    files: Vec<Entry>,
    /// The secrets that are in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<secrets::Kept>,
}

impl Manifest {
    const SCHEMA: u32 = 1;
}

/// Runs `livelist backup`.
pub async fn run(arguments: BackupArgs) -> Result<Code, Failed> {
    let (registry, data) = (&arguments.registry.registry, &arguments.data.data);
    let overlay = Overlay {
        registry: open_registry(registry)?,
        data: open_data(data)?,
    };
    let (documents, _) = read_registry_with_records(&overlay, &Dialects).await?;
    let alerts = read_alerts(&overlay).await.unwrap_or_default();
    let referred = secrets::referred(&documents, &alerts);
    outside(&arguments.dir, &[registry, data])?;
    let place = Place::new(&arguments.dir)?;
    let made = place.made(registry, data, &referred, arguments.with_secrets);
    let (manifest, lacking) = match made {
        Ok(made) => made,
        Err(error) => {
            place.remove();
            return Err(Failed::because(format!("no backup was made: {error}")));
        }
    };
    // The note is written by the owner of the data, who could lead root elsewhere by a link.
    become_owner_of(data)?;
    let backup = Backup { at: manifest.at };
    if let Err(error) = machine::note_backup(data, &backup) {
        tracing::warn!(%error, "the backup was made, and `livelist status` does not know of it");
    }
    let bytes: u64 = manifest.files.iter().map(|entry| entry.bytes).sum();
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{} files, {bytes} bytes, in {}",
        manifest.files.len(),
        arguments.dir.display()
    )?;
    for secret in &lacking {
        writeln!(out, "not in it: the secret {secret}")?;
    }
    Ok(Code::Ok)
}

/// Refuses a place within what is copied: the backup would hold itself.
fn outside(dir: &Path, copied: &[&PathBuf]) -> Result<(), Failed> {
    let above = dir.ancestors().skip(1);
    let above = above.map(|one| {
        if one.as_os_str().is_empty() {
            Path::new(".")
        } else {
            one
        }
    });
    let Some(place) = above.into_iter().find_map(|one| fs::canonicalize(one).ok()) else {
        return Ok(());
    };
    for one in copied {
        if fs::canonicalize(one).is_ok_and(|one| place.starts_with(one)) {
            let (dir, one) = (dir.display(), one.display());
            return Err(Failed::usage(format!(
                "{dir} is in {one}, which is to be copied. Give a directory outside of it"
            )));
        }
    }
    Ok(())
}

/// Where a backup is made: beside its place, and renamed when it is whole.
struct Place {
    dir: PathBuf,
    part: PathBuf,
}

impl Place {
    fn new(dir: &Path) -> Result<Place, Failed> {
        if dir.exists() {
            let dir = dir.display();
            return Err(Failed::usage(format!(
                "{dir} exists already. Give a directory that does not, e.g. one named after the day"
            )));
        }
        let mut name = dir.as_os_str().to_owned();
        name.push(".part");
        let part = PathBuf::from(name);
        files::make(&part, 0o700)
            .map_err(|e| Failed::because(format!("{} cannot be made: {e}", part.display())))?;
        Ok(Place {
            dir: dir.to_owned(),
            part,
        })
    }

    fn remove(&self) {
        // What cannot be removed is named `.part`, so nobody takes it for a backup.
        let _ = fs::remove_dir_all(&self.part);
    }

    fn made(
        &self,
        registry: &Path,
        data: &Path,
        referred: &BTreeSet<String>,
        with_secrets: bool,
    ) -> io::Result<(Manifest, Vec<String>)> {
        let mut writer = Writer::new(&self.part);
        let places = secrets::places(registry, referred);
        documents(&mut writer, registry, &places)?;
        everything(&mut writer, data)?;
        let (secrets, lacking) = match with_secrets {
            true => secrets::keep(&mut writer, registry, referred)?,
            false => (Vec::new(), referred.iter().cloned().collect()),
        };
        let manifest = Manifest {
            schema: Manifest::SCHEMA,
            at: SystemClock.now(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            files: writer.into_entries(),
            secrets,
        };
        // Every file is on the disk before the manifest says that it is there.
        rustix::fs::sync();
        files::write(&self.part.join(MANIFEST), &serde_json::to_vec(&manifest)?)?;
        fs::rename(&self.part, &self.dir)?;
        Ok((manifest, lacking))
    }
}

/// The registry's documents; no file that a document refers to as a secret.
fn documents(writer: &mut Writer, registry: &Path, secrets: &BTreeSet<PathBuf>) -> io::Result<()> {
    let mut found: Vec<PathBuf> = DOCUMENTS.iter().map(PathBuf::from).collect();
    for folder in FOLDERS {
        let entries = match fs::read_dir(registry.join(folder)) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(e),
        };
        for entry in entries {
            let name = PathBuf::from(entry?.file_name());
            if name.extension().is_some_and(|ending| ending == "json") {
                found.push(Path::new(folder).join(name));
            }
        }
    }
    for way in found {
        let from = registry.join(&way);
        let is_secret = fs::canonicalize(&from).is_ok_and(|path| secrets.contains(&path));
        if !is_secret {
            writer.copy(&from, &Path::new(REGISTRY).join(way), true)?;
        }
    }
    Ok(())
}

/// The data. Folders with a head are copied as a whole, others file by file.
fn everything(writer: &mut Writer, data: &Path) -> io::Result<()> {
    for entry in fs::read_dir(data)? {
        let entry = entry?;
        let name = entry.file_name();
        let way = Path::new(DATA).join(&name);
        let named = |names: &[&str]| names.iter().any(|one| name == *one);
        if name == machine::OWN {
            // Of what is no object, only the key of links is needed elsewhere.
            let key = Path::new("links.key");
            writer.copy(&entry.path().join(key), &way.join(key), false)?;
        } else if !entry.file_type()?.is_dir() {
            if !is_sqlite(&entry.path())? {
                writer.copy(&entry.path(), &way, false)?;
            }
        } else if named(&WITH_HEADS) {
            for folder in fs::read_dir(entry.path())? {
                let folder = folder?;
                with_head(writer, &folder.path(), &way.join(folder.file_name()))?;
            }
        } else if !named(&LEFT_OUT) {
            writer.copy_folder(&entry.path(), &way)?;
        }
    }
    Ok(())
}

/// The files of a feed or a log. If its head changed meanwhile, they are copied again. If it changes all the time, the
/// head that was read first counts: what it names was there before, and is not removed for days. The other documents
/// are then newer than the head, as after a crash between two writes.
fn with_head(writer: &mut Writer, from: &Path, way: &Path) -> io::Result<()> {
    let head = from.join("head.json");
    let read = || match fs::read(&head) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    };
    for _ in 1..TRIES {
        let before = read()?;
        writer.copy_folder(from, way)?;
        if read()? == before {
            return Ok(());
        }
        writer.forget(way)?;
    }
    let before = read()?;
    writer.copy_folder(from, way)?;
    let way = way.join("head.json");
    writer.forget(&way)?;
    match before {
        Some(bytes) => writer.put(&bytes, &way),
        None => Ok(()),
    }
}

/// Whether it is a database that a replication writes, or a file beside one.
fn is_sqlite(path: &Path) -> io::Result<bool> {
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    if ending.ends_with("-wal") || ending.ends_with("-shm") || ending.ends_with("-journal") {
        return Ok(true);
    }
    let mut begin = [0; 16];
    let read = io::Read::read(&mut fs::File::open(path)?, &mut begin)?;
    Ok(read == begin.len() && &begin == b"SQLite format 3\0")
}
