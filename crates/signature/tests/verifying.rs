//! Signing and verifying, as somebody does who has the file and the published keys.

use std::{fs, sync::LazyLock};

use chrono::{DateTime, Duration, Utc};
use healthbridge_signature::{
    Digest, Flaw, KeyError, Meaning, PublicKeys, Refused, Signature, SignedReport, SignedStatement, Signers, Statement,
    Unreadable, verify,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

fn noon() -> DateTime<Utc> {
    "2026-01-01T12:00:00.123456789Z".parse().expect("a time")
}

fn content() -> Value {
    json!({
        "patientId": Uuid::from_u128(7), "status": "FINAL", "critical": false,
        "findings": "No \"pneumothorax\".\nNodule of 6 mm,\tright — 右上葉.", "impression": "Follow-up in 12 months",
        "conclusionCodes": [{ "system": "http://hl7.org/fhir/sid/icd-10", "code": "R91.1" }], "technique": null,
    })
}

fn statement(content: &Value) -> Statement {
    Statement {
        report_id: Uuid::from_u128(0x0198_aaaa_bbbb_7ccc_8ddd_eeee_ffff_0001),
        version: 2,
        content_sha256: Digest::of_content(content).expect("canonical"),
        signer: Uuid::from_u128(0x0198_aaaa_bbbb_7ccc_8ddd_eeee_ffff_0002),
        meaning: Meaning::Verification,
        signed_at: noon(),
    }
}

fn signed(signers: &Signers, statement: Statement) -> SignedStatement {
    SignedStatement { signed: signers.sign(&statement, noon()), statement }
}

fn export(signers: &Signers) -> SignedReport {
    let statement = statement(&content());
    let (id, version) = (statement.report_id, statement.version);
    SignedReport::new(id, version, &content(), vec![signed(signers, statement)]).expect("canonical")
}

static SIGNERS: LazyLock<Signers> = LazyLock::new(|| Signers::generate().expect("a key"));

fn keys(signers: &Signers) -> PublicKeys {
    PublicKeys::from_jwks(signers.jwks().to_string().as_bytes()).expect("a key set")
}

#[test]
fn what_is_signed_has_a_form_that_never_changes() {
    let text = String::from_utf8(statement(&content()).bytes()).expect("text");
    let wanted = concat!(
        "healthbridge report statement 1\0",
        r#"{"contentSha256":"9c0a","meaning":"VERIFICATION","reportId":"0198aaaa-bbbb-7ccc-8ddd-eeeeffff0001","#,
        r#""signedAt":"2026-01-01T12:00:00.123456Z","signer":"0198aaaa-bbbb-7ccc-8ddd-eeeeffff0002","version":2}"#
    );
    let digest = Digest::of_content(&content()).expect("canonical").to_string();
    assert_eq!(text, wanted.replace("9c0a", &digest));
}

#[test]
fn an_exported_file_is_verified_by_the_key_set_alone() {
    let file = export(&SIGNERS).to_text().expect("canonical");
    let read = SignedReport::read(file.as_bytes()).expect("read");
    let verdict = read.verify(&keys(&SIGNERS));
    assert!(verdict.is_valid(), "{verdict:?}");
    assert_eq!(read.to_text().expect("canonical"), file);
    let pretty = serde_json::to_string_pretty(&read).expect("JSON");
    let read = SignedReport::read(format!("\n{pretty}\n").as_bytes()).expect("white space and order count for nothing");
    assert!(read.verify(&keys(&SIGNERS)).is_valid());
}

#[test]
fn what_a_database_keeps_of_a_time_is_what_was_signed() {
    let statement = statement(&content());
    let kept = DateTime::from_timestamp_micros(statement.signed_at.timestamp_micros()).expect("a time");
    let signature = SIGNERS.sign(&statement, noon());
    assert_ne!(kept, statement.signed_at);
    assert_eq!(verify(&keys(&SIGNERS), &Statement { signed_at: kept, ..statement }, &signature), Ok(()));
}

#[test]
fn a_signature_holds_after_any_number_of_rotations() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("reports.pem");
    let statement = statement(&content());
    let hours = |hours| noon() + Duration::hours(hours);
    let signature = Signers::open_or_create(&file).expect("made").sign(&statement, hours(0));
    for hour in 1..4 {
        Signers::rotate(&file, hours(hour), hours(hour) - Duration::minutes(2)).expect("rotated");
        let early = Signers::rotate(&file, hours(hour), hours(hour) - Duration::minutes(1));
        assert!(matches!(early, Err(KeyError::Rotating)));
    }
    let signers = Signers::open_or_create(&file).expect("read");
    assert_eq!(verify(&signers.public_keys(), &statement, &signature), Ok(()));
    assert_eq!(signers.jwks()["keys"].as_array().map(Vec::len), Some(4));
    assert_ne!(signers.sign(&statement, hours(4)).key_id, signature.key_id);
    let private = fs::read_to_string(&file).expect("the file").matches("BEGIN PRIVATE KEY").count();
    assert_eq!(private, 2, "the one that signs, and the one before it until the next rotation");
}

