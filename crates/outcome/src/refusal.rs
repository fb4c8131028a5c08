use healthbridge_terms::{Coding, coded};

use crate::Checked;

coded! {
    /// Why a mutation refused its input. Expected outcomes are data, never exceptions.
    pub enum UserErrorCode {
        /// A value is missing.
        Required,
        /// A value has the wrong form.
        InvalidFormat,
        /// A value is outside of what is allowed.
        OutOfRange,
        /// What an id names does not exist, or the caller may not see it.
        NotFound,
        /// Something with this identifier exists.
        AlreadyExists,
        /// A probable duplicate exists.
        DuplicateSuspected,
        /// The object cannot move from its status to the one that was asked for.
        IllegalTransition,
        /// Somebody changed the object meanwhile: read it again.
        VersionConflict,
        /// The object can no longer be changed.
        Immutable,
        /// The idempotency key was used with another input.
        IdempotencyKeyReused,
        /// The first request with this idempotency key has not ended.
        IdempotencyInProgress,
        /// The stored bytes have another checksum than was announced.
        ChecksumMismatch,
        /// The stored bytes are of another type than was announced.
        ContentTypeMismatch,
        /// The file is larger than is allowed.
        FileTooLarge,
        /// The file looks like malware.
        MalwareSuspected,
        /// The upload was not completed in time.
        UploadExpired,
        /// Amounts of different currencies were mixed.
        CurrencyMismatch,
        /// The amount is larger than what is outstanding.
        AmountExceedsBalance,
        /// The bill is paid.
        AlreadyPaid,
        /// The object is under legal hold.
        LegalHold,
        /// The patient's consent is missing.
        ConsentRequired,
        /// The caller may not do this.
        NotAllowed,
    }
}

/// A refusal of a mutation's input. Clients must read `userErrors`: with any in it nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserError {
    /// The reason, for programs.
    pub code: UserErrorCode,
    /// The reason, for people, in English.
    pub message: String,
    /// The path of the input value, such as `["input", "patientId"]`.
    pub field: Option<Vec<String>>,
}

impl UserError {
    /// A refusal of the value at `input.<field>`; a dot separates deeper fields.
    pub fn at(field: &str, code: UserErrorCode, message: impl Into<String>) -> Self {
        let path = std::iter::once("input").chain(field.split('.')).map(str::to_owned).collect();
        Self { code, message: message.into(), field: Some(path) }
    }

    /// The refusal of an idempotency key that came with another input before.
    pub fn key_reused() -> Self {
        let message = "The idempotency key was used with another input";
        Self::at("idempotencyKey", UserErrorCode::IdempotencyKeyReused, message)
    }

    /// The refusal of an idempotency key whose first request has not ended.
    pub fn key_in_progress() -> Self {
        let message = "The first request with this idempotency key has not ended: send it again in a moment";
        Self::at("idempotencyKey", UserErrorCode::IdempotencyInProgress, message)
    }

    /// The refusal of an update of a version that is no longer the last one.
    pub fn version_conflict() -> Self {
        let message = "Somebody changed the object meanwhile: read it again";
        Self::at("expectedVersion", UserErrorCode::VersionConflict, message)
    }
}

/// The refusals in one line, each with the path of its value, for reports of commands.
pub fn reasons(refused: &[UserError]) -> String {
    let one = |error: &UserError| {
        let path: Vec<&str> = error.field.iter().flatten().skip(1).map(String::as_str).collect();
        if path.is_empty() { error.message.clone() } else { format!("{}: {}", path.join("."), error.message) }
    };
    refused.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// Collects what is wrong with an input, so that the client learns all of it at once.
#[derive(Debug, Default)]
pub struct Refusals(Vec<UserError>);

/// Longest line of text: names, codes, reasons.
pub const MAX_LINE: usize = 500;
/// Longest text of several lines: findings, impressions, notes.
pub const MAX_TEXT: usize = 65_536;

impl Refusals {
    /// Refuses a value.
    pub fn add(&mut self, field: &str, code: UserErrorCode, message: impl Into<String>) {
        self.0.push(UserError::at(field, code, message));
    }

    /// Reads a line of text: trimmed, not empty, not too long, without control and direction characters.
    pub fn line(&mut self, field: &str, value: &str) -> String {
        let value = value.trim();
        if value.is_empty() {
            self.add(field, UserErrorCode::Required, "The value is empty");
        }
        self.check(field, value, MAX_LINE, char::is_control);
        value.to_owned()
    }

    /// Reads a line of text that may be left out; an empty one is left out.
    pub fn optional_line(&mut self, field: &str, value: Option<&str>) -> Option<String> {
        let value = value.map(str::trim).filter(|value| !value.is_empty())?;
        Some(self.line(field, value))
    }

    /// Reads a text of several lines that may be left out; an empty one is left out.
    pub fn optional_text(&mut self, field: &str, value: Option<&str>) -> Option<String> {
        let value = value.map(str::trim).filter(|value| !value.is_empty())?;
        self.check(field, value, MAX_TEXT, |char| char.is_control() && !matches!(char, '\n' | '\t' | '\r'));
        Some(value.to_owned())
    }

    /// Reads a coded concept.
    pub fn coding(&mut self, field: &str, coding: &Coding) -> Coding {
        Coding {
            system: self.line(&format!("{field}.system"), &coding.system),
            code: self.line(&format!("{field}.code"), &coding.code),
            display: self.optional_line(&format!("{field}.display"), coding.display.as_deref()),
            version: self.optional_line(&format!("{field}.version"), coding.version.as_deref()),
        }
    }

    fn check(&mut self, field: &str, value: &str, longest: usize, is_forbidden: impl Fn(char) -> bool) {
        if value.chars().count() > longest {
            self.add(field, UserErrorCode::OutOfRange, format!("The value is longer than {longest} characters"));
        }
        if value.chars().any(|char| is_forbidden(char) || overrides_direction(char)) {
            let message = "The value has control characters or characters that change the direction of text";
            self.add(field, UserErrorCode::InvalidFormat, message);
        }
    }

    /// The value, if nothing was refused.
    pub fn or<T>(self, value: T) -> Checked<T> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }

    /// Whether nothing was refused so far.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whether a reader sees what a program sees: no control character, and none that changes the direction of text.
pub fn is_visible(char: char) -> bool {
    !char.is_control() && !overrides_direction(char)
}

/// Characters that make a reader see another text than a program does.
fn overrides_direction(char: char) -> bool {
    matches!(char, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}' | '\u{061C}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_with_control_or_direction_characters_is_refused_and_named() {
        let mut refusals = Refusals::default();
        assert_eq!(refusals.line("name.family", "  Doe "), "Doe");
        assert!(refusals.is_empty());
        refusals.line("name.family", "D\u{0}oe");
        refusals.line("name.family", "D\u{202E}oe");
        refusals.line("name.family", " ");
        refusals.optional_text("note", Some("two\nlines"));
        let errors = refusals.or(()).expect_err("refused");
        let codes: Vec<_> = errors.iter().map(|error| error.code).collect();
        assert_eq!(codes, [UserErrorCode::InvalidFormat, UserErrorCode::InvalidFormat, UserErrorCode::Required]);
        let path = ["input", "name", "family"].map(str::to_owned).to_vec();
        assert_eq!(errors[0].field, Some(path));
    }
}
