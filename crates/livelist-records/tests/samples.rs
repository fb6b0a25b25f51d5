//! Metadata of a real server, where a copy of it is at hand: `LIVELIST_SAMPLES` names its folder.

use std::io::Read;

use livelist_records::{Kind, Metadata};

#[test]
fn the_metadata_of_a_real_server_is_read() {
    #[expect(clippy::disallowed_methods, reason = "a test may read the environment")]
    let Ok(folder) = std::env::var("LIVELIST_SAMPLES") else {
        eprintln!("skipped: LIVELIST_SAMPLES names no folder with bridge-metadata.xml.gz");
        return;
    };
    let file = std::fs::File::open(format!("{folder}/bridge-metadata.xml.gz")).unwrap();
    let mut xml = Vec::new();
    flate2::read::GzDecoder::new(file)
        .read_to_end(&mut xml)
        .unwrap();
    let metadata = Metadata::read(&xml).unwrap();
    for resource in metadata.resources() {
        let schema = metadata.schema(resource).unwrap();
        assert_eq!(schema.key.len(), 1, "{resource}");
        let key = schema.field(&schema.key[0]).unwrap();
        assert_eq!(key.kind, Kind::Text, "{resource}");
        println!(
            "{resource}: {} fields, {} navigations, stamp {:?}",
            schema.fields.len(),
            schema.navigations.len(),
            schema.stamp()
        );
    }
    assert!(metadata.schema("Property").unwrap().fields.len() > 150);
}
