use std::str::FromStr;

/// An enum of codes, as [`coded!`](crate::coded) makes it.
pub trait Coded: Copy + Eq + FromStr<Err = strum::ParseError> + Into<&'static str> + Send + Sync + 'static {
    /// The type's name in the graph.
    const NAME: &'static str;
    /// What it is.
    const ABOUT: &'static str;
    /// Every value with what it means, in the order of the definition.
    const ALL: &'static [(Self, &'static str)];

    /// Every value, in the order of the definition.
    fn all() -> impl Iterator<Item = Self> {
        Self::ALL.iter().map(|(value, _)| *value)
    }

    /// The value as it stands in the database, in JSON and in the graph, such as `ENTERED_IN_ERROR`.
    fn text(self) -> &'static str {
        self.into()
    }

    /// FHIR's code, such as `entered-in-error`.
    fn fhir(self) -> String {
        self.text().to_ascii_lowercase().replace('_', "-")
    }

    /// The value of FHIR's code.
    fn from_fhir(code: &str) -> Option<Self> {
        Self::all().find(|value| value.fhir() == code)
    }
}

/// Defines an enum of codes once: its values, what they mean, their text in the database, in JSON and in the graph
/// (`SCREAMING_SNAKE_CASE`), and FHIR's codes (`kebab-case`). The name in the graph follows in brackets where it is
/// another one.
///
/// ```
/// use healthbridge_terms::{Coded, coded};
///
/// coded! {
///     /// Whether a report may be read (FHIR diagnostic-report-status).
///     pub enum Status("ReportStatus") {
///         /// Released.
///         Final,
///         /// Withdrawn.
///         EnteredInError,
///     }
/// }
/// assert_eq!(Status::EnteredInError.text(), "ENTERED_IN_ERROR");
/// assert_eq!(Status::from_fhir("entered-in-error"), Some(Status::EnteredInError));
/// ```
#[macro_export]
macro_rules! coded {
    (
        $(#[doc = $about:literal])+
        $visibility:vis enum $name:ident $(($graph:literal))? {
            $($(#[doc = $meaning:literal])+ $value:ident),+ $(,)?
        }
    ) => {
        $(#[doc = $about])+
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
            $crate::strum::EnumString, $crate::strum::IntoStaticStr,
            $crate::serde::Serialize, $crate::serde::Deserialize,
        )]
        #[serde(crate = "healthbridge_terms::serde", rename_all = "SCREAMING_SNAKE_CASE")]
        #[strum(crate = "healthbridge_terms::strum", serialize_all = "SCREAMING_SNAKE_CASE")]
        $visibility enum $name {
            $($(#[doc = $meaning])+ $value),+
        }

        impl $crate::Coded for $name {
            const NAME: &'static str = $crate::coded!(@name $name $($graph)?);
            const ABOUT: &'static str = concat!($($about),+).trim_ascii();
            const ALL: &'static [(Self, &'static str)] =
                &[$((Self::$value, concat!($($meaning),+).trim_ascii())),+];
        }
    };
    (@name $name:ident $graph:literal) => { $graph };
    (@name $name:ident) => { stringify!($name) };
}
