//! An installation in a temporary directory: simulated MLSs, a registry, data, and the command.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use livelist_mls::{Control, Credential, MlsSpec, Provider, Simulator};
use serde_json::{Value, json};
use tempfile::TempDir;

/// No command of these tests takes nearly as long; a lease would keep its credential for longer.
pub const LONGEST: Duration = Duration::from_secs(120);

pub struct Town {
    specs: Vec<MlsSpec>,
    pub simulator: Simulator,
    // Dropped after the simulator that it drives.
    _runtime: tokio::runtime::Runtime,
    pub dir: TempDir,
    environment: Vec<(String, String)>,
}

/// How a command ended.
#[derive(Debug)]
pub struct Done {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// What the registry document of an MLS refers to.
pub fn variable(mls: &str) -> String {
    format!("{}_ACCOUNT", mls.to_ascii_uppercase())
}

/// The account as it is kept where the reference points.
pub fn account(credential: &Credential) -> String {
    credential.members().to_string()
}

impl Town {
    /// MLSs, each with a sound registry document and its account in the environment.
    pub fn of(specs: Vec<MlsSpec>) -> Town {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let simulator = runtime.block_on(Simulator::start(specs.clone())).unwrap();
        let environment = specs
            .iter()
            .map(|spec| (variable(&spec.mls), account(&spec.credential)))
            .collect();
        let town = Town {
            specs,
            simulator,
            _runtime: runtime,
            dir: tempfile::tempdir().unwrap(),
            environment,
        };
        for folder in ["mls", "clients"] {
            std::fs::create_dir_all(town.registry().join(folder)).unwrap();
        }
        for spec in town.specs.clone() {
            town.mls_document(&spec.mls, &json!({}));
        }
        town
    }

    /// One MLS `abor` and one client `acme` who copies it.
    pub fn one(spec: MlsSpec) -> Town {
        assert_eq!(spec.mls, "abor");
        let town = Town::of(vec![spec]);
        town.client("acme", &json!([{"mls": "abor", "resource": "Property"}]));
        town
    }

    /// The smallest town: Trestle, whose requests need no waits and which answers everything.
    pub fn trestle(listings: u64) -> Town {
        Town::one(MlsSpec::new("abor", Provider::Trestle, listings))
    }

    pub fn mls(&self, mls: &str) -> Control {
        self.simulator.control(mls).unwrap()
    }

    pub fn registry(&self) -> PathBuf {
        self.dir.path().join("registry")
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Writes the document of an MLS; `more` has the last word.
    pub fn mls_document(&self, mls: &str, more: &Value) {
        let spec = self.specs.iter().find(|spec| spec.mls == mls).unwrap();
        let mut document = json!({
            "mls": mls,
            "provider": spec.provider,
            "base_url": self.simulator.base_url(mls),
            "credential": format!("env:{}", variable(mls)),
        });
        let token_url = self.simulator.token_url(mls);
        if !token_url.is_empty() {
            document["token_url"] = json!(token_url);
        }
        for (name, value) in spec.settings().iter().chain(more.as_object().unwrap()) {
            document[name] = value.clone();
        }
        self.write(&format!("mls/{mls}.json"), &document);
    }

    /// Writes the document of a client without a site key.
    pub fn client(&self, client: &str, pairs: &Value) {
        let document = json!({"client": client, "pairs": pairs});
        self.write(&format!("clients/{client}.json"), &document);
    }

    pub fn write(&self, file: &str, document: &Value) {
        std::fs::write(self.registry().join(file), document.to_string()).unwrap();
    }

    /// Gives a variable another value, or none.
    pub fn set(&mut self, variable: &str, value: Option<&str>) {
        self.environment.retain(|(name, _)| name != variable);
        let pair = value.map(|value| (variable.to_owned(), value.to_owned()));
        self.environment.extend(pair);
    }

    fn environment(&self) -> impl Iterator<Item = (String, String)> + '_ {
        let places = [
            ("LIVELIST_REGISTRY".to_owned(), self.registry()),
            ("LIVELIST_DATA".to_owned(), self.data()),
        ];
        let places = places.map(|(name, path)| (name, path.to_str().unwrap().to_owned()));
        places.into_iter().chain(self.environment.clone())
    }