#[test]
fn another_report_version_content_or_key_is_refused_by_its_name() {
    let good = export(&SIGNERS);
    let flaw = |change: &dyn Fn(&mut SignedReport)| {
        let mut changed = good.clone();
        change(&mut changed);
        let read = SignedReport::read(changed.to_text().expect("canonical").as_bytes()).expect("read");
        let verdict = read.verify(&keys(&SIGNERS));
        assert!(!verdict.is_valid());
        (verdict.content.err(), verdict.signatures.into_iter().filter_map(Result::err).collect::<Vec<_>>())
    };
    let other = Uuid::from_u128(9);
    assert_eq!(flaw(&|file| file.report_id = other), (None, vec![Flaw::OtherReport(good.report_id)]));
    assert_eq!(flaw(&|file| file.version = 3), (None, vec![Flaw::OtherVersion(2)]));
    assert_eq!(flaw(&|file| file.signatures.clear()), (Some(Flaw::Unsigned), vec![]));
    let changed = |file: &mut SignedReport| file.content["findings"] = "Nothing".into();
    assert_eq!(flaw(&changed), (Some(Flaw::Content), vec![Flaw::OtherContent]));
    let with_its_digest = |file: &mut SignedReport| {
        changed(file);
        file.content_sha256 = Digest::of_content(&file.content).expect("canonical");
    };
    assert_eq!(flaw(&with_its_digest), (None, vec![Flaw::OtherContent]));
    let with_its_statement = |file: &mut SignedReport| {
        with_its_digest(file);
        file.signatures[0].statement.content_sha256 = file.content_sha256;
    };
    let forged = || vec![Flaw::Signature(Refused::Forged)];
    assert_eq!(flaw(&with_its_statement), (None, forged()));
    assert_eq!(flaw(&|file| file.signatures[0].statement.signer = other), (None, forged()));
    assert_eq!(flaw(&|file| file.signatures[0].statement.meaning = Meaning::Authorship), (None, forged()));
    assert_eq!(flaw(&|file| file.signatures[0].statement.signed_at += Duration::microseconds(1)), (None, forged()));
    let stranger = Signers::generate().expect("a key");
    let by_stranger = |file: &mut SignedReport| {
        file.signatures[0].signed = stranger.sign(&file.signatures[0].statement, noon());
    };
    let unknown = stranger.sign(&good.signatures[0].statement, noon()).key_id;
    assert_eq!(flaw(&by_stranger), (None, vec![Flaw::Signature(Refused::UnknownKey(unknown))]));
    let in_its_name = |file: &mut SignedReport| {
        let known = file.signatures[0].signed.key_id.clone();
        by_stranger(file);
        file.signatures[0].signed.key_id = known;
    };
    assert_eq!(flaw(&in_its_name), (None, forged()));
    let beside = |file: &mut SignedReport| {
        file.signatures.push(SignedStatement {
            signed: Signature { signature: String::new(), ..file.signatures[0].signed.clone() },
            ..file.signatures[0].clone()
        });
    };
    assert_eq!(flaw(&beside), (None, vec![Flaw::Signature(Refused::Malformed)]), "one bad one beside a good one");
}

#[test]
fn a_statement_of_another_version_stays_one_of_that_version() {
    let first = statement(&content());
    let mut later = content();
    later["findings"] = "Nodule of 9 mm".into();
    let second = Statement { version: 3, ..statement(&later) };
    let signatures = vec![signed(&SIGNERS, first.clone()), signed(&SIGNERS, second)];
    let file = SignedReport::new(first.report_id, 3, &later, signatures).expect("canonical");
    let verdict = file.verify(&keys(&SIGNERS));
    assert_eq!(verdict.signatures, [Err(Flaw::OtherVersion(2)), Ok(())]);
    assert!(!verdict.is_valid());
}

