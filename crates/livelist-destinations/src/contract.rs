//! The contract of every destination: functions that its tests call, with a way to open the same copy
//! again. They panic if the contract is broken.

#![allow(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests"
)]

mod family;
mod odd;
mod shaping;
mod sharing;

pub use family::{expansions, expansions_of_flagged_rows};
pub use odd::{names, numbers_and_dates, texts, wide};
pub use shaping::{another_program, shaping, shaping_options};
pub use sharing::sharing;

use livelist_records::{Change, Field, Fields, Kind, Place, Reason, Removal, Schema, What, hash};
use serde_json::value::RawValue;

use crate::destination::{Batch, Destination, LogId, Pass, Position, Written};
use crate::error::DestinationError;
use crate::layout::ColumnPlace;
use crate::options::Options;

/// Opens the copy that is tested.
#[async_trait::async_trait]
pub trait Copy: Send + Sync {
    /// Opens it, as it was left.
    async fn open(&self) -> Box<dyn Destination>;

    /// Opens it to be kept in another way.
    async fn open_as(&self, options: Options) -> Box<dyn Destination>;

    /// What the owner of the database is answered: each row's values with `|` between them, `NULL` for null.
    async fn ask(&self, sql: &str) -> Vec<String>;

    /// What the owner of the database does.
    async fn run(&self, sql: &str);

    /// The table with the first columns of what users see as `name`.
    fn first_table(&self, name: &str) -> String {
        format!("{name}__1")
    }

    /// SQL that drops it, and what is built on it.
    fn drop_first_table(&self, name: &str) -> String {
        format!("DROP TABLE {} CASCADE", self.first_table(name))
    }
}

/// The log that the tests apply.
pub fn log() -> LogId {
    LogId {
        replication: "abor".to_owned(),
        generation: "g1".to_owned(),
    }
}

/// The schema of the tests' records: a field of each kind, and two whose names differ in case alone.
pub fn schema() -> Schema {
    let fields = [
        ("ListingKey", Kind::Text),
        ("StandardStatus", Kind::Text),
        ("ListPrice", Kind::Decimal),
        ("BedroomsTotal", Kind::Integer),
        ("PoolPrivateYN", Kind::Boolean),
        ("CloseDate", Kind::Date),
        ("OpenTime", Kind::Time),
        ("ModificationTimestamp", Kind::Instant),
        ("View", Kind::Json),
        ("PublicRemarks", Kind::Text),
        ("publicremarks", Kind::Text),
        ("_hash", Kind::Text),
        ("order", Kind::Text),
    ];
    Schema {
        resource: "Property".to_owned(),
        key: vec!["ListingKey".to_owned()],
        fields: fields
            .map(|(name, kind)| Field {
                name: name.to_owned(),
                kind,
            })
            .to_vec(),
        ..Schema::default()
    }
}

/// When the tests write.
pub fn now() -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_795_000_000).unwrap()
}

/// A change of a record: its number, key and further members.
pub fn upsert(number: u64, key: &str, members: &str) -> Change {
    let key_text = serde_json::to_string(key).unwrap();
    let comma = if members.is_empty() { "" } else { "," };
    let json = format!("{{\"ListingKey\":{key_text}{comma}{members}}}");
    Change {
        number,
        learned: now(),
        place: Place {
            resource: "Property".to_owned(),
            key: key.to_owned(),
        },
        what: What::Upsert {
            stamp: Some("2026-11-28T04:00:00Z".to_owned()),
            hash: hash::hash(&Fields::read(&json).unwrap(), &[]),
            record: RawValue::from_string(json).ok(),
        },
    }
}

/// A removal.
pub fn removal(number: u64, key: &str) -> Change {
    let change = upsert(number, key, "");
    Change {
        what: What::Removal(Removal {
            reason: Reason::Gone,
            proof: "2026-11-28-abor-property-1".to_owned(),
            at: now(),
        }),
        ..change
    }
}

/// The position after a number.
pub fn at(number: u64) -> Position {
    Position {
        generation: "g1".to_owned(),
        number,
        pass: None,
    }
}

/// Writes changes, whose places are sorted, from the position that the copy has.
pub async fn write(copy: &mut dyn Destination, changes: Vec<Change>, to: u64) -> Written {
    write_of(copy, &schema(), changes, to).await
}

