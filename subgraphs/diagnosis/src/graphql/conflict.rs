//! Changes of an object that somebody else has changed meanwhile.

use healthbridge_outcome::{Outcome, Stop, UserErrorCode};

/// Whether a change was refused because the object has another version: the payload shows it as it is now.
pub(super) fn is_conflict<T>(outcome: &Outcome<T>) -> bool {
    let Err(Stop::Refused(errors)) = outcome else { return false };
    errors.iter().any(|error| error.code == UserErrorCode::VersionConflict)
}
