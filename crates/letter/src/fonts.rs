use std::{path::PathBuf, sync::Arc};

use parley::{
    FontContext,
    fontique::{Blob, Collection, CollectionOptions, FontInfoOverride, SourceCache},
    style::FontFamilyName,
};

static REGULAR: &[u8] = include_bytes!("../fonts/NotoSans-Regular.ttf");
static BOLD: &[u8] = include_bytes!("../fonts/NotoSans-Bold.ttf");

/// The family in the program: Latin, Greek and Cyrillic, the same on every machine.
const OWN: &str = "HealthBridge Sans";

/// Families that are looked for, and the script that needs each. The first one that has a character prints it.
const FAMILIES: &[(&str, &str)] = &[
    ("Arabic", "Noto Sans Arabic"),
    ("Hebrew", "Noto Sans Hebrew"),
    ("Devanagari", "Noto Sans Devanagari"),
    ("Bengali", "Noto Sans Bengali"),
    ("Gurmukhi", "Noto Sans Gurmukhi"),
    ("Gujarati", "Noto Sans Gujarati"),
    ("Odia", "Noto Sans Oriya"),
    ("Tamil", "Noto Sans Tamil"),
    ("Telugu", "Noto Sans Telugu"),
    ("Kannada", "Noto Sans Kannada"),
    ("Malayalam", "Noto Sans Malayalam"),
    ("Sinhala", "Noto Sans Sinhala"),
    ("Thai", "Noto Sans Thai"),
    ("Lao", "Noto Sans Lao"),
    ("Khmer", "Noto Sans Khmer"),
    ("Myanmar", "Noto Sans Myanmar"),
    ("Tibetan", "Noto Serif Tibetan"),
    ("Georgian", "Noto Sans Georgian"),
    ("Armenian", "Noto Sans Armenian"),
    ("Ethiopic", "Noto Sans Ethiopic"),
    ("Cherokee", "Noto Sans Cherokee"),
    ("Canadian syllabics", "Noto Sans Canadian Aboriginal"),
    ("Mongolian", "Noto Sans Mongolian"),
    ("Thaana", "Noto Sans Thaana"),
    ("Syriac", "Noto Sans Syriac"),
    ("N'Ko", "Noto Sans NKo"),
    ("Tifinagh", "Noto Sans Tifinagh"),
    ("Adlam", "Noto Sans Adlam"),
    ("Vai", "Noto Sans Vai"),
    ("Javanese", "Noto Sans Javanese"),
    ("Balinese", "Noto Sans Balinese"),
    ("Sundanese", "Noto Sans Sundanese"),
    ("Cham", "Noto Sans Cham"),
    ("Ol Chiki", "Noto Sans Ol Chiki"),
    ("Meetei Mayek", "Noto Sans Meetei Mayek"),
    ("Yi", "Noto Sans Yi"),
    ("symbols", "Noto Sans Symbols"),
    ("symbols", "Noto Sans Symbols2"),
    ("mathematics", "Noto Sans Math"),
];

/// Chinese characters have other forms in Japan and Korea. What says nothing of where it is from has the Chinese ones.
const CHINESE: &[&str] = &["Noto Sans CJK SC", "Noto Sans SC"];
const JAPANESE: &[&str] = &["Noto Sans CJK JP", "Noto Sans JP"];
const KOREAN: &[&str] = &["Noto Sans CJK KR", "Noto Sans KR"];

/// Where fonts are on most machines.
const SYSTEM: &[&str] = &["/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts", "/System/Library/Fonts"];

/// A script that cannot be printed, and the family that would print it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The script.
    pub script: &'static str,
    /// The family.
    pub family: &'static str,
}

/// The fonts that letters are printed in. A clone shares what was read.
#[derive(Clone)]
pub struct Fonts {
    context: FontContext,
}

impl std::fmt::Debug for Fonts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Fonts").finish_non_exhaustive()
    }
}

impl Fonts {
    /// The fonts below these folders, and the ones in the program. A folder that is not there has none.
    pub fn find(folders: &[PathBuf]) -> Self {
        let mut collection = Collection::new(CollectionOptions { shared: false, system_fonts: false });
        let named = FontInfoOverride { family_name: Some(OWN), ..FontInfoOverride::default() };
        for font in [REGULAR, BOLD] {
            collection.register_fonts(Blob::new(Arc::new(font)), Some(named));
        }
        collection.load_fonts_from_paths(folders);
        Self { context: FontContext { collection, source_cache: SourceCache::new_shared() } }
    }

    /// The fonts of this machine, and the ones in the program.
    pub fn of_the_system() -> Self {
        Self::find(&SYSTEM.iter().map(PathBuf::from).collect::<Vec<_>>())
    }

    /// What cannot be printed for want of a font. Its characters are written out, as `[U+0639]`.
    pub fn missing(&self) -> Vec<Missing> {
        let mut collection = self.context.collection.clone();
        let cjk = [("Chinese", CHINESE), ("Japanese", JAPANESE), ("Korean", KOREAN)];
        let mut has = |families: &[&str]| families.iter().any(|family| collection.family_id(family).is_some());
        let cjk: Vec<_> = cjk.into_iter().filter(|(_, families)| !has(families)).collect();
        let cjk = cjk.into_iter().map(|(script, families)| Missing { script, family: families[0] });
        let others = FAMILIES.iter().filter(|(_, family)| !has(&[family]));
        cjk.chain(others.map(|(script, family)| Missing { script, family })).collect()
    }

    pub(crate) fn context(&self) -> FontContext {
        self.context.clone()
    }
}

/// The families that print a text, the first ones first.
pub(crate) fn families(text: &str) -> Vec<FontFamilyName<'static>> {
    let has = |is_of: fn(char) -> bool| text.chars().any(is_of);
    let cjk = if has(is_kana) {
        [JAPANESE, CHINESE, KOREAN]
    } else if has(is_hangul) {
        [KOREAN, CHINESE, JAPANESE]
    } else {
        [CHINESE, JAPANESE, KOREAN]
    };
    let others = FAMILIES.iter().map(|(_, family)| *family);
    let all = [OWN].into_iter().chain(cjk.into_iter().flatten().copied()).chain(others);
    all.map(FontFamilyName::named).collect()
}

fn is_kana(char: char) -> bool {
    matches!(char, '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{ff66}'..='\u{ff9f}')
}

fn is_hangul(char: char) -> bool {
    matches!(char, '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7af}')
}
