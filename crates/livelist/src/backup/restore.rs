//! `livelist restore`: puts a backup where nothing is. Each file is compared with its digest before anything counts.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Component, Path, PathBuf};

use livelist_model::layout;
use livelist_model::waiting::Waiting;
use livelist_reso::Dialects;
use livelist_store::alerts::read_alerts;
use livelist_store::registry::read_registry_with_records;

use super::files::{self, Entry};
use super::{DATA, MANIFEST, Manifest, REGISTRY, secrets};
use crate::cli::RestoreArgs;
use crate::context::{open_data, open_registry};
use crate::exit::{Code, Failed};
use crate::overlay::Overlay;

/// Files are put here first.
const PART: &str = ".restoring";

/// Runs `livelist restore`.
pub async fn run(arguments: &RestoreArgs) -> Result<Code, Failed> {
    let (registry, data) = (&arguments.registry.registry, &arguments.data.data);
    let manifest = manifest(&arguments.dir)?;
    for place in [registry, data] {
        let is_empty = match fs::read_dir(place) {
            Ok(mut entries) => entries.next().is_none(),
            Err(e) => e.kind() == io::ErrorKind::NotFound,
        };
        if !is_empty {
            let place = place.display();
            return Err(Failed::usage(format!(
                "{place} is not empty. A restore overwrites nothing: give a directory that is empty or not there"
            )));
        }
    }
    let because = |error: io::Error| Failed::because(format!("nothing was restored: {error}"));
    // The data are for the service alone; the registry is for all to read.
    let parts = [
        (DATA, data, 0o700, 0o600),
        (REGISTRY, registry, 0o755, 0o644),
    ];
    for (part, place, of_folders, of_files) in parts {
        let fill = || {
            fill(
                &arguments.dir,
                &manifest,
                part,
                place,
                [of_folders, of_files],
            )
        };
        if let Err(error) = fill() {
            for (_, place, ..) in parts {
                let _ = fs::remove_dir_all(place.join(PART));
            }
            return Err(because(error));
        }
    }
    rustix::fs::sync();
    for (_, place, ..) in parts {
        settle(place).map_err(because)?;
    }
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "restored {} files as of {:.0}",
        manifest.files.len(),
        manifest.at
    )?;
    let overlay = Overlay {
        registry: open_registry(registry)?,
        data: open_data(data)?,
    };
    let (documents, _) = read_registry_with_records(&overlay, &Dialects).await?;
    let alerts = read_alerts(&overlay).await.unwrap_or_default();
    let referred = secrets::referred(&documents, &alerts);
    for kept in &manifest.secrets {
        if !referred.contains(&kept.reference) {
            writeln!(
                out,
                "not restored: no document of the registry refers to the secret {}",
                kept.reference
            )?;
            continue;
        }
        match arguments.with_secrets {
            true => secret(&arguments.dir, &manifest, kept, registry, &mut out)?,
            false => writeln!(
                out,
                "not restored: the secret {} (--with-secrets)",
                kept.reference
            )?,
        }
    }
    writeln!(
        out,
        "check it: livelist registry check {}",
        registry.display()
    )?;
    Ok(Code::Ok)
}

fn manifest(dir: &Path) -> Result<Manifest, Failed> {
    let path = dir.join(MANIFEST);
    let text = fs::read(&path)
        .map_err(|e| Failed::usage(format!("{} is no backup: {MANIFEST}: {e}", dir.display())))?;
    let manifest: Manifest = serde_json::from_slice(&text)
        .map_err(|e| Failed::usage(format!("{} cannot be read: {e}", path.display())))?;
    if manifest.schema != Manifest::SCHEMA {
        return Err(Failed::usage(format!(
            "the backup has the form {}; this version reads {}. Use the version that made it, {}",
            manifest.schema,
            Manifest::SCHEMA,
            manifest.version
        )));
    }
    Ok(manifest)
}

