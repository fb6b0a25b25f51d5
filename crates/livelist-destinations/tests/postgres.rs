//! PostgreSQL keeps the contract, and what is its own: against a real server, which has other defaults than
//! Livelist wants. Where there is none, the tests say so.

#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use livelist_destinations::contract::{self, Copy, at, log, now, removal, schema, upsert, write};
use livelist_destinations::postgres::Postgres;
use livelist_destinations::{Batch, Destination, Options, Removed, Wanted};
use livelist_records::names::Names;
use livelist_records::{Field, Kind};
use support::{POSTGRES, Server};
use tokio_postgres::{Client, NoTls};

fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER
        .get_or_init(|| Server::start("PostgreSQL", POSTGRES))
        .as_ref()
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    let settings = "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET lock_timeout = '10s';
        SET standard_conforming_strings = on;
        SET default_transaction_isolation = 'read committed'";
    client.batch_execute(settings).await.unwrap();
    client
}

/// A database of its own, of an ordinary user.
struct Database {
    url: String,
    options: Options,
    /// Another session of the same user, which is the owner of everything.
    owner: Client,
}

impl Database {
    async fn with(server: &Server, options: Options) -> Database {
        static NTH: AtomicU32 = AtomicU32::new(0);
        let root = format!(
            "postgres://root@127.0.0.1:{}/postgres?sslmode=disable",
            server.port
        );
        let root = connect(&root).await;
        let role = "DO $$ BEGIN CREATE ROLE site LOGIN PASSWORD 's3cret'; EXCEPTION WHEN OTHERS THEN END $$";
        root.batch_execute(role).await.unwrap();
        let name = format!("site_{}", NTH.fetch_add(1, Ordering::Relaxed));
        let sql = format!("CREATE DATABASE {name} OWNER site");
        root.batch_execute(&sql).await.unwrap();
        let url = format!(
            "postgres://site:s3cret@127.0.0.1:{}/{name}?sslmode=disable",
            server.port
        );
        let owner = connect(&url).await;
        Database {
            url,
            options,
            owner,
        }
    }

    async fn new(server: &Server) -> Database {
        Database::with(server, Options::default()).await
    }

    async fn sql(&self, sql: &str) {
        self.owner.batch_execute(sql).await.unwrap();
    }

    async fn ask(&self, sql: &str) -> Vec<String> {
        let rows = self.owner.simple_query(sql).await.unwrap();
        let rows = rows.into_iter().filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        rows.map(|row| {
            let cells = (0..row.len()).map(|n| row.get(n).unwrap_or("NULL").to_owned());
            cells.collect::<Vec<_>>().join("|")
        })
        .collect()
    }
}

#[async_trait::async_trait]
impl Copy for Database {
    async fn open(&self) -> Box<dyn Destination> {
        self.open_as(self.options.clone()).await
    }

