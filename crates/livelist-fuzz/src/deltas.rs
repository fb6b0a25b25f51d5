//! Deltas: what leads from one snapshot to the next.

use std::collections::BTreeSet;

use livelist_model::codec::{CodecError, ListReader, digest};
use livelist_model::delta::{DeltaSummary, DeltaWriter, Sign, read_delta};
use livelist_model::keys::check_key;
use livelist_model::merge::{Side, difference};

use crate::damage;
use crate::lists::{gzip, written};

type Keys = BTreeSet<Vec<u8>>;
type Changes = Vec<(Sign, Vec<u8>)>;

/// Three bytes of damage, then lines of `-key` (in the base), `+key` (in the target) or ` key` (in both).
/// The delta of two lists leads from one to the other. A damaged delta is an error, or leads to a list that
/// differs from the target by count or digest.
pub fn delta(bytes: &[u8]) {
    let _ = read(bytes);
    let Some((damage, text)) = damage::of(bytes) else {
        return;
    };
    let (mut base, mut target) = (Keys::new(), Keys::new());
    for line in text.split(|b| *b == b'\n') {
        match line {
            [b'-', key @ ..] if check_key(key).is_ok() => _ = base.insert(key.to_vec()),
            [b'+', key @ ..] if check_key(key).is_ok() => _ = target.insert(key.to_vec()),
            [b' ', key @ ..] if check_key(key).is_ok() => {
                base.insert(key.to_vec());
                target.insert(key.to_vec());
            }
            _ => {}
        }
    }
    let (stored, summary) = made(&base, &target);
    let changes = read(&stored).expect("what was written can be read");
    assert_eq!(applied(&base, &changes), Some(target.clone()));
    assert_eq!(summary.added, target.difference(&base).count() as u64);
    assert_eq!(summary.removed, base.difference(&target).count() as u64);
    let text: Vec<u8> = changes.iter().flat_map(line).collect();
    assert_eq!(summary.text.sha256, digest(&text));
    let damaged = damage.apply(&stored, &text, gzip);
    match (read(&damaged), damage) {
        (Err(_), _) => {}
        (Ok(_), damage::Damage::Cut(_) | damage::Damage::Extend(_)) => {
            panic!("{damage:?} was not seen");
        }
        (Ok(other), damage::Damage::Flip(_)) => assert_eq!(other, changes, "{damage:?}"),
        (Ok(other), _) => {
            let text: Vec<u8> = other.iter().flat_map(line).collect();
            let same = digest(&text) == summary.text.sha256;
            assert!(same == (other == changes), "a digest of two texts");
            // A reader that checks neither the order nor the digest is still not misled by swapped lines.
            // by lines that changed places.
            if matches!(damage, damage::Damage::Swap(_)) {
                assert_eq!(applied(&base, &other), Some(target));
            }
        }
    }
}

fn made(base: &Keys, target: &Keys) -> (Vec<u8>, DeltaSummary) {
    let lists = [base, target].map(|keys| written(keys.iter().map(Vec::as_slice)));
    let [mut former, mut present] = lists
        .each_ref()
        .map(|(bytes, summary)| ListReader::new(&bytes[..], Some(summary.clone())));
    let mut delta = DeltaWriter::new(Vec::new());
    difference::<CodecError>(&mut former, &mut present, |key, side| match side {
        Side::Former => delta.push(Sign::Removed, key),
        Side::Present => delta.push(Sign::Added, key),
        Side::Both => Ok(()),
    })
    .expect("sound lists");
    delta.finish().expect("memory")
}

fn read(bytes: &[u8]) -> Result<Changes, CodecError> {
    let mut changes = Changes::new();
    read_delta(bytes, |sign, key| changes.push((sign, key.to_vec())))?;
    Ok(changes)
}

/// The list after `changes`; `None` if they are not changes of `base`.
fn applied(base: &Keys, changes: &Changes) -> Option<Keys> {
    let mut keys = base.clone();
    for (sign, key) in changes {
        let fits = match sign {
            Sign::Added => keys.insert(key.clone()),
            Sign::Removed => keys.remove(key),
        };
        if !fits {
            return None;
        }
    }
    Some(keys)
}

fn line((sign, key): &(Sign, Vec<u8>)) -> Vec<u8> {
    let sign: &[u8] = match sign {
        Sign::Added => b"+",
        Sign::Removed => b"-",
    };
    [sign, key, b"\n"].concat()
}