/// The same for records of another schema.
pub async fn write_of(
    copy: &mut dyn Destination,
    schema: &Schema,
    mut changes: Vec<Change>,
    to: u64,
) -> Written {
    changes.sort_by(Change::order);
    copy.prepare(schema).await.unwrap();
    let from = copy.position(&log()).await.unwrap();
    let batch = Batch {
        changes,
        position: at(to),
        now: now(),
        refused: Vec::new(),
    };
    copy.write(&log(), from.as_ref(), &batch).await.unwrap()
}

async fn keys(copy: &mut dyn Destination) -> Vec<(String, u64)> {
    let rows = copy.keys("Property", None, 1_000).await.unwrap();
    rows.into_iter().map(|row| (row.key, row.version)).collect()
}

async fn value(copy: &mut dyn Destination, key: &str, column: &str) -> Option<String> {
    let held = copy.record("Property", key).await.unwrap()?;
    let found = held.values.into_iter().find(|(name, _)| name == column);
    found.and_then(|(_, value)| value)
}

/// Positions and rows change together, applying twice changes nothing, and older changes lose.
pub async fn order(copy: &dyn Copy) {
    let mut one = copy.open().await;
    assert_eq!(one.position(&log()).await.unwrap(), None);
    let first = vec![
        upsert(1, "a", "\"ListPrice\":1"),
        upsert(2, "b", "\"ListPrice\":2"),
    ];
    let written = write(&mut *one, first.clone(), 2).await;
    assert_eq!((written.upserts, written.unchanged), (2, 0));
    // Opened again, it knows its position.
    let mut one = copy.open().await;
    assert_eq!(one.position(&log()).await.unwrap(), Some(at(2)));
    let again = write(&mut *one, first, 2).await;
    assert_eq!((again.upserts, again.unchanged), (0, 2));
    // A newer change wins, an older one does not, and a removal of a missing row does nothing.
    write(
        &mut *one,
        vec![
            upsert(5, "a", "\"ListPrice\":5"),
            removal(6, "b"),
            removal(7, "c"),
        ],
        7,
    )
    .await;
    let late = vec![upsert(3, "a", "\"ListPrice\":3"), removal(4, "a")];
    assert_eq!(write(&mut *one, late, 7).await.unchanged, 2);
    assert_eq!(
        value(&mut *one, "a", "ListPrice").await.as_deref(),
        Some("5")
    );
    assert_eq!(keys(&mut *one).await, [("a".to_owned(), 5)]);
    // The same content under a higher number is no other row.
    let same = write(&mut *one, vec![upsert(8, "a", "\"ListPrice\":5")], 8).await;
    assert_eq!((same.upserts, same.unchanged), (0, 1));
    assert_eq!(keys(&mut *one).await, [("a".to_owned(), 8)]);
}

/// A write from another position writes nothing.
pub async fn compare_and_set(copy: &dyn Copy) {
    let mut one = copy.open().await;
    write(&mut *one, vec![upsert(1, "a", "")], 1).await;
    for wrong in [None, Some(at(0)), Some(at(2))] {
        let batch = Batch {
            changes: vec![upsert(9, "z", "")],
            position: at(9),
            now: now(),
            refused: Vec::new(),
        };
        let late = one.write(&log(), wrong.as_ref(), &batch).await;
        assert!(
            matches!(late, Err(DestinationError::Moved { .. })),
            "{late:?}"
        );
    }
    assert_eq!(keys(&mut *one).await, [("a".to_owned(), 1)]);
    assert_eq!(one.position(&log()).await.unwrap(), Some(at(1)));
    // A pass that has not ended is part of the position.
    let under_way = Position {
        pass: Some(Pass {
            to: 4,
            behind: Place {
                resource: "Property".to_owned(),
                key: "b\u{1f3e0}".to_owned(),
            },
        }),
        ..at(1)
    };
    let batch = Batch {
        changes: vec![upsert(3, "b\u{1f3e0}", "")],
        position: under_way.clone(),
        now: now(),
        refused: Vec::new(),
    };
    one.write(&log(), Some(&at(1)), &batch).await.unwrap();
    let mut one = copy.open().await;
    assert_eq!(one.position(&log()).await.unwrap(), Some(under_way));
}

