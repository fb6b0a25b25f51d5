//! Objects as files.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::failed::Failing;
use crate::objects::check_name;
use crate::{Body, Condition, Listed, Object, Objects, Retention, StoreError};

/// Objects below a directory.
#[derive(Debug, Clone)]
pub struct DirectoryObjects {
    root: PathBuf,
    /// Files are created readable by everybody.
    is_public: bool,
    /// Records writes that failed; `None` for readers.
    failing: Option<Arc<Failing>>,
}

/// Holds temporary files and the lock; never listed.
pub(super) const OWN: &str = ".livelist";
/// Holds how much the last day wrote.
const WRITTEN: &str = "written";
/// Marks an object that may be removed: a file of the same name with this ending.
const RETIRED: &str = ".retired";

impl DirectoryObjects {
    /// Objects below `root`, which is made if it is not there.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let own = root.join(OWN);
        // Existing folders keep their permissions.
        let mut folders = fs::DirBuilder::new();
        folders.recursive(true).mode(0o700);
        folders
            .create(&own)
            .map_err(|e| StoreError::refused(format!("the directory {}", root.display()), e))?;
        Ok(DirectoryObjects {
            failing: Some(Arc::new(Failing::prepare(root))),
            root: root.to_owned(),
            is_public: false,
        })
    }

    /// The same for documents without secrets: new files are readable by everybody.
    #[must_use]
    pub fn public(mut self) -> Self {
        self.is_public = true;
        self.failing = None;
        self
    }

    /// The objects below `root`, to be read only: nothing is made there.
    pub fn reading(root: &Path) -> Self {
        DirectoryObjects {
            root: root.to_owned(),
            is_public: false,
            failing: None,
        }
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Removes what lifecycle rules would remove: scratch and retired objects untouched for `age`, and the
    /// temporary files of killed processes. Returns the number of removed objects, and records how many
    /// bytes the last day wrote.
    pub async fn sweep(&self, age: Duration) -> Result<u64, StoreError> {
        let root = self.root.clone();
        blocking("sweeping the directory", move || sweep(&root, age)).await
    }
}

/// An opened file. Documents are read whole, so that only one call goes to the blocking thread.
enum Content {
    Whole(Vec<u8>),
    Opened(File),
}

/// Files up to here are documents: heads, clients, records of runs.
const DOCUMENT: u64 = 64 * 1024;

/// Opens the file, if there is one.
fn open(path: &Path) -> io::Result<Option<(fs::Metadata, Content)>> {
    let mut file = match File::open(path) {
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        other => other?,
    };
    let meta = file.metadata()?;
    if meta.is_dir() {
        return Ok(None);
    }
    if meta.len() > DOCUMENT {
        return Ok(Some((meta, Content::Opened(file))));
    }
    let mut bytes = Vec::with_capacity(meta.len() as usize);
    file.read_to_end(&mut bytes)?;
    Ok(Some((meta, Content::Whole(bytes))))
}

async fn blocking<T: Send + 'static>(
    what: &str,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(e)) => Err(StoreError::unavailable(what, e)),
        Err(e) => Err(StoreError::unavailable(what, e)),
    }
}

/// A file's identity: a rename always brings another inode, so this changes with every write.
fn etag(meta: &fs::Metadata) -> String {
    format!(
        "\"{:x}-{:x}-{:x}-{:x}\"",
        meta.ino(),
        meta.mtime(),
        meta.mtime_nsec(),
        meta.len()
    )
}

