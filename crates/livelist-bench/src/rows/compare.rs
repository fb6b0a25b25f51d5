//! Row 2: compare and publish against reading and writing the same lists, and against a pipeline of
//! the system's tools.

use std::path::{Path, PathBuf};

use livelist_mls::Provider;
use livelist_model::codec::Effort;

use super::{Plan, Provided, size};
use crate::Failed;
use crate::child::limits::Lists;
use crate::child::steps::{CompareInput, Compared, Scanned, Whole};
use crate::machine::Usage;
use crate::process::{child, shell};
use crate::report::{Section, count, seconds, times, verdict};
use crate::world::Job;

const LIMIT: f64 = 1.3;
const TOOLS: f64 = 5.0;

/// Measures it.
pub fn measure(plan: &Plan) -> Result<Section, Failed> {
    let mut rows = Vec::new();
    let mut shows = Vec::new();
    for keys in [500_000, 2_000_000] {
        let (row, shown) = one(plan, plan.keys(keys))?;
        rows.push(row);
        shows.extend(shown);
    }
    shows.push(
        "Why goals are missed: everything that is published is checked. Livelist computes SHA-256 \
         of both inputs and of the output, and compares each line with the one before it and with \
         the other list; the limit checks nothing ([where the time goes](#where-the-time-goes)). \
         Both inputs are read once, by compare; publish checks and copies the bytes that compare wrote."
            .to_owned(),
    );
    Ok(Section {
        name: "compare",
        title: "2. Compare and publish",
        what: "The steps compare and publish on a directory: half a percent of the keys are \
               removed and half a percent added. The limit reads and decompresses both inputs (the \
               parts and the former snapshot) once, and compresses a text as long as the new \
               snapshot, with the library and level of compare; publish copies the result. The \
               tools are `zcat`, `sort -u`, `comm` and `gzip` in the C locale, \
               making the same snapshot and delta. CPU is the sum of all processes, the minimum \
               over the runs."
            .to_owned(),
        head: vec![
            "keys",
            "compare",
            "publish",
            "CPU",
            "wall",
            "peak",
            "limit: CPU",
            "wall",
            "CPU ÷ limit",
            "tools: CPU",
            "wall",
            "tools ÷ Livelist",
        ],
        rows,
        shows,
    })
}

/// A feed that was published, changed by one percent, and scanned again.
pub(super) struct Scene {
    pub(super) job: Job,
    pub(super) progress: String,
    parts: Vec<PathBuf>,
    former: PathBuf,
}

pub(super) fn scene(plan: &Plan, keys: u64) -> Result<Scene, Failed> {
    let provided = Provided::start(Provider::Trestle, keys, true)?;
    let feed = provided.feed(Some(300_000))?;
    let data = plan.fresh("compare")?;
    let _: Whole = child("whole", &feed.job(&data, 20))?;
    provided.change(keys / 200)?;
    let job = feed.job(&data, 21);
    let scanned: Scanned = child("scan", &job)?;
    let folder = data.join("feeds").join(feed.spec.feed.as_str());
    let run = folder.join("runs").join(job.run.run.as_str());
    Ok(Scene {
        parts: files(&run, ".keys.gz")?,
        former: files(&folder.join("snapshots"), ".txt.gz")?
            .pop()
            .ok_or("no snapshot")?,
        job,
        progress: scanned.progress,
    })
}

fn files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, Failed> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn one(plan: &Plan, keys: u64) -> Result<(Vec<String>, Vec<String>), Failed> {
    let scene = scene(plan, keys)?;
    let copy = plan.folder("compare-copy");
    let runs = plan.several(|| {
        let input = CompareInput {
            job: scene.job.copy_to(&copy)?,
            progress: scene.progress.clone(),
        };
        child::<Compared>("compare", &input)
    })?;
    let both: Vec<Usage> = runs.iter().map(|r| r.compare.and(r.publish)).collect();
    let both = Usage::best(&both);
    let compare = Usage::best(&runs.iter().map(|r| r.compare).collect::<Vec<_>>());
    let publish = Usage::best(&runs.iter().map(|r| r.publish).collect::<Vec<_>>());
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let mut inputs: Vec<String> = scene.parts.iter().map(|p| text(p)).collect();
    inputs.push(text(&scene.former));
    let lists = Lists {
        inputs,
        like: text(&scene.former),
        output: text(&plan.folder("limit.gz")),
        level: Effort::Small.level(),
    };
    let limits = plan.several(|| child::<Usage>("lists", &lists))?;
    let limit = Usage::best(&limits);
    let script = tools(&scene, &plan.folder("tools"));
    let tools = plan.several(|| shell(&script))?;
    let tools = tools
        .into_iter()
        .fold((f64::INFINITY, f64::INFINITY), |least, it| {
            (least.0.min(it.0), least.1.min(it.1))
        });
    let written = files(&copy.join("feeds"), "")?;
    let snapshots = written.first().ok_or("no feed")?.join("snapshots");
    let newest = files(&snapshots, ".txt.gz")?.pop().ok_or("no snapshot")?;
    let bytes = size(&newest)?;
    let by_tools = size(&plan.folder("tools").join("snapshot.gz"))?;
    let name = count(keys);
    let cells = vec![
        name.clone(),
        seconds(compare.cpu),
        seconds(publish.cpu),
        seconds(both.cpu),
        seconds(both.wall),
        format!("{:.0} MB", both.peak),
        seconds(limit.cpu),
        seconds(limit.wall),
        times(both.cpu, limit.cpu),
        seconds(tools.0),
        seconds(tools.1),
        times(tools.0, both.cpu),
    ];
    let than = tools.0 / both.cpu;
    let shows = vec![
        format!(
            "{name}: CPU over the limit {}",
            verdict(both.cpu / limit.cpu, LIMIT, " ×")
        ),
        format!(
            "{name}: {} (goal: {TOOLS} × less CPU than the tools); the snapshot has {} bytes (level \
             {}), gzip's (level 6) {}",
            if than >= TOOLS {
                format!("met, {than:.1} × less")
            } else {
                format!("missed, {than:.1} × less")
            },
            count(bytes),
            Effort::Small.level(),
            count(by_tools),
        ),
    ];
    Ok((cells, shows))
}

fn tools(scene: &Scene, folder: &Path) -> String {
    let parts: Vec<String> = scene
        .parts
        .iter()
        .map(|p| p.display().to_string())
        .collect();
    let (parts, former) = (parts.join(" "), scene.former.display());
    let folder = folder.display();
    format!(
        "export LC_ALL=C; mkdir -p {folder}; \
         zcat {parts} | sort -u > {folder}/present; \
         zcat {former} | comm -3 - {folder}/present | gzip > {folder}/delta.gz; \
         gzip < {folder}/present > {folder}/snapshot.gz"
    )
}
