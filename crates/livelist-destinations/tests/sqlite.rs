//! SQLite keeps the contract, and what is its own.

#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};

use livelist_destinations::contract::{self, Copy, at, log, now, removal, schema, upsert, write};
use livelist_destinations::sqlite::Sqlite;
use livelist_destinations::{Batch, Destination, DestinationError, Options, Removed, Wanted};
use livelist_records::names::Names;
use rusqlite::Connection;
use rusqlite::types::Value;

struct File {
    _dir: tempfile::TempDir,
    path: PathBuf,
    options: Options,
}

impl File {
    fn with(options: Options) -> File {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("listings.sqlite");
        File {
            _dir: dir,
            path,
            options,
        }
    }

    fn new() -> File {
        File::with(Options::default())
    }

    /// What somebody else does to the file.
    fn sql(&self, sql: &str) {
        Connection::open(&self.path)
            .unwrap()
            .execute_batch(sql)
            .unwrap();
    }

    fn ask(&self, sql: &str) -> Vec<String> {
        ask(&self.path, sql)
    }
}

fn ask(path: &Path, sql: &str) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection.prepare(sql).unwrap();
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        let cells = (0..columns).map(|n| row.get::<_, Value>(n));
        let cells: rusqlite::Result<Vec<_>> = cells.collect();
        let shown = cells?.into_iter().map(|cell| match cell {
            Value::Null => "NULL".to_owned(),
            Value::Integer(number) => number.to_string(),
            Value::Real(number) => number.to_string(),
            Value::Text(text) => text,
            Value::Blob(bytes) => format!("{bytes:?}"),
        });
        Ok(shown.collect::<Vec<_>>().join("|"))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

#[async_trait::async_trait]
impl Copy for File {
    async fn open(&self) -> Box<dyn Destination> {
        self.open_as(self.options.clone()).await
    }

    async fn open_as(&self, options: Options) -> Box<dyn Destination> {
        Box::new(Sqlite::open(&self.path, options).await.unwrap())
    }

    async fn ask(&self, sql: &str) -> Vec<String> {
        File::ask(self, sql)
    }

    async fn run(&self, sql: &str) {
        self.sql(sql);
    }

    fn first_table(&self, name: &str) -> String {
        name.to_owned()
    }

    fn drop_first_table(&self, name: &str) -> String {
        format!("DROP TABLE {name}")
    }
}

