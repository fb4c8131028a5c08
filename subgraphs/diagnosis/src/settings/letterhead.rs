use std::path::PathBuf;

use serde::Deserialize;

/// What stands above every report that is printed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LetterheadSettings {
    /// The hospital's name; `HealthBridge` where it is left out.
    pub name: String,
    /// The address, a telephone number and the like, a line each.
    pub lines: Vec<String>,
    /// The hospital's sign, a PNG or JPEG of 1 MiB and 4096 by 4096 pixels at the most; none where it is left out.
    pub logo_file: Option<PathBuf>,
}

impl Default for LetterheadSettings {
    fn default() -> Self {
        Self { name: "HealthBridge".to_owned(), lines: Vec::new(), logo_file: None }
    }
}
