//! `healthbridge import fhir`: what FHIR R4 bundles and bulk-data files say of patients, practitioners and bills becomes
//! records, billings and payments here.
//!
//! All files are read once for each [`Step`], one resource at a time by a thread of its own, and written in batches. A batch
//! is written whole or not at all, and what was written is known by the source's name for it: an import that was broken off
//! goes on when it is started again, and one that is done changes nothing.

mod bills;
mod claims;
mod invoices;
mod reader;
mod records;
mod report;

use std::{
    collections::{BTreeSet, HashMap},
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use chrono::Utc;
use healthbridge_billing::ForeignBill;
use indicatif::{ProgressBar, ProgressStyle};
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use tokio::sync::mpsc;
use uuid::Uuid;

use bills::Bill;
use reader::{Batch, Part, Step, read};
use report::{Report, Skipped};

/// Why a bill of a patient who is not here is left out.
const STRANGER: &str = "patient: the patient is not here";

/// Where an import writes.
pub(crate) struct Target {
    /// The database of the patients.
    pub patients: PgPool,
    /// The database of the billings.
    pub billing: PgPool,
    /// The email address of the account that answers for what is written; the oldest administrator's where it is left out.
    pub responsible: Option<String>,
}

struct Importers {
    records: healthbridge_patients::Importer,
    bills: healthbridge_billing::Importer,
}

/// Imports every `.json` and `.ndjson` file below a folder.
pub(crate) async fn fhir(target: Target, folder: &Path, report_file: Option<&Path>) -> anyhow::Result<()> {
    let mut files = Vec::new();
    find(folder, &mut files).with_context(|| format!("cannot read {}", folder.display()))?;
    if files.is_empty() {
        bail!("there is no .json or .ndjson file in {}", folder.display());
    }
    // In one order, so that a broken import goes on where it was.
    files.sort();
    let mut inputs = Vec::new();
    for path in files {
        inputs.push(Input::of(path.clone()).await.with_context(|| format!("cannot read {}", path.display()))?);
    }
    let importers = importers(target).await?;
    let bytes: u64 = inputs.iter().map(|input| input.bytes).sum();
    let progress = ProgressBar::new(bytes * Step::ALL.len() as u64);
    progress.set_style(ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {eta} {msg}")?);
    let (mut report, mut read) = (Report::default(), BTreeSet::new());
    for step in Step::ALL {
        for file in &inputs {
            let was_read = import_file(&importers, step, file, &progress, &mut report).await;
            if was_read.with_context(|| format!("{}", file.path.display()))? {
                read.insert(&file.path);
            }
            progress.set_message(format!("{} patients, {} billings", report.patients_new, report.billings_new));
        }
    }
    progress.finish_and_clear();
    report.files_read = read.len() as u64;
    report.files_known = (inputs.len() - read.len()) as u64;
    if let Some(file) = report_file {
        fs::write(file, serde_json::to_vec_pretty(&report)?)
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    print!("{report}");
    Ok(())
}

async fn importers(target: Target) -> anyhow::Result<Importers> {
    let records = healthbridge_patients::Importer::new(target.patients);
    let responsible = records.responsible(target.responsible.as_deref()).await?;
    let responsible = responsible.context(match target.responsible {
        Some(email) => format!("there is no active account {email}"),
        None => {
            "somebody answers for what is written: make an administrator first, or name an account by --as".to_owned()
        }
    })?;
    Ok(Importers { records, bills: healthbridge_billing::Importer::new(target.billing, responsible) })
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        // A link to a folder is not followed: it may lead back here.
        if entry.file_type()?.is_dir() {
            find(&path, files)?;
        } else if path.extension().is_some_and(|end| end == "json" || end == "ndjson") {
            files.push(path);
        }
    }
    Ok(())
}

/// A file, known by the SHA-256 of its bytes.
struct Input {
    path: PathBuf,
    bytes: u64,
    sha256: Vec<u8>,
}

impl Input {
    async fn of(path: PathBuf) -> anyhow::Result<Self> {
        tokio::task::spawn_blocking(move || {
            let (mut input, mut digest, mut bytes) = (File::open(&path)?, Sha256::new(), 0);
            let mut part = vec![0; 1 << 16];
            loop {
                match input.read(&mut part)? {
                    0 => return Ok(Self { path, bytes, sha256: digest.finalize().to_vec() }),
                    length => {
                        digest.update(&part[..length]);
                        bytes += length as u64;
                    }
                }
            }
        })
        .await?
    }
}

/// Takes a step with a file. Gives whether it had to be read.
async fn import_file(
    importers: &Importers,
    step: Step,
    file: &Input,
    progress: &ProgressBar,
    report: &mut Report,
) -> anyhow::Result<bool> {
    if importers.records.has_read(&file.sha256, step as i32).await? {
        progress.inc(file.bytes);
        return Ok(false);
    }
    // A full channel stops the reader until the database has caught up.
    let (sender, mut receiver) = mpsc::channel(4);
    let (path, bar) = (file.path.clone(), progress.clone());
    let reader = tokio::task::spawn_blocking(move || read(&path, step, &bar, &sender));
    let name = file.path.display().to_string();
    let skipped = |(source, reason): (String, String)| Skipped { file: name.clone(), source, reason };
    let (mut is_whole, mut has_strangers) = (false, false);
    while let Some(read) = receiver.recv().await {
        match read {
            Part::Batch(batch) => {
                let left_out = write(importers, batch, report).await?;
                has_strangers |= left_out.iter().any(|(_, reason)| reason == STRANGER);
                report.skipped.extend(left_out.into_iter().map(skipped));
            }
            Part::Left(kind) => *report.left.entry(kind).or_default() += 1,
            Part::Skipped { source, reason } => report.skipped.push(skipped((source, reason))),
            Part::End(Ok(())) => is_whole = true,
            // The other steps would say the same.
            Part::End(Err(_)) if step != Step::Records => {}
            Part::End(Err(error)) => {
                report.skipped.push(skipped(("the rest of the file".to_owned(), format!("{error:#}"))));
            }
        }
    }
    reader.await?;
    // Patients who are not here may be later: then the file is read again.
    if is_whole && !has_strangers {
        importers.records.finish(&file.sha256, step as i32, Utc::now()).await?;
    }
    Ok(true)
}

/// Writes a batch, and gives what was left out of it and why.
async fn write(importers: &Importers, batch: Batch, report: &mut Report) -> anyhow::Result<Vec<(String, String)>> {
    let Batch { practitioners, patients, bills } = batch;
    let mut skipped = Vec::new();
    if !practitioners.is_empty() || !patients.is_empty() {
        let done = importers.records.import(practitioners, patients, Utc::now()).await?;
        report.patients_new += done.patients;
        report.practitioners_new += done.practitioners;
        report.known += done.known;
        skipped.extend(done.skipped);
    }
    if !bills.is_empty() {
        let names: Vec<String> = bills.iter().map(|bill| bill.patient.clone()).collect();
        let patients = importers.records.patients(&names).await?;
        let (bills, strangers) = with_patients(bills, &patients);
        let done = importers.bills.import(bills, Utc::now()).await?;
        report.billings_new += done.billings;
        report.payments_new += done.payments;
        report.known += done.known;
        skipped.extend(strangers);
        skipped.extend(done.skipped);
    }
    Ok(skipped)
}

/// The bills with our ids for their patients, and those whose patients are not here.
fn with_patients(bills: Vec<Bill>, patients: &HashMap<String, Uuid>) -> (Vec<ForeignBill>, Vec<(String, String)>) {
    let (mut known, mut strangers) = (Vec::new(), Vec::new());
    for Bill { resource, source, patient, lines, payment } in bills {
        match patients.get(&patient) {
            Some(patient_id) => {
                let lines = lines.map_err(|error| format!("{error:#}"));
                known.push(ForeignBill { source, patient_id: *patient_id, lines, payment });
            }
            None => strangers.push((resource, STRANGER.to_owned())),
        }
    }
    (known, strangers)
}
