//! The documents contain what the command prints.

use livelist_scale::excerpt::excerpts;
use livelist_scale::report::document;

#[test]
fn the_document_is_what_the_model_says() {
    let machine = include_str!("../../../statemachines/reconcile.asl.json");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/scale.md");
    let written = std::fs::read_to_string(path).unwrap();
    let now = document(machine).unwrap();
    for (nth, (written, now)) in written.lines().zip(now.lines()).enumerate() {
        assert_eq!(
            written,
            now,
            "docs/scale.md, line {}: make scale writes it anew",
            nth + 1
        );
    }
    assert_eq!(
        written.len(),
        now.len(),
        "make scale writes docs/scale.md anew"
    );
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let small = now
        .lines()
        .find(|line| line.starts_with("`small` does not starve"));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/deploy.md");
    let deploy = words(&std::fs::read_to_string(path).unwrap());
    assert!(deploy.contains(small.unwrap()), "docs/deploy.md: {small:?}");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/benchmarks.md");
    let benchmarks = std::fs::read_to_string(path).unwrap();
    for (name, excerpt) in excerpts(&now) {
        assert!(excerpt.lines().filter(|l| l.starts_with('|')).count() > 5);
        assert!(
            benchmarks.contains(&excerpt),
            "{name}: make scale writes docs/benchmarks.md anew"
        );
    }
}