#[test]
fn what_two_programs_could_read_differently_is_no_signed_report() {
    let good = export(&SIGNERS).to_text().expect("canonical");
    let with = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    let upper = good.replace("0198aaaa-bbbb-7ccc-8ddd-eeeeffff0001", "0198AAAA-BBBB-7CCC-8DDD-EEEEFFFF0001");
    let files = [
        ("something behind its end", format!("{good} {{}}")),
        ("a name twice", with(r#""status":"FINAL""#, r#""status":"FINAL","status":"AMENDED""#)),
        ("a name twice, once escaped", with(r#""status":"FINAL""#, r#""status":"FINAL","st\u0061tus":"AMENDED""#)),
        ("a field of the file twice", with(r#""version":2"#, r#""version":2,"version":3"#)),
        ("a name that is not known", with(r#""format""#, r#""note":1,"format""#)),
        ("another format", with("report-1", "report-2")),
        ("an id in upper case", upper),
        ("a time in another form", with("12:00:00.123456Z", "12:00:00.123456+00:00")),
        ("a time with more digits", with("12:00:00.123456Z", "12:00:00.123456000Z")),
        ("a version that is no whole number", with(r#""version":2"#, r#""version":2.0"#)),
        ("half a character", with("右", r"\ud83d")),
        ("a byte order mark", format!("\u{feff}{good}")),
        ("nothing", String::new()),
        ("an end that is missing", good[..good.len() - 1].to_owned()),
        ("more nesting than anybody reads", format!("{}{}", "[".repeat(100_000), "]".repeat(100_000))),
    ];
    for (what, file) in files {
        assert!(SignedReport::read(file.as_bytes()).is_err(), "{what}");
    }
    assert!(matches!(SignedReport::read(&vec![b' '; 17 << 20]), Err(Unreadable::TooLarge)));
    // A number that is no whole one is read, and is no content that anybody could have signed.
    let file = SignedReport::read(with(r#""critical":false"#, r#""critical":0.5"#).as_bytes()).expect("read");
    assert_eq!(file.verify(&keys(&SIGNERS)).content, Err(Flaw::Content));
}

#[test]
fn a_key_set_without_a_key_for_reports_is_none() {
    for text in ["", "{}", "[]", r#"{"keys":{}}"#, r#"{"keys":[]}"#, r#"{"keys":[{"kty":"RSA","kid":"a"}]}"#] {
        assert!(PublicKeys::from_jwks(text.as_bytes()).is_err(), "{text}");
    }
    let mut renamed = SIGNERS.jwks();
    renamed["keys"][0]["kid"] = "mine".into();
    assert!(PublicKeys::from_jwks(renamed.to_string().as_bytes()).is_err(), "no key goes by another name");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// A bit of the file: it is no signed report any more, or not a valid one, or it says the same (`\u001f`, `\u001F`).
    #[test]
    fn a_bit_of_the_file_that_was_changed_is_found(place in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let good = export(&SIGNERS);
        let mut bytes = good.to_text().expect("canonical").into_bytes();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        if let Ok(read) = SignedReport::read(&bytes) {
            prop_assert!(read == good || !read.verify(&keys(&SIGNERS)).is_valid());
        }
    }

    #[test]
    fn a_bit_of_the_statement_that_was_changed_is_found(
        field in 0_u8..6, bit in 0_u32..128, meaning in prop::sample::select(vec![
            Meaning::Authorship, Meaning::Cosignature, Meaning::Addendum, Meaning::Amendment,
        ]),
    ) {
        let given = statement(&content());
        let signature = SIGNERS.sign(&given, noon());
        let mut changed = given.clone();
        match field {
            0 => changed.report_id = Uuid::from_u128(given.report_id.as_u128() ^ (1 << bit)),
            1 => changed.version ^= 1 << (bit % 32),
            2 => {
                let mut digest = *given.content_sha256.bytes();
                digest[bit as usize / 4] ^= 1 << (bit % 8);
                changed.content_sha256 = Digest::try_from(&digest[..]).expect("a digest");
            }
            3 => changed.signer = Uuid::from_u128(given.signer.as_u128() ^ (1 << bit)),
            4 => changed.meaning = meaning,
            _ => {
                let moment = given.signed_at.timestamp_micros() ^ (1 << (bit % 50));
                changed.signed_at = DateTime::from_timestamp_micros(moment).expect("a time");
            }
        }
        prop_assert_eq!(verify(&keys(&SIGNERS), &changed, &signature), Err(Refused::Forged));
    }

    #[test]
    fn a_bit_of_the_signature_that_was_changed_is_found(place in any::<prop::sample::Index>(), bit in 0_u8..7) {
        let given = statement(&content());
        let good = SIGNERS.sign(&given, noon());
        let mut text = good.signature.clone().into_bytes();
        let place = place.index(text.len());
        text[place] ^= 1 << bit;
        let signature = String::from_utf8(text).expect("ASCII");
        let verified = verify(&keys(&SIGNERS), &given, &Signature { signature, ..good });
        prop_assert!(matches!(verified, Err(Refused::Forged | Refused::Malformed)));
    }

    /// Whatever the content is, reading what was written gives the same digest.
    #[test]
    fn a_content_survives_its_export(text in any::<String>(), name in any::<String>(), number in -9_000_000_000_i64..9_000_000_000) {
        let content = json!({ "text": text, name.as_str(): [number, null, true, { name.as_str(): text.clone() }] });
        let statement = statement(&content);
        let (id, version) = (statement.report_id, statement.version);
        let file = SignedReport::new(id, version, &content, vec![signed(&SIGNERS, statement)]).expect("canonical");
        let read = SignedReport::read(file.to_text().expect("canonical").as_bytes()).expect("read");
        prop_assert!(read.verify(&keys(&SIGNERS)).is_valid());
    }
}
