//! Throws millions of odd inputs at what the doors read, in this process: no panic, no input that takes long, no memory
//! that grows. The inputs are made from seeds by a generator of ours, the same ones for the same seed.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use axum::{body::Body, http::Request};
use healthbridge_auth::{KeyRing, Verifier};
use healthbridge_graphql::Exposure;
use healthbridge_imaging::domain::{ContentType, inspect};
use healthbridge_objectstore::{Location, ObjectStore};
use healthbridge_outcome::Cursor;
use healthbridge_router::Door;
use secrecy::SecretString;
use std::sync::Arc;
use tower::ServiceExt;

/// What no single input may take.
const LONGEST: Duration = Duration::from_millis(100);

/// What the process may grow by while one door is tried, in bytes: caches fill, but an input leaves nothing.
const MOST_GROWTH: usize = 64 * 1024 * 1024;

/// Runs `inputs` inputs against each door.
pub async fn run(inputs: u64) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || all(inputs, &runtime)).await?
}

fn all(inputs: u64, runtime: &tokio::runtime::Handle) -> anyhow::Result<()> {
    println!("| door | inputs | longest ms | memory grew MB |\n|---|---:|---:|---:|");
    let door = Door::of_own_schema()?;
    let bodies = Seeds::bodies();
    one("router: body", inputs, &bodies, |input| drop(door.admit(input)))?;
    let subgraph = subgraph()?;
    one("subgraph: body", inputs, &bodies, |input| {
        let post = Request::post("/graphql").header("content-type", "application/json");
        let request = post.body(Body::from(input.to_vec())).expect("a request");
        runtime.block_on(async {
            let answer = subgraph.clone().oneshot(request).await.expect("an answer");
            let size = axum::body::to_bytes(answer.into_body(), usize::MAX).await.expect("a body").len();
            assert!(size <= 64 * 1024 * 1024, "an answer of {size} bytes");
        });
    })?;
    one("cursor", inputs, &Seeds::cursors(), |input| {
        let text = String::from_utf8_lossy(input);
        drop(Cursor::read::<(String, chrono::DateTime<chrono::Utc>, uuid::Uuid)>(&text, "newest-first"));
    })?;
    one("DICOM header", inputs, &Seeds::headers(), |input| {
        for announced in [ContentType::Dicom, ContentType::Png, ContentType::Jpeg] {
            inspect(announced, input);
        }
    })?;
    let folder = tempfile::tempdir()?;
    let storage = runtime.block_on(storage(folder.path()))?;
    one("storage: XML", inputs, &Seeds::xml(), |input| {
        for (method, uri) in
            [("POST", "/imaging?delete"), ("PUT", "/imaging?tagging"), ("POST", "/imaging/key?uploadId=1")]
        {
            let request = Request::builder().method(method).uri(uri).body(Body::from(input.to_vec()));
            let request = request.expect("a request");
            runtime.block_on(async { storage.clone().oneshot(request).await.expect("an answer") });
        }
    })
}

/// Tries one door, and prints what it came to.
fn one(name: &str, inputs: u64, seeds: &Seeds, mut door: impl FnMut(&[u8])) -> anyhow::Result<()> {
    let mut random = Random(0x5EED);
    let mut longest = Duration::ZERO;
    // What is kept once, caches above all, is there before it counts.
    for _ in 0..inputs.min(10_000) {
        door(&seeds.input(&mut random));
    }
    let before = memory()?;
    for number in 0..inputs {
        let input = seeds.input(&mut random);
        let begun = Instant::now();
        let ended = catch_unwind(AssertUnwindSafe(|| door(&input)));
        ensure!(ended.is_ok(), "{name}: input {number} panics: {:?}", String::from_utf8_lossy(&input));
        let mut took = begun.elapsed();
        if took > LONGEST {
            // Somebody else may have had the processor: a slow input is slow again.
            let again = Instant::now();
            door(&input);
            took = took.min(again.elapsed());
        }
        ensure!(took <= LONGEST, "{name}: input {number} takes {took:?}: {:?}", String::from_utf8_lossy(&input));
        longest = longest.max(took);
    }
    let growth = memory()?.saturating_sub(before);
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let megabytes = growth as f64 / 1e6;
    println!("| {name} | {inputs} | {:.1} | {megabytes:.1} |", longest.as_secs_f64() * 1000.0);
    ensure!(growth <= MOST_GROWTH, "{name}: the process grew by {growth} bytes");
    Ok(())
}

/// The resident memory of this process, in bytes.
fn memory() -> anyhow::Result<usize> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages: usize = text.split_whitespace().nth(1).context("no resident pages")?.parse()?;
    Ok(pages * 4096)
}

/// A subgraph of which everybody is refused what would need its database.
fn subgraph() -> anyhow::Result<axum::Router> {
    let pool =
        healthbridge_postgres::pool(healthbridge_postgres::connect_options("postgres://nobody@127.0.0.1:1/none")?, 1);
    let objects = ObjectStore::new(&Location {
        internal_endpoint: "http://127.0.0.1:1".to_owned(),
        public_endpoint: "http://127.0.0.1:1".to_owned(),
        region: "us-east-1".to_owned(),
        bucket: "imaging".to_owned(),
        access_key_id: "none".to_owned(),
        secret_access_key: SecretString::from("none"),
    });
    let verifier = Verifier::new(Arc::new(KeyRing::remote("http://127.0.0.1:1/")?), Arc::default(), "http://none");
    let exposure = Exposure { introspection: true, ..Exposure::default() };
    Ok(healthbridge_imaging::open(pool, objects).routes(verifier, exposure))
}

