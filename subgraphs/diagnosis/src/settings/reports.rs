use std::path::PathBuf;

use serde::Deserialize;

/// What a deployment decides of reports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReportSettings {
    /// The Ed25519 keys that sign reports, PKCS#8 PEM, closed to others: apart from the keys of tokens. The first is made
    /// where there is none; `keys rotate --reports` adds the next.
    pub signing_key_file: Option<PathBuf>,
}
