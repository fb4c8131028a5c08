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

/// How many first bytes [`inspect`] needs: as far as PDF readers and browsers look for a beginning.
pub const HEADER_LENGTH: u32 = 1024;

/// Where the preamble of a DICOM file ends. What is in it is nobody's business but another program's.
const PREAMBLE: usize = 128;

/// How programs begin, and archives and documents that hold programs.
const BEGINNINGS: [&[u8]; 19] = [
    b"MZ",                               // Windows, DOS
    b"\x7fELF",                          // Linux
    b"\xfe\xed\xfa\xce",                 // Mach-O, 32 bits
    b"\xce\xfa\xed\xfe",                 // the same, the other byte order
    b"\xfe\xed\xfa\xcf",                 // Mach-O, 64 bits
    b"\xcf\xfa\xed\xfe",                 // the same, the other byte order
    b"\xca\xfe\xba\xbe",                 // Mach-O for several processors; Java
    b"\xca\xfe\xba\xbf",                 // the same, 64 bits
    b"\xbe\xba\xfe\xca",                 // the same, the other byte order
    b"#!",                               // scripts
    b"\0asm",                            // WebAssembly
    b"dex\n",                            // Android
    b"L\0\0\0\x01\x14\x02\0",            // Windows shortcuts
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", // older Office documents, Windows installers
    b"{\\rtf",                           // RTF
    b"Rar!",                             // RAR
    b"7z\xbc\xaf\x27\x1c",               // 7-Zip
    b"\x1f\x8b",                         // gzip
    b"BZh",                              // bzip2
];

/// What makes a file something else wherever it stands near the beginning.
const MARKS: [&[u8]; 11] = [
    b"%pdf-",
    b"pk\x03\x04", // ZIP
    b"pk\x05\x06",
    b"<!doctype",
    b"<html",
    b"<head",
    b"<body",
    b"<script",
    b"<svg",
    b"<iframe",
    b"<?php",
];

/// What the first bytes of a file say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A file of the announced type.
    Genuine,
    /// A file of another type.
    OtherType,
    /// A program, a page or a document that pretends to be an image. In the preamble of a DICOM file this is known as an
    /// attack (CVE-2019-11687).
    Program,
}

/// Compares the first bytes of a file with the type that was announced.
pub fn inspect(announced: ContentType, header: &[u8]) -> Finding {
    let is_genuine = match announced {
        ContentType::Dicom => header.get(PREAMBLE..PREAMBLE + 4) == Some(b"DICM"),
        ContentType::Png => header.starts_with(b"\x89PNG\r\n\x1a\n"),
        ContentType::Jpeg => header.starts_with(b"\xff\xd8\xff"),
    };
    // Behind the preamble a DICOM file may hold a PDF, which is a document of the standard.
    let foreign = match announced {
        ContentType::Dicom => &header[..header.len().min(PREAMBLE)],
        ContentType::Png | ContentType::Jpeg => header,
    };
    let is_program = BEGINNINGS.iter().any(|beginning| header.starts_with(beginning)) || has_mark(foreign);
    match (is_genuine, is_program) {
        (_, true) => Finding::Program,
        (true, false) => Finding::Genuine,
        (false, false) => Finding::OtherType,
    }
}

/// Without zeros, which UTF-16 puts between letters, and whatever the case.
fn has_mark(bytes: &[u8]) -> bool {
    let letters: Vec<u8> = bytes.iter().filter(|byte| **byte != 0).map(u8::to_ascii_lowercase).collect();
    MARKS.iter().any(|mark| letters.windows(mark.len()).any(|window| window == *mark))
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
    fn programs_pages_documents_and_archives_in_a_dicom_preamble_are_found() {
        let attacks: [&[u8]; 14] = [
            b"MZ\x90",
            b"\x7fELF",
            b"\xcf\xfa\xed\xfe",
            b"\xca\xfe\xba\xbe",
            b"#!/bin/sh",
            b"%PDF-1.7",
            b"\n\n%PDF-1.7",
            b"PK\x03\x04",
            b"\0\0PK\x05\x06",
            b"<!DOCTYPE html>",
            b"<!-- --><Html>",
            b"  <SCRIPT>",
            b"<\0s\0v\0g\0",
            b"\x1f\x8b\x08",
        ];
        for attack in attacks {
            assert_eq!(inspect(ContentType::Dicom, &dicom(attack)), Finding::Program, "{attack:?}");
        }
    }

    #[test]
    fn what_a_browser_or_a_pdf_reader_would_find_in_a_picture_is_found() {
        for mark in [b"<script>alert(1)</script>".as_slice(), b"%PDF-1.4", b"<!doctype html>"] {
            for (kind, magic) in
                [(ContentType::Png, b"\x89PNG\r\n\x1a\n".as_slice()), (ContentType::Jpeg, b"\xff\xd8\xff\xfe")]
            {
                assert_eq!(inspect(kind, &[magic, &[1; 100], mark].concat()), Finding::Program, "{mark:?}");
            }
        }
    }

    #[test]
    fn a_pdf_that_dicom_encapsulates_is_genuine() {
        assert_eq!(
            inspect(ContentType::Dicom, &[dicom(b""), b"\x02\0\0\0 %PDF-1.7".to_vec()].concat()),
            Finding::Genuine
        );
    }
}
