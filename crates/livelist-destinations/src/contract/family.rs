//! Records that come with a record: they are replaced as a set, with it.

use livelist_records::{Field, Kind, Schema};

use super::{Copy, at, log, now, removal, schema, upsert, value, write_of};
use crate::destination::{Batch, Written};

/// The schema of records with photos, which have a key, and rooms, which have none.
fn family() -> Schema {
    let fields = |fields: &[(&str, Kind)]| -> Vec<Field> {
        let fields = fields.iter().map(|(name, kind)| Field {
            name: (*name).to_owned(),
            kind: *kind,
        });
        fields.collect()
    };
    let photos = Schema {
        resource: "Media".to_owned(),
        key: vec!["MediaKey".to_owned()],
        fields: fields(&[
            ("MediaKey", Kind::Text),
            ("Caption", Kind::Text),
            ("Width", Kind::Integer),
            ("_parent", Kind::Text),
        ]),
        ..Schema::default()
    };
    let mut rooms = vec![("RoomType".to_owned(), Kind::Text)];
    rooms.extend((0..250).map(|nth| (format!("Remarks{nth}"), Kind::Text)));
    let rooms: Vec<(&str, Kind)> = rooms.iter().map(|(name, kind)| (&**name, *kind)).collect();
    let rooms = Schema {
        resource: "Rooms".to_owned(),
        fields: fields(&rooms),
        ..Schema::default()
    };
    Schema {
        children: vec![photos, rooms],
        ..schema()
    }
}

const PHOTOS: &str =
    "SELECT _parent, _child, media_key, caption, width FROM property_media ORDER BY 1, 2";

async fn put(copy: &dyn Copy, number: u64, key: &str, members: &str) -> Written {
    let mut one = copy.open().await;
    write_of(
        &mut *one,
        &family(),
        vec![upsert(number, key, members)],
        number,
    )
    .await
}

/// The records of an expansion have a table of their own, and come, change and go with their record. `copy`
/// is empty, and names in snake case.
pub async fn expansions(copy: &dyn Copy) {
    let two =
        r#""Media":[{"MediaKey":"1","Caption":"x","Width":5},{"MediaKey":"2","Caption":null}]"#;
    let rooms = r#""Rooms":[{"RoomType":"Bath"},{"RoomType":"Kitchen"}]"#;
    put(copy, 1, "a", &format!("{two},{rooms}")).await;
    put(copy, 2, "b", "\"ListPrice\":1").await;
    assert_eq!(copy.ask(PHOTOS).await, ["a|1|1|x|5", "a|2|2|NULL|NULL"]);
    let of_rooms = "SELECT _parent, _child, room_type FROM property_rooms ORDER BY 1, 2";
    assert_eq!(copy.ask(of_rooms).await, ["a|#1|Bath", "a|#2|Kitchen"]);
    let mut one = copy.open().await;
    assert_eq!(value(&mut *one, "a", "_rest").await, None);

    // Another set takes its place; the same record twice is there once, as the last one.
    let written = put(
        copy,
        3,
        "a",
        r#""Media":[{"MediaKey":"2"},{"MediaKey":"3","Width":1},{"MediaKey":"3","Width":2}]"#,
    )
    .await;
    assert_eq!((written.upserts, written.repeated), (1, 1));
    assert_eq!(copy.ask(PHOTOS).await, ["a|2|2|NULL|NULL", "a|3|3|NULL|2"]);
    assert_eq!(copy.ask(of_rooms).await, [""; 0]);
    put(copy, 4, "a", r#""Media":[]"#).await;
    assert_eq!(copy.ask(PHOTOS).await, [""; 0]);

    // What does not fit its column is in `_rest`; what is no list of records is in that of the record.
    let odd =
        r#""Media":[{"MediaKey":"1","Width":"wide","Fresh":[1],"_parent":"mine"}],"Rooms":["x"]"#;
    let written = put(copy, 5, "a", odd).await;
    assert_eq!((written.overflow, written.rejected), (3, 0));
    let rest = copy.ask("SELECT _rest FROM property_media").await;
    let rest: serde_json::Value = serde_json::from_str(&rest[0]).unwrap();
    assert_eq!(rest, serde_json::json!({"Width": "wide", "Fresh": [1]}));
    let mine = "SELECT f_parent FROM property_media";
    assert_eq!(copy.ask(mine).await, ["mine"]);
    let rest = value(&mut *one, "a", "_rest").await.unwrap();
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&rest).unwrap(),
        serde_json::json!({"Rooms": ["x"]})
    );

    wide_and_odd(copy).await;
    rules(copy).await;
    evolution(copy).await;

    // They go with their record, and stand with it among those that were removed.
    let mut one = copy.open().await;
    put(copy, 30, "a", &format!("{two},{rooms}")).await;
    write_of(&mut *one, &family(), vec![removal(31, "a")], 31).await;
    let left = "SELECT _child FROM property_media WHERE _parent = 'a'";
    assert_eq!(copy.ask(left).await, [""; 0]);
    let record = copy.ask("SELECT record FROM property_removed").await;
    let record: serde_json::Value = serde_json::from_str(record.last().unwrap()).unwrap();
    let photos = record["Media"].as_array().unwrap();
    assert_eq!((photos.len(), &photos[0]["caption"]), (2, &"x".into()));
    assert_eq!(record["Rooms"][1]["room_type"], "Kitchen");
    put(copy, 32, "a", two).await;
    assert_eq!(copy.ask(left).await.len(), 2);
}

