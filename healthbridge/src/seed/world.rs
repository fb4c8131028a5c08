//! The made-up hospital: who there is, what was done and what it costs, from numbers alone.

use chrono::{DateTime, Duration, NaiveDate, TimeZone, Utc};
use healthbridge_billing::domain::{Billing, Price, Recorded};
use healthbridge_billing::seed::Payment;
use healthbridge_diagnosis::domain::{Report, ReportPriority, ReportStatus};
use healthbridge_patients::domain::{Mrn, Patient, Staff, StaffProfession};
use healthbridge_terms::{
    Address, AdministrativeGender, Coding, ContactPoint, ContactSystem, CurrencyCode, HumanName, Money, NameUse,
};
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

const FAMILIES: [&str; 24] = [
    "Adeyemi",
    "Bauer",
    "Chen",
    "Dubois",
    "Eriksson",
    "Fernández",
    "Garcia",
    "Haddad",
    "Ivanova",
    "Jansen",
    "Kowalski",
    "Lindqvist",
    "Müller",
    "Nguyen",
    "Okafor",
    "Petrov",
    "Quispe",
    "Rossi",
    "Schmidt",
    "Tanaka",
    "Ueda",
    "Vargas",
    "Weber",
    "Yılmaz",
];

const GIVEN: [&str; 20] = [
    "Amara",
    "Björn",
    "Carla",
    "Daniel",
    "Elif",
    "Farid",
    "Grace",
    "Hiro",
    "Ines",
    "Jonas",
    "Katarzyna",
    "Liam",
    "Mei",
    "Noah",
    "Olga",
    "Paulo",
    "Rosa",
    "Samir",
    "Théa",
    "Viktor",
];

const FINDINGS: [(&str, &str); 5] = [
    ("The lungs are clear. No effusion. The heart is of normal size.", "No acute cardiopulmonary disease."),
    ("Consolidation in the right lower lobe with air bronchograms.", "Right lower lobe pneumonia."),
    ("No fracture. Joint spaces are preserved.", "No acute osseous injury."),
    ("A 6 mm nodule in the left upper lobe.", "Small pulmonary nodule; follow-up CT in 6 months."),
    ("Mild degenerative change at L4/L5 without stenosis.", "Mild lumbar spondylosis."),
];

const SERVICES: [(&str, i64); 4] = [
    ("CT of the chest", 41_250),
    ("Radiograph of the chest, two views", 8_490),
    ("Ultrasound of the abdomen", 15_300),
    ("Consultation", 9_900),
];

/// A number that looks random and is the same at every run.
fn pick(what: &str, number: u64) -> u64 {
    let digest = Sha256::digest(format!("{what}/{number}").as_bytes());
    u64::from_be_bytes(digest[..8].try_into().expect("eight bytes"))
}

fn choose<T: Copy>(from: &[T], what: &str, number: u64) -> T {
    let index = pick(what, number) % from.len() as u64;
    from[usize::try_from(index).expect("an index")]
}

/// The hospital's first day.
pub(crate) fn opening() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 5, 8, 0, 0).single().expect("a moment")
}

/// The moment of the n-th object of a kind.
pub(crate) fn moment(number: u64) -> DateTime<Utc> {
    opening() + Duration::minutes(i64::try_from(number % 400_000).expect("small"))
}

