//! Any number of made-up patients, as rows only: their images' bytes are not stored.

use chrono::Duration;
use healthbridge_imaging::domain::{ContentType, Image, ImageState, Modality};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Pools, world};
use crate::{Config, Subgraph};

/// Patients of one round: it bounds the memory.
const ROUND: u64 = 2_000;
/// Above the demo's record numbers, below those that the sequence gives.
const FIRST_SERIAL: u32 = 1_000;
const MOST: u32 = 9_000_000;
const EACH: u64 = 3;

/// Loads that many patients, each with three images, reports and billings unless they are left out.
pub(crate) async fn bulk(config: &Config, patients: u32, patients_only: bool) -> anyhow::Result<()> {
    anyhow::ensure!(patients <= MOST, "at most {MOST} patients can be made");
    let pool = |subgraph: Subgraph| -> anyhow::Result<_> {
        let url = config.database_url(subgraph)?;
        Ok(healthbridge_postgres::pool(healthbridge_postgres::connect_options(url.expose_secret())?, 2))
    };
    let pools = Pools {
        patients: pool(Subgraph::Patients)?,
        imaging: pool(Subgraph::Imaging)?,
        diagnosis: pool(Subgraph::Diagnosis)?,
        billing: pool(Subgraph::Billing)?,
    };
    let total = u64::from(patients);
    for first in (0..total).step_by(usize::try_from(ROUND)?) {
        let each = if patients_only { 0 } else { EACH };
        round(&pools, first, (first + ROUND).min(total), each).await?;
    }
    println!("made {patients} patients; the first one's id is {}", world::id("bulk-patient", 0));
    Ok(())
}

async fn round(pools: &Pools, first: u64, end: u64, each: u64) -> anyhow::Result<()> {
    let user = world::id("staff", 1);
    let serial = |number: u64| u32::try_from(number).map(|number| FIRST_SERIAL + number);
    let mut people = Vec::new();
    for number in first..end {
        people.push(world::patient("bulk-patient", number, serial(number)?));
    }
    let owners: Vec<(u64, Uuid)> = (first..end)
        .zip(&people)
        .flat_map(|(number, patient)| (0..each).map(move |place| (number * EACH + place, patient.id)))
        .collect();
    let images: Vec<Image> = owners.iter().map(|(number, patient)| image(*number, *patient, user)).collect();
    let reports: Vec<_> =
        owners.iter().map(|(number, patient)| world::report("bulk-report", *number, *patient, Vec::new())).collect();
    let billings: Vec<_> =
        owners.iter().map(|(number, patient)| world::billing("bulk-billing", *number, *patient, user)).collect();
    let payments: Vec<_> = owners
        .iter()
        .zip(&billings)
        .filter_map(|((number, _), billing)| world::payment("bulk-payment", *number, billing))
        .collect();
    let people = healthbridge_patients::seed::Seed { staff: world::staff(), patients: people, accounts: Vec::new() };
    tokio::try_join!(
        people.load(&pools.patients),
        healthbridge_imaging::seed::load(&pools.imaging, &images),
        healthbridge_diagnosis::seed::load(&pools.diagnosis, &reports),
        healthbridge_billing::seed::load(&pools.billing, &billings, &payments),
    )?;
    Ok(())
}

fn image(number: u64, patient_id: Uuid, user: Uuid) -> Image {
    let at = world::moment(number);
    Image {
        id: world::id("bulk-image", number),
        patient_id,
        order_id: None,
        modality: if number.is_multiple_of(2) { Modality::Ct } else { Modality::Dx },
        body_site: None,
        description: None,
        file_name: format!("bulk-{number}.dcm"),
        content_type: ContentType::Dicom,
        byte_size: 1,
        sha256: hex::encode(Sha256::digest(number.to_string())),
        object_key: format!("images/bulk-{number}"),
        state: ImageState::Ready,
        taken_at: Some(at),
        uploaded_at: at,
        uploaded_by: user,
        upload_expires_at: at + Duration::minutes(15),
        legal_hold: false,
        purge_after: None,
        version: 1,
    }
}
