//! The usage of a process: CPU, wall time, peak memory; and the description of the machine. The only file
//! of the crate that reads a clock.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::Failed;

/// The usage of some work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Seconds of CPU, all threads, user and system.
    pub cpu: f64,
    /// Seconds of wall time.
    pub wall: f64,
    /// The process's peak resident memory so far, in MB (1,000,000 bytes).
    pub peak: f64,
}

impl Usage {
    /// The least CPU and the least wall time of several runs, and the highest peak of memory.
    pub fn best(runs: &[Usage]) -> Usage {
        let least = |of: fn(&Usage) -> f64| runs.iter().map(of).fold(f64::INFINITY, f64::min);
        Usage {
            cpu: least(|u| u.cpu),
            wall: least(|u| u.wall),
            peak: runs.iter().map(|u| u.peak).fold(0.0, f64::max),
        }
    }

    /// Two parts of the same process.
    #[must_use]
    pub fn and(self, other: Usage) -> Usage {
        Usage {
            cpu: self.cpu + other.cpu,
            wall: self.wall + other.wall,
            peak: self.peak.max(other.peak),
        }
    }
}

/// A moment to measure from.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    wall: Instant,
    cpu: Duration,
}

impl Moment {
    /// Now.
    #[expect(
        clippy::disallowed_methods,
        reason = "measuring is what this crate is for"
    )]
    pub fn now() -> Moment {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        Moment {
            wall: Instant::now(),
            cpu: Duration::new(cpu.tv_sec as u64, cpu.tv_nsec as u32),
        }
    }

    /// The usage of this process since then.
    pub fn used(self) -> Usage {
        let now = Moment::now();
        Usage {
            cpu: (now.cpu - self.cpu).as_secs_f64(),
            wall: (now.wall - self.wall).as_secs_f64(),
            peak: peak(),
        }
    }

    /// Wall time since.
    pub fn elapsed(self) -> Duration {
        Moment::now().wall - self.wall
    }
}

/// The peak of resident memory in MB: that of this process's own image, unlike `ru_maxrss`, which a
/// child inherits from whoever started it.
pub fn peak() -> f64 {
    peak_of("self").unwrap_or_default()
}

/// The peak of another process, by its id; nothing when it is gone.
pub fn peak_of(process: &str) -> Option<f64> {
    status_of(process, "VmHWM:")
}

/// The memory of another process that is mapped from files, in MB: mostly its binary.
pub fn files_of(process: &str) -> Option<f64> {
    status_of(process, "RssFile:")
}

fn status_of(process: &str, what: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|l| l.starts_with(what))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1_024.0 / 1e6)
}

/// Seconds of CPU of another process, by its id, to the hundredth.
pub fn cpu_of(process: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let behind = stat.rsplit_once(')')?.1;
    let fields: Vec<&str> = behind.split_whitespace().collect();
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some(ticks / 100.0)
}

/// Waits until something began this long ago.
pub async fn wait_until(began: Moment, at: Duration) {
    tokio::time::sleep_until((began.wall + at).into()).await;
}

/// This machine and the compiler, as lines of text.
pub fn about(rustc: &str) -> Result<Vec<String>, Failed> {
    let cpu = std::fs::read_to_string("/proc/cpuinfo")?;
    let field = |name: &str| {
        let line = cpu.lines().find(|l| l.starts_with(name));
        line.and_then(|l| l.split_once(':'))
            .map_or("unknown", |(_, value)| value.trim())
            .to_owned()
    };
    let memory = std::fs::read_to_string("/proc/meminfo")?;
    let kib: f64 = memory
        .split_whitespace()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or_default();
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let kernel = kernel
        .split('-')
        .next()
        .unwrap_or_default()
        .trim()
        .to_owned();
    let cores = cpu.lines().filter(|l| l.starts_with("processor")).count();
    let flags = field("flags");
    let has = |flag: &str| flags.split(' ').any(|f| f == flag);
    let extensions: Vec<&str> = ["avx2", "avx512bw", "sha_ni"]
        .into_iter()
        .filter(|flag| has(flag))
        .collect();
    Ok(vec![
        format!(
            "{} (family {}, model {}), {cores} cores, {}; {:.0} GB of memory; Linux {kernel}",
            field("model name"),
            field("cpu family"),
            field("model"),
            extensions.join(" "),
            kib * 1_024.0 / 1e9
        ),
        format!("{rustc}; profile `measure`: a release with line tables"),
    ])
}
