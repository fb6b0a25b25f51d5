//! The records in a record's expansions, as rows of their tables.

use livelist_records::{Children, Fields, Schema};

/// The records in one expansion of a record.
pub(crate) struct Set<'a> {
    /// The expansion's place among those of the schema.
    pub(crate) nth: usize,
    /// Its records.
    pub(crate) children: Children<'a>,
}

/// The expansions of a record that have rows: all that its schema names, but for those that the copy does
/// not store, and those whose value is no list of records.
pub(crate) fn sets<'a>(
    schema: &Schema,
    fields: &Fields<'a>,
    stores: impl Fn(&str) -> bool,
) -> Vec<Set<'a>> {
    let children = schema.children.iter().enumerate();
    let sets = children
        .filter(|(_, child)| stores(&child.resource))
        .filter_map(|(nth, child)| {
            let value = fields.get(&child.resource)?;
            let key = child.key.first().map(String::as_str);
            let children = Children::read(value, key)?;
            Some(Set { nth, children })
        });
    sets.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_list_of_records_has_no_rows() {
        let child = |name: &str| Schema {
            resource: name.to_owned(),
            ..Schema::default()
        };
        let schema = Schema {
            children: vec![
                child("Media"),
                child("Rooms"),
                child("Odd"),
                child("Hidden"),
            ],
            ..Schema::default()
        };
        let json = r#"{"Media":[],"Rooms":[{"A":1},{"A":2}],"Odd":["x"],"Hidden":[{}]}"#;
        let fields = Fields::read(json).unwrap();
        let sets = sets(&schema, &fields, |name| name != "Hidden");
        let sets: Vec<(usize, usize)> = sets
            .iter()
            .map(|set| (set.nth, set.children.rows.len()))
            .collect();
        assert_eq!(sets, [(0, 0), (1, 2)]);
    }
}
