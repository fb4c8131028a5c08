//! What a letter says of a version: what was signed, and who people are.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use healthbridge_letter::{Addendum, Fact, Letter, Seal, Section, Signature};
use healthbridge_terms::{Coded, Coding};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    domain::{ReportPdf, ReportStatus, Standing},
    service::people::Known,
    store::report_pdfs::{Release, Signed},
};

/// What was signed, as far as it is printed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Content {
    status_reason: Option<String>,
    code: Option<Coding>,
    clinical_history: Option<String>,
    technique: Option<String>,
    findings: Option<String>,
    impression: Option<String>,
    conclusion_codes: Vec<Coding>,
    critical: bool,
    author_id: Uuid,
    issued_at: Option<DateTime<Utc>>,
    addenda: Vec<Added>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Added {
    text: String,
    author_id: Uuid,
    created_at: DateTime<Utc>,
}

impl Content {
    /// The members of the staff who are named.
    pub(super) fn staff(&self, signatures: &[Signed]) -> Vec<Uuid> {
        let addenda = self.addenda.iter().map(|added| added.author_id);
        let all = addenda.chain(signatures.iter().map(|signed| signed.signed_by)).chain([self.author_id]);
        all.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// A version, with all that is known for its letter.
pub(super) struct Written<'a> {
    pub pdf: ReportPdf,
    pub release: &'a Release,
    pub content: &'a Content,
    pub signatures: &'a [Signed],
    pub known: &'a Known,
}

impl Written<'_> {
    pub(super) fn letter(&self) -> Letter {
        let Self { pdf, release, content, .. } = self;
        let status = release.status.text();
        Letter {
            id: format!("{}/{}", pdf.report_id, pdf.object_key()),
            dated: release.released_at,
            language: "en".to_owned(),
            title: self.title(),
            subtitle: format!("{pdf} · {status}"),
            running: self.running(),
            footer: pdf.to_string(),
            notice: self.notice(),
            facts: self.facts(),
            sections: self.sections(),
            addenda: content.addenda.iter().map(|added| self.addendum(added)).collect(),
            signatures: self.signatures.iter().map(|signed| self.signature(signed)).collect(),
            seal: Seal {
                sha256: release.content_sha256.clone(),
                note:
                    "Whoever has the signed version verifies it by `healthbridge report verify` and the published keys."
                        .to_owned(),
            },
        }
    }

    fn title(&self) -> String {
        let code = self.content.code.as_ref().and_then(|code| code.display.as_deref());
        code.filter(|display| !display.trim().is_empty()).unwrap_or("Diagnostic report").to_owned()
    }

    fn notice(&self) -> Option<String> {
        let because =
            |reason: &Option<String>| reason.as_ref().map(|text| format!(" Reason: {text}")).unwrap_or_default();
        if self.release.status == ReportStatus::EnteredInError {
            let reason = because(&self.content.status_reason);
            return Some(format!("Entered in error: this report must be disregarded.{reason}"));
        }
        match self.pdf.standing {
            Standing::Current if self.content.critical => {
                Some("Critical result: it needs to be acted on at once.".to_owned())
            }
            Standing::Current => None,
            Standing::Superseded => Some("Superseded: there is a later version of this report.".to_owned()),
            Standing::Withdrawn => {
                Some("Withdrawn: this report was entered in error and must be disregarded.".to_owned())
            }
        }
    }

    fn running(&self) -> String {
        match &self.known.patient {
            Some(patient) => {
                let born = patient.birth_date.map(|date| format!(" · born {date}")).unwrap_or_default();
                format!("{}{born} · record {}", patient.name, patient.mrn)
            }
            None => format!("Patient {}", self.release.patient_id),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        let fact = |label: &str, value: String| Fact { label: label.to_owned(), value };
        let mut facts = Vec::new();
        match &self.known.patient {
            Some(patient) => {
                let born = patient.birth_date.map_or_else(|| "unknown".to_owned(), |date| date.to_string());
                facts.push(fact("Patient", patient.name.clone()));
                facts.push(fact("Medical record number", patient.mrn.clone()));
                facts.push(fact("Born", born));
                facts.push(fact("Gender", patient.gender.to_lowercase()));
            }
            None => facts.push(fact("Patient", self.release.patient_id.to_string())),
        }
        let issued = self.content.issued_at.unwrap_or(self.release.released_at);
        facts.push(fact("Author", self.name(self.content.author_id)));
        facts.push(fact("Released", time(issued)));
        if self.release.number > 1 {
            facts.push(fact("This version", time(self.release.released_at)));
        }
        if let Some(reason) = &self.release.reason {
            facts.push(fact("Reason of this version", reason.clone()));
        }
        facts
    }

    fn sections(&self) -> Vec<Section> {
        let content = self.content;
        let codes: Vec<String> = content.conclusion_codes.iter().map(coding).collect();
        let codes = (!codes.is_empty()).then(|| codes.join("\n"));
        let sections = [
            ("Clinical history", &content.clinical_history),
            ("Technique", &content.technique),
            ("Findings", &content.findings),
            ("Impression", &content.impression),
            ("Conclusion in codes", &codes),
        ];
        let written = sections.into_iter().filter_map(|(heading, text)| Some((heading, text.clone()?)));
        written
            .map(|(heading, text)| Section { heading: heading.to_owned(), text, is_chief: heading == "Impression" })
            .collect()
    }

    fn addendum(&self, added: &Added) -> Addendum {
        let heading = format!("{} · {}", self.name(added.author_id), time(added.created_at));
        Addendum { heading, text: added.text.clone() }
    }

    fn signature(&self, signed: &Signed) -> Signature {
        let mut meaning = signed.meaning.to_lowercase();
        if let Some(first) = meaning.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Signature {
            name: self.name(signed.signed_by),
            meaning: format!("{meaning}, {}", time(signed.signed_at)),
            details: vec![format!("Ed25519, key {}", signed.key_id)],
        }
    }

    fn name(&self, staff: Uuid) -> String {
        self.known.staff.get(&staff).cloned().unwrap_or_else(|| format!("Member of the staff {staff}"))
    }
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

fn coding(coding: &Coding) -> String {
    let display = coding.display.as_deref().map(|display| format!(" {display}")).unwrap_or_default();
    format!("{}{display} ({})", coding.code, coding.system)
}