async fn storage(folder: &std::path::Path) -> anyhow::Result<axum::Router> {
    let store = healthbridge_storage::Store::open(folder, "imaging").await?;
    let credentials = healthbridge_storage::Credentials {
        access_key_id: "none".to_owned(),
        secret_access_key: SecretString::from("none"),
    };
    Ok(healthbridge_storage::routes(store, &credentials))
}

/// A linear congruential generator: an input that fails can be made again.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % end.max(1)
    }
}

/// What inputs are made of.
struct Seeds {
    whole: Vec<Vec<u8>>,
    pieces: Vec<&'static [u8]>,
}

impl Seeds {
    fn new(whole: &[&str], pieces: &[&'static str]) -> Self {
        Self {
            whole: whole.iter().map(|text| text.as_bytes().to_vec()).collect(),
            pieces: pieces.iter().map(|text| text.as_bytes()).collect(),
        }
    }

    fn bodies() -> Self {
        let chart = include_str!("../../schema/operations/patient-chart.graphql");
        let chart = serde_json::json!({ "query": chart, "variables": { "id": "1" } }).to_string();
        let whole = [
            chart.as_str(),
            r#"{"query":"query Q($a: Int = 3) { patients(first: $a) { nodes { ...F } } } fragment F on Patient { id images(first: 2) { nodes { id } } }","variables":{"a":5}}"#,
            r#"{"query":"{ _entities(representations: [{__typename: \"Patient\", id: \"1\"}]) { ... on Patient { images { totalCount } } } }"}"#,
            r#"{"query":"mutation { deleteImage(input: { id: \"1\", reason: \"\"\"x\"\"\" }) { userErrors { code } } }","operationName":"","extensions":{}}"#,
            r#"{"query":"{ __schema { types { name fields { name type { name ofType { name } } } } } }"}"#,
        ];
        let pieces = [
            "{",
            "}",
            "[",
            "]",
            "(",
            ")",
            "\"",
            "\\\"",
            "\\\\",
            "\\n",
            "\\u0000",
            "\\ud800",
            ":",
            ",",
            "$a",
            "...F",
            "... on Patient ",
            "fragment F on Patient {",
            "query ",
            "mutation ",
            "@skip(if: true)",
            "@include(if: $a)",
            "first: 100",
            "first: -1",
            "last: 99999999999",
            "null",
            "true",
            "1e999",
            "-0",
            "\\\"\\\"\\\"",
            "#",
            "images",
            "nodes",
            "patient",
            "id",
            "__typename ",
            "__schema",
            "_entities",
            "&",
            "|",
            "!",
            "é",
            "\u{202E}",
            "\u{FEFF}",
        ];
        Self::new(&whole, &pieces)
    }

    fn cursors() -> Self {
        let key = ("Doe".to_owned(), chrono::DateTime::<chrono::Utc>::UNIX_EPOCH, uuid::Uuid::nil());
        let genuine = Cursor::write("newest-first", &key);
        let whole = [genuine.as_str(), "WyJuZXdlc3QtZmlyc3QiLFsiXHUwMDAwIl1d", ""];
        Self::new(&whole, &["WyJ", "XQ", "=", "-", "_", "AAAA", "\u{0}", "W1tbW1tb"])
    }

    fn headers() -> Self {
        let mut dicom = vec![0; 128];
        dicom.extend(b"DICM\x02\0\0\0UL\x04\0");
        let mut seeds = Self::new(
            &["\u{89}PNG\r\n", "%PDF-1.4", "<html>"],
            &["DICM", "MZ", "%PDF", "PK\u{3}\u{4}", "<script", "\u{0}"],
        );
        seeds.whole.push(dicom);
        seeds.whole.push(b"\xff\xd8\xff\xe0".to_vec());
        seeds
    }

    fn xml() -> Self {
        let whole = [
            r#"<?xml version="1.0"?><Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Object><Key>a</Key></Object></Delete>"#,
            "<CompleteMultipartUpload><Part><ETag>&quot;a&quot;</ETag><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>",
            r#"<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><a>&d;</a>"#,
        ];
        let pieces = [
            "<",
            ">",
            "</",
            "/>",
            "<!",
            "<![CDATA[",
            "]]>",
            "<!--",
            "&",
            "&#0;",
            "&b;",
            "xmlns:a=\"b\" ",
            "\"",
            "<a>",
            "</a>",
            "<?",
        ];
        Self::new(&whole, &pieces)
    }

    /// A seed with some of it changed, doubled, cut or replaced.
    fn input(&self, random: &mut Random) -> Vec<u8> {
        let mut input = self.whole[random.below(self.whole.len())].clone();
        for _ in 0..=random.below(6) {
            let at = random.below(input.len() + 1);
            match random.below(7) {
                0 => input.truncate(at),
                1 if at < input.len() => input[at] = u8::try_from(random.below(256)).unwrap_or_default(),
                2 => self.insert(&mut input, at, 1, random),
                3 => {
                    let times = 1 << random.below(14);
                    self.insert(&mut input, at, times, random);
                }
                4 => {
                    let part = input[at..].to_vec();
                    input.extend(part);
                }
                5 => {
                    let end = (at + random.below(20)).min(input.len());
                    input.drain(at..end);
                }
                _ => {
                    let other = &self.whole[random.below(self.whole.len())];
                    let from = random.below(other.len() + 1);
                    let tail = input.split_off(at);
                    input.extend(&other[from..]);
                    if random.below(2) == 0 {
                        input.extend(tail);
                    }
                }
            }
        }
        input
    }

    fn insert(&self, input: &mut Vec<u8>, at: usize, times: usize, random: &mut Random) {
        let piece = self.pieces[random.below(self.pieces.len())].repeat(times.min(200_000));
        input.splice(at..at, piece);
    }
}
