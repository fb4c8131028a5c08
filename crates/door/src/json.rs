//! Whether a body is JSON, and its nesting, before a parser that recurses without a limit sees it.

use healthbridge_codes::ErrorCode;

use crate::Refusal;

/// Whether a body of this content type says that it is JSON. Whatever else a page of another origin may send, it may not send
/// this without being asked first.
pub fn is_json(content_type: Option<&[u8]>) -> bool {
    let essence = content_type.and_then(|kind| kind.split(|byte| *byte == b';').next()).unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

/// Refuses JSON whose arrays and objects are nested deeper than `most`. One pass, no memory, no recursion; whether the
/// text is JSON at all is the parser's business.
///
/// # Errors
/// When it is nested too deep.
pub fn check(bytes: &[u8], most: usize) -> Result<(), Refusal> {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'\\' if in_string => drop(rest.next()),
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                depth += 1;
                if depth > most {
                    let message = format!("The JSON is nested more than {most} levels deep");
                    return Err(Refusal::new(ErrorCode::BadRequest, message));
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_what_is_called_so_whatever_its_parameters() {
        for kind in ["application/json", "Application/JSON", "application/json; charset=utf-8", " application/json ;"] {
            assert!(is_json(Some(kind.as_bytes())), "{kind}");
        }
        for kind in ["", "text/plain;application/json", "application/jsonx", "application/graphql-response+json"] {
            assert!(!is_json(Some(kind.as_bytes())), "{kind}");
        }
        assert!(!is_json(None));
    }

    #[test]
    fn brackets_are_counted_outside_of_strings_only() {
        assert!(check(br#"{"a": "[[[[", "b": "\"[[[", "c": [[]]}"#, 3).is_ok());
        assert!(check(br#"{"a": "\\", "b": [[[]]]}"#, 3).is_err());
        assert!(check(&b"[".repeat(100_000), 64).is_err());
        assert!(check(&[b"[".repeat(64), b"]".repeat(64)].concat(), 64).is_ok());
    }

    #[test]
    fn brackets_beside_each_other_are_no_nesting() {
        assert!(check(&b"[]{}".repeat(10_000), 1).is_ok());
        assert!(check(b"]]]][", 1).is_ok());
    }
}
