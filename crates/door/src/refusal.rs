use healthbridge_codes::ErrorCode;

/// Why a door turned a request away. The text is ours and the client's own words, cut short.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The reason, for programs.
    pub code: ErrorCode,
    /// The reason, for people, in English.
    pub message: String,
    /// Line and column in the document, from 1, where there is one place to look.
    pub position: Option<(usize, usize)>,
    /// What the operation may come to and what is allowed, where that is the reason.
    pub cost: Option<(u64, u64)>,
}

impl Refusal {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), position: None, cost: None }
    }

    /// The refusal of a text that does not parse, with what its parser says of it.
    pub fn syntax(reason: &str, (line, column): (usize, usize)) -> Self {
        let message = format!("Syntax error: {}", shortened(reason));
        Self { position: Some((line, column)), ..Self::new(ErrorCode::GraphqlParseFailed, message) }
    }

    pub(crate) fn too_costly(cost: u64, limit: u64) -> Self {
        let message =
            format!("The operation may come to {cost} fields, and {limit} are allowed: ask for smaller pages");
        Self { cost: Some((cost, limit)), ..Self::new(ErrorCode::QueryTooCostly, message) }
    }

    /// The refusal of a request that asks for nothing.
    pub fn no_query() -> Self {
        Self::new(ErrorCode::BadRequest, "The request has no `query`")
    }

    /// The refusal of several operations without a word on which of them to run.
    pub fn several_operations() -> Self {
        let message = "The document has several operations: name the one to run in `operationName`";
        Self::new(ErrorCode::OperationResolutionFailure, message)
    }
}

/// How many of a document's mistakes a client is told.
pub(crate) const MOST_ERRORS: usize = 20;

/// The errors that a client is told of these: the first ones, and a last one that says how many more there are.
pub fn first_errors<E: Clone>(errors: &[E], last: impl FnOnce(String) -> E) -> Vec<E> {
    let (first, more) = errors.split_at(errors.len().min(MOST_ERRORS));
    let last = (!more.is_empty()).then(|| last(format!("There are {} more errors in the document", more.len())));
    first.iter().cloned().chain(last).collect()
}

/// A message with a client's words in it: short, on one line, visible.
pub(crate) fn shortened(text: &str) -> String {
    const LONGEST: usize = 200;
    let visible = |char: char| if char.is_control() { '\u{FFFD}' } else { char };
    let mut short: String = text.chars().take(LONGEST).map(visible).collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_errors_the_first_are_told_and_the_others_counted() {
        let told = |count| first_errors(&vec!["wrong".to_owned(); count], |last| last);
        assert_eq!(told(20), vec!["wrong"; 20]);
        assert_eq!((told(9000).len(), told(9000)[20].as_str()), (21, "There are 8980 more errors in the document"));
    }

    #[test]
    fn a_message_quotes_a_short_visible_piece_of_the_text() {
        let refusal = Refusal::syntax(&"q".repeat(4000), (1, 1));
        assert_eq!(refusal.message, format!("Syntax error: {}…", "q".repeat(200)));
        assert_eq!(Refusal::syntax("a\u{0}b", (1, 1)).message, "Syntax error: a\u{FFFD}b");
    }
}
