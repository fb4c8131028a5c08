use std::collections::BTreeSet;

use krilla::error::KrillaError;
use parley::Alignment;

use crate::{
    draw::{Frame, draw},
    flow::{Flow, HEIGHT, MARGIN, MEASURE, Placed, Role},
    fonts::Fonts,
    letter::{Addendum, Fact, Letter, Letterhead, Section, Signature},
    plain,
    qr::Code,
    typesetter::{Ink, Paragraph, Style, Typesetter},
};

/// The most characters of a letter.
const MOST_CHARACTERS: usize = 1_000_000;
/// The most sections, facts, addenda and signatures together.
const MOST_PARTS: usize = 2_000;
/// The most lines of a letter: some hundred pages.
const MOST_LINES: usize = 50_000;

const TITLE: Style = Style::bold(17.0, Ink::Blue);
const HEADING: Style = Style::bold(11.5, Ink::Blue);
const TEXT: Style = Style::plain(10.0, Ink::Black);
const STRONG: Style = Style::bold(10.0, Ink::Black);
const SMALL: Style = Style::plain(8.0, Ink::Grey);
const LABEL: Style = Style::plain(8.5, Ink::Grey);
const ADDED: Style = Style::bold(9.0, Ink::Grey);
const NOTICE: Style = Style::bold(10.0, Ink::Red);

/// The width of the code of what was signed.
const CODE: f32 = 96.0;
/// Between two columns.
const GUTTER: f32 = 16.0;
/// Around what stands in a box.
const PADDING: f32 = 9.0;

