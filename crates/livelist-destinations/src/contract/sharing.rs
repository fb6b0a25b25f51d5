//! Several MLSs in the same tables.

use livelist_records::names::Names;
use livelist_records::{Change, Field, Kind, Schema};

use super::shaping::AsTheyAre;
use super::{Copy, at, now, removal, schema, upsert, value};
use crate::destination::{Batch, Destination, LogId, Written};
use crate::options::Options;
use crate::shaped::Shaped;

async fn open(copy: &dyn Copy, mls: &str) -> Shaped {
    let options = Options {
        names: Names::SnakeCase,
        shared: Some(mls.to_owned()),
        ..Options::default()
    };
    let inner = copy.open_as(options.clone()).await;
    Shaped::new(inner, &options, Box::new(AsTheyAre))
}

fn log_of(mls: &str) -> LogId {
    LogId {
        replication: mls.to_owned(),
        generation: "g1".to_owned(),
    }
}

async fn put(copy: &mut Shaped, mls: &str, schema: &Schema, mut changes: Vec<Change>) -> Written {
    changes.sort_by(Change::order);
    copy.prepare(schema).await.unwrap();
    let log = log_of(mls);
    let from = copy.position(&log).await.unwrap();
    let batch = Batch {
        position: at(changes.iter().map(|change| change.number).max().unwrap()),
        changes,
        now: now(),
        refused: Vec::new(),
    };
    copy.write(&log, from.as_ref(), &batch).await.unwrap()
}

async fn keys(copy: &mut Shaped) -> Vec<(String, u64)> {
    let rows = copy.keys("Property", None, 9).await.unwrap();
    rows.into_iter().map(|row| (row.key, row.version)).collect()
}

/// Each MLS has its own rows, position and schema in the tables that all have. `copy` is empty.
pub async fn sharing(copy: &dyn Copy) {
    let photos = Schema {
        resource: "Media".to_owned(),
        key: vec!["MediaKey".to_owned()],
        fields: vec![Field {
            name: "MediaKey".to_owned(),
            kind: Kind::Text,
        }],
        ..Schema::default()
    };
    let one_s = Schema {
        children: vec![photos],
        ..schema()
    };
    let mut two_s = schema();
    for field in &mut two_s.fields {
        if field.name == "ListPrice" {
            field.kind = Kind::Text;
        }
    }
    two_s.fields.push(Field {
        name: "Own".to_owned(),
        kind: Kind::Integer,
    });
    let (mut one, mut two) = (open(copy, "abor").await, open(copy, "hive").await);
    let first = r#""ListPrice":5,"StandardStatus":"Active","Media":[{"MediaKey":"m"}]"#;
    put(
        &mut one,
        "abor",
        &one_s,
        vec![upsert(1, "1", first), upsert(2, "2", "")],
    )
    .await;
    let second = r#""ListPrice":"much","Own":7,"_mls":"a lie""#;
    put(&mut two, "hive", &two_s, vec![upsert(1, "1", second)]).await;
    let rows = "SELECT _id, _mls, listing_key, own FROM property ORDER BY 1";
    assert_eq!(
        copy.ask(rows).await,
        [
            "abor:1|abor|1|NULL",
            "abor:2|abor|2|NULL",
            "hive:1|hive|1|7"
        ]
    );
    // The first type keeps the name.
    let prices =
        "SELECT list_price__2 FROM property WHERE list_price = 5 OR _mls = 'hive' ORDER BY _id";
    assert_eq!(copy.ask(prices).await, ["NULL", "much"]);
    assert_eq!(
        copy.ask("SELECT _parent FROM property_media").await,
        ["abor:1"]
    );

    // Each sees its own, by the keys that its log has, and another's schema is no change.
    let of_one = [("abor:1".to_owned(), 1), ("abor:2".to_owned(), 2)];
    assert_eq!(keys(&mut one).await, of_one);
    assert_eq!(keys(&mut two).await, [("hive:1".to_owned(), 1)]);
    assert_eq!(value(&mut two, "1", "own").await.as_deref(), Some("7"));
    assert!(two.record("Property", "2").await.unwrap().is_none());
    for _ in 0..2 {
        one.prepare(&one_s).await.unwrap();
        two.prepare(&two_s).await.unwrap();
    }
    assert_eq!(one.position(&log_of("abor")).await.unwrap(), Some(at(2)));
    assert_eq!(two.position(&log_of("hive")).await.unwrap(), Some(at(1)));

    // What one removes, or applies anew, is no other's.
    put(
        &mut two,
        "hive",
        &two_s,
        vec![upsert(2, "2", ""), removal(3, "1")],
    )
    .await;
    assert_eq!(keys(&mut one).await, of_one);
    let anew = LogId {
        generation: "g2".to_owned(),
        ..log_of("hive")
    };
    let batch = Batch {
        changes: vec![upsert(1, "3", "")],
        position: crate::destination::Position {
            generation: "g2".to_owned(),
            ..at(1)
        },
        now: now(),
        refused: Vec::new(),
    };
    two.write(&anew, None, &batch).await.unwrap();
    assert_eq!(keys(&mut one).await, of_one);
    let of_two = [("hive:2".to_owned(), 0), ("hive:3".to_owned(), 1)];
    assert_eq!(keys(&mut two).await, of_two);

    // A column that both make at once is there once.
    let (mut one, mut two) = (open(copy, "abor").await, open(copy, "nest").await);
    let both = r#""View":["Sea"],"PoolPrivateYN":true"#;
    tokio::join!(
        put(&mut one, "abor", &one_s, vec![upsert(5, "5", both)]),
        put(&mut two, "nest", &two_s, vec![upsert(5, "5", both)])
    );
    let pools = "SELECT _mls FROM property WHERE view IS NOT NULL AND pool_private_yn IS NOT NULL ORDER BY 1";
    assert_eq!(copy.ask(pools).await, ["abor", "nest"]);
}
