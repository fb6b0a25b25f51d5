//! `livelist providers`: lists the supported providers and their properties.

use std::io::Write;
use std::time::Duration;

use livelist_model::registry::Limit;
use livelist_reso::dialect::{Dialect, ScanForm};
use tabwriter::TabWriter;

use crate::cli::ProvidersArgs;
use crate::exit::{Code, Failed};

const COLUMNS: [&str; 9] = [
    "name",
    "provider",
    "authentication",
    "scan",
    "rows a page",
    "pages at once",
    "counts",
    "confirmation",
    "limits",
];

/// Runs `livelist providers`.
pub fn run(arguments: &ProvidersArgs) -> Result<Code, Failed> {
    let mut out = std::io::stdout().lock();
    if arguments.json {
        for dialect in Dialect::all() {
            writeln!(out, "{}", json(&dialect))?;
        }
    } else if arguments.markdown {
        writeln!(out, "| {} |", COLUMNS.join(" | "))?;
        writeln!(out, "|{}", "---|".repeat(COLUMNS.len()))?;
        for dialect in Dialect::all() {
            let mut cells = cells(&dialect);
            cells[0] = format!("`{}`", cells[0]);
            writeln!(out, "| {} |", cells.join(" | "))?;
        }
    } else {
        let mut table = TabWriter::new(&mut out).padding(2);
        writeln!(table, "{}", COLUMNS.join("\t"))?;
        for dialect in Dialect::all() {
            writeln!(table, "{}", cells(&dialect).join("\t").replace('`', ""))?;
        }
        table.flush()?;
        drop(table);
        writeln!(out)?;
        for dialect in Dialect::all().filter(|d| !d.note.is_empty()) {
            writeln!(out, "{}: {}", dialect.name, dialect.note.replace('`', ""))?;
        }
    }
    Ok(Code::Ok)
}

fn cells(dialect: &Dialect) -> [String; 9] {
    let auth: Vec<&str> = dialect.auth.iter().map(|a| a.as_str()).collect();
    let mut auth = auth.join(", ");
    if let Some(header) = dialect.api_key_header {
        auth.push_str(&format!(" and `{header}`"));
    }
    let limits: Vec<String> = dialect.limits.iter().map(Limit::to_string).collect();
    [
        dialect.name.to_owned(),
        dialect.title.to_owned(),
        auth,
        dialect.scan.describe().to_owned(),
        match dialect.scan {
            ScanForm::List => "all".to_owned(),
            _ => dialect.page_max.to_string(),
        },
        dialect.pages_at_once.to_string(),
        dialect.count.describe().to_owned(),
        dialect.confirm.describe(),
        if limits.is_empty() {
            "not documented".to_owned()
        } else {
            limits.join(", ")
        },
    ]
}

fn json(dialect: &Dialect) -> serde_json::Value {
    let auth: Vec<&str> = dialect.auth.iter().map(|a| a.as_str()).collect();
    let lag = (dialect.lag > Duration::ZERO).then_some(dialect.lag.as_secs());
    serde_json::json!({
        "name": dialect.name,
        "provider": dialect.title,
        "source": dialect.source,
        "auth": auth,
        "token_url": dialect.token_url,
        "scope": dialect.scope,
        "api_key_header": dialect.api_key_header,
        "scan": dialect.scan.describe().replace('`', ""),
        "page_max": dialect.page_max,
        "pages_at_once": dialect.pages_at_once,
        "counts": dialect.count.describe(),
        "confirmation": dialect.confirm.describe().replace('`', ""),
        "needs_originating_system": dialect.needs_system,
        "limits": dialect.limits,
        "answers_may_be_older_by_seconds": lag,
        "note": dialect.note.replace('`', ""),
    })
}
