//! A backup, made while the system works, and what a restore puts back.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use livelist_mls::{MlsSpec, Provider};
use serde_json::{Value, json};

use crate::reader;
use crate::serve::Server;
use crate::town::{Town, account, bounded};

/// The files below a folder, with their bytes.
fn files(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push((
                    path.strip_prefix(root).unwrap().to_owned(),
                    std::fs::read(&path).unwrap(),
                )),
            }
        }
    }
    found.sort();
    found
}

/// A town whose secret lies among the documents.
fn town() -> Town {
    let spec = MlsSpec::new("abor", Provider::Trestle, 500);
    let town = Town::one(spec.clone());
    town.mls_document("abor", &json!({"credential": "file:secrets/abor.json"}));
    std::fs::create_dir(town.registry().join("secrets")).unwrap();
    let secret = town.registry().join("secrets/abor.json");
    std::fs::write(secret, account(&spec.credential)).unwrap();
    town.livelist(&["keys", "add", "--admin", "ada"]).assert(0);
    town
}

/// The command on what was restored.
fn restored(town: &Town, backup: &Path, more: &[&str]) -> (PathBuf, PathBuf) {
    let root = town.dir.path().join("elsewhere");
    let (registry, data) = (root.join("registry"), root.join("data"));
    let places = [
        "--registry",
        registry.to_str().unwrap(),
        "--data",
        data.to_str().unwrap(),
    ];
    let arguments = [&["restore", backup.to_str().unwrap()][..], &places, more].concat();
    town.livelist(&arguments).assert(0);
    (registry, data)
}

#[test]
fn what_is_restored_goes_on_where_the_backup_was_made() {
    let town = town();
    town.day("2026-11-21", 0);
    let backup = town.dir.path().join("backup");
    let made = town.livelist(&["backup", backup.to_str().unwrap()]);
    made.assert(0);
    assert!(
        made.out
            .contains("not in it: the secret file:secrets/abor.json"),
        "{}",
        made.out
    );
    for (file, bytes) in files(&backup) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("p1anted-secret"), "{}", file.display());
        let mode = std::fs::metadata(backup.join(&file))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
    let told = town.livelist(&["status"]).out;
    assert!(told.contains("backup    20"), "{told}");
    // A place that is taken is left alone.
    town.livelist(&["backup", backup.to_str().unwrap()])
        .assert(2);
    town.livelist(&["restore", backup.to_str().unwrap()])
        .assert(2);

    let (registry, data) = restored(&town, &backup, &[]);
    let name = reader::feeds(&data).remove(0);
    let (before, after) = (
        reader::list(&town.data(), &name).unwrap(),
        reader::list(&data, &name).unwrap(),
    );
    assert_eq!((before.head, before.keys), (after.head, after.keys));
    assert!(
        data.join(".livelist/links.key").exists()
            == town.data().join(".livelist/links.key").exists()
    );
    let admins = std::fs::metadata(registry.join("admins.json")).unwrap();
    assert_eq!(admins.permissions().mode() & 0o777, 0o644);
    assert!(!registry.join("secrets").exists());
    // With the secret it goes on: a key that was sold is confirmed gone, from the list of before.
    std::fs::create_dir(registry.join("secrets")).unwrap();
    std::fs::copy(
        town.registry().join("secrets/abor.json"),
        registry.join("secrets/abor.json"),
    )
    .unwrap();
    town.mls("abor").sell(7);
    let places = [
        "--registry",
        registry.to_str().unwrap(),
        "--data",
        data.to_str().unwrap(),
    ];
    let day = ["reconcile", "--json", "--date", "2026-11-22"];
    let done = town.livelist(&[&day[..], &places].concat());
    done.assert(0);
    let line = &done.lines()[0];
    assert_eq!(
        (&line["removed"], &line["sequence"]),
        (&json!(7), &json!(2)),
        "{line}"
    );
}