fn etag_at(path: &Path) -> io::Result<Option<String>> {
    match fs::metadata(path) {
        Ok(meta) => Ok(Some(etag(&meta))),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// Whether the condition holds; to be asked under the lock.
fn holds(path: &Path, condition: &Condition) -> io::Result<bool> {
    Ok(match condition {
        Condition::Always => true,
        Condition::Absent => etag_at(path)?.is_none(),
        Condition::Unchanged(etag) => etag_at(path)?.as_ref() == Some(etag),
    })
}

fn locked(root: &Path) -> io::Result<File> {
    let file = File::create(root.join(OWN).join("lock"))?;
    file.lock()?;
    Ok(file)
}

fn write(
    root: &Path,
    key: &str,
    body: &Body,
    condition: &Condition,
    retention: Retention,
    is_public: bool,
) -> io::Result<Option<String>> {
    let path = root.join(key);
    let folder = path.parent().unwrap_or(root);
    fs::create_dir_all(folder)?;
    let mut temporary = tempfile::Builder::new()
        .prefix("put-")
        .tempfile_in(root.join(OWN))?;
    for chunk in body.chunks() {
        temporary.write_all(chunk)?;
    }
    temporary.as_file().sync_data()?;
    let _lock = locked(root)?;
    if !holds(&path, condition)? {
        return Ok(None);
    }
    // The owner decides who may read a document, not the last writer.
    if let Ok(former) = fs::metadata(&path) {
        temporary.as_file().set_permissions(former.permissions())?;
        if (former.uid(), former.gid()) != owner_of(&temporary.as_file().metadata()?) {
            // Only root may change the owner; another user has created the file as its own.
            let given = chown(temporary.path(), Some(former.uid()), Some(former.gid()));
            given.or_else(|e| match e.kind() {
                ErrorKind::PermissionDenied => Ok(()),
                _ => Err(e),
            })?;
        }
    } else if is_public {
        // Whatever the umask is.
        let everybody = fs::Permissions::from_mode(0o644);
        temporary.as_file().set_permissions(everybody)?;
    }
    let mark = retired_mark(&path);
    if retention == Retention::Scratch {
        File::create(&mark)?;
    }
    let file = temporary.persist(&path).map_err(|e| e.error)?;
    if retention == Retention::Keep {
        remove(&mark)?;
    }
    File::open(folder)?.sync_all()?;
    Ok(Some(etag(&file.metadata()?)))
}

fn owner_of(meta: &fs::Metadata) -> (u32, u32) {
    (meta.uid(), meta.gid())
}

fn retired_mark(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(RETIRED);
    name.into()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

fn walk(folder: &Path, found: &mut Vec<(PathBuf, fs::Metadata)>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(());
        }
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name() == OWN {
            continue;
        }
        match entry.metadata() {
            Ok(meta) if meta.is_dir() => walk(&entry.path(), found)?,
            Ok(meta) => found.push((entry.path(), meta)),
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

fn list(root: &Path, prefix: &str) -> io::Result<Vec<Listed>> {
    let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut found = Vec::new();
    walk(&root.join(folder), &mut found)?;
    let mut listed: Vec<Listed> = found
        .into_iter()
        .filter_map(|(path, meta)| {
            let key = path.strip_prefix(root).ok()?.to_str()?.to_owned();
            let ours = key.starts_with(prefix) && !key.ends_with(RETIRED);
            ours.then_some(Listed {
                key,
                bytes: meta.len(),
                etag: etag(&meta),
            })
        })
        .collect();
    listed.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(listed)
}

fn list_names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut names = Vec::new();
    for entry in entries {
        if let Ok(name) = entry?.file_name().into_string()
            && name != OWN
            && !name.ends_with(RETIRED)
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Bytes of the files below `root` that were written in the day before the last
/// [`DirectoryObjects::sweep`].
pub fn written_lately(root: &Path) -> Option<u64> {
    let text = fs::read_to_string(root.join(OWN).join(WRITTEN)).ok()?;
    text.trim().parse().ok()
}

const DAY: Duration = Duration::from_secs(24 * 3_600);

fn sweep(root: &Path, age: Duration) -> io::Result<u64> {
    let _lock = locked(root)?;
    let is_old = |meta: &fs::Metadata| {
        meta.modified()
            .is_ok_and(|at| at.elapsed().is_ok_and(|elapsed| elapsed >= age))
    };
    for entry in fs::read_dir(root.join(OWN))? {
        let entry = entry?;
        let half_written = entry.file_name().to_string_lossy().starts_with("put-");
        if half_written && entry.metadata().is_ok_and(|meta| is_old(&meta)) {
            remove(&entry.path())?;
        }
    }
    let mut found = Vec::new();
    walk(root, &mut found)?;
    let mut gone = 0;
    let lately = |meta: &fs::Metadata| {
        let at = meta.modified();
        at.is_ok_and(|at| at.elapsed().is_ok_and(|elapsed| elapsed < DAY))
    };
    let recent = found.iter().filter(|(_, meta)| lately(meta));
    let written: u64 = recent.map(|(_, meta)| meta.len()).sum();
    // If it cannot be written, it is computed again tomorrow.
    let _ = fs::write(root.join(OWN).join(WRITTEN), written.to_string());
    for (path, meta) in found {
        let Some(object) = path.to_str().and_then(|p| p.strip_suffix(RETIRED)) else {
            continue;
        };
        if is_old(&meta) {
            remove(Path::new(object))?;
            remove(&path)?;
            gone += 1;
        }
    }
    Ok(gone)
}

#[async_trait]
impl Objects for DirectoryObjects {
    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        check_name(key)?;
        let path = self.root.join(key);
        let opened = blocking(&format!("the file {key}"), move || open(&path)).await?;
        Ok(opened.map(|(meta, content)| Object {
            etag: etag(&meta),
            bytes: meta.len(),
            body: match content {
                Content::Whole(bytes) => Box::new(io::Cursor::new(bytes)),
                Content::Opened(file) => Box::new(tokio::fs::File::from_std(file)),
            },
        }))
    }

    async fn put(
        &self,
        key: &str,
        body: Body,
        condition: Condition,
        retention: Retention,
    ) -> Result<String, StoreError> {
        check_name(key)?;
        let (root, is_public) = (self.root.clone(), self.is_public);
        let (name, failing) = (key.to_owned(), self.failing.clone());
        let written = blocking(&format!("writing the file {key}"), move || {
            let written = write(&root, &name, &body, &condition, retention, is_public);
            if let Some(failing) = failing {
                let bytes = body.chunks().iter().map(|chunk| chunk.len() as u64).sum();
                failing.note(&root, &name, bytes, &written);
            }
            written
        })
        .await?;
        written.ok_or_else(|| StoreError::ConditionFailed {
            key: key.to_owned(),
        })
    }

    async fn delete(&self, key: &str, condition: Condition) -> Result<(), StoreError> {
        check_name(key)?;
        let root = self.root.clone();
        let path = self.root.join(key);
        let done = blocking(&format!("removing the file {key}"), move || {
            let _lock = locked(&root)?;
            if etag_at(&path)?.is_some() {
                if !holds(&path, &condition)? {
                    return Ok(false);
                }
                remove(&path)?;
                remove(&retired_mark(&path))?;
            }
            Ok(true)
        })
        .await?;
        if done {
            return Ok(());
        }
        Err(StoreError::ConditionFailed {
            key: key.to_owned(),
        })
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        let (root, prefix) = (self.root.clone(), prefix.to_owned());
        blocking("listing the directory", move || list(&root, &prefix)).await
    }

    async fn list_names(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let folder = self.root.join(prefix);
        blocking("listing the directory", move || list_names(&folder)).await
    }

    async fn retire(&self, key: &str) -> Result<(), StoreError> {
        check_name(key)?;
        let path = self.root.join(key);
        blocking("marking an object as retired", move || {
            if etag_at(&path)?.is_some() {
                File::create(retired_mark(&path))?;
            }
            Ok(())
        })
        .await
    }
}
