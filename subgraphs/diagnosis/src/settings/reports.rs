use std::{num::NonZeroU32, path::PathBuf};

use chrono::Duration;
use serde::Deserialize;

use super::LetterheadSettings;

/// What a deployment decides of reports.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReportSettings {
    /// The Ed25519 keys that sign reports, PKCS#8 PEM, closed to others: apart from the keys of tokens. The first is made
    /// where there is none; `keys rotate --reports` adds the next.
    pub signing_key_file: Option<PathBuf>,
    /// The language by whose rules findings and impressions are cut into words for the search;
    /// `simple` where it is left out.
    pub search_language: SearchLanguage,
    /// For how many minutes nobody else writes a report that somebody has, after the last time that it was written; 30.
    pub lock_minutes: NonZeroU32,
    /// After how many minutes a critical result that nobody has acknowledged is on everybody's list; 60.
    pub critical_minutes: NonZeroU32,
    /// What stands above a report that is printed.
    pub letterhead: LetterheadSettings,
    /// The folders of fonts for scripts other than Latin, Greek and Cyrillic; those of the system where it is left out.
    pub fonts: Vec<PathBuf>,
}

impl Default for ReportSettings {
    fn default() -> Self {
        let minutes = |minutes| NonZeroU32::new(minutes).unwrap_or(NonZeroU32::MIN);
        Self {
            signing_key_file: None,
            search_language: SearchLanguage::Simple,
            lock_minutes: minutes(30),
            critical_minutes: minutes(60),
            letterhead: LetterheadSettings::default(),
            fonts: Vec::new(),
        }
    }
}

impl ReportSettings {
    /// For how long nobody else writes a report that somebody has.
    pub fn lock(&self) -> Duration {
        Duration::minutes(self.lock_minutes.get().into())
    }

    /// After how long a critical result is on everybody's list.
    pub fn critical(&self) -> Duration {
        Duration::minutes(self.critical_minutes.get().into())
    }
}

/// The languages whose rules every PostgreSQL has; SIMPLE takes words as they are written, and leaves none out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, strum::IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
#[expect(missing_docs, reason = "they are what they are called")]
pub enum SearchLanguage {
    Simple,
    Arabic,
    Armenian,
    Basque,
    Catalan,
    Danish,
    Dutch,
    English,
    Finnish,
    French,
    German,
    Greek,
    Hindi,
    Hungarian,
    Indonesian,
    Irish,
    Italian,
    Lithuanian,
    Nepali,
    Norwegian,
    Portuguese,
    Romanian,
    Russian,
    Serbian,
    Spanish,
    Swedish,
    Tamil,
    Turkish,
    Yiddish,
}

impl SearchLanguage {
    /// PostgreSQL's name of it.
    pub fn name(self) -> &'static str {
        self.into()
    }
}
