//! Reads a file on a thread of its own, and hands over what it finds in batches.

use std::{fs::File, io::BufReader, ops::ControlFlow, path::Path};

use healthbridge_fhir::{RawResource, StreamError, read_bundle, read_lines};
use healthbridge_patients::{ForeignPatient, ForeignPractitioner};
use indicatif::ProgressBar;
use tokio::sync::mpsc;

use super::{bills::Bill, claims, invoices, records};

/// Records of a batch.
const RECORDS: usize = 500;
/// Lines of bills of a batch: many movements of one patient in one transaction are slow, each passes what the others left of
/// the one balance.
const LINES: usize = 200;

/// What is taken over in one go through all files: what comes later names what came before, and files come in no order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Patients and practitioners.
    Records = 1,
    /// What is owed.
    Charges = 2,
    /// What was paid for it.
    Payments = 3,
}

impl Step {
    pub const ALL: [Self; 3] = [Self::Records, Self::Charges, Self::Payments];

    /// The step that takes over resources of this type.
    fn of(kind: &str) -> Option<Self> {
        match kind {
            "Patient" | "Practitioner" => Some(Self::Records),
            "Claim" | "Invoice" => Some(Self::Charges),
            "ExplanationOfBenefit" => Some(Self::Payments),
            _ => None,
        }
    }
}

/// What is written together.
#[derive(Default)]
pub(super) struct Batch {
    pub practitioners: Vec<ForeignPractitioner>,
    pub patients: Vec<ForeignPatient>,
    pub bills: Vec<Bill>,
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.practitioners.is_empty() && self.patients.is_empty() && self.bills.is_empty()
    }

    fn is_full(&self) -> bool {
        let lines: usize = self.bills.iter().map(Bill::size).sum();
        self.practitioners.len() + self.patients.len() >= RECORDS || lines >= LINES
    }
}

/// What the reading thread hands over.
pub(super) enum Part {
    Batch(Batch),
    /// A resource of a type that no step takes over.
    Left(String),
    Skipped {
        source: String,
        reason: String,
    },
    /// The file ended; whether it was whole.
    End(anyhow::Result<()>),
}

/// Reads a file to its end. The receiver is gone only when the import has failed: then reading stops, too.
pub(super) fn read(file: &Path, step: Step, progress: &ProgressBar, sender: &mpsc::Sender<Part>) {
    let mut reader = Reader { step, sender, batch: Batch::default() };
    let result = File::open(file).map_err(StreamError::from).and_then(|input| {
        let input = BufReader::with_capacity(1 << 18, progress.wrap_read(input));
        let each = &mut |resource| reader.take(resource);
        if file.extension().is_some_and(|end| end == "ndjson") {
            read_lines(input, each)
        } else {
            read_bundle(input, each)
        }
    });
    if reader.flush().is_continue() {
        drop(sender.blocking_send(Part::End(result.map_err(Into::into))));
    }
}

struct Reader<'a> {
    step: Step,
    sender: &'a mpsc::Sender<Part>,
    batch: Batch,
}

impl Reader<'_> {
    fn take(&mut self, RawResource { kind, source, json }: RawResource) -> ControlFlow<()> {
        match Step::of(&kind) {
            Some(step) if step != self.step => return ControlFlow::Continue(()),
            // Told once, by the first step.
            None if self.step == Step::Records => return self.send(Part::Left(kind)),
            None => return ControlFlow::Continue(()),
            Some(_) => {}
        }
        if source.is_empty() {
            // Without a name of its own it would be new at every run.
            let reason = format!("{kind}: it has neither a fullUrl nor an id");
            return self.send(Part::Skipped { source: "?".to_owned(), reason });
        }
        let (json, batch) = (json.get(), &mut self.batch);
        let taken = match kind.as_str() {
            "Patient" => records::patient(source.clone(), json).map(|one| batch.patients.push(one)),
            "Practitioner" => records::practitioner(source.clone(), json).map(|one| batch.practitioners.push(one)),
            "Claim" => claims::claim(&source, json).map(|one| batch.bills.push(one)),
            "Invoice" => invoices::invoice(&source, json).map(|one| batch.bills.push(one)),
            _ => claims::explanation_of_benefit(&source, json).map(|one| batch.bills.push(one)),
        };
        if let Err(error) = taken {
            self.send(Part::Skipped { source, reason: format!("{error:#}") })?;
        }
        if self.batch.is_full() { self.flush() } else { ControlFlow::Continue(()) }
    }

    fn flush(&mut self) -> ControlFlow<()> {
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() { ControlFlow::Continue(()) } else { self.send(Part::Batch(batch)) }
    }

    fn send(&self, part: Part) -> ControlFlow<()> {
        self.sender.blocking_send(part).map_or(ControlFlow::Break(()), ControlFlow::Continue)
    }
}
