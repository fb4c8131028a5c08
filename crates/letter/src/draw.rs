//! Pages as PDF/A, tagged.

use std::{collections::HashMap, mem, num::NonZeroU16, ops::Range};

use chrono::{Datelike, Timelike};
use krilla::{
    Data, Document, SerializeSettings,
    configure::{Accessibility, Archival, ConfigurationBuilder},
    destination::XyzDestination,
    geom::{PathBuilder, Point, Rect, Size, Transform},
    metadata::{DateTime, Metadata},
    num::NormalizedF32,
    outline::{Outline, OutlineNode},
    page::PageSettings,
    paint::{Fill, FillRule},
    surface::Surface,
    tagging::{
        Artifact, ArtifactType, ContentTag, Node, SpanTag, TableHeaderScope, Tag as Kind, TagGroup, TagKind, TagTree,
    },
    text::{Font, GlyphId, KrillaGlyph, Tag},
};
use parley::{Alignment, GlyphRun, PositionedLayoutItem};

use crate::{
    flow::{Element, Flow, HEIGHT, MARGIN, MEASURE, Placed, Role, WIDTH, What},
    letter::{Letter, Letterhead, Logo},
    plain,
    render::LetterError,
    typesetter::{Ink, Paragraph, Style, Typesetter},
};

/// What stands on every page: the head of the following ones, and what is below.
pub(crate) struct Frame {
    name: Paragraph,
    running: Paragraph,
    footer: Paragraph,
    numbers: Vec<Paragraph>,
}

impl Frame {
    /// How high the hospital's sign is.
    pub(crate) const SIGN_HEIGHT: f32 = 42.0;
    const STYLE: Style = Style::plain(8.0, Ink::Grey);

    pub(crate) fn sign_width(logo: &Logo) -> f32 {
        (Self::SIGN_HEIGHT * logo.aspect).clamp(8.0, 110.0)
    }

    pub(crate) fn new(set: &mut Typesetter, letter: &Letter, letterhead: &Letterhead, pages: usize) -> Self {
        let end = Self::STYLE.aligned(Alignment::Right);
        let number = |page| format!("Page {page} of {pages}");
        Self {
            name: set.line(&letterhead.name, Self::STYLE, MEASURE * 0.4),
            running: set.line(&letter.running, end, MEASURE * 0.58),
            footer: set.line(&letter.footer, Self::STYLE, MEASURE * 0.78),
            numbers: (1..=pages).map(|page| set.line(&number(page), end, MEASURE * 0.2)).collect(),
        }
    }
}

/// Writes the pages.
pub(crate) fn draw(letter: &Letter, head: &Letterhead, flow: Flow, frame: &Frame) -> Result<Vec<u8>, LetterError> {
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A2_A)
        .with_accessibility_validator(Accessibility::UA1);
    let configuration = configuration.finish().map_err(|error| LetterError::Pdf(format!("{error:?}")))?;
    let settings = SerializeSettings { configuration, enable_tagging: true, ..SerializeSettings::default() };
    let mut drawing = Drawing {
        document: Document::new_with(settings),
        fonts: HashMap::new(),
        nodes: flow.elements.iter().map(|_| Vec::new()).collect(),
        outline: Outline::new(),
    };
    for (number, page) in flow.pages.iter().enumerate() {
        drawing.page(number, page, &flow.elements, frame, head);
    }
    let Drawing { mut document, nodes, outline, .. } = drawing;
    document.set_tag_tree(tags(&flow.elements, nodes));
    document.set_outline(outline);
    document.set_metadata(metadata(letter, head));
    Ok(document.finish()?)
}

fn metadata(letter: &Letter, letterhead: &Letterhead) -> Metadata {
    let at = letter.dated;
    // A month, a day, an hour, a minute and a second fit.
    let small = |number: u32| u8::try_from(number).unwrap_or_default();
    let date =
        DateTime::new(u16::try_from(at.year()).unwrap_or_default()).month(small(at.month())).day(small(at.day()));
    let date = date.hour(small(at.hour())).minute(small(at.minute())).second(small(at.second()));
    Metadata::new()
        .title(plain::line(&letter.title))
        .language(letter.language.clone())
        .authors(vec![plain::line(&letterhead.name)])
        .creator("HealthBridge".to_owned())
        .producer("HealthBridge".to_owned())
        .creation_date(date.utc_offset_hour(0).utc_offset_minute(0))
        .document_id(letter.id.clone())
}

