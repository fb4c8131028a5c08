//! `healthbridge import fhir`: patients and practitioners of FHIR R4 bundles and bulk-data files become records here.
//!
//! Files are read one resource at a time by a thread of its own, and written in batches. A batch is written whole or not at
//! all, and what was written is known by the source's name for it: an import that was broken off goes on when it is started
//! again, and one that is done changes nothing.

mod bundle;
mod fhir;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use chrono::Utc;
use healthbridge_patients::{ForeignPatient, ForeignPractitioner, Importer};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use tokio::sync::mpsc;

/// Raised when this importer learns to read more: files that were read to their end are then read again.
const VERSION: i32 = 1;
/// Records of a batch.
const BATCH: usize = 500;

/// What an import came to.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    /// Files that were read.
    files_read: u64,
    /// Files that were read to their end by an import before.
    files_known: u64,
    /// Patients that are new.
    patients_new: u64,
    /// Practitioners that are new.
    practitioners_new: u64,
    /// Patients and practitioners that were there already.
    known: u64,
    /// Resources of other types, which are left for later.
    left: BTreeMap<String, u64>,
    /// Resources and files that were left out, and why.
    skipped: Vec<Skipped>,
}

#[derive(Debug, Serialize)]
struct Skipped {
    file: String,
    source: String,
    reason: String,
}

/// What the reading thread hands over.
enum Part {
    Batch(Vec<ForeignPractitioner>, Vec<ForeignPatient>),
    Left(String),
    Skipped {
        source: String,
        reason: String,
    },
    /// The file ended; whether it was whole.
    End(anyhow::Result<()>),
}

/// Imports every `.json` and `.ndjson` file below a folder.
pub(crate) async fn fhir(pool: PgPool, folder: &Path, report_file: Option<&Path>) -> anyhow::Result<()> {
    let mut files = Vec::new();
    find(folder, &mut files).with_context(|| format!("cannot read {}", folder.display()))?;
    if files.is_empty() {
        bail!("there is no .json or .ndjson file in {}", folder.display());
    }
    // In one order, so that a broken import goes on where it was.
    files.sort();
    let bytes = files.iter().map(|(_, bytes)| bytes).sum();
    let progress = ProgressBar::new(bytes);
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {eta} {msg}")?;
    progress.set_style(style);
    let importer = Importer::new(pool);
    let mut report = Report::default();
    for (file, bytes) in files {
        import_file(&importer, &file, &progress, &mut report).await.with_context(|| format!("{}", file.display()))?;
        progress.set_message(format!("{} patients, {} practitioners", report.patients_new, report.practitioners_new));
        progress.set_position(progress.position().max(bytes));
    }
    progress.finish_and_clear();
    if let Some(file) = report_file {
        fs::write(file, serde_json::to_vec_pretty(&report)?)
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    print!("{report}");
    Ok(())
}

fn find(folder: &Path, files: &mut Vec<(PathBuf, u64)>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, metadata) = (entry.path(), entry.metadata()?);
        if metadata.is_dir() {
            find(&path, files)?;
        } else if path.extension().is_some_and(|end| end == "json" || end == "ndjson") {
            files.push((path, metadata.len()));
        }
    }
    Ok(())
}

async fn import_file(
    importer: &Importer,
    file: &Path,
    progress: &ProgressBar,
    report: &mut Report,
) -> anyhow::Result<()> {
    let digest = {
        let file = file.to_owned();
        tokio::task::spawn_blocking(move || digest(&file)).await??
    };
    if importer.has_read(&digest, VERSION).await? {
        report.files_known += 1;
        progress.inc(fs::metadata(file)?.len());
        return Ok(());
    }
    // A full channel stops the reader until the database has caught up.
    let (sender, mut receiver) = mpsc::channel(4);
    let (path, bar) = (file.to_owned(), progress.clone());
    let reader = tokio::task::spawn_blocking(move || read(&path, &bar, &sender));
    let name = file.display().to_string();
    let mut whole = false;
    while let Some(read) = receiver.recv().await {
        match read {
            Part::Batch(practitioners, patients) => {
                let done = importer.import(practitioners, patients, Utc::now()).await?;
                report.patients_new += done.patients;
                report.practitioners_new += done.practitioners;
                report.known += done.known;
                let skipped = done.skipped.into_iter();
                report.skipped.extend(skipped.map(|(source, reason)| Skipped { file: name.clone(), source, reason }));
            }
            Part::Left(kind) => *report.left.entry(kind).or_default() += 1,
            Part::Skipped { source, reason } => report.skipped.push(Skipped { file: name.clone(), source, reason }),
            Part::End(Ok(())) => whole = true,
            Part::End(Err(error)) => {
                let reason = format!("{error:#}");
                report.skipped.push(Skipped { file: name.clone(), source: "the rest of the file".to_owned(), reason });
            }
        }
    }
    reader.await?;
    report.files_read += 1;
    if whole {
        importer.finish(&digest, VERSION, Utc::now()).await?;
    }
    Ok(())
}

