//! File permissions: everybody may read documents, the service's user owns data and secrets, whoever ran a
//! command. Only root can change owners; without root those tests say so and do nothing.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use livelist_mls::{MlsSpec, Provider};
use serde_json::json;

use crate::town::Town;

/// `nobody`.
const SERVICE: u32 = 65_534;

fn town() -> Town {
    let town = Town::trestle(20);
    fs::set_permissions(town.dir.path(), Permissions::from_mode(0o755)).unwrap();
    town
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn all(folder: &Path, found: &mut Vec<PathBuf>) {
    found.push(folder.to_owned());
    if folder.is_dir() {
        for entry in fs::read_dir(folder).unwrap() {
            all(&entry.unwrap().path(), found);
        }
    }
}

/// Whether this is root, who may give files away.
fn is_root(town: &Town) -> bool {
    let is_root = fs::metadata(town.dir.path()).unwrap().uid() == 0;
    if !is_root {
        println!("this test needs root");
    }
    is_root
}

/// (O3) A document that a command makes can be read by the service, whatever the umask of who typed it.
#[test]
fn a_document_that_is_made_is_for_everybody() {
    let town = town();
    town.livelist(&["keys", "add", "--admin", "ada"]).assert(0);
    let admins = town.registry().join("admins.json");
    assert_eq!(mode(&admins), 0o644);
    // What somebody decided stays.
    fs::set_permissions(&admins, Permissions::from_mode(0o640)).unwrap();
    town.livelist(&["keys", "add", "--admin", "bob"]).assert(0);
    assert_eq!(mode(&admins), 0o640);
}

/// (O3) What root does belongs to whom the data belongs.
#[test]
fn roots_commands_leave_what_the_service_can_change() {
    let town = town();
    if !is_root(&town) {
        return;
    }
    fs::create_dir(town.data()).unwrap();
    chown(town.data(), Some(SERVICE), Some(SERVICE)).unwrap();
    fs::set_permissions(town.data(), Permissions::from_mode(0o700)).unwrap();
    town.day("2026-11-21", 0);
    town.livelist(&["pause", "abor"]).assert(0);
    town.livelist(&["status"]).assert(0);
    let mut found = Vec::new();
    all(&town.data(), &mut found);
    assert!(found.len() > 10, "{found:?}");
    for path in found {
        let meta = fs::metadata(&path).unwrap();
        assert_eq!((meta.uid(), meta.gid()), (SERVICE, SERVICE), "{path:?}");
        assert_eq!(meta.permissions().mode() & 0o077, 0, "{path:?}");
    }
    // A document of the registry keeps its owner.
    town.livelist(&["keys", "add", "--admin", "ada"]).assert(0);
    let admins = town.registry().join("admins.json");
    chown(&admins, Some(SERVICE), Some(SERVICE)).unwrap();
    town.livelist(&["keys", "add", "--admin", "bob"]).assert(0);
    assert_eq!(fs::metadata(&admins).unwrap().uid(), SERVICE);
}

/// (O3) Data that a command makes is for its owner alone.
#[test]
fn data_is_for_its_owner() {
    let town = town();
    town.day("2026-11-21", 0);
    assert_eq!(mode(&town.data()), 0o700);
}

/// (O3) A secret that others can read is told by the check and by the probe.
#[test]
fn an_exposed_secret_is_told() {
    let town = Town::of(vec![MlsSpec::new("abor", Provider::Trestle, 20)]);
    let secret = town.dir.path().join("abor.secret");
    let account = json!({"client_id": "demo", "client_secret": "demo-secret"});
    fs::write(&secret, account.to_string()).unwrap();
    town.mls_document("abor", &json!({"credential": "file:../abor.secret"}));
    let registry = town.registry();
    let check = || town.livelist(&["registry", "check", registry.to_str().unwrap()]);
    let rights =
        |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    // Nobody else comes so far.
    rights(town.dir.path(), 0o700);
    rights(&secret, 0o644);
    check().assert(0);
    rights(town.dir.path(), 0o755);
    let done = check();
    done.assert(2);
    let told = "mls/abor.json: credential: others on this machine can read the secret. Give it to";
    assert!(done.out.contains(told), "{}", done.out);
    let done = town.livelist(&["probe", "abor"]);
    assert!(
        done.out
            .contains("others on this machine can read the secret"),
        "{}",
        done.out
    );
    assert!(done.out.contains("chmod 600"), "{}", done.out);
    assert!(!done.out.contains("demo-secret"));
    rights(&secret, 0o600);
    check().assert(0);
    let done = town.livelist(&["probe", "abor"]);
    assert!(!done.out.contains("others on this machine"), "{}", done.out);
}

/// (O3) A document that the service may not read is named, with what to do.
#[test]
fn a_document_that_cannot_be_read_is_named() {
    let town = town();
    if !is_root(&town) {
        return;
    }
    let document = town.registry().join("mls/abor.json");
    fs::set_permissions(&document, Permissions::from_mode(0o600)).unwrap();
    let done = std::process::Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(env!("CARGO_BIN_EXE_livelist"))
        .args(["registry", "check", town.registry().to_str().unwrap()])
        .output();
    let Ok(done) = done else {
        println!("this test needs setpriv");
        return;
    };
    let out = String::from_utf8(done.stdout).unwrap();
    if out.is_empty() {
        println!("another user cannot run this binary here");
        return;
    }
    assert_eq!(done.status.code(), Some(2));
    assert!(
        out.contains(
            "mls/abor.json: this user may not read it. Let everybody read it (`chmod a+r "
        ),
        "{out}"
    );
}
