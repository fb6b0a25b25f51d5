//! MariaDB, and so MySQL, keeps the contract, and what is its own: against a real server, which has other
//! defaults than Livelist wants. Where there is none, the tests say so.

#![cfg(feature = "mysql")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use livelist_destinations::contract::{self, Copy, at, log, now, removal, schema, upsert, write};
use livelist_destinations::mysql::MySql;
use livelist_destinations::{Batch, Destination, Options, Removed, Wanted};
use livelist_records::names::Names;
use livelist_records::{Field, Kind};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row, Value};
use support::{MARIADB, Server};

fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER
        .get_or_init(|| Server::start("MariaDB", MARIADB))
        .as_ref()
}

async fn connect(url: &str) -> Conn {
    let mut conn = Conn::from_url(url).await.unwrap();
    let settings =
        "SET NAMES utf8mb4, SESSION sql_mode = 'STRICT_ALL_TABLES', time_zone = '+00:00'";
    conn.query_drop(settings).await.unwrap();
    conn
}

/// A database of its own, of an ordinary user.
struct Database {
    url: String,
    options: Options,
}

impl Database {
    async fn with(server: &Server, options: Options) -> Database {
        static NTH: AtomicU32 = AtomicU32::new(0);
        let root = format!(
            "mysql://root@127.0.0.1:{}/mysql?prefer_socket=false",
            server.port
        );
        let mut root = connect(&root).await;
        let name = format!("site_{}", NTH.fetch_add(1, Ordering::Relaxed));
        for sql in [
            "CREATE USER IF NOT EXISTS site@'127.0.0.1' IDENTIFIED BY 's3cret'",
            "CREATE USER IF NOT EXISTS reader@'127.0.0.1'",
            &format!("CREATE DATABASE {name}"),
            &format!("GRANT ALL ON {name}.* TO site@'127.0.0.1' WITH GRANT OPTION"),
        ] {
            root.query_drop(sql).await.unwrap();
        }
        root.disconnect().await.unwrap();
        Database {
            url: format!("mysql://site:s3cret@127.0.0.1:{}/{name}", server.port),
            options,
        }
    }

    async fn new(server: &Server) -> Database {
        Database::with(server, Options::default()).await
    }

    /// Another session of the same user, which is the owner of everything.
    async fn owner(&self) -> Conn {
        connect(&format!("{}?prefer_socket=false", self.url)).await
    }

    async fn sql(&self, sql: &str) {
        let mut owner = self.owner().await;
        for sql in sql.split(";;") {
            owner.query_drop(sql).await.unwrap();
        }
        owner.disconnect().await.unwrap();
    }

    async fn ask(&self, sql: &str) -> Vec<String> {
        let mut owner = self.owner().await;
        let rows: Vec<Row> = owner.query(sql).await.unwrap();
        owner.disconnect().await.unwrap();
        let rows = rows.into_iter().map(|row| {
            let cells = row.unwrap().into_iter().map(|value| match value {
                Value::Bytes(bytes) => String::from_utf8(bytes).unwrap(),
                _ => "NULL".to_owned(),
            });
            cells.collect::<Vec<_>>().join("|")
        });
        rows.collect()
    }
}

#[async_trait::async_trait]
impl Copy for Database {
    async fn open(&self) -> Box<dyn Destination> {
        self.open_as(self.options.clone()).await
    }

    async fn open_as(&self, options: Options) -> Box<dyn Destination> {
        Box::new(MySql::open(&self.url, options).await.unwrap())
    }

    async fn ask(&self, sql: &str) -> Vec<String> {
        Database::ask(self, sql).await
    }

