//! A PDF, read by another library than the one that wrote it.

use lopdf::{Document, Object, content::Content};

pub struct File(Document);

impl File {
    pub fn read(pdf: &[u8]) -> Self {
        Self(Document::load_mem(pdf).expect("a PDF"))
    }

    /// The text of each page.
    pub fn pages(&self) -> Vec<String> {
        let pages = self.0.get_pages();
        pages.keys().map(|page| self.0.extract_text(&[*page]).expect("text")).collect()
    }

    /// The words of all pages, each parted by one space.
    pub fn words(&self) -> String {
        let text = self.pages().join(" ");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// What it says of itself (XMP).
    pub fn metadata(&self) -> String {
        let metadata = self.0.catalog().and_then(|catalog| catalog.get(b"Metadata")).and_then(Object::as_reference);
        let stream = self.0.get_object(metadata.expect("metadata")).and_then(Object::as_stream).expect("a stream");
        let bytes = stream.decompressed_content().unwrap_or_else(|_| stream.content.clone());
        String::from_utf8(bytes).expect("UTF-8")
    }

    /// Whether the catalogue has it.
    pub fn has(&self, key: &str) -> bool {
        self.0.catalog().expect("a catalogue").has(key.as_bytes())
    }

    /// The names of the fonts, and whether each is in the file.
    pub fn fonts(&self) -> Vec<(String, bool)> {
        let descriptors = self.0.objects.values().filter_map(|object| object.as_dict().ok());
        let descriptors = descriptors.filter(|dictionary| dictionary.has_type(b"FontDescriptor"));
        let of = |dictionary: &lopdf::Dictionary| {
            let name = dictionary.get(b"FontName").and_then(Object::as_name).expect("a name");
            let is_embedded = [&b"FontFile2"[..], b"FontFile3"].iter().any(|key| dictionary.has(key));
            (String::from_utf8_lossy(name).into_owned(), is_embedded)
        };
        descriptors.map(of).collect()
    }

    fn operations(&self, page: usize) -> Vec<(String, Vec<f32>)> {
        let id = *self.0.get_pages().values().nth(page).expect("a page");
        let content = Content::decode(&self.0.get_page_content(id)).expect("operations");
        let numbers = |operands: &[Object]| operands.iter().filter_map(|one| one.as_float().ok()).collect();
        content.operations.into_iter().map(|one| (one.operator, numbers(&one.operands))).collect()
    }

    /// Where text begins, from the left.
    pub fn begins(&self) -> Vec<f32> {
        let pages = 0..self.0.get_pages().len();
        let all = pages.flat_map(|page| self.operations(page));
        all.filter(|(operator, _)| operator == "Tm").map(|(_, numbers)| numbers[4]).collect()
    }

    /// What the QR code of a page says: its bars are painted, and read as a camera would.
    pub fn code(&self, page: usize) -> String {
        const SCALE: f32 = 4.0;
        let (width, height) = (2_400, 3_400);
        let mut pixels = vec![255_u8; width * height];
        let operations = self.operations(page);
        // The one path of many rectangles.
        let is_path = |operator: &str| matches!(operator, "m" | "l" | "h" | "re");
        let parts = operations.split(|(operator, _)| !is_path(operator));
        let path = parts.max_by_key(|part| part.len()).expect("a path");
        for corners in path.split(|(operator, _)| operator == "h").filter(|corners| corners.len() >= 4) {
            let bound = |place: usize, most: fn(f32, f32) -> f32| {
                corners.iter().map(|(_, numbers)| numbers[place]).reduce(most).expect("a number") * SCALE
            };
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place on a page")]
            let at = |number: f32| number.round() as usize;
            for row in at(bound(1, f32::min))..at(bound(1, f32::max)) {
                for column in at(bound(0, f32::min))..at(bound(0, f32::max)) {
                    pixels[row * width + column] = 0;
                }
            }
        }
        let mut picture = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| pixels[y * width + x]);
        let found = picture.detect_grids();
        let (_, text) = found.first().expect("a code").decode().expect("text");
        text
    }
}
