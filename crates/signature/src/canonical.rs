use serde::Serialize;
use serde_json::{Number, Value};

/// The largest whole number that every reader of JSON keeps as it is (RFC 7493, section 2.2).
const LARGEST: i64 = (1 << 53) - 1;

/// Why there is no canonical form.
#[derive(Debug, thiserror::Error)]
pub enum NotCanonical {
    /// It is no JSON.
    #[error("it cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// A number is not whole, or too large to be the same for everybody.
    #[error("the number {0} is not whole, or not between -(2^53 - 1) and 2^53 - 1")]
    Number(Number),
}

/// The canonical form of JSON (RFC 8785): no white space, names in the order of their UTF-16, one way to write each text.
///
/// Numbers are whole and at most 2^53 - 1: what two programs may read differently is refused and not signed. For whatever
/// has a canonical form here it is that of every other program that follows the RFC.
///
/// # Errors
/// When it cannot be written so.
pub fn canonical(value: &impl Serialize) -> Result<String, NotCanonical> {
    let mut text = String::new();
    write(&serde_json::to_value(value)?, &mut text)?;
    Ok(text)
}

fn write(value: &Value, text: &mut String) -> Result<(), NotCanonical> {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(bool) => text.push_str(if *bool { "true" } else { "false" }),
        Value::Number(number) => {
            let whole = number.as_i64().filter(|whole| (-LARGEST..=LARGEST).contains(whole));
            let whole = whole.ok_or_else(|| NotCanonical::Number(number.clone()))?;
            text.push_str(&whole.to_string());
        }
        Value::String(string) => write_text(string, text)?,
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                write(item, text)?;
            }
            text.push(']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
            text.push('{');
            for (place, (name, value)) in fields.into_iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                write_text(name, text)?;
                text.push(':');
                write(value, text)?;
            }
            text.push('}');
        }
    }
    Ok(())
}

/// The library escapes as section 3.2.2.2 of the RFC asks: the short forms where there are any, `\u00xx` in lower case for
/// the other control characters, and everything else as it is.
fn write_text(string: &str, text: &mut String) -> Result<(), NotCanonical> {
    text.push_str(&serde_json::to_string(string)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Value {
        serde_json::from_str(text).expect("JSON")
    }

    #[test]
    fn texts_and_literals_are_written_as_section_3_2_2_of_the_rfc_has_them() {
        let given =
            read(r#"{"string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}"#);
        let wanted = "{\"literals\":[null,true,false],\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
        assert_eq!(canonical(&given).expect("canonical"), wanted);
    }

    #[test]
    fn names_are_in_the_order_of_their_utf_16_as_section_3_2_3_of_the_rfc_has_them() {
        let given = read(
            r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",
                "\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#,
        );
        let text = canonical(&given).expect("canonical");
        let order = [
            "Carriage Return",
            "One",
            "Control",
            "Latin Small Letter O With Diaeresis",
            "Euro Sign",
            "Emoji: Grinning Face",
            "Hebrew Letter Dalet With Dagesh",
        ];
        let places = order.map(|value| text.find(value).expect("there"));
        assert!(places.is_sorted(), "{text}");
        assert!(text.starts_with(r#"{"\r":"Carriage Return","1":"One","#), "{text}");
    }

    #[test]
    fn every_control_character_is_written_in_its_one_way() {
        let all: String = (0_u8..0x20).chain([0x7f]).map(char::from).collect();
        let wanted = concat!(
            r#""\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f\u0010\u0011\u0012\u0013"#,
            r"\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f",
            "\u{7f}\""
        );
        assert_eq!(canonical(&all).expect("canonical"), wanted);
        assert_eq!(canonical(&"\u{2028}/é😀").expect("canonical"), "\"\u{2028}/é😀\"");
    }

    #[test]
    fn whole_numbers_are_written_as_the_rfc_has_them_and_all_others_refused() {
        // Appendix B of the RFC: zero, and the largest whole numbers that are exact.
        for (given, wanted) in [
            (json!(0), "0"),
            (json!(9_007_199_254_740_991_i64), "9007199254740991"),
            (json!(-9_007_199_254_740_991_i64), "-9007199254740991"),
            (json!(42_u8), "42"),
        ] {
            assert_eq!(canonical(&given).expect("canonical"), wanted);
        }
        for refused in ["9007199254740992", "-9007199254740992", "18446744073709551615", "4.50", "1E3", "1.0", "-0"] {
            let value = read(&format!(r#"{{"deep":[{refused}]}}"#));
            assert!(matches!(canonical(&value), Err(NotCanonical::Number(_))), "{refused}");
        }
    }

    #[test]
    fn empty_things_and_things_within_things_have_a_form() {
        let given = json!({ "b": { "y": [], "x": {} }, "a": [[], [null], ""] });
        assert_eq!(canonical(&given).expect("canonical"), r#"{"a":[[],[null],""],"b":{"x":{},"y":[]}}"#);
    }
}
