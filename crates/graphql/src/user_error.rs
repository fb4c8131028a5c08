use async_graphql::Object;
use healthbridge_outcome::{self as outcome, Fault, Outcome, Stop};

use crate::Code;

/// A refusal of a mutation's input. Clients must read `userErrors`: with any in it nothing was changed.
#[derive(Clone, Debug)]
pub struct UserError(outcome::UserError);

impl From<outcome::UserError> for UserError {
    fn from(error: outcome::UserError) -> Self {
        Self(error)
    }
}

/// A refusal of a mutation's input. Clients must read `userErrors`: with any in it nothing was changed.
#[Object(shareable)]
impl UserError {
    /// The reason, for programs.
    async fn code(&self) -> Code<outcome::UserErrorCode> {
        Code(self.0.code)
    }

    /// The reason, for people, in English.
    async fn message(&self) -> &str {
        &self.0.message
    }

    /// The path of the input value, such as `["input", "patientId"]`.
    async fn field(&self) -> Option<&[String]> {
        self.0.field.as_deref()
    }
}

/// A mutation's object and its `userErrors`: one of them is empty.
///
/// # Errors
/// What failed is an error of the field.
pub fn settled<T>(outcome: Outcome<T>) -> Result<(Option<T>, Vec<UserError>), Fault> {
    match outcome {
        Ok(object) => Ok((Some(object), Vec::new())),
        Err(Stop::Refused(errors)) => Ok((None, errors.into_iter().map(UserError).collect())),
        Err(Stop::Fault(fault)) => Err(fault),
    }
}
