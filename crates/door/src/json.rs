//! The nesting of JSON, before a parser that recurses without a limit sees it.

use crate::{Refusal, RefusalCode};

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
                    return Err(Refusal::new(RefusalCode::BadRequest, message));
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
