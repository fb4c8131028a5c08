use std::collections::BTreeSet;

use krilla::color::rgb;
use parley::{
    Alignment, AlignmentOptions, FontContext, FontWeight, Layout, LayoutContext, LineHeight, PositionedLayoutItem,
    StyleProperty,
    style::{FontFamily, OverflowWrap},
};

use crate::{
    fonts::{Fonts, families},
    plain,
};

/// The colours of a letter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ink {
    #[default]
    Black,
    Grey,
    /// Headings.
    Blue,
    /// What must be seen first.
    Red,
    /// Lines between parts.
    Line,
    /// Behind what belongs together.
    Pale,
    /// Behind what must be seen first.
    Rose,
    White,
}

impl Ink {
    pub(crate) fn colour(self) -> rgb::Color {
        let (red, green, blue) = match self {
            Self::Black => (20, 24, 28),
            Self::Grey => (88, 96, 105),
            Self::Blue => (16, 62, 104),
            Self::Red => (150, 20, 28),
            Self::Line => (188, 198, 208),
            Self::Pale => (244, 247, 250),
            Self::Rose => (253, 240, 240),
            Self::White => (255, 255, 255),
        };
        rgb::Color::new(red, green, blue)
    }
}

/// How a text looks. Lengths are points, 1/72 inch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub size: f32,
    pub is_bold: bool,
    pub ink: Ink,
    pub alignment: Alignment,
}

impl Style {
    pub(crate) const fn plain(size: f32, ink: Ink) -> Self {
        Self { size, is_bold: false, ink, alignment: Alignment::Left }
    }

    pub(crate) const fn bold(size: f32, ink: Ink) -> Self {
        Self { size, is_bold: true, ink, alignment: Alignment::Left }
    }

    pub(crate) const fn aligned(self, alignment: Alignment) -> Self {
        Self { alignment, ..self }
    }
}

/// A paragraph in its lines.
pub(crate) struct Paragraph {
    pub text: String,
    pub layout: Box<Layout<()>>,
    pub ink: Ink,
}

impl Paragraph {
    pub(crate) fn lines(&self) -> usize {
        self.layout.len()
    }

    /// How high one of its lines is.
    pub(crate) fn line_height(&self, line: usize) -> f32 {
        self.layout.get(line).map_or(0.0, |line| line.metrics().line_height)
    }

    pub(crate) fn height(&self) -> f32 {
        (0..self.lines()).map(|line| self.line_height(line)).sum()
    }
}

/// Makes paragraphs of texts.
pub(crate) struct Typesetter {
    fonts: FontContext,
    layouts: LayoutContext<()>,
    unprintable: BTreeSet<char>,
}

impl Typesetter {
    pub(crate) fn new(fonts: &Fonts) -> Self {
        Self { fonts: fonts.context(), layouts: LayoutContext::new(), unprintable: BTreeSet::new() }
    }

    /// Characters that no font had, and that were written out.
    pub(crate) fn into_unprintable(self) -> BTreeSet<char> {
        self.unprintable
    }

    /// A text of one line, which is broken where it does not fit.
    pub(crate) fn line(&mut self, text: &str, style: Style, width: f32) -> Paragraph {
        self.paragraph(plain::line(text), style, width)
    }

    /// A text in its lines, each from the side where its script begins. An empty one parts two of them.
    pub(crate) fn lines(&mut self, text: &str, style: Style, width: f32) -> Vec<Paragraph> {
        let style = style.aligned(Alignment::Start);
        plain::lines(text).map(|line| self.paragraph(line, style, width)).collect()
    }

    /// Whether a font has a character is known when it was shaped: what none has is written out in the own font, which has
    /// the letters for it, so that this ends.
    fn paragraph(&mut self, mut text: String, style: Style, width: f32) -> Paragraph {
        loop {
            let layout = self.shape(&text, style, width);
            let missing = missing(&layout, &text);
            if missing.is_empty() {
                return Paragraph { text, layout: Box::new(layout), ink: style.ink };
            }
            text = written_out(&text, &missing);
            self.unprintable.extend(missing);
        }
    }

    fn shape(&mut self, text: &str, style: Style, width: f32) -> Layout<()> {
        let families = families(text);
        let mut builder = self.layouts.ranged_builder(&mut self.fonts, text, 1.0, false);
        builder.push_default(StyleProperty::FontFamily(FontFamily::List(families.into())));
        builder.push_default(StyleProperty::FontSize(style.size));
        builder.push_default(StyleProperty::LineHeight(LineHeight::FontSizeRelative(1.42)));
        builder.push_default(StyleProperty::OverflowWrap(OverflowWrap::Anywhere));
        let weight = if style.is_bold { FontWeight::BOLD } else { FontWeight::NORMAL };
        builder.push_default(StyleProperty::FontWeight(weight));
        let mut layout = builder.build(text);
        layout.break_all_lines(Some(width));
        layout.align(style.alignment, AlignmentOptions::default());
        layout
    }
}

/// The characters of a text that no font had.
fn missing(layout: &Layout<()>, text: &str) -> BTreeSet<char> {
    let mut missing = BTreeSet::new();
    for line in layout.lines() {
        for item in line.items() {
            let PositionedLayoutItem::GlyphRun(run) = item else { continue };
            for cluster in run.run().visual_clusters() {
                if cluster.glyphs().any(|glyph| glyph.id == 0) {
                    missing.extend(text.get(cluster.text_range()).unwrap_or_default().chars());
                }
            }
        }
    }
    // The own font has these, and nothing would be gained.
    missing.retain(|char| !char.is_ascii());
    missing
}

fn written_out(text: &str, missing: &BTreeSet<char>) -> String {
    let mut written = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        if missing.contains(&char) {
            plain::write_out(&mut written, char);
        } else {
            written.push(char);
        }
    }
    written
}
