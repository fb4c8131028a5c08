//! What a service gives back: an object, a page of objects, a request to the storage, refusals of the input, or a fault.
//!
//! Belongs here: what a caller of a service has to know, whichever face it has. Does not belong here: GraphQL, HTTP, SQL.

mod fault;
mod page;
mod presigned;
mod refusal;

pub use fault::Fault;
pub use page::{Bounded, Cursor, DEFAULT_PAGE, Direction, MAX_PAGE, Page, PageArgs, Total, Window, is_known_year};
pub use presigned::{HttpHeader, Presigned};
pub use refusal::{Refusals, UserError, UserErrorCode, is_visible, reasons};

/// What a check of an input came to: what it was read as, or all that is wrong with it.
pub type Checked<T> = Result<T, Vec<UserError>>;

/// What a mutation came to.
pub type Outcome<T> = Result<T, Stop>;

/// Why a mutation changed nothing.
#[derive(Clone, Debug)]
pub enum Stop {
    /// Its input was refused.
    Refused(Vec<UserError>),
    /// It failed.
    Fault(Fault),
}

impl Stop {
    /// A refusal of one value, at `input.<field>`.
    pub fn refuse(field: &str, code: UserErrorCode, message: impl Into<String>) -> Self {
        UserError::at(field, code, message).into()
    }
}

impl From<UserError> for Stop {
    fn from(error: UserError) -> Self {
        Self::Refused(vec![error])
    }
}

impl From<Vec<UserError>> for Stop {
    fn from(errors: Vec<UserError>) -> Self {
        Self::Refused(errors)
    }
}

/// Whatever is a fault is one of a mutation, too.
impl<E: Into<Fault>> From<E> for Stop {
    fn from(fault: E) -> Self {
        Self::Fault(fault.into())
    }
}
