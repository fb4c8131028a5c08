//! The codes of errors, `extensions.code`: one list for all who give one, from which `docs/errors.md` is made.
//!
//! Belongs here: a code, what it means and what a client does about it. Does not belong here: what finds an error, and the
//! reasons of refused inputs (`UserErrorCode`), which are data.

/// What somebody is told who sent no token where one is needed.
pub const SIGN_IN: &str = "This needs an access token: sign in";

/// What somebody is told whose roles do not give the right.
pub const NOT_ALLOWED: &str = "Your roles do not give the right to this";

macro_rules! error_codes {
    ($($(#[doc = $meaning:literal])+ $name:ident = $text:literal, $remedy:literal;)+) => {
        /// The code of an error. Codes are stable: programs decide by them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $($(#[doc = $meaning])+ $name,)+
        }

        impl ErrorCode {
            /// All of them, in the order in which a request meets them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The code as clients read it.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// What it means, in English.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($meaning),+),)+ }
            }

            /// What a client does about it, in English.
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)+ }
            }
        }
    };
}

error_codes! {
    /// The request is not one that the endpoint understands: its body is not JSON, or it has no `query`.
    BadRequest = "BAD_REQUEST", "Mend the client.";
    /// The body is not announced as `application/json`, or in an encoding that is not taken.
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE", "Send `Content-Type: application/json`.";
    /// Nothing that the `Accept` header names can be given.
    NotAcceptable = "NOT_ACCEPTABLE", "Accept `application/json` or `application/graphql-response+json`.";
    /// The HTTP method does not fit: mutations are sent by POST.
    MethodNotAllowed = "METHOD_NOT_ALLOWED", "Use POST.";
    /// A request that another page could have sent: it has none of the headers that only a client's own code sets.
    CsrfPreventionFailed = "CSRF_PREVENTION_FAILED", "Send JSON, or the header `X-Requested-With`.";
    /// The body or the headers are larger than is allowed.
    PayloadTooLarge = "PAYLOAD_TOO_LARGE", "Send less. Files go to the storage, by upload URLs.";
    /// The request did not arrive, or was not answered, in time.
    RequestTimeout = "REQUEST_TIMEOUT", "Ask for less, or again later.";
    /// The document is not GraphQL; `locations` say where.
    GraphqlParseFailed = "GRAPHQL_PARSE_FAILED", "Mend the document.";
    /// The document does not fit the schema, or is larger than is allowed; `locations` say where.
    GraphqlValidationFailed = "GRAPHQL_VALIDATION_FAILED", "Mend the document; generated types find this earlier.";
    /// Which operation of the document is meant is not clear.
    OperationResolutionFailure = "OPERATION_RESOLUTION_FAILURE", "Name one in `operationName`.";
    /// A persisted document is not known.
    PersistedDocumentNotFound = "PERSISTED_DOCUMENT_NOT_FOUND", "Deploy the client's documents first.";
    /// Only persisted documents are answered, and the request names none.
    PersistedDocumentIdRequired = "PERSISTED_DOCUMENT_ID_REQUIRED", "Send the document's id.";
    /// The schema may not be introspected here.
    IntrospectionDisabled = "INTROSPECTION_DISABLED", "Use the published schema.";
    /// The operation may come to more than is allowed; `cost` and `limit` say by how much.
    QueryTooCostly = "QUERY_TOO_COSTLY", "Ask for smaller pages.";
    /// An argument or a variable cannot be used.
    BadUserInput = "BAD_USER_INPUT", "Show the message to whoever wrote the client.";
    /// No token was sent where one is needed, or it is not valid or has expired; then the status is 401.
    Unauthenticated = "UNAUTHENTICATED", "Refresh the session or sign in, then ask again.";
    /// The caller is known, and its roles do not give the right to this field or mutation.
    Forbidden = "FORBIDDEN", "Do not offer it to this role; asking again changes nothing.";
    /// Too much is asked at once, and nothing was done. Where nothing else was answered the status is 503, with `Retry-After`.
    Overloaded = "OVERLOADED", "Ask again after `Retry-After`.";
    /// A query took longer than anybody waits for it.
    QueryTimeout = "QUERY_TIMEOUT", "Ask for less.";
    /// A part, `service`, did not answer in time. What a mutation did is not known.
    SubgraphTimeout = "SUBGRAPH_TIMEOUT", "Show its fields as failed. Send a mutation again with the same idempotency key.";
    /// A part, `service`, cannot be reached or did not answer as it should. What a mutation did is not known.
    SubgraphUnavailable = "SUBGRAPH_UNAVAILABLE", "Show its fields as failed. Send a mutation again with the same idempotency key.";
    /// An issuer of identities cannot be reached.
    IdentityProviderUnavailable = "IDENTITY_PROVIDER_UNAVAILABLE", "Ask again later.";
    /// Something within failed; the log has the reason under the `requestId`.
    InternalServerError = "INTERNAL_SERVER_ERROR", "Report the `requestId`.";
}

impl ErrorCode {
    /// The code of this text.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.text() == text)
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_has_a_text_of_its_own_by_which_it_is_found() {
        let texts: BTreeSet<_> = ErrorCode::ALL.iter().map(|code| code.text()).collect();
        assert_eq!(texts.len(), ErrorCode::ALL.len());
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_text(code.text()), Some(*code));
        }
        assert_eq!(ErrorCode::from_text("UNAUTHORIZED_FIELD_OR_TYPE"), None);
    }
}