    async fn open_as(&self, options: Options) -> Box<dyn Destination> {
        Box::new(Postgres::open(&self.url, options).await.unwrap())
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

/// A pool by transaction: each transaction may have another session.
const POOL: &str = r#"
PATH=$PATH:/usr/sbin
command -v pgbouncer > /dev/null || { echo "no pgbouncer"; exit 1; }
dir=$(mktemp -d /tmp/livelist-pgbouncer-XXXXXX)
as=""
if [ "$(id -u)" = 0 ]; then
    chown nobody "$dir"
    as="setpriv --reuid=nobody --regid=$(id -g nobody) --clear-groups"
fi
cd "$dir"
echo "[databases]
* = host=127.0.0.1 port=POSTGRES user=site password=s3cret
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $1
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
server_round_robin = 1" > pool.ini
$as pgbouncer pool.ini > log 2>&1 &
pid=$!
for attempt in $(seq 100); do
    kill -0 $pid 2> /dev/null || { echo "it ends: $(tail -1 log)"; rm -rf "$dir"; exit 1; }
    pg_isready -q -t 1 -h 127.0.0.1 -p "$1" && break
    sleep 0.1
done
echo ready
exec > /dev/null
cat > /dev/null
kill -INT $pid
wait $pid
rm -rf "$dir"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_by_transaction_is_as_good_as_the_server() {
    let Some(server) = server() else { return };
    let script = POOL.replace("POSTGRES", &server.port.to_string());
    let Some(pool) = Server::start("PgBouncer", &script) else {
        return;
    };
    let pooled = async |options: Options| {
        let base = Database::with(server, options).await;
        let direct = format!("127.0.0.1:{}/", server.port);
        let through = format!("127.0.0.1:{}/", pool.port);
        Database {
            url: base.url.replace(&direct, &through),
            ..base
        }
    };
    contract::order(&pooled(Options::default()).await).await;
    contract::two_at_once(&pooled(Options::default()).await).await;
    contract::evolution(&pooled(Options::default()).await).await;
    contract::expansions(&pooled(snake_case(Removed::Table)).await).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_the_contract() {
    let Some(server) = server() else { return };
    contract::all(async || Database::new(server).await).await;
    let options = Options {
        columns: Wanted::All,
        schema: Some("a \"copy\" of it's".to_owned()),
        ..Options::default()
    };
    contract::wide(&Database::with(server, options.clone()).await).await;
    contract::order(&Database::with(server, options).await).await;
}

/// Each missing right is named with the statement that gives it, and asking makes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_user_may_not_do_is_said_with_what_to_do() {
    let Some(server) = server() else { return };
    let base = Database::new(server).await;
    let guest = "DO $$ BEGIN CREATE ROLE guest LOGIN; EXCEPTION WHEN OTHERS THEN END $$";
    let root = format!(
        "postgres://root@127.0.0.1:{}/postgres?sslmode=disable",
        server.port
    );
    connect(&root).await.batch_execute(guest).await.unwrap();
    let name = base.ask("SELECT current_database()").await.remove(0);
    base.sql(&format!("REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC"))
        .await;
    let url = base.url.replace("site:s3cret@", "guest@");
    let check = async || {
        let mut copy = Postgres::new(&url, Options::default()).unwrap();
        copy.check().await.unwrap()
    };
    let checked = check().await;
    assert!(checked.version.starts_with("PostgreSQL "), "{checked:?}");
    let faults: Vec<&str> = checked.findings.iter().map(|f| f.what.as_str()).collect();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults[0].contains("temporary tables"), "{faults:?}");
    assert_eq!(
        faults[1],
        "the user may not CREATE in the schema \"public\""
    );
    assert!(Postgres::open(&url, Options::default()).await.is_err());
    for finding in &checked.findings {
        base.sql(&finding.remedy).await;
    }
    assert_eq!(check().await.findings, []);
    let made = base.ask("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'");
    assert_eq!(made.await, ["0"]);
    let mut copy = Postgres::open(&url, Options::default()).await.unwrap();
    write(&mut copy, vec![upsert(1, "a", "")], 1).await;
    // Another user's tables.
    let mut other = Postgres::new(&base.url, Options::default()).unwrap();
    let checked = other.check().await.unwrap();
    let what = &checked.findings[0].what;
    assert!(what.contains("belongs to guest"), "{checked:?}");
    // A schema that is not there.
    let options = Options {
        schema: Some("homes".to_owned()),
        ..Options::default()
    };
    let mut copy = Postgres::new(&url, options).unwrap();
    let checked = copy.check().await.unwrap();
    assert!(
        checked.findings[0].what.contains("there is no schema"),
        "{checked:?}"
    );
}

/// A column that somebody dropped is said to come again.
#[tokio::test(flavor = "multi_thread")]
async fn the_layout_knows_what_was_dropped() {
    let Some(server) = server() else { return };
    let base = Database::new(server).await;
    let mut copy = base.open().await;
    copy.prepare(&schema()).await.unwrap();
    write(&mut *copy, vec![upsert(1, "a", "\"ListPrice\":5")], 1).await;
    base.sql("DROP VIEW \"Property\"; ALTER TABLE \"Property__1\" DROP COLUMN \"ListPrice\"")
        .await;
    let layout = copy.layout(&schema()).await.unwrap();
    let next: Vec<&str> = layout.next.iter().map(|p| p.column.as_str()).collect();
    assert_eq!(next, ["ListPrice"]);
    assert_eq!(layout.next[0].of, "numeric");
    assert_eq!(layout.next[0].table, "Property__1");
}

#[tokio::test(flavor = "multi_thread")]
async fn removed_rows_are_kept_with_their_reason_and_come_back() {
    let Some(server) = server() else { return };
    let base = Database::new(server).await;
    let mut copy = base.open().await;
    write(&mut *copy, vec![upsert(1, "a", "\"ListPrice\":5")], 1).await;
    write(&mut *copy, vec![removal(2, "a")], 2).await;
    let removed = "SELECT key, reason, proof, record ->> 'ListPrice', returned_at IS NOT NULL FROM \"Property_removed\"";
    assert_eq!(base.ask("SELECT * FROM \"Property\"").await, [""; 0]);
    let expected = "a|gone|2026-11-28-abor-property-1|5|";
    assert_eq!(base.ask(removed).await, [format!("{expected}f")]);
    write(&mut *copy, vec![upsert(3, "a", "\"ListPrice\":6")], 3).await;
    assert_eq!(base.ask(removed).await, [format!("{expected}t")]);
    for (kept, expected) in [(Removed::Flag, 1), (Removed::Delete, 0)] {
        let options = Options {
            removed: kept,
            ..Options::default()
        };
        let base = Database::with(server, options).await;
        let mut copy = base.open().await;
        write(&mut *copy, vec![upsert(1, "a", "")], 1).await;
        write(&mut *copy, vec![removal(2, "a")], 2).await;
        let flagged = "SELECT 1 FROM \"Property__1\" WHERE _deleted_at IS NOT NULL";
        assert_eq!(base.ask(flagged).await.len(), expected);
        assert!(copy.keys("Property", None, 9).await.unwrap().is_empty());
        assert!(base.ask("SELECT 1 FROM \"Property\"").await.is_empty());
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
    let changes =
        "SELECT version, field, old, new FROM \"Property_changes\" ORDER BY version, field";
    assert_eq!(
        base.ask(changes).await,
        [
            "2|ListPrice|100|90",
            "2|StandardStatus|\"Active\"|\"Pending\"",
            "4|ListPrice|90|null",
            "4|StandardStatus|\"Pending\"|\"Closed\"",
        ]
    );
    let transitions =
        "SELECT from_status, to_status FROM \"Property_transitions\" ORDER BY version";
    assert_eq!(
        base.ask(transitions).await,
        ["Active|Pending", "Pending|Closed"]
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
        "ALTER TABLE \"Property__1\" DROP COLUMN \"ListPrice\" CASCADE",
        "DROP TABLE \"Property__1\" CASCADE",
        "DROP TABLE \"Property__1\" CASCADE; DROP TABLE \"Property_removed\", \"Property_changes\", _livelist_state CASCADE",
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
        let rows = "SELECT \"ListingKey\", \"ListPrice\" FROM \"Property\" ORDER BY 1";
        assert_eq!(base.ask(rows).await, ["a|1", "b|2"], "{damage}");
    }
    base.sql("DROP VIEW \"Property\"").await;
    copy.prepare(&schema()).await.unwrap();
    assert_eq!(base.ask("SELECT 1 FROM \"Property\"").await.len(), 2);
    // A column of another type would hold something else without a word.
    base.sql("DROP VIEW \"Property\"; ALTER TABLE \"Property__1\" ALTER \"ListPrice\" TYPE bigint")
        .await;
    let error = copy.prepare(&schema()).await.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("Property__1.ListPrice is bigint, and was numeric"),
        "{error}"
    );
    assert_eq!(error.name(), "DestinationAltered");
    // A table that is not ours is not taken.
    let base = Database::new(server).await;
    base.sql("CREATE TABLE \"Property\" (x int)").await;
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
    let raise = "CREATE FUNCTION mine() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.\"ListPrice\" = 13 THEN SELECT no_such_column; END IF; RETURN NEW; END $$;
        CREATE TRIGGER mine BEFORE INSERT OR UPDATE ON \"Property__1\"
        FOR EACH ROW EXECUTE FUNCTION mine()";
    for (rule, end, reason) in [
        (
            "CREATE UNIQUE INDEX mine ON \"Property__1\" (\"ListPrice\")",
            "DROP INDEX mine",
            "duplicate key value violates unique constraint \"mine\"",
        ),
        (
            "ALTER TABLE \"Property__1\" ADD CONSTRAINT mine UNIQUE (\"ListPrice\") DEFERRABLE INITIALLY DEFERRED",
            "ALTER TABLE \"Property__1\" DROP CONSTRAINT mine",
            "duplicate key value violates unique constraint \"mine\"",
        ),
        (
            "ALTER TABLE \"Property__1\" ADD CONSTRAINT mine CHECK (\"ListPrice\" <> 13)",
            "ALTER TABLE \"Property__1\" DROP CONSTRAINT mine",
            "new row for relation \"Property__1\" violates check constraint \"mine\"",
        ),
        (
            raise,
            "DROP TRIGGER mine ON \"Property__1\"",
            "column \"no_such_column\" does not exist",
        ),
    ] {
        let base = Database::new(server).await;
        let mut copy = base.open().await;
        let first = vec![
            upsert(1, "a", "\"ListPrice\":1"),
            upsert(2, "n", "\"ListPrice\":13"),
        ];
        write(&mut *copy, first, 2).await;
        write(&mut *copy, vec![removal(3, "n")], 3).await;
        if rule.contains("UNIQUE") {
            write(&mut *copy, vec![upsert(4, "a", "\"ListPrice\":13")], 4).await;
        }
        base.sql(rule).await;
        let mut changes: Vec<_> = (10..40)
            .map(|n| upsert(n, &format!("k{n}"), &format!("\"ListPrice\":{n}00")))
            .collect();
        changes.push(upsert(50, "k21", "\"ListPrice\":13"));
        let written = write(&mut *copy, changes, 50).await;
        assert_eq!((written.upserts, written.rejected), (29, 1), "{rule}");
        let rejects = "SELECT key, number, reason, times FROM _livelist_rejects";
        assert_eq!(
            base.ask(rejects).await,
            [format!("k21|50|{reason}|1")],
            "{rule}"
        );
        // Other live listings are as they were.
        assert_eq!(base.ask("SELECT 1 FROM \"Property\"").await.len(), 30);
        base.sql(end).await;
        let again = vec![upsert(50, "k21", "\"ListPrice\":13")];
        assert_eq!(write(&mut *copy, again, 50).await.upserts, 1, "{rule}");
        assert!(base.ask(rejects).await.is_empty(), "{rule}");
    }
    // A column that must not be null refuses all, and says its name.
    let base = Database::new(server).await;
    let mut copy = base.open().await;
    copy.prepare(&schema()).await.unwrap();
    base.sql("ALTER TABLE \"Property__1\" ADD COLUMN mine int NOT NULL")
        .await;
    let written = write(&mut *copy, vec![upsert(1, "a", ""), upsert(2, "b", "")], 2).await;
    assert_eq!((written.upserts, written.rejected), (0, 2));
    let rejects = base.ask("SELECT reason FROM _livelist_rejects").await;
    assert!(
        rejects[0].starts_with("null value in column \"mine\""),
        "{rejects:?}"
    );
    // A row that something of the owner's hangs on cannot go.
    base.sql("ALTER TABLE \"Property__1\" DROP COLUMN mine")
        .await;
    write(&mut *copy, vec![upsert(3, "a", ""), upsert(4, "b", "")], 4).await;
    base.sql("CREATE TABLE mine (of text COLLATE \"C\" REFERENCES \"Property__1\"); INSERT INTO mine VALUES ('a')")
        .await;
    let written = write(&mut *copy, vec![removal(5, "a"), removal(6, "b")], 6).await;
    assert_eq!((written.removals, written.rejected), (1, 1));
    assert_eq!(
        base.ask("SELECT key FROM \"Property_removed\"").await,
        ["b"]
    );
}

/// A column that cannot be made now is made later, and no value is lost; nobody waits for long.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_reader_holds_up_no_pass() {
    let Some(server) = server() else { return };
    let base = Database::new(server).await;
    let mut copy = base.open().await;
    write(&mut *copy, vec![upsert(1, "a", "\"ListPrice\":1")], 1).await;
    let reader = connect(&base.url).await;
    let long = "BEGIN; SELECT * FROM \"Property\"";
    reader.batch_execute(long).await.unwrap();
    let new = upsert(2, "b", "\"ListPrice\":2,\"BedroomsTotal\":3");
    let written = write(&mut *copy, vec![new.clone()], 2).await;
    assert_eq!((written.upserts, written.overflow), (1, 1));
    let rest = "SELECT _rest ->> 'BedroomsTotal' FROM \"Property__1\" WHERE \"ListingKey\" = 'b'";
    assert_eq!(base.ask(rest).await, ["3"]);
    // The next pass finds it still there.
    copy.prepare(&schema()).await.unwrap();
    assert_eq!(copy.position(&log()).await.unwrap(), Some(at(2)));
    reader.batch_execute("COMMIT").await.unwrap();
    let prepared = copy.prepare(&schema()).await.unwrap();
    assert_eq!(prepared.columns, ["Property__1.BedroomsTotal"]);
    assert_eq!(copy.position(&log()).await.unwrap(), None);
    write(&mut *copy, vec![new], 2).await;
    let rows = "SELECT \"BedroomsTotal\", _rest FROM \"Property\" WHERE \"ListingKey\" = 'b'";
    assert_eq!(base.ask(rows).await, ["3|NULL"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn views_and_grants_of_the_owner_s_outlive_what_is_added() {
    let Some(server) = server() else { return };
    let base = Database::new(server).await;
    let mut copy = base.open().await;
    write(&mut *copy, vec![upsert(1, "a", "\"ListPrice\":1")], 1).await;
    base.sql(
        "CREATE VIEW mine AS SELECT \"ListingKey\", \"ListPrice\" FROM \"Property\";
         GRANT SELECT ON \"Property\" TO PUBLIC; COMMENT ON VIEW \"Property\" IS 'mine'",
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
        ["a|1", "b|2"]
    );
    let granted = "SELECT obj_description('\"Property\"'::regclass), has_table_privilege('public', '\"Property\"', 'SELECT')";
    assert_eq!(base.ask(granted).await, ["mine|t"]);
    assert_eq!(
        base.ask("SELECT \"Vendor0\", \"Vendor299\" FROM \"Property\" ORDER BY \"ListingKey\"")
            .await,
        ["NULL|NULL", "0|299"]
    );
    assert_eq!(
        base.ask("SELECT count(*) FROM \"Property__2\"").await,
        ["1"]
    );
}

/// Whatever becomes of the connection, the position says which changes the rows have.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_lost_is_made_anew() {
    let Some(server) = server() else { return };
    let base = Database::new(server).await;
    let mut copy = base.open().await;
    write(&mut *copy, vec![upsert(1, "a", "\"ListPrice\":1")], 1).await;
    let end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'livelist' AND usename = 'site' AND datname = current_database()";
    base.ask(end).await;
    assert_eq!(copy.position(&log()).await.unwrap(), Some(at(1)));
    // In the middle of a batch: nothing of it is there.
    base.sql(
        "CREATE FUNCTION mine() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;
         CREATE TRIGGER mine AFTER INSERT ON \"Property__1\" EXECUTE FUNCTION mine()",
    )
    .await;
    let batch = Batch {
        changes: vec![upsert(2, "b", "\"ListPrice\":2")],
        position: at(2),
        now: now(),
        refused: Vec::new(),
    };
    let lost = copy.write(&log(), Some(&at(1)), &batch).await.unwrap_err();
    assert_eq!(lost.name(), "DestinationUnavailable", "{lost}");
    base.sql("DROP TRIGGER mine ON \"Property__1\"").await;
    assert_eq!(copy.position(&log()).await.unwrap(), Some(at(1)));
    let written = copy.write(&log(), Some(&at(1)), &batch).await.unwrap();
    assert_eq!(written.upserts, 1);
    // Two that write at once: the second finds that the first was there.
    let mut other = base.open().await;
    other.prepare(&schema()).await.unwrap();
    let late = other.write(&log(), Some(&at(1)), &batch).await.unwrap_err();
    assert_eq!(late.name(), "DestinationMoved");
    // The server commits, and its answer is lost: the position says so.
    let proxy = support::Proxy::to(server.port);
    let url = base
        .url
        .replace(&server.port.to_string(), &proxy.port.to_string());
    let mut copy = Postgres::open(&url, Options::default()).await.unwrap();
    copy.prepare(&schema()).await.unwrap();
    proxy.lose_the_answer_to("COMMIT\0");
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
        base.ask("SELECT listing_key, list_price, _rest FROM abor_property")
            .await,
        ["a|1|NULL"]
    );
    let (good, port) = (base.url.clone(), server.port.to_string());
    for (url, name) in [
        (good.replace("s3cret", "wr0ng"), "DestinationRefused"),
        (good.replace("/site_", "/nowhere_"), "DestinationRefused"),
        (good.replace(&port, "1"), "DestinationUnavailable"),
        (good.replace("disable", "maybe"), "DestinationRefused"),
    ] {
        let error = Postgres::open(&url, Options::default())
            .await
            .err()
            .unwrap();
        let text = format!("{error} {error:?}");
        assert_eq!(error.name(), name, "{text}");
        assert!(
            !text.contains("s3cret") && !text.contains("wr0ng"),
            "{text}"
        );
    }
    base.sql(
        "REVOKE INSERT ON abor_property__1 FROM site; ALTER TABLE abor_property__1 OWNER TO site",
    )
    .await;
    let batch = Batch {
        changes: vec![upsert(2, "b", "")],
        position: at(2),
        now: now(),
        refused: Vec::new(),
    };
    let error = copy.write(&log(), Some(&at(1)), &batch).await.unwrap_err();
    assert_eq!(error.name(), "DestinationRefused", "{error}");
    assert!(
        error
            .to_string()
            .contains("permission denied for table abor_property__1")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_verified() {
    let Some(server) = server() else { return };
    let Some(certificate) = &server.certificate else {
        return;
    };
    let base = Database::new(server).await;
    let open = async |mode: &str| {
        let url = base.url.replace("sslmode=disable", mode);
        Postgres::open(&url, Options::default()).await
    };
    let good = format!("sslmode=verify-full&sslrootcert={certificate}");
    let mut copy = open(&good).await.unwrap();
    write(&mut copy, vec![upsert(1, "a", "")], 1).await;
    let used = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'livelist' AND datname = current_database()";
    assert_eq!(base.ask(used).await, ["t"]);
    for unknown in ["sslmode=require", "application_name=x"] {
        let error = open(unknown).await.err().unwrap();
        assert!(error.to_string().contains("certificate"), "{error}");
    }
    let nowhere = open("sslrootcert=/nowhere.pem").await.err().unwrap();
    assert_eq!(nowhere.name(), "DestinationRefused", "{nowhere}");
}
