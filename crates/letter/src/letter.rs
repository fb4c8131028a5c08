use chrono::{DateTime, Utc};
use krilla::{Data, Document, geom::Size, image::Image};

/// What stands above every letter.
#[derive(Clone, Debug, Default)]
pub struct Letterhead {
    /// The hospital's name.
    pub name: String,
    /// Its address, telephone number and the like, a line each.
    pub lines: Vec<String>,
    /// Its sign, above the first page.
    pub logo: Option<Logo>,
}

/// A picture that was looked at: it can be printed.
#[derive(Clone, Debug)]
pub struct Logo {
    pub(crate) image: Image,
    /// Width to height.
    pub(crate) aspect: f32,
}

/// A file is no picture that can be printed.
#[derive(Debug, thiserror::Error)]
pub enum LogoError {
    /// It is too large.
    #[error("it has {0} bytes; {max} are the most", max = Logo::MOST_BYTES)]
    TooLarge(usize),
    /// It has too many pixels.
    #[error("it has {0} by {1} pixels; {max} by {max} are the most", max = Logo::MOST_PIXELS)]
    TooManyPixels(u32, u32),
    /// It is no PNG and no JPEG, or is broken.
    #[error("it is no PNG or JPEG that can be read: {0}")]
    Unreadable(String),
}

impl Logo {
    const MOST_BYTES: usize = 1 << 20;
    const MOST_PIXELS: u32 = 4096;

    /// Reads a PNG or a JPEG.
    ///
    /// # Errors
    /// When it is too large, or no picture.
    pub fn read(file: Vec<u8>) -> Result<Self, LogoError> {
        if file.len() > Self::MOST_BYTES {
            return Err(LogoError::TooLarge(file.len()));
        }
        let is_png = file.starts_with(b"\x89PNG");
        let data = Data::from(file);
        let read = if is_png { Image::from_png(data, false) } else { Image::from_jpeg(data, false) };
        let image = read.map_err(LogoError::Unreadable)?;
        let (width, height) = image.size();
        if width.max(height) > Self::MOST_PIXELS {
            return Err(LogoError::TooManyPixels(width, height));
        }
        print(&image).map_err(LogoError::Unreadable)?;
        #[expect(clippy::cast_precision_loss, reason = "4096 at the most")]
        let aspect = width.max(1) as f32 / height.max(1) as f32;
        Ok(Self { image, aspect })
    }
}

/// Pixels are read when they are printed: what is broken says so now, and not with the first letter.
fn print(image: &Image) -> Result<(), String> {
    let mut document = Document::new();
    let mut page = document.start_page();
    let mut surface = page.surface();
    if let Some(size) = Size::from_wh(1.0, 1.0) {
        surface.draw_image(image.clone(), size);
    }
    surface.finish();
    page.finish();
    document.finish().map(drop).map_err(|error| error.to_string())
}

/// A letter. All of its texts are plain: nothing in them is markup.
#[derive(Clone, Debug)]
pub struct Letter {
    /// What the file's own id is made of: the same for the same letter, and for no other one.
    pub id: String,
    /// The moment that the file says it was made.
    pub dated: DateTime<Utc>,
    /// The language of the headings (BCP 47), for those who have it read aloud.
    pub language: String,
    /// The title.
    pub title: String,
    /// What stands small below the title.
    pub subtitle: String,
    /// What stands above all following pages: whom the letter is about.
    pub running: String,
    /// What stands below each page, beside its number.
    pub footer: String,
    /// What must be seen before everything else, such as that the letter is to be disregarded.
    pub notice: Option<String>,
    /// The table at the head: about whom, when, by whom.
    pub facts: Vec<Fact>,
    /// The text.
    pub sections: Vec<Section>,
    /// What was added later, the oldest first.
    pub addenda: Vec<Addendum>,
    /// Who signed.
    pub signatures: Vec<Signature>,
    /// What was signed.
    pub seal: Seal,
}

/// A row of the table at the head.
#[derive(Clone, Debug)]
pub struct Fact {
    /// What it is.
    pub label: String,
    /// Its value.
    pub value: String,
}

/// A part of the text.
#[derive(Clone, Debug)]
pub struct Section {
    /// The heading.
    pub heading: String,
    /// The text; an empty line begins a paragraph.
    pub text: String,
    /// Whether it is what most readers look for.
    pub is_chief: bool,
}

/// Something that was added to a letter.
#[derive(Clone, Debug)]
pub struct Addendum {
    /// Who added it, and when.
    pub heading: String,
    /// The text; an empty line begins a paragraph.
    pub text: String,
}

/// A signature.
#[derive(Clone, Debug)]
pub struct Signature {
    /// Who signed.
    pub name: String,
    /// What the signature means, and when it was given.
    pub meaning: String,
    /// By which key, and the like; small.
    pub details: Vec<String>,
}

/// What was signed.
#[derive(Clone, Debug)]
pub struct Seal {
    /// The SHA-256 of what was signed, lower-case hexadecimal: in letters, and as a QR code.
    pub sha256: String,
    /// How somebody verifies it.
    pub note: String,
}

impl Letter {
    /// All of its texts together.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        let heads = [&self.id, &self.language, &self.title, &self.subtitle, &self.running, &self.footer];
        let seal = [&self.seal.sha256, &self.seal.note];
        let facts = self.facts.iter().flat_map(|fact| [&fact.label, &fact.value]);
        let sections = self.sections.iter().flat_map(|section| [&section.heading, &section.text]);
        let addenda = self.addenda.iter().flat_map(|addendum| [&addendum.heading, &addendum.text]);
        let signatures = self.signatures.iter();
        let signatures = signatures.flat_map(|one| [&one.name, &one.meaning].into_iter().chain(&one.details));
        let all = heads.into_iter().chain(seal).chain(&self.notice).chain(facts).chain(sections).chain(addenda);
        all.chain(signatures).map(String::as_str)
    }
}
