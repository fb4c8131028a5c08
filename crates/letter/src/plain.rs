//! Text as it is printed. Nothing in it is markup, and what cannot be seen, or would show something else than is there, is
//! written out.

use std::fmt::Write;

/// A text of one line.
pub(crate) fn line(text: &str) -> String {
    let lines: Vec<String> = lines(text).collect();
    lines.join(" ").trim().to_owned()
}

/// The lines of a text. Empty ones are kept, as they part paragraphs.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = String> {
    let text = text.replace("\r\n", "\n");
    let lines: Vec<String> = text.split(is_line_end).map(|line| printable(line.trim_end())).collect();
    lines.into_iter()
}

/// A character written out: `[U+202E]`.
pub(crate) fn write_out(into: &mut String, char: char) {
    // Writing into a string cannot fail.
    let _ = write!(into, "[U+{:04X}]", u32::from(char));
}

fn is_line_end(char: char) -> bool {
    matches!(char, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn printable(line: &str) -> String {
    let mut printable = String::with_capacity(line.len());
    for char in line.chars() {
        match char {
            '\t' => printable.push_str("    "),
            // A place where a word may be parted: nothing is to be seen.
            '\u{ad}' => {}
            char if is_written_out(char) => write_out(&mut printable, char),
            char => printable.push(char),
        }
    }
    printable
}

/// Whether a character orders others anew, as in `U+202E`, stands for nothing that everybody knows, or commands something.
fn is_written_out(char: char) -> bool {
    let is_ordering = matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{206a}'..='\u{206f}');
    let is_private = matches!(char, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..);
    let is_nothing = u32::from(char) & 0xfffe == 0xfffe || matches!(char, '\u{fdd0}'..='\u{fdef}');
    let is_special = matches!(char, '\u{feff}' | '\u{fff9}'..='\u{fffc}' | '\u{e0000}'..='\u{e007f}');
    char.is_control() || is_ordering || is_private || is_nothing || is_special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_orders_text_anew_or_commands_is_written_out() {
        assert_eq!(line("Jane \u{202e}eoD"), "Jane [U+202E]eoD");
        assert_eq!(line("a\u{0}b\u{7}c\u{1b}[31m"), "a[U+0000]b[U+0007]c[U+001B][31m");
        assert_eq!(line("\u{e000}\u{10ffff}\u{feff}"), "[U+E000][U+10FFFF][U+FEFF]");
    }

    #[test]
    fn what_scripts_need_stays() {
        assert_eq!(line("می\u{200c}خواهم"), "می\u{200c}خواهم");
        assert_eq!(line("क\u{94d}\u{200d}ष"), "क\u{94d}\u{200d}ष");
    }

    #[test]
    fn a_text_has_the_lines_that_each_system_writes() {
        let read: Vec<String> = lines("a\r\nb\rc\n\nd\u{2028}e").collect();
        assert_eq!(read, ["a", "b", "c", "", "d", "e"]);
        assert_eq!(line(" a\nb "), "a b");
    }
}
