use strum::{EnumString, IntoStaticStr};

/// The media types that are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
pub enum ContentType {
    /// DICOM Part 10.
    #[strum(serialize = "application/dicom")]
    Dicom,
    /// PNG.
    #[strum(serialize = "image/png")]
    Png,
    /// JPEG.
    #[strum(serialize = "image/jpeg")]
    Jpeg,
}

/// How many first bytes [`inspect`] needs.
pub const HEADER_LENGTH: u32 = 132;

/// What the first bytes of a file say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A file of the announced type.
    Genuine,
    /// A file of another type.
    OtherType,
    /// A program in the preamble of a DICOM file, which is known as an attack (CVE-2019-11687).
    Program,
}

/// Compares the first bytes of a file with the type that was announced.
pub fn inspect(announced: ContentType, header: &[u8]) -> Finding {
    let is_genuine = match announced {
        ContentType::Dicom => header.get(128..132) == Some(b"DICM"),
        ContentType::Png => header.starts_with(b"\x89PNG\r\n\x1a\n"),
        ContentType::Jpeg => header.starts_with(b"\xff\xd8\xff"),
    };
    let is_program = header.starts_with(b"MZ") || header.starts_with(b"\x7fELF") || header.starts_with(b"#!");
    match (is_genuine, is_program) {
        (_, true) => Finding::Program,
        (true, false) => Finding::Genuine,
        (false, false) => Finding::OtherType,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dicom(preamble: &[u8]) -> Vec<u8> {
        let mut file = preamble.to_vec();
        file.resize(128, 0);
        file.extend(b"DICM");
        file
    }

    #[test]
    fn a_file_is_what_its_first_bytes_say() {
        assert_eq!(inspect(ContentType::Dicom, &dicom(b"")), Finding::Genuine);
        assert_eq!(inspect(ContentType::Dicom, &dicom(b"II*\0")), Finding::Genuine);
        assert_eq!(inspect(ContentType::Png, &dicom(b"")), Finding::OtherType);
        assert_eq!(inspect(ContentType::Jpeg, b"\xff\xd8\xff\xe0"), Finding::Genuine);
        assert_eq!(inspect(ContentType::Png, b""), Finding::OtherType);
    }

    #[test]
    fn a_program_in_a_dicom_preamble_is_found() {
        assert_eq!(inspect(ContentType::Dicom, &dicom(b"MZ\x90")), Finding::Program);
        assert_eq!(inspect(ContentType::Dicom, &dicom(b"\x7fELF")), Finding::Program);
    }
}