fn snake_case(removed: Removed) -> Options {
    Options {
        names: Names::SnakeCase,
        removed,
        ..Options::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mlss_share_tables() {
    contract::sharing(&File::new()).await;
}

#[tokio::test]
async fn records_are_changed_on_their_way() {
    let mut file = File::with(contract::shaping_options());
    contract::shaping(&file).await;
    file.options.transform.clear();
    contract::another_program(&file).await;
}

#[tokio::test]
async fn expansions_come_and_go_with_their_record() {
    contract::expansions(&File::with(snake_case(Removed::Table))).await;
    contract::expansions_of_flagged_rows(&File::with(snake_case(Removed::Flag))).await;
}

/// A column that somebody dropped is said to come again; configured ones come with the next pass.
#[tokio::test]
async fn the_layout_knows_what_comes_next() {
    let file = File::new();
    let mut copy = file.open().await;
    copy.prepare(&schema()).await.unwrap();
    write(&mut *copy, vec![upsert(1, "a", "\"ListPrice\":5")], 1).await;
    file.sql("ALTER TABLE Property DROP COLUMN ListPrice");
    let layout = copy.layout(&schema()).await.unwrap();
    let next = |layout: &livelist_destinations::Layout| -> Vec<String> {
        let of = layout.next.iter();
        of.map(|p| format!("{} {} {}", p.table, p.column, p.of))
            .collect()
    };
    assert_eq!(next(&layout), ["Property ListPrice NUMERIC"]);
    let fields = ["BedroomsTotal", "ListPrice"].map(str::to_owned).to_vec();
    let file = File::with(Options {
        columns: Wanted::Only(fields),
        ..Options::default()
    });
    let mut copy = file.open().await;
    let layout = copy.layout(&schema()).await.unwrap();
    let all = [
        "Property ListingKey TEXT",
        "Property ListPrice NUMERIC",
        "Property BedroomsTotal INTEGER",
    ];
    assert_eq!(next(&layout), all);
    assert_eq!(layout.unseen, []);
}

#[tokio::test]
async fn a_damaged_file_is_said() {
    let file = File::new();
    let mut copy = file.open().await;
    copy.prepare(&schema()).await.unwrap();
    let rows = (1..400).map(|n| upsert(n, &format!("k{n:03}"), "\"PublicRemarks\":\"x\""));
    write(&mut *copy, rows.collect(), 400).await;
    drop(copy);
    file.sql("PRAGMA wal_checkpoint(TRUNCATE)");
    let mut bytes = std::fs::read(&file.path).unwrap();
    let middle = bytes.len() - 8_192..bytes.len() - 4_096;
    bytes[middle].fill(0xa5);
    std::fs::write(&file.path, bytes).unwrap();
    let checked = file.open().await.check().await.unwrap();
    assert!(checked.findings[0].is_fault, "{checked:?}");
    assert!(checked.findings[0].what.contains("damaged"), "{checked:?}");
}

#[tokio::test]
async fn it_keeps_the_contract() {
    contract::all(async || File::new()).await;
}

#[tokio::test]
async fn removed_rows_are_kept_with_their_reason_and_come_back() {
    let file = File::new();
    let mut copy = file.open().await;
    write(&mut *copy, vec![upsert(1, "a", "\"ListPrice\":5")], 1).await;
    write(&mut *copy, vec![removal(2, "a")], 2).await;
    let removed = "SELECT key, reason, proof, record ->> '$.ListPrice', (returned_at IS NOT NULL) || '' FROM Property_removed";
    assert_eq!(file.ask("SELECT ListingKey FROM Property"), [""; 0]);
    assert_eq!(file.ask(removed), ["a|gone|2026-11-28-abor-property-1|5|0"]);
    write(&mut *copy, vec![upsert(3, "a", "\"ListPrice\":6")], 3).await;
    assert_eq!(file.ask(removed), ["a|gone|2026-11-28-abor-property-1|5|1"]);
    for (kept, expected) in [(Removed::Flag, 1), (Removed::Delete, 0)] {
        let file = File::with(Options {
            removed: kept,
            ..Options::default()
        });
        let mut copy = file.open().await;
        write(&mut *copy, vec![upsert(1, "a", "")], 1).await;
        write(&mut *copy, vec![removal(2, "a")], 2).await;
        assert_eq!(
            file.ask("SELECT ListingKey FROM Property WHERE _deleted_at IS NOT NULL")
                .len(),
            expected
        );
        assert!(copy.keys("Property", None, 9).await.unwrap().is_empty());
        write(&mut *copy, vec![upsert(3, "a", "")], 3).await;
        assert_eq!(copy.keys("Property", None, 9).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn changes_of_tracked_fields_are_kept_and_transitions_shown() {
    let file = File::new();
    let mut copy = file.open().await;
    let of = |status: &str, price: &str| {
        format!("\"StandardStatus\":\"{status}\",\"ListPrice\":{price},\"BedroomsTotal\":{price}")
    };
    write(&mut *copy, vec![upsert(1, "a", &of("Active", "100"))], 1).await;
    write(&mut *copy, vec![upsert(2, "a", &of("Pending", "90"))], 2).await;
    write(&mut *copy, vec![upsert(3, "a", &of("Pending", "90.0"))], 3).await;
    write(
        &mut *copy,
        vec![upsert(4, "a", "\"StandardStatus\":\"Closed\"")],
        4,
    )
    .await;
    assert_eq!(
        file.ask(
            "SELECT version || '', field, old, new FROM Property_changes ORDER BY version, field"
        ),
        [
            "2|ListPrice|100|90",
            "2|StandardStatus|\"Active\"|\"Pending\"",
            "4|ListPrice|90|null",
            "4|StandardStatus|\"Pending\"|\"Closed\"",
        ]
    );
    assert_eq!(
        file.ask("SELECT from_status, to_status FROM Property_transitions ORDER BY version"),
        ["Active|Pending", "Pending|Closed"]
    );
}

#[tokio::test]
async fn what_somebody_dropped_is_filled_again() {
    let file = File::new();
    let mut copy = file.open().await;
    let both = vec![
        upsert(1, "a", "\"ListPrice\":1"),
        upsert(2, "b", "\"ListPrice\":2"),
    ];
    write(&mut *copy, both.clone(), 2).await;
    for damage in [
        "ALTER TABLE Property DROP COLUMN ListPrice",
        "DROP TABLE Property",
        "DROP TABLE Property; DROP TABLE Property_removed; DROP TABLE _livelist_state",
    ] {
        file.sql(damage);
        // The file is opened anew: a statement that was prepared before knows the former table.
        let mut copy = file.open().await;
        copy.prepare(&schema()).await.unwrap();
        assert_eq!(copy.position(&log()).await.unwrap(), None, "{damage}");
        let batch = Batch {
            changes: both.clone(),
            position: at(2),
            now: now(),
            refused: Vec::new(),
        };
        copy.write(&log(), None, &batch).await.unwrap();
        assert_eq!(
            file.ask("SELECT ListingKey, ListPrice || '' FROM Property"),
            ["a|1", "b|2"],
            "{damage}"
        );
    }
}

#[tokio::test]
async fn rules_of_the_owner_s_reject_a_record_and_nothing_else() {
    let file = File::new();
    let mut copy = file.open().await;
    write(
        &mut *copy,
        vec![upsert(
            1,
            "a",
            "\"StandardStatus\":\"Active\",\"ListPrice\":1",
        )],
        1,
    )
    .await;
    file.sql("CREATE UNIQUE INDEX mine ON Property (ListPrice)");
    let written = write(
        &mut *copy,
        vec![
            upsert(2, "b", "\"ListPrice\":1"),
            upsert(3, "c", "\"ListPrice\":3"),
        ],
        3,
    )
    .await;
    assert_eq!((written.upserts, written.rejected), (1, 1));
    // The other live listing is as it was.
    assert_eq!(
        file.ask("SELECT ListingKey, ListPrice || '' FROM Property"),
        ["a|1", "c|3"]
    );
    let rejects = file.ask("SELECT key, reason, times || '' FROM _livelist_rejects");
    assert_eq!(
        rejects,
        ["b|UNIQUE constraint failed: Property.ListPrice|1"]
    );
    file.sql("DROP INDEX mine");
    write(&mut *copy, vec![upsert(2, "b", "\"ListPrice\":1")], 3).await;
    assert_eq!(file.ask("SELECT count(*) || '' FROM Property"), ["3"]);
    assert!(file.ask("SELECT key FROM _livelist_rejects").is_empty());
}

#[tokio::test]
async fn columns_and_names_are_as_configured() {
    let file = File::with(Options {
        columns: Wanted::Only(vec!["ListPrice".to_owned()]),
        names: Names::SnakeCase,
        prefix: "abor_".to_owned(),
        ..Options::default()
    });
    let mut copy = file.open().await;
    write(
        &mut *copy,
        vec![upsert(
            1,
            "a",
            "\"ListPrice\":1,\"BedroomsTotal\":2,\"Vendor_New\":3",
        )],
        1,
    )
    .await;
    assert_eq!(
        file.ask("SELECT listing_key, list_price || '', _rest FROM abor_property"),
        ["a|1|NULL"]
    );
    let all = File::with(Options {
        columns: Wanted::All,
        ..Options::default()
    });
    let mut copy = all.open().await;
    copy.prepare(&schema()).await.unwrap();
    let columns = all.ask("SELECT name FROM pragma_table_info('Property')");
    assert_eq!(columns.len(), schema().fields.len() + 6, "{columns:?}");
    assert!(
        columns.contains(&"publicremarks__2".to_owned()) && columns.contains(&"f_hash".to_owned())
    );
    // Another configuration: the copy is made anew from the log.
    write(&mut *copy, vec![upsert(7, "a", "")], 7).await;
    let other = Options {
        removed: Removed::Flag,
        ..all.options.clone()
    };
    let mut other = Sqlite::open(&all.path, other).await.unwrap();
    assert_eq!(other.position(&log()).await.unwrap(), None);
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_named_with_the_reason() {
    let file = File::new();
    std::fs::write(
        &file.path,
        "no database, but a text that is long enough to be told from one",
    )
    .unwrap();
    let error = Sqlite::open(&file.path, Options::default())
        .await
        .err()
        .unwrap();
    assert!(matches!(error, DestinationError::Refused { .. }), "{error}");
    assert!(
        error.to_string().contains("listings.sqlite refuses"),
        "{error}"
    );
    let nowhere = Path::new("/nonexistent/folder/x.sqlite");
    let error = Sqlite::open(nowhere, Options::default())
        .await
        .err()
        .unwrap();
    assert_eq!(error.name(), "DestinationRefused");
}
