//! What a client is told of an error: one of our codes, the request's id, and words of ours where the engine's are about its
//! own inside.

use healthbridge_codes::{ErrorCode, NOT_ALLOWED, SIGN_IN};
use hive_router::{GraphQLError, sonic_rs::JsonValueTrait};

use crate::places::WITHOUT_CODE;

/// Beside a request: who asks, as far as its errors go.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
    pub request_id: String,
    pub is_anonymous: bool,
}

impl Asking {
    /// Names an error: code, words and request. Gives the code where it is one of ours.
    pub(crate) fn name(&self, error: &mut GraphQLError) -> Option<ErrorCode> {
        let (code, is_status) = (self.code(error), error.extensions.get("http").is_some());
        if let Some(code) = code {
            let service = error.extensions.service_name.as_deref().unwrap_or("unknown");
            match code {
                ErrorCode::SubgraphUnavailable => {
                    error.message = format!("The subgraph `{service}` is unavailable");
                }
                ErrorCode::SubgraphTimeout => {
                    error.message = format!("The subgraph `{service}` did not answer in time");
                }
                ErrorCode::Overloaded if is_status => {
                    error.message = format!("The subgraph `{service}` has too much to do: try again");
                }
                // In the words of the subgraphs, which refuse the same by themselves.
                ErrorCode::Forbidden if error.extensions.service_name.is_none() => {
                    NOT_ALLOWED.clone_into(&mut error.message);
                }
                ErrorCode::Unauthenticated if error.extensions.service_name.is_none() => {
                    SIGN_IN.clone_into(&mut error.message);
                }
                _ => {}
            }
            error.extensions.code = Some(code.text().to_owned());
        }
        // Other subgraphs than ours may have positions in documents that the client has never seen.
        if error.extensions.service_name.is_some() {
            error.locations = None;
        }
        error.extensions.affected_path = None;
        error.extensions.extensions.remove("http");
        error.extensions.set("requestId".to_owned(), self.request_id.as_str().into());
        code
    }

    /// Our code for the engine's; none where the code is the own word of a subgraph that is not ours.
    fn code(&self, error: &GraphQLError) -> Option<ErrorCode> {
        let extensions = &error.extensions;
        let status = extensions.get("http").and_then(|http| http.get("status")).and_then(JsonValueTrait::as_u64);
        if status == Some(503) {
            return Some(ErrorCode::Overloaded);
        }
        let code = extensions.code.as_deref().unwrap_or_default();
        Some(match code {
            "UNAUTHORIZED_FIELD_OR_TYPE" | "UNAUTHORIZED_OPERATION" if self.is_anonymous => ErrorCode::Unauthenticated,
            "UNAUTHORIZED_FIELD_OR_TYPE" | "UNAUTHORIZED_OPERATION" => ErrorCode::Forbidden,
            "MUTATION_NOT_ALLOWED_OVER_HTTP_GET" => ErrorCode::MethodNotAllowed,
            "INVALID_HEADER"
            | "MISSING_QUERY_PARAM"
            | "UNPROCESSABLE_QUERY_PARAMS"
            | "PAYLOAD_READ_ERROR"
            | "DECOMPRESSION_FAILED"
            | "PERSISTED_DOCUMENT_EXTRACTION_FAILED"
            | "FAILED_TO_PARSE_REQUEST" => ErrorCode::BadRequest,
            "MISSING_CONTENT_TYPE_HEADER" | "UNSUPPORTED_CONTENT_TYPE" | "UNSUPPORTED_CONTENT_ENCODING" => {
                ErrorCode::UnsupportedMediaType
            }
            "SUBSCRIPTIONS_NOT_SUPPORTED" | "SUBSCRIPTIONS_TRANSPORT_NOT_SUPPORTED" => ErrorCode::NotAcceptable,
            "REQUEST_HEADER_FIELDS_TOO_LARGE"
            | "PAYLOAD_TOO_LARGE_CONTENT_LENGTH"
            | "PAYLOAD_TOO_LARGE_BODY_STREAM" => ErrorCode::PayloadTooLarge,
            "PAYLOAD_READ_TIMEOUT" | "GATEWAY_TIMEOUT" => ErrorCode::RequestTimeout,
            "COST_ESTIMATED_TOO_EXPENSIVE"
            | "COST_INVALID_SLICING_ARGUMENTS"
            | "SUBGRAPH_COST_ESTIMATED_TOO_EXPENSIVE" => ErrorCode::QueryTooCostly,
            "MISSING_JWT"
            | "INVALID_JWT"
            | "INVALID_JWT_HEADER"
            | "JWT_NOT_SUPPORTED"
            | "JWK_ALGORITHM_NOT_SUPPORTED"
            | "JWT_LOOKUP_FAILED" => ErrorCode::Unauthenticated,
            "SUBGRAPH_REQUEST_TIMEOUT" => ErrorCode::SubgraphTimeout,
            _ => match ErrorCode::from_text(code) {
                Some(code) => code,
                None if code.starts_with("SUBREQUEST_") || code.starts_with("SUBGRAPH_") => {
                    ErrorCode::SubgraphUnavailable
                }
                None if extensions.service_name.is_some() && code != WITHOUT_CODE => return None,
                None => ErrorCode::InternalServerError,
            },
        })
    }
}

/// An error of the router itself.
pub(crate) fn error(message: impl Into<String>, code: ErrorCode) -> GraphQLError {
    GraphQLError::from_message_and_code(message.into(), code.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(code: &str, service: Option<&str>, is_anonymous: bool) -> GraphQLError {
        let mut error = GraphQLError::from_message_and_code("inside", code);
        error.extensions.service_name = service.map(str::to_owned);
        Asking { request_id: "r-1".to_owned(), is_anonymous }.name(&mut error);
        error
    }

    fn code(error: &GraphQLError) -> &str {
        error.extensions.code.as_deref().expect("a code")
    }

    #[test]
    fn whoever_sent_no_token_is_told_something_else_than_whoever_has_the_wrong_role() {
        assert_eq!(code(&named("UNAUTHORIZED_FIELD_OR_TYPE", None, true)), "UNAUTHENTICATED");
        assert_eq!(code(&named("UNAUTHORIZED_FIELD_OR_TYPE", None, false)), "FORBIDDEN");
    }

    #[test]
    fn a_code_of_the_engine_that_nobody_has_seen_yet_is_one_of_the_table() {
        assert_eq!(code(&named("SUBGRAPH_SOMETHING_NEW", Some("billing"), false)), "SUBGRAPH_UNAVAILABLE");
        assert_eq!(code(&named("SOMETHING_NEW", None, false)), "INTERNAL_SERVER_ERROR");
        assert_eq!(code(&named(WITHOUT_CODE, Some("billing"), false)), "INTERNAL_SERVER_ERROR");
    }

    #[test]
    fn another_federations_subgraph_keeps_its_own_codes() {
        assert_eq!(code(&named("OUT_OF_STOCK", Some("shop"), false)), "OUT_OF_STOCK");
    }

    #[test]
    fn how_a_subgraph_cannot_be_reached_stays_inside() {
        let error = named("SUBREQUEST_HTTP_ERROR", Some("billing"), false);
        assert_eq!(error.message, "The subgraph `billing` is unavailable");
        assert_eq!(named("SUBGRAPH_REQUEST_TIMEOUT", Some("billing"), false).message.matches("inside").count(), 0);
    }
}
