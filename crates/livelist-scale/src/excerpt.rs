//! Excerpts of docs/scale.md for docs/benchmarks.md: its rows 7 and 8.

/// The rows by the names of their places in docs/benchmarks.md.
pub fn excerpts(document: &str) -> [(&'static str, String); 2] {
    let section = |title: &str| {
        let begun = document
            .split_once(&format!("## {title}\n"))
            .map_or("", |s| s.1);
        begun.split("\n## ").next().unwrap_or_default().to_owned()
    };
    let table = |section: &str| {
        let from = section.lines().skip_while(|line| !line.starts_with('|'));
        let rows: Vec<&str> = from.take_while(|line| line.starts_with('|')).collect();
        rows.join("\n")
    };
    let goal = |section: &str| {
        let mut lines = section.lines();
        lines
            .find(|line| line.starts_with("Goal:"))
            .unwrap_or_default()
            .to_owned()
    };
    let (run, bill, night) = (
        section("One run"),
        section("The bill of a day"),
        section("When the night ends"),
    );
    [
        (
            "machine-states",
            format!(
                "## 7. State machine\n\nFrom the model of [docs/scale.md](scale.md). A test \
                 compares its objects, transitions and history events with the local stack \
                 (`tests/system/local_stack/scale.rs`).\n\n```sh\nmake scale\n```\n\n{}\n\nA day of 10,000 \
                 pairs, at the list prices of the same document:\n\n{}\n\n{}\n",
                table(&run),
                table(&bill),
                goal(&bill)
            ),
        ),
        (
            "scale-on-paper",
            format!(
                "## 8. Scale on paper\n\nA night of 600 MLSs in the same model, in hours, minutes \
                 and seconds after the schedule fires. [That page](scale.md#when-the-night-ends) \
                 also has the quota that binds first, and the concurrency of each \
                 function.\n\n```sh\nmake scale\n```\n\n{}\n",
                table(&night)
            ),
        ),
    ]
}

/// The text with the excerpts in their places.
///
/// # Errors
/// A place is missing.
pub fn put_in(text: &str, document: &str) -> Result<String, String> {
    let mut text = text.to_owned();
    for (name, excerpt) in excerpts(document) {
        let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
        let place = text.split_once(&begin).and_then(|(before, rest)| {
            let (_, after) = rest.split_once(&end)?;
            Some(format!("{before}{begin}{excerpt}{end}{after}"))
        });
        text = place.ok_or_else(|| format!("there is no place {begin}"))?;
    }
    Ok(text)
}