fn digest(file: &Path) -> anyhow::Result<Vec<u8>> {
    let (mut input, mut hasher, mut part) = (File::open(file)?, Sha256::new(), vec![0; 1 << 16]);
    loop {
        match input.read(&mut part)? {
            0 => return Ok(hasher.finalize().to_vec()),
            length => hasher.update(&part[..length]),
        }
    }
}

/// Reads a file to its end. The receiver is gone only when the import has failed: then reading may stop, too.
fn read(file: &Path, progress: &ProgressBar, sender: &mpsc::Sender<Part>) {
    let mut batch = Batch { sender, practitioners: Vec::new(), patients: Vec::new() };
    let result = File::open(file).map_err(anyhow::Error::from).and_then(|input| {
        let input = BufReader::with_capacity(1 << 18, progress.wrap_read(input));
        read_all(file, input, &mut batch)
    });
    let result = batch.flush().and(result);
    drop(sender.blocking_send(Part::End(result)));
}

fn read_all(file: &Path, input: impl BufRead, batch: &mut Batch<'_>) -> anyhow::Result<()> {
    let each = &mut |resource: bundle::RawResource| batch.take(resource);
    if file.extension().is_some_and(|end| end == "ndjson") {
        bundle::read_lines(input, each)
    } else {
        bundle::read_bundle(input, each)
    }
}

struct Batch<'a> {
    sender: &'a mpsc::Sender<Part>,
    practitioners: Vec<ForeignPractitioner>,
    patients: Vec<ForeignPatient>,
}

impl Batch<'_> {
    fn take(&mut self, resource: bundle::RawResource) -> anyhow::Result<()> {
        let bundle::RawResource { kind, source, json } = resource;
        let is_ours = matches!(kind.as_str(), "Patient" | "Practitioner");
        if !is_ours {
            return self.send(Part::Left(kind));
        }
        if source.is_empty() {
            // Without a name of its own it would be new at every run.
            let reason = format!("{kind}: it has neither a fullUrl nor an id");
            return self.send(Part::Skipped { source: "?".to_owned(), reason });
        }
        let taken = if kind == "Patient" {
            fhir::patient(source.clone(), json.get()).map(|patient| self.patients.push(patient))
        } else {
            fhir::practitioner(source.clone(), json.get()).map(|one| self.practitioners.push(one))
        };
        if let Err(reason) = taken {
            self.send(Part::Skipped { source, reason })?;
        }
        if self.patients.len() + self.practitioners.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        let (practitioners, patients) = (std::mem::take(&mut self.practitioners), std::mem::take(&mut self.patients));
        if practitioners.is_empty() && patients.is_empty() {
            return Ok(());
        }
        self.send(Part::Batch(practitioners, patients))
    }

    fn send(&self, read: Part) -> anyhow::Result<()> {
        self.sender.blocking_send(read).context("the import has failed")
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{} files read, {} known before", self.files_read, self.files_known)?;
        writeln!(f, "{} patients and {} practitioners are new", self.patients_new, self.practitioners_new)?;
        writeln!(f, "{} patients and practitioners were there already", self.known)?;
        if !self.left.is_empty() {
            let left: Vec<String> = self.left.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
            writeln!(f, "left for later: {}", left.join(", "))?;
        }
        let mut reasons: BTreeMap<&str, (u64, &Skipped)> = BTreeMap::new();
        for one in &self.skipped {
            reasons.entry(&one.reason).or_insert((0, one)).0 += 1;
        }
        for (reason, (count, first)) in reasons {
            writeln!(f, "skipped {count}: {reason} (the first: {} in {})", first.source, first.file)?;
        }
        Ok(())
    }
}
