//! Lists the dialects: every file of `src/dialect/` is one. So that a new provider is a new file and
//! nothing else has to name it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

#[expect(
    clippy::disallowed_methods,
    reason = "a build script's process begins here"
)]
fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or(io::ErrorKind::NotFound)?);
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    let folder = root.join("src/dialect");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|file| file.extension().is_some_and(|e| e == "rs"));
    files.sort();
    let mut code = String::new();
    let mut makers = Vec::new();
    for file in &files {
        let name = stem(file)?;
        makers.push(format!("{name}::dialect"));
        let path = file.display().to_string();
        writeln!(code, "#[path = {path:?}]\nmod {name};").map_err(io::Error::other)?;
    }
    writeln!(
        code,
        "const MAKERS: &[fn() -> Dialect] = &[{}];",
        makers.join(", ")
    )
    .map_err(io::Error::other)?;
    fs::write(out.join("dialects.rs"), code)
}

fn stem(file: &Path) -> io::Result<&str> {
    file.file_stem()
        .and_then(|stem| stem.to_str())
        .ok_or_else(|| io::Error::other("a dialect's file name is its module's name"))
}
