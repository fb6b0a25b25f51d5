//! The owners of the code in the functions' binary, by its symbols.

use std::path::Path;
use std::process::Command;

use crate::Failed;

/// The owner of a function, by the beginning of its name, or else by a word in it: a generic function of
/// the standard library belongs to its type.
const OWNERS: [(&str, &[&str]); 5] = [
    ("Livelist", &["livelist"]),
    ("the AWS SDK's clients", &["aws_sdk_"]),
    ("what they share", &["aws_"]),
    (
        "TLS",
        &["rustls", "ring::", "ring_core", "webpki", "x509", "der::"],
    ),
    (
        "HTTP and the runtime",
        &[
            "hyper", "h2::", "http", "tower", "tokio", "futures", "bytes", "lambda_",
        ],
    ),
];

/// The shares of the binary's code, in words; nothing if its symbols were stripped.
pub fn owners(binary: &Path) -> Result<Option<String>, Failed> {
    let told = Command::new("nm")
        .args(["--demangle", "--print-size", "--defined-only"])
        .arg(binary)
        .output()?;
    let text = String::from_utf8_lossy(&told.stdout);
    let mut sizes = [0u64; OWNERS.len() + 1];
    for line in text.lines() {
        let mut parts = line.splitn(4, ' ').skip(1);
        let (Some(size), Some(kind), Some(name)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        if let (Ok(size), "t" | "T" | "w" | "W") = (u64::from_str_radix(size, 16), kind) {
            sizes[owner(name)] += size;
        }
    }
    let all: u64 = sizes.iter().sum();
    if all == 0 {
        return Ok(None);
    }
    let share = |size: u64| (size as f64 / all as f64 * 100.0).round();
    let names = OWNERS
        .iter()
        .map(|(name, _)| *name)
        .chain(["the standard library and other crates"]);
    let shares: Vec<String> = names
        .zip(sizes)
        .map(|(name, size)| format!("{name} {:.0} %", share(size)))
        .collect();
    Ok(Some(shares.join(", ")))
}

fn owner(name: &str) -> usize {
    let own = name.trim_start_matches(['<', '&', '*']);
    let begins = |(_, marks): &(&str, &[&str])| marks.iter().any(|mark| own.starts_with(mark));
    let holds = |(_, marks): &(&str, &[&str])| marks.iter().any(|mark| name.contains(mark));
    let found = OWNERS.iter().position(begins);
    let found = found.or_else(|| OWNERS.iter().position(holds));
    found.unwrap_or(OWNERS.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generics_belong_to_what_they_are_made_for() {
        for (name, index) in [
            ("livelist_aws::objects::get", 0),
            ("<livelist_aws::S3 as aws_sdk_s3::X>::y", 0),
            ("core::ptr::drop_in_place<aws_sdk_s3::Client>", 1),
            ("<aws_smithy_types::Blob as core::fmt::Debug>::fmt", 2),
            ("rustls::client::hs::start", 3),
            ("<&hyper::Error as core::fmt::Debug>::fmt", 4),
            ("core::fmt::write", 5),
        ] {
            assert_eq!(owner(name), index, "{name}");
        }
    }
}
