//! Where things stand on pages. Lengths are points, from the upper left corner.

use std::ops::Range;

use crate::typesetter::{Ink, Paragraph};

/// A page of A4.
pub(crate) const WIDTH: f32 = 595.276;
pub(crate) const HEIGHT: f32 = 841.89;
/// Around everything; 20 mm.
pub(crate) const MARGIN: f32 = 56.7;
/// Where following pages begin, below their running head.
const TOP: f32 = MARGIN + 26.0;
/// Where pages end, above their number.
const BOTTOM: f32 = HEIGHT - MARGIN - 18.0;
/// How wide text is.
pub(crate) const MEASURE: f32 = WIDTH - 2.0 * MARGIN;

/// What something is, for those who have a letter read aloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A heading of this level.
    Heading(u16),
    Paragraph,
    /// What a row of the table is about, and its value.
    Label,
    Value,
    /// A picture, and what it shows.
    Figure(String),
}

/// Something that is read as one, on one page or on several.
pub(crate) struct Element {
    pub role: Role,
    pub what: What,
}

pub(crate) enum What {
    Text(Paragraph),
    /// Dark bars of a code on its fields: column, row, length; and how many fields a side has.
    Code {
        bars: Vec<(i32, i32, i32)>,
        side: i32,
    },
}

/// Something on a page.
pub(crate) enum Placed {
    /// Lines of an element's text.
    Lines { element: usize, lines: Range<usize>, x: f32, y: f32 },
    /// A code, so wide.
    Code { element: usize, x: f32, y: f32, width: f32 },
    /// A filled rectangle that says nothing.
    Rectangle { x: f32, y: f32, width: f32, height: f32, ink: Ink },
}

/// A letter on its pages, as it grows.
pub(crate) struct Flow {
    pub elements: Vec<Element>,
    pub pages: Vec<Vec<Placed>>,
    /// Where the next thing stands.
    pub y: f32,
}

impl Flow {
    /// A first page that begins there.
    pub(crate) fn new(y: f32) -> Self {
        Self { elements: Vec::new(), pages: vec![Vec::new()], y }
    }

    pub(crate) fn page(&self) -> usize {
        self.pages.len() - 1
    }

    /// How much of the page is left.
    pub(crate) fn room(&self) -> f32 {
        BOTTOM - self.y
    }

    /// Whether nothing is on the page yet.
    pub(crate) fn is_new(&self) -> bool {
        self.y <= TOP
    }

    pub(crate) fn space(&mut self, height: f32) {
        self.y += height;
    }

    /// Begins a page if less than this is left, unless nothing is on it yet.
    pub(crate) fn keep(&mut self, height: f32) {
        if self.room() < height && !self.is_new() {
            self.next_page();
        }
    }

    pub(crate) fn next_page(&mut self) {
        self.pages.push(Vec::new());
        self.y = TOP;
    }

    pub(crate) fn place(&mut self, placed: Placed) {
        let page = self.page();
        self.pages[page].push(placed);
    }

    pub(crate) fn rectangle(&mut self, x: f32, y: f32, width: f32, height: f32, ink: Ink) {
        self.place(Placed::Rectangle { x, y, width, height, ink });
    }

    fn element(&mut self, role: Role, what: What) -> usize {
        self.elements.push(Element { role, what });
        self.elements.len() - 1
    }

    /// A code at a place of this page.
    pub(crate) fn code(&mut self, alt: String, bars: Vec<(i32, i32, i32)>, side: i32, x: f32, y: f32, width: f32) {
        let element = self.element(Role::Figure(alt), What::Code { bars, side });
        self.place(Placed::Code { element, x, y, width });
    }

    /// A text at a place of this page, which must have room for it; gives back how high it is.
    pub(crate) fn fixed(&mut self, role: Role, text: Paragraph, x: f32, y: f32) -> f32 {
        let (lines, height) = (0..text.lines(), text.height());
        let element = self.element(role, What::Text(text));
        self.place(Placed::Lines { element, lines, x, y });
        height
    }

    /// A text that goes on over pages; gives back where its lines are. No line of a paragraph is left alone before or behind
    /// the end of a page.
    pub(crate) fn text(&mut self, role: Role, text: Paragraph, x: f32) -> Vec<(usize, f32, f32)> {
        let heights: Vec<f32> = (0..text.lines()).map(|line| text.line_height(line)).collect();
        let element = self.element(role, What::Text(text));
        let (mut placed, mut from) = (Vec::new(), 0);
        while from < heights.len() {
            let mut to = from + self.fitting(&heights[from..]);
            let left = heights.len() - to;
            let is_new = self.is_new();
            if left > 0 && to - from == 1 && !is_new {
                to = from;
            } else if left == 1 && to - from > 2 {
                to -= 1;
            }
            if to == from && is_new {
                to = from + 1;
            }
            if to > from {
                let y = self.y;
                self.place(Placed::Lines { element, lines: from..to, x, y });
                self.y += heights[from..to].iter().sum::<f32>();
                placed.push((self.page(), y, self.y));
            }
            if to < heights.len() {
                self.next_page();
            }
            from = to;
        }
        placed
    }

    /// How many of these lines the rest of the page has room for.
    fn fitting(&self, heights: &[f32]) -> usize {
        let room = self.room();
        let ends = heights.iter().scan(0.0, |end, height| {
            *end += height;
            Some(*end)
        });
        ends.take_while(|end| *end <= room).count()
    }
}