#[test]
fn secrets_are_in_it_only_if_somebody_asks() {
    let town = town();
    town.day("2026-11-21", 0);
    let backup = town.dir.path().join("with-secrets");
    town.livelist(&["backup", backup.to_str().unwrap(), "--with-secrets"])
        .assert(0);
    let (registry, _) = restored(&town, &backup, &[]);
    assert!(!registry.join("secrets").exists(), "nor put back");
    std::fs::remove_dir_all(town.dir.path().join("elsewhere")).unwrap();
    let (registry, _) = restored(&town, &backup, &["--with-secrets"]);
    let secret = registry.join("secrets/abor.json");
    let mode = std::fs::metadata(&secret).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let same = std::fs::read(town.registry().join("secrets/abor.json")).unwrap();
    assert_eq!(std::fs::read(secret).unwrap(), same);
}

#[test]
fn a_damaged_backup_restores_nothing() {
    let town = town();
    town.day("2026-11-21", 0);
    let backup = town.dir.path().join("backup");
    town.livelist(&["backup", backup.to_str().unwrap()])
        .assert(0);
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(backup.join("backup.json")).unwrap()).unwrap();
    let all = manifest["files"].as_array().unwrap();
    let snapshot = all
        .iter()
        .find(|f| f["file"].as_str().unwrap().contains("/snapshots/"));
    let snapshot = backup.join(snapshot.unwrap()["file"].as_str().unwrap());
    let mut bytes = std::fs::read(&snapshot).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&snapshot, bytes).unwrap();
    let root = town.dir.path().join("elsewhere");
    let (registry, data) = (root.join("registry"), root.join("data"));
    let places = [
        "--registry",
        registry.to_str().unwrap(),
        "--data",
        data.to_str().unwrap(),
    ];
    let done = town.livelist(&[&["restore", backup.to_str().unwrap()][..], &places].concat());
    done.assert(4);
    assert!(
        done.err.contains("it is not what was backed up"),
        "{}",
        done.err
    );
    for place in [&registry, &data] {
        assert!(!place.exists() || std::fs::read_dir(place).unwrap().next().is_none());
    }
    std::fs::remove_file(backup.join("backup.json")).unwrap();
    town.livelist(&[&["restore", backup.to_str().unwrap()][..], &places].concat())
        .assert(2);
}

/// A list is published every few hundred milliseconds while backups are made: each backup has all that its heads name.
#[test]
fn a_backup_of_a_running_system_is_whole() {
    let town = town();
    town.mls_document(
        "abor",
        &json!({"credential": "file:secrets/abor.json", "schedule": {"cron": "0 * * * *"}}),
    );
    std::fs::create_dir_all(town.data()).unwrap();
    // An hour passes in a quarter of a second.
    let server = Server::with_schedule(&town, &["--lapse", "14400"]);
    let sequence = |data: &Path| {
        let name = reader::feeds(data).pop()?;
        let list = reader::list(data, &name)?;
        list.head["sequence"].as_u64()
    };
    bounded(|| sequence(&town.data()));
    let mut sequences = Vec::new();
    for nth in 0..20 {
        town.mls("abor").sell(1);
        town.mls("abor").add(1);
        let backup = town.dir.path().join(format!("backup-{nth}"));
        town.livelist(&["backup", backup.to_str().unwrap()])
            .assert(0);
        // The reader compares the list with the head's count and digest.
        sequences.push(sequence(&backup.join("data")).unwrap());
        let manifest: Value =
            serde_json::from_slice(&std::fs::read(backup.join("backup.json")).unwrap()).unwrap();
        for entry in manifest["files"].as_array().unwrap() {
            let bytes = std::fs::read(backup.join(entry["file"].as_str().unwrap())).unwrap();
            assert_eq!(entry["sha256"], reader::digest(&bytes), "{entry}");
        }
    }
    server.stop().assert(0);
    assert!(
        sequences.windows(2).all(|two| two[0] <= two[1]),
        "{sequences:?}"
    );
    assert!(
        sequences[19] > sequences[0],
        "nothing was published meanwhile: {sequences:?}"
    );
}
