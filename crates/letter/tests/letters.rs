//! Letters as others read them.

mod file;
mod sample;

use std::{path::PathBuf, sync::LazyLock};

use file::File;
use healthbridge_letter::{Fonts, Letter, LetterError, Logo, LogoError, Rendered, render};
use proptest::prelude::*;
use sample::{HASH, NAMES, letter, letterhead, scripts, section};

fn own_fonts() -> Fonts {
    Fonts::find(&[])
}

fn rendered(letter: &Letter, fonts: &Fonts) -> Rendered {
    render(letter, &letterhead(), fonts).expect("a letter")
}

/// The sample with these findings alone.
fn finding(text: &str) -> Letter {
    Letter { sections: vec![section("Findings", text)], addenda: Vec::new(), ..letter() }
}

/// The words of a letter, each parted by one space.
fn words(letter: &Letter) -> String {
    let rendered = rendered(letter, &own_fonts());
    File::read(&rendered.pdf).words()
}

#[test]
fn the_same_letter_has_the_same_bytes() {
    let fonts = Fonts::of_the_system();
    let again = rendered(&scripts(), &fonts);
    assert_eq!(rendered(&scripts(), &fonts).pdf, again.pdf);
    assert_eq!(rendered(&scripts(), &Fonts::of_the_system()).pdf, again.pdf);
}

#[test]
fn the_text_comes_back() {
    let words = words(&letter());
    for text in [
        "CT Chest with contrast",
        "Aoife Brennan",
        "Dr. Tomás Ó Conaill",
        "There is a spiculated nodule of 14 × 11 mm in the apical segment of the right upper lobe (series 3, image 48)",
        "1. New spiculated nodule of 14 mm in the right upper lobe",
        "The volume doubling time is about 90 days.",
        "Verification, 2026-03-02 09:58 UTC",
        HASH,
        "Page 1 of 2",
        "Page 2 of 2",
    ] {
        assert!(words.contains(text), "{text:?} is in {words}");
    }
}

#[test]
fn it_says_that_it_is_an_archival_file_and_has_what_one_needs() {
    let rendered = rendered(&scripts(), &Fonts::of_the_system());
    let file = File::read(&rendered.pdf);
    let metadata = file.metadata();
    for said in
        ["<pdfaid:part>2</pdfaid:part>", "<pdfaid:conformance>A</pdfaid:conformance>", "<pdfuaid:part>1</pdfuaid:part>"]
    {
        assert!(metadata.contains(said), "{said} is in {metadata}");
    }
    assert!(file.has("OutputIntents") && file.has("StructTreeRoot") && file.has("Lang") && file.has("Outlines"));
    let fonts = file.fonts();
    assert!(fonts.len() > 20, "{fonts:?}");
    for (name, is_embedded) in fonts {
        assert!(is_embedded, "{name} is embedded");
        assert_eq!(name.find('+'), Some(6), "{name} is a subset");
    }
}

#[test]
fn names_of_every_script_are_printed() {
    let fonts = Fonts::of_the_system();
    let missing = fonts.missing();
    assert_eq!(missing, [], "install fonts-noto-core and fonts-noto-cjk");
    assert_eq!(rendered(&scripts(), &fonts).unprintable.len(), 0);
    for (script, name) in NAMES {
        let letter = Letter { running: (*name).to_owned(), title: (*name).to_owned(), ..finding(name) };
        assert_eq!(rendered(&letter, &fonts).unprintable.len(), 0, "{script}");
    }
}

#[test]
fn without_fonts_of_the_machine_latin_is_printed_and_the_rest_is_written_out() {
    let fonts = Fonts::find(&[PathBuf::from("/nowhere")]);
    assert!(fonts.missing().iter().any(|missing| missing.script == "Arabic" && missing.family == "Noto Sans Arabic"));
    let rendered = rendered(&finding("Ελένη, Олег, Łukasz, Nguyễn: يد 手"), &fonts);
    assert_eq!(rendered.unprintable.iter().collect::<String>(), "دي手");
    let words = File::read(&rendered.pdf).words();
    assert!(words.contains("Ελένη, Олег, Łukasz, Nguyễn: [U+064A][U+062F] [U+624B]"), "{words}");
}

#[test]
fn the_code_gives_the_hash_back() {
    let rendered = rendered(&letter(), &own_fonts());
    assert_eq!(File::read(&rendered.pdf).code(1), HASH);
}

#[test]
fn markup_of_any_language_is_text() {
    let texts = [
        "#read(\"/etc/passwd\")",
        "#eval(\"1 + 1\")",
        "#set page(width: 1pt)",
        "= No heading * no star * _none_ $x^2$ `none`",
        "<b>bold</b><script>alert(1)</script>",
        "\\input{/etc/passwd} \\write18{id}",
        ") Tj ET BT /F0 99 Tf (none",
        "{{7*7}} ${7*7} %s %n",
    ];
    let words = words(&finding(&texts.join("\n")));
    for text in texts {
        assert!(words.contains(text), "{text:?} is in {words}");
    }
    let nested = "#[".repeat(20_000);
    let words = self::words(&finding(&nested));
    assert_eq!(words.matches("#[").count() + words.matches("# [").count(), 20_000);
}

