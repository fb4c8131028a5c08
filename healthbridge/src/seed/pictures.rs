//! Synthetic images: a bright ellipse in a dark field, as a DICOM file or as a PNG.

const SIDE: u16 = 128;

/// Brightness 0 to 255 of a pixel; the number changes the ellipse.
fn brightness(x: u16, y: u16, number: u64) -> u8 {
    let half = f64::from(SIDE) / 2.0;
    let wide = 30.0 + f64::from(u32::try_from(number % 20).expect("small"));
    let (dx, dy) = ((f64::from(x) - half) / wide, (f64::from(y) - half) / 40.0);
    let distance = dx.mul_add(dx, dy * dy);
    let glow = (1.0 - distance).clamp(0.0, 1.0);
    // In 0 to 255 by its factor and bounds.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped above")]
    let value = (glow * 215.0) as u8;
    value.saturating_add(u8::try_from((u64::from(x) * 7 + u64::from(y) * 13 + number) % 17).expect("small"))
}

fn pixels(number: u64) -> Vec<u8> {
    (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| brightness(x, y, number))).collect()
}

/// A PNG in shades of grey.
pub(crate) fn png(number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, u32::from(SIDE), u32::from(SIDE));
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().expect("memory takes everything");
    writer.write_image_data(&pixels(number)).expect("the size fits");
    writer.finish().expect("memory takes everything");
    bytes
}

/// A CT image as a DICOM Part 10 file in Explicit VR Little Endian.
pub(crate) fn dicom(number: u64, patient_id: &str, modality: &str) -> Vec<u8> {
    let sop_class = "1.2.840.10008.5.1.4.1.1.2";
    let instance = format!("2.25.{}", 1_000_000_000 + number);
    let mut meta = DataSet::default();
    meta.other(0x0002, 0x0001, b"OB", &[0, 1]);
    meta.text(0x0002, 0x0002, b"UI", sop_class);
    meta.text(0x0002, 0x0003, b"UI", &instance);
    meta.text(0x0002, 0x0010, b"UI", "1.2.840.10008.1.2.1");
    meta.text(0x0002, 0x0012, b"UI", "2.25.8675309");
    let mut body = DataSet::default();
    body.text(0x0008, 0x0016, b"UI", sop_class);
    body.text(0x0008, 0x0018, b"UI", &instance);
    body.text(0x0008, 0x0060, b"CS", modality);
    body.text(0x0010, 0x0010, b"PN", "Demo^Patient");
    body.text(0x0010, 0x0020, b"LO", patient_id);
    body.text(0x0020, 0x000D, b"UI", &format!("2.25.{}", 2_000_000_000 + number));
    body.text(0x0020, 0x000E, b"UI", &format!("2.25.{}", 3_000_000_000 + number));
    body.short(0x0028, 0x0002, 1);
    body.text(0x0028, 0x0004, b"CS", "MONOCHROME2");
    body.short(0x0028, 0x0010, SIDE);
    body.short(0x0028, 0x0011, SIDE);
    body.short(0x0028, 0x0100, 16);
    body.short(0x0028, 0x0101, 12);
    body.short(0x0028, 0x0102, 11);
    body.short(0x0028, 0x0103, 0);
    let samples: Vec<u8> = pixels(number).into_iter().flat_map(|pixel| (u16::from(pixel) << 4).to_le_bytes()).collect();
    body.other(0x7FE0, 0x0010, b"OW", &samples);

    let mut file = vec![0; 128];
    file.extend(b"DICM");
    let mut length = DataSet::default();
    let meta_length = u32::try_from(meta.0.len()).expect("small");
    length.element(0x0002, 0x0000, b"UL", &meta_length.to_le_bytes());
    file.extend(length.0);
    file.extend(meta.0);
    file.extend(body.0);
    file
}

/// Data elements in Explicit VR Little Endian (DICOM PS3.5).
#[derive(Default)]
struct DataSet(Vec<u8>);

impl DataSet {
    fn tag(&mut self, group: u16, element: u16, vr: &[u8; 2]) {
        self.0.extend(group.to_le_bytes());
        self.0.extend(element.to_le_bytes());
        self.0.extend(vr);
    }

    fn element(&mut self, group: u16, element: u16, vr: &[u8; 2], value: &[u8]) {
        self.tag(group, element, vr);
        self.0.extend(u16::try_from(value.len()).expect("short").to_le_bytes());
        self.0.extend(value);
    }

    /// Values of these kinds have a longer length.
    fn other(&mut self, group: u16, element: u16, vr: &[u8; 2], value: &[u8]) {
        self.tag(group, element, vr);
        self.0.extend([0, 0]);
        self.0.extend(u32::try_from(value.len()).expect("small").to_le_bytes());
        self.0.extend(value);
    }

    fn text(&mut self, group: u16, element: u16, vr: &[u8; 2], value: &str) {
        let mut value = value.as_bytes().to_vec();
        if value.len() % 2 == 1 {
            value.push(if vr == b"UI" { 0 } else { b' ' });
        }
        self.element(group, element, vr, &value);
    }

    fn short(&mut self, group: u16, element: u16, value: u16) {
        self.element(group, element, b"US", &value.to_le_bytes());
    }
}