struct Drawing {
    document: Document,
    /// The fonts in use, by file and place in it.
    fonts: HashMap<(u64, u32), Option<Font>>,
    /// What belongs to each element.
    nodes: Vec<Vec<Node>>,
    outline: Outline,
}

impl Drawing {
    fn page(&mut self, number: usize, placed: &[Placed], elements: &[Element], frame: &Frame, head: &Letterhead) {
        let Some(settings) = PageSettings::from_wh(WIDTH, HEIGHT) else { return };
        let Self { document, fonts, nodes, outline } = self;
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        surround(&mut surface, fonts, number, frame, head);
        for placed in placed {
            match placed {
                Placed::Rectangle { x, y, width, height, ink } => {
                    surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::Other)));
                    rectangle(&mut surface, (*x, *y, *width, *height), *ink);
                    surface.end_tagged();
                }
                Placed::Lines { element, lines, x, y } => {
                    let What::Text(text) = &elements[*element].what else { continue };
                    if matches!(elements[*element].role, Role::Heading(_)) && lines.start == 0 {
                        let place = XyzDestination::new(number, Point::from_xy(0.0, (y - 12.0).max(0.0)));
                        outline.push_child(OutlineNode::new(text.text.clone(), place));
                    }
                    let tag = ContentTag::Span(SpanTag::empty());
                    nodes[*element].push(surface.start_tagged(tag).into());
                    text_lines(&mut surface, fonts, text, lines.clone(), *x, *y);
                    surface.end_tagged();
                }
                Placed::Code { element, x, y, width } => {
                    let What::Code { bars, side } = &elements[*element].what else { continue };
                    nodes[*element].push(surface.start_tagged(ContentTag::Other).into());
                    code(&mut surface, bars, *side, (*x, *y, *width));
                    surface.end_tagged();
                }
            }
        }
        surface.finish();
        page.finish();
    }
}

type Fonts = HashMap<(u64, u32), Option<Font>>;

/// What is no part of the text.
fn surround(surface: &mut Surface, fonts: &mut Fonts, number: usize, frame: &Frame, head: &Letterhead) {
    let artifact = |kind| ContentTag::Artifact(Artifact::with_kind(kind));
    surface.start_tagged(artifact(ArtifactType::Header));
    if number > 0 {
        let y = MARGIN - 14.0;
        text_lines(surface, fonts, &frame.name, 0..1, MARGIN, y);
        text_lines(surface, fonts, &frame.running, 0..1, MARGIN + MEASURE * 0.42, y);
        rectangle(surface, (MARGIN, y + 15.0, MEASURE, 0.6), Ink::Line);
    } else if let Some(logo) = &head.logo {
        let size = Size::from_wh(Frame::sign_width(logo), Frame::SIGN_HEIGHT);
        surface.push_transform(&Transform::from_translate(MARGIN, MARGIN));
        if let Some(size) = size {
            surface.draw_image(logo.image.clone(), size);
        }
        surface.pop();
    }
    surface.end_tagged();
    surface.start_tagged(artifact(ArtifactType::Footer));
    let y = HEIGHT - MARGIN + 2.0;
    rectangle(surface, (MARGIN, y - 6.0, MEASURE, 0.6), Ink::Line);
    text_lines(surface, fonts, &frame.footer, 0..1, MARGIN, y);
    if let Some(page) = frame.numbers.get(number) {
        text_lines(surface, fonts, page, 0..1, MARGIN + MEASURE * 0.8, y);
    }
    surface.end_tagged();
}

fn fill(surface: &mut Surface, ink: Ink) {
    surface.set_fill(Some(Fill { paint: ink.colour().into(), opacity: NormalizedF32::ONE, rule: FillRule::NonZero }));
}

fn rectangle(surface: &mut Surface, (x, y, width, height): (f32, f32, f32, f32), ink: Ink) {
    let mut path = PathBuilder::new();
    if let Some(rect) = Rect::from_xywh(x, y, width, height) {
        path.push_rect(rect);
    }
    fill(surface, ink);
    if let Some(path) = path.finish() {
        surface.draw_path(&path);
    }
}