/// Rows as wide as two tables, and keys that are no keys.
async fn wide_and_odd(copy: &dyn Copy) {
    let text = "x".repeat(40);
    let all: Vec<String> = (0..250)
        .map(|n| format!("\"Remarks{n}\":\"{text}{n}\""))
        .collect();
    let wide = format!("\"Rooms\":[{{{0}}},{{{0}}}]", all.join(","));
    let written = put(copy, 10, "wide", &wide).await;
    assert_eq!((written.overflow, written.rejected), (0, 0));
    let last = copy
        .ask("SELECT remarks0, remarks249 FROM property_rooms WHERE _parent = 'wide'")
        .await;
    assert_eq!(
        last,
        [format!("{text}0|{text}249"), format!("{text}0|{text}249")]
    );
    let long = "k".repeat(600);
    let odd = format!(
        r#""Media":[{{"MediaKey":"{long}"}},{{"MediaKey":"nul\u0000"}},{{"MediaKey":5}},{{"MediaKey":"a'\\\t"}},
            {{"MediaKey":"A'\\\t"}},{{"MediaKey":""}}]"#
    );
    let written = put(copy, 11, "odd", &odd).await;
    assert_eq!((written.upserts, written.rejected), (1, 0));
    let ids = copy
        .ask("SELECT _child FROM property_media WHERE _parent = 'odd' ORDER BY 1")
        .await;
    assert_eq!(ids.len(), 6, "{ids:?}");
    for id in ["#1", "#2", "5", "a'\\\t", "A'\\\t", "#6"] {
        assert!(ids.contains(&id.to_owned()), "{id:?} in {ids:?}");
    }
}

/// What a rule of the owner's refuses is the record with all that belongs to it, and no other.
async fn rules(copy: &dyn Copy) {
    let table = copy.first_table("property_media");
    copy.run(&format!(
        "CREATE UNIQUE INDEX of_the_owner ON {table} (width)"
    ))
    .await;
    let mut one = copy.open().await;
    let photo = |key: &str, width: u32| {
        format!("\"ListPrice\":{width},\"Media\":[{{\"MediaKey\":\"{key}\",\"Width\":{width}}}]")
    };
    let both = vec![
        upsert(12, "r1", &photo("1", 700)),
        upsert(13, "r2", &photo("1", 701)),
    ];
    write_of(&mut *one, &family(), both, 13).await;
    let third = vec![
        upsert(14, "r1", &photo("1", 701)),
        upsert(15, "r3", &photo("1", 702)),
    ];
    let written = write_of(&mut *one, &family(), third, 15).await;
    assert_eq!((written.upserts, written.rejected), (1, 1));
    let widths = "SELECT _parent, width FROM property_media WHERE _parent LIKE 'r%' ORDER BY 1";
    assert_eq!(copy.ask(widths).await, ["r1|700", "r2|701", "r3|702"]);
    assert_eq!(
        value(&mut *one, "r1", "list_price").await.as_deref(),
        Some("700")
    );
}

/// New fields and other types get columns; what somebody dropped is filled again.
async fn evolution(copy: &dyn Copy) {
    put(
        copy,
        20,
        "e",
        r#""Media":[{"MediaKey":"1","Width":3,"Fresh":7}]"#,
    )
    .await;
    let mut grown = family();
    let photos = &mut grown.children[0].fields;
    photos[2].kind = Kind::Decimal;
    photos.push(Field {
        name: "Fresh".to_owned(),
        kind: Kind::Integer,
    });
    let again = async |schema: &Schema, members: &str| {
        let mut one = copy.open().await;
        one.prepare(schema).await.unwrap();
        assert_eq!(one.position(&log()).await.unwrap(), None);
        let batch = Batch {
            changes: vec![upsert(21, "e", members)],
            position: at(21),
            now: now(),
            refused: Vec::new(),
        };
        one.write(&log(), None, &batch).await.unwrap();
    };
    again(
        &grown,
        r#""Media":[{"MediaKey":"1","Width":2.5,"Fresh":7}]"#,
    )
    .await;
    let new = "SELECT fresh FROM property_media WHERE _parent = 'e' AND width__2 = 2.5";
    assert_eq!(copy.ask(new).await, ["7"]);
    for name in ["property_media", "property"] {
        copy.run(&copy.drop_first_table(name)).await;
        again(
            &grown,
            r#""Media":[{"MediaKey":"1","Width":2.5,"Fresh":8}]"#,
        )
        .await;
        assert_eq!(copy.ask(new).await, ["8"], "{name}");
    }
}

/// A row that is flagged keeps its expansions, and has those that come when it is live again. `copy` is
/// empty, names in snake case, and flags what is removed.
pub async fn expansions_of_flagged_rows(copy: &dyn Copy) {
    put(
        copy,
        1,
        "a",
        r#""Media":[{"MediaKey":"1"},{"MediaKey":"2"}]"#,
    )
    .await;
    let mut one = copy.open().await;
    write_of(&mut *one, &family(), vec![removal(2, "a")], 2).await;
    let table = copy.first_table("property_media");
    let kept = format!("SELECT count(*) FROM {table}");
    assert_eq!(copy.ask(&kept).await, ["2"]);
    put(copy, 3, "a", r#""Media":[{"MediaKey":"2"}]"#).await;
    assert_eq!(copy.ask("SELECT _child FROM property_media").await, ["2"]);
}
