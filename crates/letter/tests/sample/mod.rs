//! Letters for tests and pictures.

use healthbridge_letter::{Addendum, Fact, Letter, Letterhead, Logo, Seal, Section, Signature};

pub const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

pub fn letterhead() -> Letterhead {
    Letterhead {
        name: "St. Brigid's Hospital".to_owned(),
        lines: [
            "Department of Radiology",
            "12 Harbour Road, Galway H91 ABC1",
            "+353 91 555 0100 · radiology@example.org",
        ]
        .map(str::to_owned)
        .to_vec(),
        logo: Some(Logo::read(sign()).expect("a picture")),
    }
}

/// A white cross on a blue disc, as PNG.
pub fn sign() -> Vec<u8> {
    const SIDE: i32 = 168;
    let pixel = |place: i32| {
        let (x, y) = ((place % SIDE - SIDE / 2).abs(), (place / SIDE - SIDE / 2).abs());
        let (is_cross, is_disc) = (x.min(y) < 15 && x.max(y) < 50, x * x + y * y < SIDE * SIDE / 4);
        if is_disc && !is_cross { [16, 62, 104] } else { [255; 3] }
    };
    let pixels: Vec<u8> = (0..SIDE * SIDE).flat_map(pixel).collect();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 168, 168);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&pixels).expect("pixels");
    writer.finish().expect("an end");
    file
}

fn fact(label: &str, value: &str) -> Fact {
    Fact { label: label.to_owned(), value: value.to_owned() }
}

pub fn section(heading: &str, text: &str) -> Section {
    Section { heading: heading.to_owned(), text: text.to_owned(), is_chief: heading == "Impression" }
}

/// A report of radiology with an addendum.
pub fn letter() -> Letter {
    Letter {
        id: "0199b0a4-7c1e-7a30-8a44-0c1f5a6f2b11/2".to_owned(),
        dated: "2026-03-02T10:41:00Z".parse().expect("a moment"),
        language: "en".to_owned(),
        title: "CT Chest with contrast".to_owned(),
        subtitle: "Report 0199b0a4-7c1e-7a30-8a44-0c1f5a6f2b11 · version 2 · APPENDED".to_owned(),
        running: "Aoife Brennan · born 1968-04-17 · MRN 100482".to_owned(),
        footer: "Report 0199b0a4-7c1e-7a30-8a44-0c1f5a6f2b11 · version 2".to_owned(),
        notice: None,
        facts: vec![
            fact("Patient", "Aoife Brennan"),
            fact("Record number", "100482"),
            fact("Born", "1968-04-17"),
            fact("Sex", "female"),
            fact("Status", "APPENDED"),
            fact("Released", "2026-03-02 09:58 UTC"),
            fact("Author", "Dr. Tomás Ó Conaill"),
            fact("Priority", "URGENT"),
        ],
        sections: vec![
            section("Clinical history", "Cough for six weeks, weight loss of 4 kg. Former smoker, 30 pack-years."),
            section("Technique", "Helical CT from the thoracic inlet to the adrenal glands after 80 ml of iodinated contrast, 1.0 mm."),
            section(
                "Findings",
                "There is a spiculated nodule of 14 × 11 mm in the apical segment of the right upper lobe (series 3, image \
                 48), which was not there in the examination of 2023-11-09. No calcification, no cavitation.\n\nNo enlarged \
                 lymph nodes: the largest one, right paratracheal (4R), has a short axis of 7 mm. The trachea and the main \
                 bronchi are patent.\n\nNo pleural or pericardial effusion. The heart is of normal size. The adrenal glands \
                 and the visible part of the liver are unremarkable. No destructive lesion of bone.",
            ),
            section(
                "Impression",
                "1. New spiculated nodule of 14 mm in the right upper lobe, suspicious of a primary malignancy of the lung.\n\
                 2. No enlarged lymph nodes, no effusion.\n\
                 3. Discussion in the multidisciplinary meeting and PET-CT are recommended.",
            ),
            section("Conclusion in codes", "R91.1 Solitary pulmonary nodule (ICD-10-CM)"),
        ],
        addenda: vec![Addendum {
            heading: "Dr. Tomás Ó Conaill · 2026-03-02 10:41 UTC".to_owned(),
            text: "The nodule was compared with the outside examination of 2025-08-21, which has arrived since: it measured \
                   6 mm then. The volume doubling time is about 90 days.\nThe referring doctor was called at 10:35."
                .to_owned(),
        }],
        signatures: vec![
            signature("Dr. Tomás Ó Conaill", "Verification, 2026-03-02 09:58 UTC"),
            signature("Dr. Tomás Ó Conaill", "Addendum, 2026-03-02 10:41 UTC"),
        ],
        seal: seal(HASH),
    }
}

