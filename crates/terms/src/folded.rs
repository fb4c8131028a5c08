use unicode_normalization::UnicodeNormalization;

/// A name as it is sorted and looked for: without accents and case. Whoever types `muller` or `Łódź` as `lodz` finds `Müller`
/// and `Łódź`.
pub fn folded(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    let is_accent = |char: &char| ('\u{300}'..='\u{36f}').contains(char);
    for char in name.nfkd().filter(|char| !is_accent(char)).flat_map(char::to_lowercase) {
        match char {
            // Letters that are no letter with an accent to Unicode, and are to those who have no such key.
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'ħ' => folded.push('h'),
            'ı' => folded.push('i'),
            'ς' => folded.push('σ'),
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'þ' => folded.push_str("th"),
            _ if is_accent(&char) => {}
            _ => folded.push(char),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_and_case_are_left_out_of_any_alphabet() {
        let pairs = [
            ("Müller", "muller"),
            ("Mu\u{308}ller", "muller"),
            ("O'NEILL", "o'neill"),
            ("Łódź-Øre", "lodz-ore"),
            ("Weiß", "weiss"),
            ("İnönü", "inonu"),
            ("Ægir Þór", "aegir thor"),
            ("Đặng", "dang"),
            ("Ελένης", "ελενησ"),
            ("ИВАНОВ", "иванов"),
            ("王小明", "王小明"),
        ];
        for (name, expected) in pairs {
            assert_eq!(folded(name), expected);
            assert_eq!(folded(expected), expected, "what is folded stays");
        }
    }
}
