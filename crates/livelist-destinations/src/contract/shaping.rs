//! Records that are changed on their way.

use std::collections::BTreeMap;

use livelist_records::Fields;
use livelist_records::children::with_members;
use livelist_records::names::Names;

use super::{Copy, log, upsert, value, write};
use crate::destination::Destination;
use crate::options::Options;
use crate::shaped::{Shaped, Shaper};

/// How the copy of [`shaping`] has to be kept.
pub fn shaping_options() -> Options {
    Options {
        names: Names::SnakeCase,
        transform: BTreeMap::from([("Property".to_owned(), "as the test says".to_owned())]),
        strip_prefix: BTreeMap::from([("Property".to_owned(), vec!["ListingId".to_owned()])]),
        ..Options::default()
    }
}

/// Changes nothing.
pub(super) struct AsTheyAre;

impl Shaper for AsTheyAre {
    fn shape(&self, _: &str, record: &str) -> Result<Option<String>, String> {
        Ok(Some(record.to_owned()))
    }
}

/// What stands in place of a program.
struct Rules;

impl Shaper for Rules {
    fn shape(&self, _: &str, record: &str) -> Result<Option<String>, String> {
        let fields = Fields::read(record).unwrap();
        match fields.text("StandardStatus").as_deref() {
            Some("Unwanted") => Ok(None),
            Some("Odd") => Err("transform.Property: it gives more than one result".to_owned()),
            _ => {
                let new = [
                    ("Town", "\"x\""),
                    ("Half", "2.5"),
                    ("Is", "true"),
                    ("Tags", "[1]"),
                ];
                Ok(Some(with_members(&fields, &new)))
            }
        }
    }
}

/// A program adds, leaves out and refuses; keys lose their prefix. `copy` is empty, and is kept as
/// [`shaping_options`] says.
pub async fn shaping(copy: &dyn Copy) {
    let open = async |options: &Options| Shaped::new(copy.open().await, options, Box::new(Rules));
    let options = shaping_options();
    let mut one = open(&options).await;
    let of =
        |status: &str, id: &str| format!("\"StandardStatus\":\"{status}\",\"ListingId\":\"{id}\"");
    let first = vec![
        upsert(1, "ACT1", &of("Active", "ACT77")),
        upsert(2, "ACT2", &of("Unwanted", "ACT78")),
        upsert(3, "ACT3", &of("Odd", "ACT79")),
    ];
    assert!(one.wants(&first[0]) && !one.wants(&first[1]) && one.wants(&first[2]));
    let written = write(&mut one, first.clone(), 3).await;
    assert_eq!((written.upserts, written.rejected), (1, 1));
    // The row is known by the log's key, and has its hash.
    let held = one.record("Property", "ACT1").await.unwrap().unwrap();
    assert_eq!(
        (held.row.key.as_str(), Some(held.row.hash)),
        ("1", first[0].hash())
    );
    let keys = one.keys("Property", None, 9).await.unwrap();
    assert_eq!(keys.len(), 1);
    assert_eq!(one.key_of("Property", "ACT1"), keys[0].key);
    for (column, expected) in [("listing_key", "1"), ("listing_id", "77"), ("town", "x")] {
        let held = value(&mut one, "ACT1", column).await;
        assert_eq!(held.as_deref(), Some(expected), "{column}");
    }
    let half = "SELECT listing_key FROM property WHERE half = 2.5";
    assert_eq!(copy.ask(half).await, ["1"]);
    assert_eq!(value(&mut one, "ACT1", "_rest").await, None);
    let rejects = "SELECT reason FROM _livelist_rejects";
    assert_eq!(
        copy.ask(rejects).await,
        ["transform.Property: it gives more than one result"]
    );

    // What was there and is not wanted any more goes, and says why; what was refused comes once it is not.
    let second = vec![
        upsert(4, "ACT1", &of("Unwanted", "ACT77")),
        upsert(5, "ACT3", &of("Active", "ACT79")),
    ];
    let written = write(&mut one, second, 5).await;
    assert_eq!(
        (written.upserts, written.removals, written.rejected),
        (1, 1, 0)
    );
    assert_eq!(
        copy.ask("SELECT reason FROM property_removed").await,
        ["transform"]
    );
    assert_eq!(copy.ask(rejects).await, [""; 0]);
    let both = vec![
        upsert(6, "ACT9", &of("Active", "ACT9")),
        upsert(7, "MRD9", &of("Active", "MRD9")),
    ];
    let written = write(&mut one, both, 7).await;
    assert_eq!((written.upserts, written.rejected), (1, 1));
    assert_eq!(
        copy.ask(rejects).await,
        ["another record has the same key without its prefix"]
    );
    assert!(one.position(&log()).await.unwrap().is_some());
}

/// Another program means another copy: `copy` was kept as [`shaping_options`] says, and is opened with another
/// program.
pub async fn another_program(copy: &dyn Copy) {
    let mut one = copy.open().await;
    assert_eq!(one.position(&log()).await.unwrap(), None);
}
