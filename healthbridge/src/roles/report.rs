//! Verifying an exported version of a report, as anybody does who has the file and the published keys.

use std::{
    fs::{self, File},
    io::Read,
    path::Path,
    time::Duration,
};

use anyhow::{Context, bail};
use futures::StreamExt;
use healthbridge_signature::{PublicKeys, SignedReport, SignedStatement, Statement};
use healthbridge_terms::Coded;

/// The largest key set that is read, in bytes, and how long it is waited for.
const LARGEST: usize = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(10);

/// The largest file that is read, in bytes: one more than the library takes.
const LARGEST_FILE: u64 = (16 << 20) + 1;

/// Says which version of which report the file has, who signed it when, and whether that is so.
///
/// # Errors
/// When the file or the keys cannot be read, or anything about the file is not as it was signed.
pub(crate) async fn verify_report(file: &Path, jwks: &str) -> anyhow::Result<()> {
    let report = read(file)?;
    let keys = PublicKeys::from_jwks(&key_set(jwks).await?);
    let keys = keys.with_context(|| format!("cannot use the keys of {jwks}"))?;
    let verdict = report.verify(&keys);
    println!("report {} version {}", report.report_id, report.version);
    println!("content {}", report.content_sha256);
    if let Err(flaw) = &verdict.content {
        println!("NOT VALID  {flaw}");
    }
    for (SignedStatement { statement, .. }, verified) in report.signatures.iter().zip(&verdict.signatures) {
        match verified {
            Ok(()) => println!("valid      {}", told(statement)),
            Err(flaw) => println!("NOT VALID  {}: {flaw}", told(statement)),
        }
    }
    if !verdict.is_valid() {
        bail!("the report is not what was signed");
    }
    println!("the report is what was signed");
    Ok(())
}

/// What somebody said who signed.
fn told(statement: &Statement) -> String {
    let Statement { meaning, signer, signed_at, .. } = statement;
    format!("{} by the member of the staff {signer} at {}", meaning.text(), signed_at.to_rfc3339())
}

fn read(file: &Path) -> anyhow::Result<SignedReport> {
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|opened| opened.take(LARGEST_FILE).read_to_end(&mut bytes));
    read.with_context(|| format!("cannot read {}", file.display()))?;
    // What stands in the file is somebody else's: none of it goes to the terminal as it is.
    SignedReport::read(&bytes).map_err(|error| {
        let causes = healthbridge_telemetry::causes(&error);
        anyhow::anyhow!("{} is refused: {}", file.display(), causes.escape_debug())
    })
}

/// The key set of a file, or of an address.
async fn key_set(jwks: &str) -> anyhow::Result<Vec<u8>> {
    if !jwks.starts_with("http://") && !jwks.starts_with("https://") {
        return fs::read(jwks).with_context(|| format!("cannot read {jwks}"));
    }
    let fetched = async {
        let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
        let mut parts = client.get(jwks).send().await?.error_for_status()?.bytes_stream();
        let mut bytes = Vec::new();
        while let Some(part) = parts.next().await {
            bytes.extend_from_slice(&part?);
            if bytes.len() > LARGEST {
                bail!("it is larger than any key set");
            }
        }
        Ok(bytes)
    };
    fetched.await.with_context(|| format!("cannot fetch {jwks}"))
}