pub fn seal(sha256: &str) -> Seal {
    let note =
        "Whoever has the report in its signed form verifies it by `healthbridge report verify` and the published keys.";
    Seal { sha256: sha256.to_owned(), note: note.to_owned() }
}

fn signature(name: &str, meaning: &str) -> Signature {
    let details = vec!["Ed25519, key 3f1c9a52d4e07b68".to_owned()];
    Signature { name: name.to_owned(), meaning: meaning.to_owned(), details }
}

/// Names as people have them.
pub const NAMES: &[(&str, &str)] = &[
    ("Latin", "Łukasz Nguyễn-Åström"),
    ("Greek", "Ελένη Παπαδοπούλου"),
    ("Cyrillic", "Олександра Шевченко"),
    ("Arabic", "فاطمة الزهراء بنت محمد"),
    ("Persian", "محمدرضا می‌خواهم"),
    ("Hebrew", "יעל בן־דוד"),
    ("Devanagari", "प्रियंका श्रीवास्तव"),
    ("Bengali", "রবীন্দ্রনাথ ঠাকুর"),
    ("Tamil", "முத்துலட்சுமி"),
    ("Telugu", "వెంకటేశ్వర్లు"),
    ("Thai", "สมชาย ใจดี"),
    ("Chinese", "王小明"),
    ("Japanese", "さくら 髙橋"),
    ("Korean", "김민수"),
    ("Georgian", "ნინო ბერიძე"),
    ("Armenian", "Արմեն Պետրոսյան"),
    ("Ethiopic", "አበበ ቢቂላ"),
    ("Khmer", "សុខ សុភា"),
    ("Myanmar", "အောင်ဆန်း"),
    ("Sinhala", "නිමල් පෙරේරා"),
];

/// A letter with names of many scripts.
pub fn scripts() -> Letter {
    let facts = NAMES.iter().map(|(script, name)| fact(script, name)).collect();
    let sections = vec![
        section("Clinical history", "Paragraphs take the direction of their first letter, numbers keep theirs."),
        section(
            "Findings",
            "العقدة الرئوية في الفص العلوي الأيمن بقياس 14 × 11 mm، ولم تكن موجودة في فحص 2023-11-09.\n\n\
             בריאה הימנית נראית קשרית בגודל 14 mm, שלא נראתה בבדיקה הקודמת (CT 2023).\n\n\
             右肺上叶见一大小约14 mm×11 mm的毛刺状结节，较2023年11月9日检查为新发。未见肿大淋巴结。\n\n\
             右肺上葉に14 mm大の結節を認める。縦隔リンパ節の腫大は認めない。胸水なし。\n\n\
             우상엽에 14 mm 크기의 결절이 새로 관찰됩니다. 림프절 비대는 없습니다.\n\n\
             दाएँ फेफड़े के ऊपरी भाग में 14 मिमी की गाँठ है।\n\n\
             พบก้อนขนาด 14 มม. ที่ปอดกลีบบนขวา ไม่พบต่อมน้ำเหลืองโต",
        ),
        section("Impression", "Нове вогнище 14 mm. Νέος όζος 14 mm. New nodule of 14 mm."),
    ];
    Letter {
        title: "Names and texts of many scripts".to_owned(),
        running: "فاطمة الزهراء · 王小明 · Олександра".to_owned(),
        facts,
        sections,
        addenda: Vec::new(),
        signatures: vec![signature("د. ليلى حداد", "Verification, 2026-03-02 09:58 UTC")],
        ..letter()
    }
}