fn code(surface: &mut Surface, bars: &[(i32, i32, i32)], side: i32, (x, y, width): (f32, f32, f32)) {
    rectangle(surface, (x, y, width, width), Ink::White);
    #[expect(clippy::cast_precision_loss, reason = "a code has 185 fields at the most")]
    let at = |fields: i32| fields as f32 * width / side as f32;
    let mut path = PathBuilder::new();
    for (column, row, length) in bars {
        if let Some(bar) = Rect::from_xywh(x + at(*column), y + at(*row), at(*length), at(1)) {
            path.push_rect(bar);
        }
    }
    fill(surface, Ink::Black);
    if let Some(path) = path.finish() {
        surface.draw_path(&path);
    }
}

/// Lines of a paragraph, the first of which has its upper end at `y`.
fn text_lines(surface: &mut Surface, fonts: &mut Fonts, text: &Paragraph, lines: Range<usize>, x: f32, y: f32) {
    fill(surface, text.ink);
    let mut top = y;
    for line in lines.filter_map(|line| text.layout.get(line)) {
        let metrics = line.metrics();
        let baseline = top + (metrics.baseline - metrics.block_min_coord);
        top += metrics.line_height;
        for item in line.items() {
            if let PositionedLayoutItem::GlyphRun(run) = item {
                glyphs(surface, fonts, &text.text, &run, x, baseline);
            }
        }
    }
}

/// A paragraph has one style: each run of glyphs is a whole run of its line.
fn glyphs(surface: &mut Surface, fonts: &mut Fonts, text: &str, run: &GlyphRun<'_, ()>, x: f32, baseline: f32) {
    let (shaped, size) = (run.run(), run.run().font_size());
    let data = shaped.font();
    let coordinates = shaped.synthesis();
    let font = fonts.entry((data.data.id(), data.index)).or_insert_with(|| {
        let (bytes, _) = data.data.clone().into_raw_parts();
        let axes = coordinates.variation_settings().iter().map(|(tag, value)| (Tag::new(&tag.to_be_bytes()), *value));
        let axes: Vec<_> = axes.collect();
        let bytes = Data::from(bytes);
        if axes.is_empty() { Font::new(bytes, data.index) } else { Font::new_variable(bytes, data.index, &axes) }
    });
    let Some(font) = font else { return };
    let mut drawn: Vec<KrillaGlyph> = Vec::new();
    // In text from right to left the end of a ligature stands before its beginning.
    let mut rest = None;
    for cluster in shaped.visual_clusters() {
        let range = cluster.text_range();
        if cluster.is_ligature_continuation() {
            if shaped.is_rtl() {
                rest = rest.or(Some(range.end));
            } else if let Some(glyph) = drawn.last_mut() {
                glyph.text_range.end = range.end;
            }
            continue;
        }
        let range = range.start..mem::take(&mut rest).unwrap_or(range.end);
        for glyph in cluster.glyphs() {
            let (advance, along, up) = (glyph.advance / size, glyph.x / size, glyph.y / size);
            drawn.push(KrillaGlyph::new(GlyphId::new(glyph.id), advance, along, up, 0.0, range.clone(), None));
        }
    }
    if !drawn.is_empty() {
        surface.draw_glyphs(Point::from_xy(x + run.offset(), baseline), &drawn, font.clone(), text, size, false);
    }
}

/// The structure, in the order of reading.
fn tags(elements: &[Element], nodes: Vec<Vec<Node>>) -> TagTree {
    let mut tree = TagTree::new();
    let (mut table, mut row): (Vec<Node>, Vec<Node>) = (Vec::new(), Vec::new());
    for (element, nodes) in elements.iter().zip(nodes) {
        let is_of_table = matches!(element.role, Role::Label | Role::Value);
        if !is_of_table && !table.is_empty() {
            tree.push(TagGroup::with_children(Kind::Table, mem::take(&mut table)));
        }
        let title = match &element.what {
            What::Text(text) => Some(text.text.clone()),
            What::Code { .. } => None,
        };
        let group = |kind: TagKind| TagGroup::with_children(kind, nodes.clone());
        match &element.role {
            Role::Heading(level) => {
                let level = NonZeroU16::new(*level).unwrap_or(NonZeroU16::MIN);
                tree.push(group(Kind::Hn(level, title).into()));
            }
            Role::Paragraph => tree.push(group(Kind::P.into())),
            Role::Figure(alt) => tree.push(group(Kind::Figure(Some(alt.clone())).into())),
            Role::Label => row.push(group(Kind::TH(TableHeaderScope::Row).into()).into()),
            Role::Value => {
                row.push(group(Kind::TD.into()).into());
                table.push(TagGroup::with_children(Kind::TR, mem::take(&mut row)).into());
            }
        }
    }
    tree
}
