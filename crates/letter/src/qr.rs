use qrcodegen::{QrCode, QrCodeEcc};

/// The dark fields of a QR code (ISO/IEC 18004), with the quiet zone around them that readers need.
pub(crate) struct Code {
    code: QrCode,
}

/// How many light fields are around a code.
const QUIET: i32 = 4;

impl Code {
    /// A text as a code; `None` where it is too long for one.
    pub(crate) fn of(text: &str) -> Option<Self> {
        QrCode::encode_text(text, QrCodeEcc::Medium).ok().map(|code| Self { code })
    }

    /// How many fields a side has, with the quiet zone.
    pub(crate) fn side(&self) -> i32 {
        self.code.size() + 2 * QUIET
    }

    /// The dark fields of each row that follow each other: column, row, how many.
    pub(crate) fn bars(&self) -> Vec<(i32, i32, i32)> {
        let mut bars: Vec<(i32, i32, i32)> = Vec::new();
        for row in 0..self.code.size() {
            for column in (0..self.code.size()).filter(|column| self.code.get_module(*column, row)) {
                match bars.last_mut() {
                    Some((from, at, length)) if *at == row + QUIET && *from + *length == column + QUIET => *length += 1,
                    _ => bars.push((column + QUIET, row + QUIET, 1)),
                }
            }
        }
        bars
    }
}
