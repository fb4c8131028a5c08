use std::sync::Arc;

use healthbridge_codes::{ErrorCode, NOT_ALLOWED, SIGN_IN};
use healthbridge_rights::Denied;

/// What went wrong that is no fault of the input. Each variant has one stable code, the `extensions.code` of GraphQL.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Fault {
    /// The caller is anonymous, and what was asked is not for everybody.
    #[error("{SIGN_IN}")]
    Unauthenticated,
    /// The caller's scopes do not cover what was asked.
    #[error("{NOT_ALLOWED}")]
    Forbidden,
    /// An argument cannot be used.
    #[error("{0}")]
    BadInput(String),
    /// An issuer of identities cannot be reached, and nothing of it is known that could be used meanwhile.
    #[error("The identity provider cannot be reached: try again later")]
    IdentityProvider,
    /// More is asked at once than can be answered in time; nothing was done. HTTP answers 503 with `Retry-After`.
    #[error("Too much is asked at once: try again in a moment")]
    Overloaded,
    /// A query took longer than anybody waits for it.
    #[error("The query takes too long: ask for less")]
    TooSlow,
    /// Something within failed; the caller learns no more, the log has it.
    #[error("Internal error")]
    Internal(Arc<dyn std::error::Error + Send + Sync>),
}

impl Fault {
    /// Hides a fault from the caller. It is logged once, where it leaves the subgraph.
    pub fn internal(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        // Who waited for a connection in vain may come again: nothing is broken.
        let cause: &(dyn std::error::Error + 'static) = &error;
        let is_exhausted = matches!(cause.downcast_ref(), Some(sqlx::Error::PoolTimedOut));
        if is_exhausted { Self::Overloaded } else { Self::Internal(Arc::new(error)) }
    }

    /// What failed, with what it came from: for the log and for operators, never for the caller.
    pub fn inside(&self) -> String {
        let Self::Internal(source) = self else { return self.to_string() };
        healthbridge_telemetry::causes(source.as_ref())
    }

    /// Logs the fault if it is one of ours. Called once, where it leaves the subgraph.
    pub fn log(&self) {
        if let Self::Internal(_) = self {
            tracing::error!(error = self.inside(), "a field failed");
        }
    }

    /// The fault of a cursor that this list did not make.
    pub fn bad_cursor(argument: &str) -> Self {
        Self::BadInput(format!("`{argument}` is not a cursor of this connection"))
    }

    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Unauthenticated => ErrorCode::Unauthenticated,
            Self::Forbidden => ErrorCode::Forbidden,
            Self::BadInput(_) => ErrorCode::BadUserInput,
            Self::IdentityProvider => ErrorCode::IdentityProviderUnavailable,
            Self::Overloaded => ErrorCode::Overloaded,
            Self::TooSlow => ErrorCode::QueryTimeout,
            Self::Internal(_) => ErrorCode::InternalServerError,
        }
    }
}

impl From<Denied> for Fault {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Unauthenticated => Self::Unauthenticated,
            Denied::Forbidden => Self::Forbidden,
        }
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::internal(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the row cannot be read")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn operators_are_told_what_failed_within_and_callers_are_not() {
        let fault = Fault::internal(Outer(std::io::Error::other("the disk is full")));
        assert_eq!(fault.inside(), "the row cannot be read: the disk is full");
        assert_eq!(fault.to_string(), "Internal error");
    }
}