/// A log that was started again is applied from its beginning, whatever numbers the rows have.
pub async fn another_generation(copy: &dyn Copy) {
    let mut one = copy.open().await;
    write(
        &mut *one,
        vec![upsert(50, "a", "\"ListPrice\":1"), upsert(51, "b", "")],
        51,
    )
    .await;
    let anew = LogId {
        generation: "g2".to_owned(),
        ..log()
    };
    assert_eq!(one.position(&anew).await.unwrap(), None);
    let batch = Batch {
        changes: vec![upsert(1, "a", "\"ListPrice\":2")],
        position: Position {
            generation: "g2".to_owned(),
            ..at(1)
        },
        now: now(),
        refused: Vec::new(),
    };
    let written = one.write(&anew, None, &batch).await.unwrap();
    assert_eq!(written.upserts, 1);
    assert_eq!(
        value(&mut *one, "a", "ListPrice").await.as_deref(),
        Some("2")
    );
    // Rows that the log does not have stay; the proof reports them.
    assert_eq!(
        keys(&mut *one).await,
        [("a".to_owned(), 1), ("b".to_owned(), 0)]
    );
}

/// Keys are bytes, in byte order.
pub async fn keys_are_bytes(copy: &dyn Copy) {
    let mut one = copy.open().await;
    let odd = [
        "A1",
        "A1 ",
        "a1",
        "B",
        "\u{e9}",
        "e\u{301}",
        "a'b",
        "a\"b",
        "a\\b",
        "%",
        "_",
        "\u{1f3e0}",
        "\t",
        "10",
        "9",
    ];
    let changes = (1..).zip(odd).map(|(n, key)| upsert(n, key, "")).collect();
    assert_eq!(write(&mut *one, changes, 15).await.upserts, 15);
    let mut sorted: Vec<&str> = odd.to_vec();
    sorted.sort_unstable();
    let got: Vec<String> = keys(&mut *one)
        .await
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    assert_eq!(got, sorted);
    // In pages it is the same.
    let mut paged = Vec::new();
    loop {
        let behind = paged.last().cloned();
        let page = one.keys("Property", behind.as_deref(), 4).await.unwrap();
        if page.is_empty() {
            break;
        }
        paged.extend(page.into_iter().map(|row| row.key));
    }
    assert_eq!(paged, sorted);
    write(&mut *one, vec![removal(20, "a1")], 20).await;
    assert!(one.record("Property", "A1").await.unwrap().is_some());
    assert!(one.record("Property", "a1").await.unwrap().is_none());
}

/// Every value is in its column exactly, or in `_rest` exactly.
pub async fn values(copy: &dyn Copy) {
    let mut one = copy.open().await;
    let good = r#""StandardStatus":"Active","ListPrice":1250000.50,"BedroomsTotal":3,"PoolPrivateYN":true,"CloseDate":"2026-02-28","OpenTime":"07:30:00","ModificationTimestamp":"2026-02-05T14:24:45.123Z","View":["City","Sea"],"PublicRemarks":"a\tb\\N \\. ' \" \u00e9 \ud83c\udfe0","publicremarks":"x","_hash":"mine","order":"by""#;
    let bad = r#""StandardStatus":["x"],"ListPrice":"a lot","BedroomsTotal":3.5,"PoolPrivateYN":"Y","CloseDate":"2026-02-30","OpenTime":"25:00","ModificationTimestamp":"yesterday","Vendor_New":{"a":"\\u0000"},"PublicRemarks":"a\u0000b\ud800""#;
    let empty = r#""StandardStatus":"","PublicRemarks":"\\N","ListPrice":null"#;
    let written = write(
        &mut *one,
        vec![
            upsert(1, "bad", bad),
            upsert(2, "empty", empty),
            upsert(3, "good", good),
        ],
        3,
    )
    .await;
    assert_eq!(
        (written.upserts, written.overflow, written.rejected),
        (3, 9, 0)
    );
    let held = one.record("Property", "good").await.unwrap().unwrap();
    let texts: Vec<&str> = held
        .values
        .iter()
        .filter_map(|(_, v)| v.as_deref())
        .collect();
    for expected in [
        "Active",
        "a\tb\\N \\. ' \" \u{e9} \u{1f3e0}",
        "x",
        "mine",
        "by",
        "good",
    ] {
        assert!(texts.contains(&expected), "{expected:?} in {texts:?}");
    }
    assert_eq!(
        held.values.iter().filter(|(_, v)| v.is_some()).count(),
        13,
        "{:?}",
        held.values
    );
    let rest = value(&mut *one, "bad", "_rest").await.unwrap();
    let rest: serde_json::Value = serde_json::from_str(&rest).unwrap();
    assert_eq!(rest["ListPrice"], "a lot");
    assert_eq!(rest["BedroomsTotal"], 3.5);
    assert_eq!(rest["CloseDate"], "2026-02-30");
    assert_eq!(rest["Vendor_New"]["a"], "\\u0000");
    assert_eq!(rest["PublicRemarks"], "\"a\\u0000b\\ud800\"");
    assert_eq!(
        value(&mut *one, "empty", "StandardStatus").await.as_deref(),
        Some("")
    );
    assert_eq!(
        value(&mut *one, "empty", "PublicRemarks").await.as_deref(),
        Some("\\N")
    );
    assert_eq!(value(&mut *one, "empty", "ListPrice").await, None);
    // Values that are null now were not null before.
    write(&mut *one, vec![upsert(4, "good", "\"BedroomsTotal\":4")], 4).await;
    assert_eq!(value(&mut *one, "good", "StandardStatus").await, None);
}

