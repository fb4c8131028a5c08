use std::{collections::BTreeMap, fmt};

use serde::Serialize;

/// What an import came to.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// Files that were read.
    pub files_read: u64,
    /// Files that were read to their end by an import before.
    pub files_known: u64,
    /// Patients that are new.
    pub patients_new: u64,
    /// Practitioners that are new.
    pub practitioners_new: u64,
    /// Billings that are new.
    pub billings_new: u64,
    /// Payments that are new.
    pub payments_new: u64,
    /// Records, bills and payments that were there already.
    pub known: u64,
    /// Resources of other types, which are left for later.
    pub left: BTreeMap<String, u64>,
    /// Resources and files that were left out, and why.
    pub skipped: Vec<Skipped>,
}

#[derive(Debug, Serialize)]
pub(super) struct Skipped {
    pub file: String,
    pub source: String,
    pub reason: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} files read, {} known before", self.files_read, self.files_known)?;
        writeln!(f, "{} patients and {} practitioners are new", self.patients_new, self.practitioners_new)?;
        writeln!(f, "{} billings and {} payments are new", self.billings_new, self.payments_new)?;
        writeln!(f, "{} records, bills and payments were there already", self.known)?;
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