/// The UUIDv7 of the n-th object of a kind.
pub(crate) fn id(kind: &str, number: u64) -> Uuid {
    let millis = u64::try_from(moment(number).timestamp_millis()).expect("after 1970");
    let digest = Sha256::digest(format!("{kind}/{number}").as_bytes());
    let random: [u8; 10] = digest[..10].try_into().expect("ten bytes");
    Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

fn name(number: u64) -> HumanName {
    HumanName {
        name_use: NameUse::Official,
        family: choose(&FAMILIES, "family", number).to_owned(),
        given: vec![choose(&GIVEN, "given", number).to_owned()],
        prefix: Vec::new(),
        suffix: Vec::new(),
    }
}

/// The n-th patient; `serial` is the number in the record number.
pub(crate) fn patient(kind: &str, number: u64, serial: u32) -> Patient {
    let born = NaiveDate::from_ymd_opt(1935, 1, 1).expect("a day")
        + Duration::days(i64::try_from(pick("born", number) % 32_000).expect("small"));
    let at = moment(number);
    let genders = [
        AdministrativeGender::Female,
        AdministrativeGender::Male,
        AdministrativeGender::Female,
        AdministrativeGender::Male,
        AdministrativeGender::Other,
    ];
    Patient {
        id: id(kind, number),
        mrn: Mrn::from_serial(serial).expect("eight digits"),
        active: true,
        name: name(number),
        gender: choose(&genders, "gender", number),
        birth_date: Some(born),
        deceased_at: None,
        telecom: vec![ContactPoint {
            system: ContactSystem::Phone,
            value: format!("+1-555-{:04}", pick("phone", number) % 10_000),
            rank: Some(1),
        }],
        addresses: vec![Address {
            line: vec![format!("{} Elm Street", 1 + pick("house", number) % 200)],
            city: Some("Springfield".to_owned()),
            district: None,
            state: None,
            postal_code: Some(format!("{:05}", pick("zip", number) % 100_000)),
            country: Some("US".to_owned()),
        }],
        identifiers: Vec::new(),
        conditions: Vec::new(),
        general_practitioner_id: Some(id("staff", 0)),
        created_at: at,
        updated_at: at,
        version: 1,
    }
}

/// The hospital's staff: a physician, a radiologist and a clerk.
pub(crate) fn staff() -> Vec<Staff> {
    let professions = [StaffProfession::Physician, StaffProfession::Radiologist, StaffProfession::BillingClerk];
    let member = |(number, profession)| Staff {
        id: id("staff", number),
        name: HumanName { prefix: vec!["Dr.".to_owned()], ..name(1000 + number) },
        profession,
        specialty: None,
        licence_number: None,
        department: Some("Radiology".to_owned()),
        active: true,
        created_at: opening(),
        updated_at: opening(),
        version: 1,
    };
    (0..).zip(professions).map(member).collect()
}

/// The n-th report, about a patient and images.
pub(crate) fn report(kind: &str, number: u64, patient_id: Uuid, image_ids: Vec<Uuid>) -> Report {
    let states = [
        ReportStatus::Final,
        ReportStatus::Preliminary,
        ReportStatus::Registered,
        ReportStatus::Final,
        ReportStatus::Amended,
    ];
    let status = choose(&states, "status", number);
    let (findings, impression) = choose(&FINDINGS, "findings", number);
    let has_text = status != ReportStatus::Registered;
    let at = moment(number);
    Report {
        id: id(kind, number),
        patient_id,
        status,
        priority: choose(
            &[ReportPriority::Routine, ReportPriority::Routine, ReportPriority::Urgent, ReportPriority::Stat],
            "priority",
            number,
        ),
        code: Some(Coding {
            system: "http://loinc.org".to_owned(),
            code: "24627-2".to_owned(),
            display: Some("CT Chest".to_owned()),
            version: None,
        }),
        conclusion_codes: Vec::new(),
        clinical_history: Some("Cough for two weeks.".to_owned()),
        technique: has_text.then(|| "CT of the chest without contrast.".to_owned()),
        findings: has_text.then(|| findings.to_owned()),
        impression: has_text.then(|| impression.to_owned()),
        critical: false,
        author_id: id("staff", 1),
        order_id: None,
        assignee_id: None,
        image_ids,
        issued_at: status.is_released().then(|| at + Duration::hours(4)),
        created_at: at,
        updated_at: at + Duration::hours(4),
        version: 1,
    }
}

/// The n-th billing; every third is in euros.
pub(crate) fn billing(kind: &str, number: u64, patient_id: Uuid, clerk: Uuid) -> Billing {
    let code = if number % 3 == 2 { "EUR" } else { "USD" };
    let currency: CurrencyCode = code.parse().expect("a currency");
    let (description, cents) = choose(&SERVICES, "service", number);
    let unit_price = Money::new(Decimal::new(cents, 2), currency).expect("two decimals");
    let at = moment(number);
    let price = Price::compute(unit_price, Decimal::ONE, &[]).expect("one of a price is that price");
    let recorded = Recorded { by: clerk, at };
    let billing = Billing::new(patient_id, description.to_owned(), Decimal::ONE, unit_price, price, at, recorded);
    Billing { id: id(kind, number), ..billing }
}

/// The payment of a billing: every second one is paid, half of those in part.
pub(crate) fn payment(kind: &str, number: u64, billing: &Billing) -> Option<Payment> {
    let amount = match pick("paid", number) % 4 {
        0 => billing.price.net,
        1 => billing.price.net.times(Decimal::new(5, 1)).ok()?,
        _ => return None,
    };
    Some(Payment {
        id: id(kind, number),
        billing_id: billing.id,
        amount,
        recorded_by: billing.created_by,
        recorded_at: billing.created_at + Duration::days(3),
    })
}
