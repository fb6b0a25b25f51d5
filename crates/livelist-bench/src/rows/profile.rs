//! Where the time of a scan, and of compare and publish, goes: samples by the part to which the running
//! function belongs.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::compare::scene;
use super::{Plan, Provided};
use crate::Failed;
use crate::child::steps::{CompareInput, Compared, Scanned};
use crate::process::{child, profiled};
use crate::report::{Section, count};

/// The part of a function: the first line with a word in its name.
const PARTS: [(&str, &[&str]); 9] = [
    ("decompression (zlib-rs)", &["inflate"]),
    (
        "compression (zlib-rs)",
        &["zlib_rs::deflate", "compare256", "longest_match"],
    ),
    ("SHA-256, CRC-32", &["sha2::", "sha256", "crc32"]),
    (
        "JSON (serde_json) and its rows",
        &["serde_json", "livelist_reso::page", "from_utf8"],
    ),
    (
        "timestamps and their order",
        &["jiff", "livelist_reso::stamp", "move_on_by", "keyset"],
    ),
    ("keys: collecting and sorting", &["KeyBuffer", "sort"]),
    (
        "lists: lines, order, union, difference",
        &[
            "livelist_model",
            "memchr",
            "livelist_steps::compare",
            "livelist_steps::publish",
            "__memcmp",
        ],
    ),
    (
        "copies and allocation of memory",
        &["__mem", "malloc", "free", "realloc", "_int_"],
    ),
    (KERNEL, &[]),
];

const KERNEL: &str = "kernel: sockets, files, pages of memory";
const REST: &str = "HTTP, runtime, the rest";

/// Samples by part, and by function.
#[derive(Default)]
struct Profile {
    samples: u64,
    parts: BTreeMap<&'static str, u64>,
    functions: BTreeMap<String, u64>,
}

impl Profile {
    /// Adds a sample as `perf script` writes it: `address function (object)`.
    fn add(&mut self, line: &str) {
        let line = line.trim();
        let (line, object) = line.rsplit_once(" (").unwrap_or((line, ""));
        let function = line.split_once(' ').map_or(line, |(_, name)| name);
        let is = |words: &&[&str]| words.iter().any(|word| function.contains(word));
        let part = if object.contains("kernel") {
            KERNEL
        } else {
            let found = PARTS.iter().find(|(_, words)| is(words));
            found.map_or(REST, |(part, _)| part)
        };
        self.samples += 1;
        *self.parts.entry(part).or_default() += 1;
        *self.functions.entry(function.to_owned()).or_default() += 1;
    }

    fn share(&self, samples: u64) -> String {
        format!(
            "{:.0} %",
            100.0 * samples as f64 / self.samples.max(1) as f64
        )
    }

    fn most(&self) -> String {
        let mut all: Vec<(&String, &u64)> = self.functions.iter().collect();
        all.sort_by(|a, b| b.1.cmp(a.1));
        let most = all.iter().take(6);
        let named = most.map(|(name, samples)| format!("`{name}` {}", self.share(**samples)));
        named.collect::<Vec<_>>().join(", ")
    }
}

/// Measures it.
pub fn measure(plan: &Plan) -> Result<Section, Failed> {
    let profiles = [
        ("scan, 2,000 rows a page", scan(plan, 2_000)?),
        ("scan, 300,000 rows a page", scan(plan, 300_000)?),
        ("compare and publish", compare(plan)?),
    ];
    let names = PARTS.iter().map(|(part, _)| *part).chain([REST]);
    let rows = names.map(|part| {
        let cell = |profile: &Profile| profile.share(profile.parts.get(part).copied().unwrap_or(0));
        let cells = profiles.iter().map(|(_, profile)| cell(profile));
        std::iter::once(part.to_owned()).chain(cells).collect()
    });
    let shows = profiles.iter().map(|(name, profile)| {
        let samples = count(profile.samples);
        format!("{name} ({samples} samples): {}", profile.most())
    });
    Ok(Section {
        name: "profile",
        title: "Where the time goes",
        what: format!(
            "{} keys in compressed pages, as in rows 1 and 2; `perf record -e cpu-clock` of the \
             process that scans, or compares and publishes, including its start. Samples count for \
             the function that runs, not for its callers.",
            count(plan.keys(KEYS))
        ),
        head: std::iter::once("part")
            .chain(profiles.iter().map(|(name, _)| *name))
            .collect(),
        rows: rows.collect(),
        shows: shows.collect(),
    })
}

const KEYS: u64 = 2_000_000;

fn scan(plan: &Plan, page: u64) -> Result<Profile, Failed> {
    let provided = Provided::by_pages(page, plan.keys(KEYS), true)?;
    let feed = provided.feed(Some(page))?;
    // The first one makes the pages.
    let _: Scanned = child("scan", &feed.job(&plan.fresh("profile")?, 20))?;
    record::<Scanned>(plan, "scan", &feed.job(&plan.fresh("profile")?, 20))
}

fn compare(plan: &Plan) -> Result<Profile, Failed> {
    let scene = scene(plan, plan.keys(KEYS))?;
    let input = CompareInput {
        job: scene.job.copy_to(&plan.folder("profile-copy"))?,
        progress: scene.progress,
    };
    record::<Compared>(plan, "compare", &input)
}

fn record<O: DeserializeOwned>(
    plan: &Plan,
    name: &str,
    input: &impl Serialize,
) -> Result<Profile, Failed> {
    let data = plan.folder("perf.data");
    let _: O = profiled(&data, name, input)?;
    read(&data)
}

fn read(data: &Path) -> Result<Profile, Failed> {
    let said = Command::new("perf")
        .args(["script", "-F", "ip,sym,dso", "-i"])
        .arg(data)
        .output()?;
    let text = String::from_utf8_lossy(&said.stdout);
    let mut profile = Profile::default();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        profile.add(line);
    }
    if profile.samples == 0 {
        return Err(format!("perf script: {}", String::from_utf8_lossy(&said.stderr)).into());
    }
    Ok(profile)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_belongs_to_the_first_part_that_names_it() {
        let mut profile = Profile::default();
        for (line, part) in [
            (
                "  7f01 zlib_rs::inflate::inflate_fast_help_avx2 (/x/livelist-bench)",
                PARTS[0].0,
            ),
            (
                "  7f01 core::slice::sort::unstable::quicksort::quicksort (/x/livelist-bench)",
                PARTS[5].0,
            ),
            ("  ffff __memcpy (inlined) ([kernel.kallsyms])", KERNEL),
            ("  7f01 [unknown] (/x/livelist-bench)", REST),
            (
                "  7f01 <livelist_model::codec::ListReader<R> as KeyStream>::advance (/x)",
                PARTS[6].0,
            ),
        ] {
            let before = profile.parts.get(part).copied().unwrap_or(0);
            profile.add(line);
            assert_eq!(profile.parts.get(part), Some(&(before + 1)), "{line}");
        }
        assert_eq!(profile.samples, 5);
        assert_eq!(profile.share(1), "20 %");
    }
}