    async fn run(&self, sql: &str) {
        self.sql(sql).await;
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
    let Some(server) = server() else { return };
    contract::sharing(&Database::new(server).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_changed_on_their_way() {
    let Some(server) = server() else { return };
    let mut base = Database::with(server, contract::shaping_options()).await;
    contract::shaping(&base).await;
    base.options.transform.clear();
    contract::another_program(&base).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn expansions_come_and_go_with_their_record() {
    let Some(server) = server() else { return };
    contract::expansions(&Database::with(server, snake_case(Removed::Table)).await).await;
    let flagged = Database::with(server, snake_case(Removed::Flag)).await;
    contract::expansions_of_flagged_rows(&flagged).await;
    let mut copy = flagged.open().await;
    write(&mut *copy, vec![removal(9, "a")], 9).await;
    assert_eq!(flagged.ask("SELECT 1 FROM property_media").await, [""; 0]);
}

/// Each missing right is named with the statement that gives it, and limits are told.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_user_may_not_do_is_said_with_what_to_do() {
    let Some(server) = server() else { return };
    let base = Database::new(server).await;
    let name = base.ask("SELECT DATABASE()").await.remove(0);
    base.sql(&format!(
        "GRANT SELECT, INSERT ON {name}.* TO reader@'127.0.0.1'"
    ))
    .await;
    let url = format!("mysql://reader@127.0.0.1:{}/{name}", server.port);
    let check = async || {
        let mut copy = MySql::new(&url, Options::default()).unwrap();
        copy.check().await.unwrap()
    };
    let checked = check().await;
    assert!(checked.version.starts_with("MariaDB 1"), "{checked:?}");
    let [packet, rights] = &checked.findings[..] else {
        panic!("{checked:?}");
    };
    assert!(
        !packet.is_fault && packet.what.contains("is 4096 kB"),
        "{packet:?}"
    );
    let missing = "the user may not UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, CREATE VIEW in";
    assert!(rights.what.starts_with(missing), "{rights:?}");
    base.sql(rights.remedy.trim_end_matches(';')).await;
    assert!(
        check()
            .await
            .findings
            .iter()
            .all(|finding| !finding.is_fault)
    );
    let mut copy = MySql::open(&url, Options::default()).await.unwrap();
    write(&mut copy, vec![upsert(1, "a", "")], 1).await;
    let view = "SELECT COUNT(*) FROM Property";
    assert_eq!(base.ask(view).await, ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_the_contract() {
    let Some(server) = server() else { return };
    contract::all(async || Database::new(server).await).await;
    let options = Options {
        columns: Wanted::All,
        ..Options::default()
    };
    contract::wide(&Database::with(server, options).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn removed_rows_are_kept_with_their_reason_and_come_back() {
    let Some(server) = server() else { return };
    let base = Database::new(server).await;
    let mut copy = base.open().await;
    let row = upsert(
        1,
        "a",
        "\"ListPrice\":5,\"PoolPrivateYN\":true,\"View\":[\"Sea\"],\"New\":{\"x\":1}",
    );
    write(&mut *copy, vec![row], 1).await;
    write(&mut *copy, vec![removal(2, "a")], 2).await;
    let removed =
        "SELECT `key`, reason, proof, record, returned_at IS NOT NULL FROM Property_removed";
    assert_eq!(base.ask("SELECT * FROM Property").await, [""; 0]);
    let expected = r#"a|gone|2026-11-28-abor-property-1|{"ListingKey":"a","_rest":{"New":{"x":1}},"ListPrice":5,"PoolPrivateYN":true,"View":["Sea"]}|"#;
    assert_eq!(base.ask(removed).await, [format!("{expected}0")]);
    write(&mut *copy, vec![upsert(3, "a", "\"ListPrice\":6")], 3).await;
    assert_eq!(base.ask(removed).await, [format!("{expected}1")]);
    for (kept, expected) in [(Removed::Flag, 1), (Removed::Delete, 0)] {
        let options = Options {
            removed: kept,
            ..Options::default()
        };
        let base = Database::with(server, options).await;
        let mut copy = base.open().await;
        write(&mut *copy, vec![upsert(1, "a", "")], 1).await;
        write(&mut *copy, vec![removal(2, "a")], 2).await;
        let flagged = "SELECT 1 FROM Property__1 WHERE _deleted_at IS NOT NULL";
        assert_eq!(base.ask(flagged).await.len(), expected);
        assert!(copy.keys("Property", None, 9).await.unwrap().is_empty());
        assert!(base.ask("SELECT 1 FROM Property").await.is_empty());
        write(&mut *copy, vec![upsert(3, "a", "")], 3).await;
        assert_eq!(copy.keys("Property", None, 9).await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_tracked_fields_are_kept_and_transitions_shown() {
    let Some(server) = server() else { return };
    let base = Database::new(server).await;
    let mut copy = base.open().await;
    let of = |status: &str, price: &str| {
        format!("\"StandardStatus\":\"{status}\",\"ListPrice\":{price},\"BedroomsTotal\":{price}")
    };
    write(&mut *copy, vec![upsert(1, "a", &of("Active", "100"))], 1).await;
    write(&mut *copy, vec![upsert(2, "a", &of("Pending", "90"))], 2).await;
    write(&mut *copy, vec![upsert(3, "a", &of("Pending", "90.0"))], 3).await;
    let closed = upsert(4, "a", "\"StandardStatus\":\"Closed\"");
    write(&mut *copy, vec![closed], 4).await;
    // A row whose values are alike but for case.
    write(
        &mut *copy,
        vec![upsert(5, "a", "\"StandardStatus\":\"closed\"")],
        5,
    )
    .await;
    let changes = "SELECT version, field, old, new FROM Property_changes ORDER BY version, field";
    assert_eq!(
        base.ask(changes).await,
        [
            "2|ListPrice|100|90",
            "2|StandardStatus|\"Active\"|\"Pending\"",
            "4|ListPrice|90|null",
            "4|StandardStatus|\"Pending\"|\"Closed\"",
            "5|StandardStatus|\"Closed\"|\"closed\"",
        ]
    );
    let transitions = "SELECT from_status, to_status FROM Property_transitions ORDER BY version";
    assert_eq!(
        base.ask(transitions).await,
        ["Active|Pending", "Pending|Closed", "Closed|closed"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_dropped_is_filled_again() {
    let Some(server) = server() else { return };
    let base = Database::new(server).await;
    let mut copy = base.open().await;
    let both = vec![
        upsert(1, "a", "\"ListPrice\":1"),
        upsert(2, "b", "\"ListPrice\":2"),
    ];
    write(&mut *copy, both.clone(), 2).await;
    for damage in [
        "ALTER TABLE Property__1 DROP COLUMN ListPrice",
        "DROP TABLE Property__1",
        "DROP TABLE Property__1, Property_removed, Property_changes, _livelist_state",
    ] {
        base.sql(damage).await;
        let mut copy = base.open().await;
        copy.prepare(&schema()).await.unwrap();
        assert_eq!(copy.position(&log()).await.unwrap(), None, "{damage}");
        let batch = Batch {
            changes: both.clone(),
            position: at(2),
            now: now(),
            refused: Vec::new(),
        };
        copy.write(&log(), None, &batch).await.unwrap();
        let rows = "SELECT ListingKey, CAST(ListPrice AS INT) FROM Property ORDER BY 1";
        assert_eq!(base.ask(rows).await, ["a|1", "b|2"], "{damage}");
    }
    base.sql("DROP VIEW Property").await;
    copy.prepare(&schema()).await.unwrap();
    assert_eq!(base.ask("SELECT 1 FROM Property").await.len(), 2);
    // A column of another type, or an engine without transactions, would hold something else without a word.
    for (damage, mended, text) in [
        (
            "ALTER TABLE Property__1 MODIFY ListPrice BIGINT",
            "ALTER TABLE Property__1 MODIFY ListPrice DECIMAL(24,8)",
            "Property__1.ListPrice is bigint, and was decimal(24,8)",
        ),
        (
            "ALTER TABLE Property__1 MODIFY ListPrice DECIMAL(24,0)",
            "ALTER TABLE Property__1 MODIFY ListPrice DECIMAL(24,8)",
            "Property__1.ListPrice is decimal(24,0), and was decimal(24,8)",
        ),
        (
            "ALTER TABLE Property__1 ENGINE = MyISAM",
            "ALTER TABLE Property__1 ENGINE = InnoDB",
            "Property__1 is MyISAM, which has no transactions, and was InnoDB",
        ),
    ] {
        base.sql(damage).await;
        let error = copy.prepare(&schema()).await.unwrap_err();
        assert!(error.to_string().ends_with(text), "{error}");
        assert_eq!(error.name(), "DestinationAltered");
        base.sql(mended).await;
        copy.prepare(&schema()).await.unwrap();
    }
    // A table that is not ours is not taken.
    let base = Database::new(server).await;
    base.sql("CREATE TABLE Property (x int)").await;
    let error = base.open().await.prepare(&schema()).await.unwrap_err();
    assert!(
        error.to_string().contains("Property is there already"),
        "{error}"
    );
}

/// Each rule of an owner's refuses its record; the others are written, and it comes when the rule goes.
#[tokio::test(flavor = "multi_thread")]
async fn rules_of_the_owner_s_reject_a_record_and_nothing_else() {
    let Some(server) = server() else { return };
    let raise = "CREATE TRIGGER mine BEFORE INSERT ON Property__1 FOR EACH ROW BEGIN
        IF NEW.ListPrice = 13 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not thirteen'; END IF; END";
    for (rule, end, reason) in [
        (
            "CREATE UNIQUE INDEX mine ON Property__1 (ListPrice)",
            "DROP INDEX mine ON Property__1",
            "Duplicate entry '13.00000000' for key 'mine'",
        ),
        (
            "ALTER TABLE Property__1 ADD CONSTRAINT mine CHECK (ListPrice <> 13)",
            "ALTER TABLE Property__1 DROP CONSTRAINT mine",
            "CONSTRAINT `mine` failed for ",
        ),
        (raise, "DROP TRIGGER mine", "not thirteen"),
    ] {
        let base = Database::new(server).await;
        let mut copy = base.open().await;
        let first = vec![
            upsert(1, "a", "\"ListPrice\":1"),
            upsert(2, "k22", "\"ListPrice\":22"),
        ];
        write(&mut *copy, first, 2).await;
        if rule.contains("UNIQUE") {
            write(&mut *copy, vec![upsert(4, "a", "\"ListPrice\":13")], 4).await;
        }
        base.sql(rule).await;
        let mut changes: Vec<_> = (10..40)
            .map(|n| upsert(n, &format!("k{n}"), &format!("\"ListPrice\":{n}00")))
            .collect();
        // One that has no row, and one that has.
        changes.push(upsert(50, "k21", "\"ListPrice\":13"));
        changes.push(upsert(51, "k22", "\"ListPrice\":13"));
        let written = write(&mut *copy, changes, 51).await;
        assert_eq!((written.upserts, written.rejected), (28, 2), "{rule}");
        let rejects = "SELECT `key`, number, reason, times FROM _livelist_rejects ORDER BY `key`";
        let told = base.ask(rejects).await;
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with(&format!("k21|50|{reason}")), "{told:?}");
        assert!(told[1].starts_with(&format!("k22|51|{reason}")), "{told:?}");
        // Other live listings are as they were.
        let price = if rule.contains("UNIQUE") { "13" } else { "1" };
        let rows = "SELECT CAST(ListPrice AS INT) FROM Property WHERE ListingKey IN ('a', 'k22') ORDER BY ListingKey";
        assert_eq!(base.ask(rows).await, [price, "22"]);
        assert_eq!(base.ask("SELECT 1 FROM Property").await.len(), 30);
        assert_eq!(
            base.ask("SELECT 1 FROM Property_changes WHERE version = 51")
                .await
                .len(),
            0
        );
        base.sql(end).await;
        let again = vec![
            upsert(50, "k21", "\"ListPrice\":13"),
            upsert(51, "k22", "\"ListPrice\":13"),
        ];
        assert_eq!(write(&mut *copy, again, 51).await.upserts, 2, "{rule}");
        assert!(base.ask(rejects).await.is_empty(), "{rule}");
    }
    // A column that must not be null and has no default refuses all, and says its name.
    let base = Database::new(server).await;
    let mut copy = base.open().await;
    copy.prepare(&schema()).await.unwrap();
    base.sql("ALTER TABLE Property__1 ADD COLUMN mine int NOT NULL")
        .await;
    let written = write(&mut *copy, vec![upsert(1, "a", ""), upsert(2, "b", "")], 2).await;
    assert_eq!((written.upserts, written.rejected), (0, 2));
    let rejects = base.ask("SELECT reason FROM _livelist_rejects").await;
    assert!(rejects[0].contains("'mine'"), "{rejects:?}");
    // A row that something of the owner's hangs on cannot go.
    base.sql("ALTER TABLE Property__1 DROP COLUMN mine").await;
    write(&mut *copy, vec![upsert(3, "a", ""), upsert(4, "b", "")], 4).await;
    base.sql("CREATE TABLE mine (of VARBINARY(512), FOREIGN KEY (of) REFERENCES Property__1 (ListingKey)) ENGINE = InnoDB;;INSERT INTO mine VALUES ('a')")
        .await;
    let written = write(&mut *copy, vec![removal(5, "a"), removal(6, "b")], 6).await;
    assert_eq!((written.removals, written.rejected), (1, 1));
    assert_eq!(base.ask("SELECT `key` FROM Property_removed").await, ["b"]);
}

/// A column that cannot be made now is made later, and no value is lost; nobody waits for long.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_reader_holds_up_no_pass() {
    let Some(server) = server() else { return };
    let base = Database::new(server).await;
    let mut copy = base.open().await;
    write(&mut *copy, vec![upsert(1, "a", "\"ListPrice\":1")], 1).await;
    let mut reader = base.owner().await;
    reader.query_drop("START TRANSACTION").await.unwrap();
    let _: Vec<Row> = reader.query("SELECT * FROM Property").await.unwrap();
    let new = upsert(2, "b", "\"ListPrice\":2,\"BedroomsTotal\":3");
    let written = write(&mut *copy, vec![new.clone()], 2).await;
    assert_eq!((written.upserts, written.overflow), (1, 1));
    let rest = "SELECT _rest FROM Property__1 WHERE ListingKey = 'b'";
    assert_eq!(base.ask(rest).await, ["{\"BedroomsTotal\":3}"]);
    // The next pass finds it still there.
    copy.prepare(&schema()).await.unwrap();
    assert_eq!(copy.position(&log()).await.unwrap(), Some(at(2)));
    reader.query_drop("COMMIT").await.unwrap();
    let prepared = copy.prepare(&schema()).await.unwrap();
    assert_eq!(prepared.columns, ["Property__1.BedroomsTotal"]);
    assert_eq!(copy.position(&log()).await.unwrap(), None);
    write(&mut *copy, vec![new], 2).await;
    let rows = "SELECT BedroomsTotal, _rest FROM Property WHERE ListingKey = 'b'";
    assert_eq!(base.ask(rows).await, ["3|NULL"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn views_and_grants_of_the_owner_s_outlive_what_is_added() {
    let Some(server) = server() else { return };
    let base = Database::new(server).await;
    let mut copy = base.open().await;
    write(&mut *copy, vec![upsert(1, "A1", "\"ListPrice\":1")], 1).await;
    base.sql(
        "CREATE VIEW mine AS SELECT ListingKey, CAST(ListPrice AS INT) AS Price FROM Property;;
         GRANT SELECT ON Property TO reader@'127.0.0.1'",
    )
    .await;
    let mut grown = schema();
    for n in 0..300 {
        grown.fields.push(Field {
            name: format!("Vendor{n}"),
            kind: Kind::Text,
        });
    }
    copy.prepare(&grown).await.unwrap();
    let members: Vec<String> = (0..300).map(|n| format!("\"Vendor{n}\":\"{n}\"")).collect();
    let batch = Batch {
        changes: vec![upsert(
            2,
            "b",
            &format!("\"ListPrice\":2,{}", members.join(",")),
        )],
        position: at(2),
        now: now(),
        refused: Vec::new(),
    };
    copy.write(&log(), Some(&at(1)), &batch).await.unwrap();
    assert_eq!(
        base.ask("SELECT * FROM mine ORDER BY 1").await,
        ["A1|1", "b|2"]
    );
    let url = base.url.replace("site:s3cret@", "reader@");
    let mut reader = connect(&format!("{url}?prefer_socket=false")).await;
    let sql = "SELECT ListingKey, Vendor299 FROM Property WHERE ListingKey = 'b'";
    let rows: Vec<(String, String)> = reader.query(sql).await.unwrap();
    assert_eq!(rows, [("b".to_owned(), "299".to_owned())]);
    assert_eq!(base.ask("SELECT count(*) FROM Property__2").await, ["1"]);
    // The view finds a key by an index.
    let explained = base
        .ask("EXPLAIN SELECT * FROM Property WHERE ListingKey = 'b'")
        .await;
    assert!(
        explained[0].contains("|ref|") && explained[0].contains("|_key|"),
        "{explained:?}"
    );
}

/// Whatever becomes of the connection, the position says which changes the rows have.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_lost_is_made_anew() {
    let Some(server) = server() else { return };
    let base = Database::new(server).await;
    let mut copy = base.open().await;
    write(&mut *copy, vec![upsert(1, "a", "\"ListPrice\":1")], 1).await;
    let database = base.url.rsplit('/').next().unwrap();
    let ours = format!(
        "SELECT id FROM information_schema.processlist WHERE db = '{database}' AND id <> CONNECTION_ID()"
    );
    let ids = base.ask(&ours).await;
    assert_eq!(ids.len(), 1);
    base.sql(&format!("KILL {}", ids[0])).await;
    assert_eq!(copy.position(&log()).await.unwrap(), Some(at(1)));
    // In the middle of a batch, behind a column that was made for it: nothing of the batch is there.
    base.sql("CREATE TRIGGER mine AFTER INSERT ON Property__1 FOR EACH ROW KILL CONNECTION_ID()")
        .await;
    let batch = Batch {
        changes: vec![upsert(2, "b", "\"ListPrice\":2,\"BedroomsTotal\":2")],
        position: at(2),
        now: now(),
        refused: Vec::new(),
    };
    let lost = copy.write(&log(), Some(&at(1)), &batch).await.unwrap_err();
    assert_eq!(lost.name(), "DestinationUnavailable", "{lost}");
    base.sql("DROP TRIGGER mine").await;
    assert_eq!(base.ask("SELECT ListingKey FROM Property").await, ["a"]);
    assert_eq!(copy.position(&log()).await.unwrap(), Some(at(1)));
    let written = copy.write(&log(), Some(&at(1)), &batch).await.unwrap();
    assert_eq!(written.upserts, 1);
    // Two that write at once: the second finds that the first was there.
    let mut other = base.open().await;
    other.prepare(&schema()).await.unwrap();
    let late = other.write(&log(), Some(&at(1)), &batch).await.unwrap_err();
    assert_eq!(late.name(), "DestinationMoved");
    // The same again moves nothing, and is no failure.
    let none = Batch {
        changes: Vec::new(),
        ..batch
    };
    other.write(&log(), Some(&at(2)), &none).await.unwrap();
    // The server commits, and its answer is lost: the position says so.
    let proxy = support::Proxy::to(server.port);
    let url = base
        .url
        .replace(&server.port.to_string(), &proxy.port.to_string());
    let mut copy = MySql::open(&url, Options::default()).await.unwrap();
    copy.prepare(&schema()).await.unwrap();
    proxy.lose_the_answer_to("COMMIT");
    let batch = Batch {
        changes: vec![upsert(3, "c", "")],
        position: at(3),
        now: now(),
        refused: Vec::new(),
    };
    let lost = copy.write(&log(), Some(&at(2)), &batch).await.unwrap_err();
    assert_eq!(lost.name(), "DestinationUnavailable", "{lost}");
    // Who writes it again waits for the former session, and is told.
    let late = copy.write(&log(), Some(&at(2)), &batch).await.unwrap_err();
    assert_eq!(late.name(), "DestinationMoved", "{late}");
    assert_eq!(copy.position(&log()).await.unwrap(), Some(at(3)));
    assert_eq!(copy.keys("Property", None, 9).await.unwrap().len(), 3);
}

/// Statements are cut by the server's limit; a record above it is rejected by name.
#[tokio::test(flavor = "multi_thread")]
async fn records_are_cut_by_bytes() {
    let Some(server) = server() else { return };
    let base = Database::new(server).await;
    let mut copy = base.open().await;
    let text = |bytes: usize| format!("\"PublicRemarks\":\"{}\"", "x".repeat(bytes));
    let mut changes: Vec<_> = (1..9)
        .map(|n| upsert(n, &format!("k{n}"), &text(900_000)))
        .collect();
    changes.push(upsert(10, "large", &text(3_500_000)));
    changes.push(upsert(11, "larger", &text(5_000_000)));
    changes.push(upsert(12, &"k".repeat(600), ""));
    let written = write(&mut *copy, changes, 12).await;
    assert_eq!((written.upserts, written.rejected), (9, 2));
    let rejects = "SELECT LEFT(`key`, 10), reason FROM _livelist_rejects ORDER BY 1";
    let told = base.ask(rejects).await;
    assert_eq!(told[0], "kkkkkkkkkk|its key is longer than 512 bytes");
    assert!(
        told[1].starts_with("larger|it needs 5000")
            && told[1].ends_with("max_allowed_packet is 4194304"),
        "{told:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_used_is_named_with_the_reason_and_without_the_password() {
    let Some(server) = server() else { return };
    let base = Database::with(
        server,
        Options {
            columns: Wanted::Only(vec!["ListPrice".to_owned()]),
            names: Names::SnakeCase,
            prefix: "abor_".to_owned(),
            ..Options::default()
        },
    )
    .await;
    let mut copy = base.open().await;
    let members = "\"ListPrice\":1,\"BedroomsTotal\":2,\"Vendor_New\":3";
    write(&mut *copy, vec![upsert(1, "a", members)], 1).await;
    assert_eq!(
        base.ask("SELECT listing_key, CAST(list_price AS INT), _rest FROM abor_property")
            .await,
        ["a|1|NULL"]
    );
    let (good, port) = (base.url.clone(), server.port.to_string());
    for (url, name) in [
        (good.replace("s3cret", "wr0ng"), "DestinationRefused"),
        (good.replace("/site_", "/nowhere_"), "DestinationRefused"),
        (good.replace(&port, "1"), "DestinationUnavailable"),
        (format!("{good}?ssl-mode=maybe"), "DestinationRefused"),
    ] {
        let error = MySql::open(&url, Options::default()).await.err().unwrap();
        let text = format!("{error} {error:?}");
        assert_eq!(error.name(), name, "{text}");
        assert!(
            !text.contains("s3cret") && !text.contains("wr0ng"),
            "{text}"
        );
    }
    // Somebody dropped a table behind our back, between two batches.
    base.sql("DROP TABLE abor_property__1").await;
    let batch = Batch {
        changes: vec![upsert(2, "b", "")],
        position: at(2),
        now: now(),
        refused: Vec::new(),
    };
    let error = copy.write(&log(), Some(&at(1)), &batch).await.unwrap_err();
    assert_eq!(error.name(), "DestinationAltered", "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_verified() {
    let Some(server) = server() else { return };
    let Some(certificate) = &server.certificate else {
        return;
    };
    let base = Database::new(server).await;
    let good = format!("{}?ssl-mode=VERIFY_IDENTITY&ssl-ca={certificate}", base.url);
    let mut copy = MySql::open(&good, Options::default()).await.unwrap();
    write(&mut copy, vec![upsert(1, "a", "")], 1).await;
    let unknown = format!("{}?ssl-mode=REQUIRED", base.url);
    let error = MySql::open(&unknown, Options::default())
        .await
        .err()
        .unwrap();
    assert!(error.to_string().contains("certificate"), "{error}");
}
