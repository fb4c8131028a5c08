use std::fmt;

use uuid::Uuid;

/// What the keys of reports as files begin with, in a bucket that others use, too.
pub const REPORT_PDFS: &str = "report-pdfs/";

/// How a version stands to the report now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is what the report says.
    Current,
    /// A later version says something else.
    Superseded,
    /// The report was withdrawn later.
    Withdrawn,
}

/// A version of a report as a file. Its object has a key that is made of ids alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportPdf {
    /// The report.
    pub report_id: Uuid,
    /// The number of the version.
    pub version: i32,
    /// How the version stands to the report: the file says so, and is another one when that changes.
    pub standing: Standing,
    /// Whether everything could be written as it is. Another file, one for the moment, has what could not.
    pub is_whole: bool,
}

impl ReportPdf {
    /// The key of its object.
    pub fn object_key(&self) -> String {
        let Self { report_id, version, standing, is_whole } = self;
        let standing = match standing {
            Standing::Current => "",
            Standing::Superseded => "-superseded",
            Standing::Withdrawn => "-withdrawn",
        };
        let lack = if *is_whole { "" } else { "-incomplete" };
        format!("{REPORT_PDFS}{report_id}/{version}{standing}{lack}.pdf")
    }

    /// The file that an object is, if it is one that is kept.
    pub fn of_key(object_key: &str) -> Option<Self> {
        let (report_id, file) = object_key.strip_prefix(REPORT_PDFS)?.split_once('/')?;
        let file = file.strip_suffix(".pdf")?;
        let (version, standing) = match file.split_once('-') {
            None => (file, Standing::Current),
            Some((version, "superseded")) => (version, Standing::Superseded),
            Some((version, "withdrawn")) => (version, Standing::Withdrawn),
            Some(_) => return None,
        };
        let pdf = Self { report_id: report_id.parse().ok()?, version: version.parse().ok()?, standing, is_whole: true };
        (pdf.object_key() == object_key).then_some(pdf)
    }

    /// The name under which it is saved.
    pub fn file_name(&self) -> String {
        format!("report-{}-version-{}.pdf", self.report_id, self.version)
    }
}

/// As it stands at the foot of each page.
impl fmt::Display for ReportPdf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Report {} · version {}", self.report_id, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_written_and_no_other_one_is() {
        for standing in [Standing::Current, Standing::Superseded, Standing::Withdrawn] {
            let pdf = ReportPdf { report_id: Uuid::from_u128(7), version: 2, standing, is_whole: true };
            assert_eq!(ReportPdf::of_key(&pdf.object_key()), Some(pdf));
            // One that is for the moment is nobody's afterwards.
            assert_eq!(ReportPdf::of_key(&ReportPdf { is_whole: false, ..pdf }.object_key()), None);
        }
        let id = Uuid::from_u128(7);
        for other in
            [format!("{REPORT_PDFS}{id}/02.pdf"), format!("{REPORT_PDFS}{id}/2-x.pdf"), format!("x/{id}/2.pdf")]
        {
            assert_eq!(ReportPdf::of_key(&other), None, "{other}");
        }
    }
}