/// A field that changes its type keeps its values, and new ones get another column. A value that did not
/// fit moves to its column once the schema knows it.
pub async fn evolution(copy: &dyn Copy) {
    let mut one = copy.open().await;
    write(
        &mut *one,
        vec![upsert(1, "a", "\"BedroomsTotal\":3,\"Vendor_New\":\"n\"")],
        1,
    )
    .await;
    let mut grown = schema();
    for field in &mut grown.fields {
        if field.name == "BedroomsTotal" {
            field.kind = Kind::Decimal;
        }
    }
    grown.fields.push(Field {
        name: "Vendor_New".to_owned(),
        kind: Kind::Text,
    });
    one.prepare(&grown).await.unwrap();
    // The row has a value in `_rest`: the log is applied from its beginning.
    assert_eq!(one.position(&log()).await.unwrap(), None);
    let batch = Batch {
        changes: vec![
            upsert(1, "a", "\"BedroomsTotal\":3,\"Vendor_New\":\"n\""),
            upsert(2, "b", "\"BedroomsTotal\":2.5"),
        ],
        position: at(2),
        now: now(),
        refused: Vec::new(),
    };
    one.write(&log(), None, &batch).await.unwrap();
    assert_eq!(value(&mut *one, "a", "_rest").await, None);
    assert_eq!(
        value(&mut *one, "a", "Vendor_New").await.as_deref(),
        Some("n")
    );
    assert_eq!(
        value(&mut *one, "b", "BedroomsTotal__2").await.as_deref(),
        Some("2.5")
    );
}

/// Of several changes of one record in a batch the newest counts.
pub async fn one_record_twice(copy: &dyn Copy) {
    let mut one = copy.open().await;
    let twice = vec![
        upsert(1, "a", "\"ListPrice\":1"),
        upsert(2, "a", "\"ListPrice\":2"),
        upsert(3, "b", ""),
        removal(4, "b"),
    ];
    let written = write(&mut *one, twice, 4).await;
    assert_eq!((written.upserts, written.removals), (1, 0));
    assert_eq!(keys(&mut *one).await, [("a".to_owned(), 2)]);
    assert_eq!(
        value(&mut *one, "a", "ListPrice").await.as_deref(),
        Some("2")
    );
}