/// A letter could not be made.
#[derive(Debug, thiserror::Error)]
pub enum LetterError {
    /// It has more text than any letter should.
    #[error("the letter is too long: {0}")]
    TooLong(&'static str),
    /// It has no title, which a file for archives needs.
    #[error("the letter has no title")]
    Untitled,
    /// What was signed does not fit into a code.
    #[error("the seal is too long for a QR code")]
    Seal,
    /// The library could not write it.
    #[error("the PDF cannot be written: {0}")]
    Pdf(String),
}

impl From<KrillaError> for LetterError {
    fn from(error: KrillaError) -> Self {
        match error {
            KrillaError::Validation(found) => {
                let found: Vec<String> = found.iter().map(|(error, _)| kind(error)).collect();
                Self::Pdf(format!("it would be no PDF/A: {}", found.join(", ")))
            }
            other => Self::Pdf(other.to_string()),
        }
    }
}

/// The kind of a violation, without the text that it was found in.
fn kind(error: &krilla::configure::ValidationError) -> String {
    let whole = format!("{error:?}");
    whole.split(|char: char| !char.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

/// A letter as it is printed.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The file: PDF/A-2a, tagged as PDF/UA-1 asks for.
    pub pdf: Vec<u8>,
    /// How many pages it has.
    pub pages: usize,
    /// Characters that no font had. They are written out, as `[U+0639]`.
    pub unprintable: BTreeSet<char>,
}

/// Prints a letter. The same letter in the same fonts gives the same bytes.
///
/// # Errors
/// When the letter has no title, or is longer than any should be.
pub fn render(letter: &Letter, letterhead: &Letterhead, fonts: &Fonts) -> Result<Rendered, LetterError> {
    check(letter)?;
    let mut composing = Composing { set: Typesetter::new(fonts), flow: Flow::new(MARGIN) };
    composing.letterhead(letterhead);
    composing.title(letter);
    composing.facts(&letter.facts);
    for section in &letter.sections {
        composing.section(section);
    }
    for (place, addendum) in letter.addenda.iter().enumerate() {
        composing.addendum(addendum, place == 0);
    }
    composing.signatures(letter)?;
    let Composing { mut set, flow } = composing;
    let frame = Frame::new(&mut set, letter, letterhead, flow.pages.len());
    let pages = flow.pages.len();
    let pdf = draw(letter, letterhead, flow, &frame)?;
    Ok(Rendered { pdf, pages, unprintable: set.into_unprintable() })
}

fn check(letter: &Letter) -> Result<(), LetterError> {
    let Letter { facts, sections, addenda, signatures, .. } = letter;
    if facts.len() + sections.len() + addenda.len() + signatures.len() > MOST_PARTS {
        return Err(LetterError::TooLong("it has too many parts"));
    }
    if plain::line(&letter.title).is_empty() {
        return Err(LetterError::Untitled);
    }
    if letter.texts().map(|text| text.chars().count()).sum::<usize>() > MOST_CHARACTERS {
        return Err(LetterError::TooLong("it has too many characters"));
    }
    if letter.texts().map(|text| text.lines().count()).sum::<usize>() > MOST_LINES {
        return Err(LetterError::TooLong("it has too many lines"));
    }
    Ok(())
}

/// A letter that is being made.
struct Composing {
    set: Typesetter,
    flow: Flow,
}

impl Composing {
    /// Name and sign to the left, the address to the right, a rule below.
    fn letterhead(&mut self, letterhead: &Letterhead) {
        let top = self.flow.y;
        let sign = letterhead.logo.as_ref().map_or(0.0, |logo| Frame::sign_width(logo) + 12.0);
        let half = MEASURE * 0.56;
        let name = self.set.line(&letterhead.name, Style::bold(14.0, Ink::Blue), half - sign);
        let mut left = top + self.flow.fixed(Role::Paragraph, name, MARGIN + sign, top + 2.0);
        if sign > 0.0 {
            left = left.max(top + Frame::SIGN_HEIGHT);
        }
        let mut right = top;
        for line in &letterhead.lines {
            let line = self.set.line(line, SMALL.aligned(Alignment::Right), MEASURE - half);
            right += self.flow.fixed(Role::Paragraph, line, MARGIN + half, right);
        }
        self.flow.y = left.max(right) + 7.0;
        self.flow.rectangle(MARGIN, self.flow.y, MEASURE, 1.2, Ink::Blue);
        self.flow.space(22.0);
    }

    fn title(&mut self, letter: &Letter) {
        let title = self.set.line(&letter.title, TITLE, MEASURE);
        self.flow.text(Role::Heading(1), title, MARGIN);
        let subtitle = self.set.line(&letter.subtitle, SMALL, MEASURE);
        self.flow.space(1.0);
        self.flow.text(Role::Paragraph, subtitle, MARGIN);
        self.flow.space(10.0);
        if let Some(notice) = &letter.notice {
            let notice = self.set.line(notice, NOTICE, MEASURE - 2.0 * PADDING);
            let height = notice.height() + 2.0 * PADDING;
            self.flow.rectangle(MARGIN, self.flow.y, MEASURE, height, Ink::Rose);
            self.flow.rectangle(MARGIN, self.flow.y, 2.5, height, Ink::Red);
            self.flow.fixed(Role::Paragraph, notice, MARGIN + PADDING, self.flow.y + PADDING);
            self.flow.space(height + 10.0);
        }
    }

    /// The table: two facts side by side, each below what it is.
    fn facts(&mut self, facts: &[Fact]) {
        let column = (MEASURE - 2.0 * PADDING - GUTTER) / 2.0;
        for (place, pair) in facts.chunks(2).enumerate() {
            let cells: Vec<(Paragraph, Paragraph)> = pair
                .iter()
                .map(|fact| (self.set.line(&fact.label, LABEL, column), self.set.line(&fact.value, STRONG, column)))
                .collect();
            let inner = cells.iter().map(|(label, value)| label.height() + value.height()).fold(0.0, f32::max);
            let (above, below) = (if place == 0 { PADDING } else { 2.0 }, 4.0);
            self.flow.keep(above + inner + below);
            let y = self.flow.y;
            self.flow.rectangle(MARGIN, y, MEASURE, above + inner + below, Ink::Pale);
            let mut x = MARGIN + PADDING;
            for (label, value) in cells {
                let height = self.flow.fixed(Role::Label, label, x, y + above);
                self.flow.fixed(Role::Value, value, x, y + above + height);
                x += column + GUTTER;
            }
            self.flow.space(above + inner + below);
        }
        if !facts.is_empty() {
            self.flow.rectangle(MARGIN, self.flow.y, MEASURE, 4.0, Ink::Pale);
            self.flow.space(4.0);
            self.flow.rectangle(MARGIN, self.flow.y, MEASURE, 0.6, Ink::Line);
        }
        self.flow.space(18.0);
    }

    fn section(&mut self, section: &Section) {
        let style = if section.is_chief { STRONG } else { TEXT };
        let heading = self.set.line(&section.heading, HEADING, MEASURE);
        let paragraphs = self.set.lines(&section.text, style, MEASURE);
        self.heading(heading, 3.0, &paragraphs);
        self.paragraphs(paragraphs, MARGIN);
        self.flow.space(11.0);
    }

    /// A heading stays with the first lines below it. An empty one is none.
    fn heading(&mut self, heading: Paragraph, gap: f32, below: &[Paragraph]) {
        if heading.text.is_empty() {
            return;
        }
        let first = below.iter().find(|paragraph| !paragraph.text.is_empty());
        let first = first.map_or(0.0, |text| (0..text.lines().min(3)).map(|line| text.line_height(line)).sum());
        self.flow.keep(heading.height() + gap + first);
        self.flow.text(Role::Heading(2), heading, MARGIN);
        self.flow.space(gap);
    }

    /// Paragraphs, with a gap where lines are empty; gives back where they are.
    fn paragraphs(&mut self, paragraphs: Vec<Paragraph>, x: f32) -> Vec<(usize, f32, f32)> {
        let (mut placed, mut has_gap) = (Vec::new(), true);
        for paragraph in paragraphs {
            if paragraph.text.is_empty() {
                if !has_gap {
                    self.flow.space(6.0);
                }
                has_gap = true;
            } else {
                placed.extend(self.flow.text(Role::Paragraph, paragraph, x));
                has_gap = false;
            }
        }
        placed
    }

    /// What was added has a bar beside it.
    fn addendum(&mut self, addendum: &Addendum, is_first: bool) {
        let (indent, head) = (12.0, self.set.line(&addendum.heading, ADDED, MEASURE - 12.0));
        let text = self.set.lines(&addendum.text, TEXT, MEASURE - indent);
        if is_first {
            let heading = self.set.line("Addenda", HEADING, MEASURE);
            let first = text.first().map_or(0.0, Paragraph::height).min(60.0);
            self.flow.keep(heading.height() + 4.0 + head.height() + first);
            self.flow.text(Role::Heading(2), heading, MARGIN);
            self.flow.space(4.0);
        }
        self.flow.keep(head.height() + 2.0 * TEXT.size * 1.42);
        let role = if head.text.is_empty() { Role::Paragraph } else { Role::Heading(3) };
        let mut placed = self.flow.text(role, head, MARGIN + indent);
        placed.extend(self.paragraphs(text, MARGIN + indent));
        for (page, from, to) in bars(&placed) {
            let (x, y, width, height) = (MARGIN, from, 2.0, to - from);
            self.flow.pages[page].push(Placed::Rectangle { x, y, width, height, ink: Ink::Line });
        }
        self.flow.space(11.0);
    }

    /// Who signed to the left, the code of what was signed to the right, and how it is verified below.
    fn signatures(&mut self, letter: &Letter) -> Result<(), LetterError> {
        let code = Code::of(&letter.seal.sha256).ok_or(LetterError::Seal)?;
        let width = MEASURE - CODE - GUTTER;
        let heading = self.set.line("Signatures", HEADING, width);
        let hash = self.set.line(&letter.seal.sha256, Style::plain(8.0, Ink::Black), MEASURE);
        let said = self.set.line("SHA-256 of what was signed, also in the code above:", SMALL, MEASURE);
        let note = self.set.line(&letter.seal.note, SMALL, MEASURE);
        let foot = 8.0 + said.height() + hash.height() + note.height();
        let signatures: Vec<Vec<Paragraph>> =
            letter.signatures.iter().map(|signature| self.signature(signature, width)).collect();
        let height = |lines: &[Paragraph]| lines.iter().map(Paragraph::height).sum::<f32>() + 7.0;
        let all = heading.height() + 8.0 + signatures.iter().map(|lines| height(lines)).sum::<f32>();
        // All of it on one page where one page has room for it.
        self.flow.keep((all.max(CODE) + 10.0 + foot).min(HEIGHT / 2.0));
        if !self.flow.is_new() {
            self.flow.rectangle(MARGIN, self.flow.y, MEASURE, 0.6, Ink::Line);
            self.flow.space(9.0);
        }
        let (page, top) = (self.flow.page(), self.flow.y);
        self.flow.text(Role::Heading(2), heading, MARGIN);
        self.flow.space(3.0);
        let alt = format!("QR code of {}", letter.seal.sha256);
        self.flow.code(alt, code.bars(), code.side(), MARGIN + MEASURE - CODE, top, CODE);
        for lines in signatures {
            self.flow.keep(height(&lines));
            for line in lines {
                self.flow.text(Role::Paragraph, line, MARGIN);
            }
            self.flow.space(7.0);
        }
        if self.flow.page() == page {
            self.flow.y = self.flow.y.max(top + CODE);
        }
        self.flow.space(2.0);
        self.flow.keep(foot);
        for line in [said, hash, note] {
            self.flow.text(Role::Paragraph, line, MARGIN);
        }
        Ok(())
    }

    fn signature(&mut self, signature: &Signature, width: f32) -> Vec<Paragraph> {
        let mut lines = vec![self.set.line(&signature.name, STRONG, width)];
        lines.push(self.set.line(&signature.meaning, Style::plain(9.0, Ink::Black), width));
        lines.extend(signature.details.iter().map(|detail| self.set.line(detail, SMALL, width)));
        lines
    }
}

/// One bar for each page, from the first line there to the last one.
fn bars(placed: &[(usize, f32, f32)]) -> Vec<(usize, f32, f32)> {
    let mut bars: Vec<(usize, f32, f32)> = Vec::new();
    for (page, from, to) in placed {
        match bars.last_mut() {
            Some(last) if last.0 == *page => last.2 = *to,
            _ => bars.push((*page, *from, *to)),
        }
    }
    bars
}