/// Copies the files of a part beside their place, and compares each with its digest.
fn fill(
    backup: &Path,
    manifest: &Manifest,
    part: &str,
    place: &Path,
    [of_folders, of_files]: [u32; 2],
) -> io::Result<()> {
    files::make(place, of_folders)?;
    let owner = fs::metadata(place)?;
    let root = place.join(PART);
    make(&root, of_folders, &owner)?;
    for entry in &manifest.files {
        let Ok(way) = Path::new(&entry.file).strip_prefix(part) else {
            continue;
        };
        let plain = way
            .components()
            .all(|one| matches!(one, Component::Normal(_)));
        if !plain {
            return Err(io::Error::other(format!(
                "{} is no way below it",
                entry.file
            )));
        }
        let to = root.join(way);
        let mut folders: Vec<&Path> = way.ancestors().skip(1).collect();
        folders.reverse();
        for folder in folders {
            make(&root.join(folder), of_folders, &owner)?;
        }
        checked(backup, entry, &to, of_files)?;
        forget_looks(way, &to)?;
        if to.exists() {
            own(&to, &owner)?;
        }
    }
    Ok(())
}

/// What was missed once before the backup may have been seen since: the next look is a first one again.
fn forget_looks(way: &Path, to: &Path) -> io::Result<()> {
    let is_of_a_feed = way.starts_with(layout::FEEDS_PREFIX.trim_end_matches('/'));
    match way
        .file_name()
        .and_then(OsStr::to_str)
        .filter(|_| is_of_a_feed)
    {
        Some("held.json") => fs::remove_file(to),
        Some("waiting.json") => {
            let Ok(mut waiting) = serde_json::from_slice::<Waiting>(&fs::read(to)?) else {
                return fs::remove_file(to);
            };
            (waiting.looks, waiting.sought) = (Vec::new(), Vec::new());
            fs::write(to, serde_json::to_vec(&waiting)?)
        }
        _ => Ok(()),
    }
}

fn checked(backup: &Path, entry: &Entry, to: &Path, mode: u32) -> io::Result<()> {
    let from = backup.join(&entry.file);
    let source = File::open(&from).map_err(|e| files::named(&from, e))?;
    let (bytes, sha256) = files::copied(source, to, mode)?;
    if (bytes, &sha256) != (entry.bytes, &entry.sha256) {
        let problem = io::Error::other("it is not what was backed up");
        return Err(files::named(&from, problem));
    }
    // Whatever the umask.
    fs::set_permissions(to, fs::Permissions::from_mode(mode))
}

fn make(folder: &Path, mode: u32, owner: &fs::Metadata) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(mode))?;
    own(folder, owner)
}

/// What root restores belongs to whoever the place belongs to.
fn own(path: &Path, owner: &fs::Metadata) -> io::Result<()> {
    let of = fs::metadata(path)?;
    match (of.uid(), of.gid()) == (owner.uid(), owner.gid()) {
        true => Ok(()),
        false => chown(path, Some(owner.uid()), Some(owner.gid())),
    }
}

/// Moves what was copied to its place.
fn settle(place: &Path) -> io::Result<()> {
    let part = place.join(PART);
    for entry in fs::read_dir(&part)? {
        let entry = entry?;
        fs::rename(entry.path(), place.join(entry.file_name()))?;
    }
    fs::remove_dir(part)
}

/// Puts a secret where its reference leads to, unless something is there.
fn secret(
    backup: &Path,
    manifest: &Manifest,
    kept: &secrets::Kept,
    registry: &Path,
    out: &mut impl Write,
) -> Result<(), Failed> {
    let reference = &kept.reference;
    let entry = manifest.files.iter().find(|entry| entry.file == kept.file);
    let (Some(to), Some(entry)) = (secrets::path(registry, reference), entry) else {
        return Err(Failed::because(format!(
            "the backup does not have the secret {reference}"
        )));
    };
    if to.exists() {
        writeln!(out, "left as it is: the secret {reference}")?;
        return Ok(());
    }
    let put = || -> io::Result<()> {
        let folder: PathBuf = to.parent().unwrap_or(registry).to_owned();
        files::make(&folder, 0o700)?;
        checked(backup, entry, &to, 0o600)?;
        own(&to, &fs::metadata(folder)?)
    };
    put().map_err(|e| {
        Failed::because(format!("the secret {reference} could not be put back: {e}"))
    })?;
    writeln!(out, "restored the secret {reference}")?;
    Ok(())
}
