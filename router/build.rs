//! The schema, the published operations and the pages are built in: a build cache that another clone has used must not hide
//! that they changed.

use std::{env, fmt::Write, fs, io, path::Path};

#[expect(clippy::disallowed_methods, reason = "Cargo tells a build script by its environment")]
fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=../schema/supergraph.graphql");
    println!("cargo:rerun-if-changed=../schema/api.graphql");
    println!("cargo:rerun-if-changed=../schema/operations");
    println!("cargo:rerun-if-changed=assets");
    println!("cargo:rerun-if-changed=templates");
    let mut operations =
        String::from("/// Names and documents of the published operations.\nconst OPERATIONS: &[(&str, &str)] = &[\n");
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("../schema/operations");
    let mut files = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|end| end == "graphql")) {
        let (name, path) = (file.file_stem().unwrap_or_default().to_string_lossy(), file.to_string_lossy());
        writeln!(operations, "({name:?}, include_str!({path:?})),").map_err(io::Error::other)?;
    }
    operations += "];\n";
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(Path::new(&out).join("operations.rs"), operations)
}