    /// Runs the command to its end.
    pub fn livelist(&self, arguments: &[&str]) -> Done {
        let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_livelist"))
            .env_clear()
            .envs(self.environment())
            .args(arguments)
            .timeout(LONGEST)
            .output()
            .unwrap();
        Done {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Reconciles a day, and gives the lines by feed.
    pub fn day(&self, date: &str, code: i32) -> Vec<Value> {
        let done = self.livelist(&["reconcile", "--json", "--date", date]);
        done.assert(code);
        done.lines()
    }

    /// Reconciles the only feed on a day.
    pub fn only(&self, date: &str, code: i32) -> Value {
        let mut lines = self.day(date, code);
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines.remove(0)
    }

    /// Starts the command and does not wait; its output goes to files.
    pub fn start(&self, data: &Path, arguments: &[&str]) -> Started {
        self.start_behind("", data, arguments)
    }

    /// The same, by a shell that does `first` before.
    pub fn start_behind(&self, first: &str, data: &Path, arguments: &[&str]) -> Started {
        let name = format!("{}.out", self.dir.path().read_dir().unwrap().count());
        let out = self.dir.path().join(name);
        let err = out.with_extension("err");
        let binary = env!("CARGO_BIN_EXE_livelist");
        let mut command = match first {
            "" => Command::new(binary),
            first => {
                let mut shell = Command::new("/bin/sh");
                shell.args(["-c", &format!("{first}; exec \"$0\" \"$@\""), binary]);
                shell
            }
        };
        let child = command
            .env_clear()
            .envs(self.environment())
            .env("LIVELIST_DATA", data)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&err).unwrap())
            .spawn()
            .unwrap();
        Started { child, out, err }
    }
}

/// A process; killed when it is dropped.
pub struct Started {
    pub child: Child,
    pub out: PathBuf,
    pub err: PathBuf,
}

impl Started {
    /// Asks often, but not for ever; the end of the process answers no.
    pub fn until(&mut self, mut is_so: impl FnMut() -> bool) -> bool {
        bounded(|| {
            if is_so() {
                return Some(true);
            }
            self.child.try_wait().unwrap().map(|_| is_so())
        })
    }

    /// `kill -9`; whether it was in time.
    pub fn kill(mut self) -> bool {
        // It may have ended by itself.
        let _ = self.child.kill();
        self.child.wait().unwrap().signal().is_some()
    }

    /// Waits for the end.
    pub fn done(mut self) -> Done {
        let status = bounded(|| self.child.try_wait().unwrap());
        Done {
            code: status.code(),
            out: std::fs::read_to_string(&self.out).unwrap(),
            err: std::fs::read_to_string(&self.err).unwrap(),
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks until there is an answer, for [`LONGEST`] at most.
pub fn bounded<T>(mut answer: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = answer() {
            return answer;
        }
        assert!(begun.elapsed() < LONGEST, "waited for too long");
        std::thread::sleep(Duration::from_millis(2));
    }
}

impl Done {
    #[track_caller]
    pub fn assert(&self, code: i32) -> &Done {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }

    /// The lines of JSON on standard output, each checked for its fields, by feed.
    pub fn lines(&self) -> Vec<Value> {
        let lines = self.out.lines().map(serde_json::from_str);
        let mut lines: Vec<Value> = lines.collect::<Result<_, _>>().unwrap();
        lines.iter().for_each(check_fields);
        lines.sort_by_key(|line| line["run"].as_str().map(str::to_owned));
        lines
    }
}

fn check_fields(line: &Value) {
    let mut expected = BTreeSet::from([
        "run",
        "feed",
        "outcome",
        "sequence",
        "count",
        "added",
        "removed",
        "confirmed",
        "pages",
        "requests",
    ]);
    match line["outcome"].as_str().unwrap() {
        "published" | "unchanged" | "cancelled" => {}
        "held" => expected.extend(["held_reason", "advice"]),
        "failed" => assert!(expected.insert("error")),
        other => panic!("{other}"),
    }
    assert_eq!(names(line), expected, "{line}");
    if let Some(error) = line.get("error") {
        assert_eq!(names(error), BTreeSet::from(["name", "message", "advice"]));
    }
}

fn names(object: &Value) -> BTreeSet<&str> {
    let members = object.as_object().unwrap();
    members.keys().map(String::as_str).collect()
}
