//! The nesting and the number of tokens of a GraphQL document, before a parser sees it.

use healthbridge_codes::ErrorCode;

use crate::{Limits, Refusal};

/// Refuses a document whose brackets are nested too deep, or that has too many tokens. One pass, no memory, no recursion;
/// whether the text is GraphQL at all is the parser's business.
///
/// # Errors
/// When a limit is passed.
pub fn check(text: &str, limits: &Limits) -> Result<(), Refusal> {
    let bytes = text.as_bytes();
    let (mut at, mut depth, mut tokens) = (0, 0_usize, 0_usize);
    while let Some(byte) = bytes.get(at) {
        let length = match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => {
                at += 1;
                continue;
            }
            b'#' => {
                at += run(&bytes[at..], |byte| byte != b'\n' && byte != b'\r');
                continue;
            }
            // A parser may read what does not end in another way than we do, and go on behind it.
            b'"' => string(&bytes[at..]).ok_or_else(|| unterminated(text, at))?,
            b'{' | b'[' | b'(' => {
                depth += 1;
                1
            }
            b'}' | b']' | b')' => {
                depth = depth.saturating_sub(1);
                1
            }
            byte if is_word(*byte) => {
                let length = run(&bytes[at..], is_word);
                if length > LONGEST_WORD {
                    let message = format!("The document has a name or number of more than {LONGEST_WORD} characters");
                    return Err(Refusal::new(ErrorCode::GraphqlValidationFailed, message));
                }
                length
            }
            _ => 1,
        };
        at += length;
        tokens += 1;
        if depth > limits.nesting {
            let message = format!("The document is nested more than {} levels deep", limits.nesting);
            return Err(Refusal::new(ErrorCode::GraphqlValidationFailed, message));
        }
        if tokens > limits.tokens {
            let message = format!("The document has more than {} tokens", limits.tokens);
            return Err(Refusal::new(ErrorCode::GraphqlValidationFailed, message));
        }
    }
    Ok(())
}

/// Longest name or number. Errors of validation quote names, as often as there are errors.
const LONGEST_WORD: usize = 128;

fn unterminated(text: &str, at: usize) -> Refusal {
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(1, |line| line.chars().count() + 1);
    Refusal::syntax("a string that does not end", (line, column))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn run(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| belongs(**byte)).count()
}

/// The length of the string that `bytes` begin with; nothing where it does not end, in its line or at all.
fn string(bytes: &[u8]) -> Option<usize> {
    const BLOCK: &[u8] = b"\"\"\"";
    if bytes.starts_with(BLOCK) {
        let mut at = BLOCK.len();
        while at < bytes.len() {
            if bytes[at..].starts_with(b"\\\"\"\"") {
                at += 4;
            } else if bytes[at..].starts_with(BLOCK) {
                return Some(at + BLOCK.len());
            } else {
                at += 1;
            }
        }
        return None;
    }
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            b'\n' | b'\r' => return None,
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits =
        Limits { json_nesting: 4, nesting: 4, tokens: 12, expansion: 0, overlaps: 0, representations: 0, cost: 0 };

    #[test]
    fn brackets_are_counted_outside_of_strings_and_comments_only() {
        assert!(check(r#"{ a(b: "{{{{[[[[", c: """{{{{ " \""" {{{{""") }"#, &LIMITS).is_ok());
        assert!(check("{ a # {{{{{{\n }", &LIMITS).is_ok());
        assert!(check("{ a(b: [[[1]]]) }", &LIMITS).is_err());
    }

    #[test]
    fn a_string_that_does_not_end_is_refused_before_a_parser_looks_for_another_way_to_read_it() {
        for text in [
            "{ a(b: \"\n [[[[ ",
            "{a(b:[\"\"\"\"[[[[]]]]])}",
            "{ a(b: \"\"\" [[[[",
            "\"",
            "\"\"\"",
            "\"\\",
            "\"\"\"\\\"\"\"",
        ] {
            let refusal = check(text, &Limits::default()).expect_err(text);
            assert_eq!(refusal.code, ErrorCode::GraphqlParseFailed, "{text}");
        }
        assert!(check(r#"{ a(b: "", c: "", d: "\\", e: """""") }"#, &Limits::default()).is_ok());
    }

    #[test]
    fn names_are_short_for_errors_quote_them() {
        let named = |length: usize| format!("query {} {{ a }}", "n".repeat(length));
        assert!(check(&named(128), &Limits::default()).is_ok());
        assert!(check(&named(129), &Limits::default()).is_err());
    }

    #[test]
    fn tokens_are_words_strings_and_signs() {
        assert!(check("{ aaa bbb ccc ddd eee fff ggg hhh iii jjj }", &LIMITS).is_ok());
        assert!(check("{ a b c d e f g h i j k }", &LIMITS).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in any::<String>()) {
            drop(check(&text, &Limits::default()));
        }
    }
}
