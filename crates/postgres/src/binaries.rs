use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Oldest major version that is used.
const OLDEST: u32 = 15;

/// The folder with `postgres` and `initdb`.
#[derive(Clone, Debug)]
pub struct Binaries {
    folder: PathBuf,
}

/// No usable PostgreSQL is installed.
#[derive(Debug, thiserror::Error)]
#[error(
    "no PostgreSQL {OLDEST} or newer was found. Install it (Debian, Ubuntu: `apt install postgresql`; Fedora: \
     `dnf install postgresql-server`; macOS: `brew install postgresql@17`), or name its folder in PG_BIN_DIR"
)]
pub struct MissingPostgres;

impl Binaries {
    /// Finds the newest installed server; `PG_BIN_DIR` overrides the search.
    pub fn find() -> Result<Self, MissingPostgres> {
        if let Some(folder) = env::var_os("PG_BIN_DIR") {
            return usable(Path::new(&folder)).map(|(_, found)| found).ok_or(MissingPostgres);
        }
        let installed = candidates().iter().filter_map(|folder| usable(folder)).max_by_key(|(version, _)| *version);
        installed.map(|(_, found)| found).ok_or(MissingPostgres)
    }

    /// The path of one program.
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

fn candidates() -> Vec<PathBuf> {
    // Debian, Fedora and Red Hat, Homebrew on both kinds of Mac.
    let parents = ["/usr/lib/postgresql", "/usr", "/opt/homebrew/opt", "/usr/local/opt"];
    let versioned = parents.iter().filter_map(|parent| fs::read_dir(parent).ok()).flatten().flatten();
    let in_folders = versioned.map(|entry| entry.path().join("bin"));
    let in_path = env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
    in_folders.chain(in_path).filter(|folder| folder.join("initdb").is_file()).collect()
}

fn usable(folder: &Path) -> Option<(u32, Binaries)> {
    let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    // `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`
    let version = text.split_whitespace().find_map(|word| word.split('.').next()?.parse::<u32>().ok())?;
    (version >= OLDEST && folder.join("initdb").is_file()).then(|| (version, Binaries { folder: folder.to_owned() }))
}
