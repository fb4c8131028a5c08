use std::fmt::Write;

use healthbridge_terms::coded;

coded! {
    /// What a browser should do with a file (RFC 6266).
    pub enum Disposition("ContentDisposition") {
        /// Shows it.
        Inline,
        /// Saves it.
        Attachment,
    }
}

impl Disposition {
    /// The header's value: the name in plain ASCII for old clients, and whole in RFC 8187's encoding.
    pub fn header(self, file_name: &str) -> String {
        let kind = if self == Self::Inline { "inline" } else { "attachment" };
        let is_plain = |char: &char| char.is_ascii_alphanumeric() || matches!(char, '.' | '-' | '_');
        let plain: String = file_name.chars().map(|char| if is_plain(&char) { char } else { '_' }).collect();
        let mut encoded = String::new();
        for byte in file_name.bytes() {
            if is_plain(&char::from(byte)) {
                encoded.push(char::from(byte));
            } else {
                write!(encoded, "%{byte:02X}").expect("writing to a String cannot fail");
            }
        }
        format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_cannot_break_out_of_the_header() {
        let header = Disposition::Attachment.header("Röntgen \"1\"\r\nX: y.dcm");
        assert_eq!(
            header,
            "attachment; filename=\"R_ntgen__1___X__y.dcm\"; filename*=UTF-8''R%C3%B6ntgen%20%221%22%0D%0AX%3A%20y.dcm"
        );
    }
}