#[test]
fn what_would_show_something_else_than_is_there_is_written_out() {
    let name = "Jane \u{202e}eoD\u{202c} \u{2067}x\u{2069}";
    let words = words(&Letter { title: name.to_owned(), ..finding("a\u{7}b\u{1b}[31m \u{feff}\u{e001}") });
    assert!(words.contains("Jane [U+202E]eoD[U+202C] [U+2067]x[U+2069]"), "{words}");
    assert!(words.contains("a[U+0007]b[U+001B][31m [U+FEFF][U+E001]"), "{words}");
}

#[test]
fn an_emoji_is_printed_or_written_out_and_never_lost() {
    let rendered = rendered(&finding("fine \u{1f600} \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} x"), &own_fonts());
    let words = File::read(&rendered.pdf).words();
    assert!(words.contains("[U+1F600]") && words.contains("[U+1F468]") && words.contains("[U+1F467]"), "{words}");
}

#[test]
fn a_word_of_500_letters_is_broken_and_stays_on_the_page() {
    let rendered = rendered(&finding(&"Q".repeat(500)), &own_fonts());
    let file = File::read(&rendered.pdf);
    assert_eq!(file.words().matches('Q').count(), 500);
    let furthest = file.begins().into_iter().fold(0.0_f32, f32::max);
    assert!(furthest < 595.0, "a line begins at {furthest}");
}

#[test]
fn findings_of_65_536_characters_are_printed_to_their_end() {
    let sentence = "There is a nodule of 14 mm in the right upper lobe. ";
    let text = format!("{}The end.", sentence.repeat(65_528 / sentence.len()));
    let rendered = rendered(&finding(&text), &own_fonts());
    let words = File::read(&rendered.pdf).words();
    // A number of a page may stand within a sentence.
    assert!(words.contains("The end.") && words.matches("nodule").count() == 65_528 / sentence.len());
    assert!(rendered.pages > 10);
}

#[test]
fn a_letter_without_a_title_or_longer_than_any_should_be_is_refused() {
    let refused = |letter: &Letter| matches!(render(letter, &letterhead(), &own_fonts()), Err(LetterError::TooLong(_)));
    assert!(refused(&finding(&"x".repeat(1_000_001))));
    assert!(refused(&finding(&"x\n".repeat(50_001))));
    assert!(refused(&Letter { sections: vec![section("", ""); 2_001], ..letter() }));
    let untitled = Letter { title: " ".to_owned(), ..letter() };
    assert!(matches!(render(&untitled, &letterhead(), &own_fonts()), Err(LetterError::Untitled)));
    assert!(matches!(
        render(&Letter { seal: sample::seal(&"x".repeat(3_000)), ..letter() }, &letterhead(), &own_fonts()),
        Err(LetterError::Seal)
    ));
}

#[test]
fn a_sign_that_is_no_picture_is_refused_before_the_first_letter() {
    let sign = sample::sign();
    assert!(Logo::read(sign.clone()).is_ok());
    assert!(matches!(Logo::read(b"<svg/>".to_vec()), Err(LogoError::Unreadable(_))));
    assert!(matches!(Logo::read(sign[..sign.len() / 2].to_vec()), Err(LogoError::Unreadable(_))));
    assert!(matches!(Logo::read(vec![0; (1 << 20) + 1]), Err(LogoError::TooLarge(_))));
    // 65 535 by 65 535 pixels in its head.
    let mut vast = sign;
    vast[16..24].copy_from_slice(&[0, 0, 255, 255, 0, 0, 255, 255]);
    assert!(Logo::read(vast).is_err());
}

#[test]
fn no_heading_is_left_alone_below_a_page() {
    for lines in 22..44 {
        let above = "One line.\n".repeat(lines);
        let sections = vec![section("Technique", &above), section("Findings", "First.\nSecond.\nThird.")];
        let letter = Letter { sections, addenda: Vec::new(), ..letter() };
        let rendered = rendered(&letter, &own_fonts());
        let pages = File::read(&rendered.pdf).pages();
        let page = pages.iter().find(|page| page.contains("Findings")).expect("a heading");
        assert!(page.contains("First."), "after {lines} lines: {page}");
    }
}

static FONTS: LazyLock<[Fonts; 2]> = LazyLock::new(|| [own_fonts(), Fonts::of_the_system()]);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_text_is_printed(text in any::<String>(), name in "\\PC{0,60}", lines in proptest::collection::vec(any::<char>(), 0..200)) {
        let lines: String = lines.into_iter().collect();
        let letter = Letter { title: format!("A{name}"), running: name, notice: Some(text.clone()), ..finding(&format!("{text}\n{lines}")) };
        for fonts in FONTS.iter() {
            prop_assert!(render(&letter, &letterhead(), fonts).is_ok());
        }
    }
}