/// Of two concurrent writes, one succeeds, and the other gets an error.
pub async fn two_at_once(copy: &dyn Copy) {
    let (mut one, mut two) = tokio::join!(copy.open(), copy.open());
    let schema = schema();
    let (first, second) = tokio::join!(one.prepare(&schema), two.prepare(&schema));
    let made = [first.unwrap(), second.unwrap()].map(|prepared| prepared.tables.len());
    assert!(made.contains(&0), "{made:?}");
    let mut from = None;
    for number in 1..6 {
        let members = format!("\"ListPrice\":{number},\"StandardStatus\":\"Active\"");
        let [left, right] = ["l", "r"].map(|key| Batch {
            changes: vec![upsert(number, key, &members)],
            position: at(number),
            now: now(),
            refused: Vec::new(),
        });
        let log = log();
        let (left, right) = tokio::join!(
            one.write(&log, from.as_ref(), &left),
            two.write(&log, from.as_ref(), &right)
        );
        let (won, lost) = match left.is_ok() {
            true => (left, right),
            false => (right, left),
        };
        assert_eq!(won.unwrap().upserts, 1);
        let lost = lost.unwrap_err();
        assert!(matches!(lost, DestinationError::Moved { .. }), "{lost}");
        from = Some(at(number));
    }
    assert_eq!(one.position(&log()).await.unwrap(), from);
}

/// The layout says which column holds which field, what the next pass adds and what waits for its first value;
/// asking changes nothing. The column that somebody dropped is said to come again.
pub async fn layouts(copy: &dyn Copy) {
    let mut open = copy.open().await;
    let schema = schema();
    let fields = |places: &[ColumnPlace]| -> Vec<String> {
        places.iter().map(|place| place.field.clone()).collect()
    };
    let before = open.layout(&schema).await.unwrap();
    assert_eq!(fields(&before.columns), Vec::<String>::new());
    assert_eq!(fields(&before.next), ["ListingKey"]);
    assert_eq!(before.unseen.len(), schema.fields.len() - 1);
    assert_eq!(open.layout(&schema).await.unwrap(), before);
    assert_eq!(open.position(&log()).await.unwrap(), None);

    open.prepare(&schema).await.unwrap();
    let members = r#""ListPrice":1.50,"PublicRemarks":"a","publicremarks":"b","_hash":"c""#;
    write(&mut *open, vec![upsert(1, "A", members)], 1).await;
    let after = open.layout(&schema).await.unwrap();
    assert_eq!(after.next, []);
    let seen = [
        "ListPrice",
        "ListingKey",
        "PublicRemarks",
        "_hash",
        "publicremarks",
    ];
    let mut found = fields(&after.columns);
    found.sort();
    assert_eq!(found, seen);
    assert_eq!(after.unseen.len(), schema.fields.len() - seen.len());
    let held = open.record("Property", "A").await.unwrap().unwrap();
    let value = |field: &str| {
        let place = after
            .columns
            .iter()
            .find(|place| place.field == field)
            .unwrap();
        let column = held.values.iter().find(|(name, _)| *name == place.column);
        column.unwrap().1.clone().unwrap()
    };
    // Names that differ in case alone, or that are Livelist's own.
    assert_eq!(
        [
            value("PublicRemarks"),
            value("publicremarks"),
            value("_hash")
        ],
        ["a", "b", "c"]
    );
    let names: std::collections::BTreeSet<_> = after.columns.iter().map(|p| &p.column).collect();
    assert_eq!(names.len(), seen.len());
    assert!(
        after
            .columns
            .iter()
            .all(|place| !place.of.is_empty() && !place.table.is_empty())
    );
}

/// A database that can be used has no fault, and says what it is.
pub async fn checks(copy: &dyn Copy) {
    let mut open = copy.open().await;
    let checked = open.check().await.unwrap();
    assert!(
        checked.version.contains(|c: char| c.is_ascii_digit()),
        "{checked:?}"
    );
    let faults = checked.findings.iter().filter(|finding| finding.is_fault);
    assert_eq!(faults.count(), 0, "{checked:?}");
}

/// All of it. `new` gives a copy that nobody has written to, whose options are the default ones.
pub async fn all<C: Copy>(new: impl AsyncFn() -> C) {
    order(&new().await).await;
    compare_and_set(&new().await).await;
    another_generation(&new().await).await;
    keys_are_bytes(&new().await).await;
    values(&new().await).await;
    evolution(&new().await).await;
    one_record_twice(&new().await).await;
    two_at_once(&new().await).await;
    texts(&new().await).await;
    numbers_and_dates(&new().await).await;
    names(&new().await).await;
    wide(&new().await).await;
    layouts(&new().await).await;
    checks(&new().await).await;
}
