//! The demo: 25 patients with images that are really stored, reports in several states, billings in two currencies, and
//! an account for each role.

use std::collections::HashSet;

use chrono::Duration;
use healthbridge_diagnosis::domain::{Entry, WorkflowAction};
use healthbridge_imaging::domain::{ContentType, Image, ImageState, Modality};
use healthbridge_objectstore::ObjectStore;
use healthbridge_patients::{
    Passwords,
    domain::{Account, Patient, UserKind},
    seed::Seed,
};
use healthbridge_rights::Role;
use healthbridge_router::DemoAccount;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Pools, pictures, world};

/// The password of every demo account.
pub(crate) const DEMO_PASSWORD: &str = "healthbridge-demo";

const PATIENTS: u64 = 25;
const IMAGES_EACH: u64 = 4;
const REPORTS_EACH: u64 = 3;
const BILLINGS_EACH: u64 = 3;

/// Name, role, number among the staff, and what for.
const ACCOUNTS: [(&str, Role, Option<u64>, &str); 6] = [
    ("admin", Role::Admin, None, "Administrator: accounts and staff"),
    ("doctor", Role::Doctor, Some(0), "Doctor: charts, orders and reports"),
    ("radiologist", Role::Radiologist, Some(1), "Radiologist: images and reports"),
    ("clerk", Role::Clerk, Some(2), "Clerk: registration, bills and payments"),
    ("auditor", Role::Auditor, None, "Auditor: reads everything, changes nothing"),
    ("patient", Role::Patient, None, "Patient: the chart of one person"),
];

/// What the router's pages tell of the demo.
pub(crate) fn pages() -> healthbridge_router::Demo {
    let accounts = ACCOUNTS.map(|(name, _, _, who)| DemoAccount { email: email(name), who: who.to_owned() });
    healthbridge_router::Demo {
        accounts: accounts.into(),
        password: DEMO_PASSWORD.to_owned(),
        patient_id: first_patient().to_string(),
    }
}

fn email(name: &str) -> String {
    format!("{name}@demo.healthbridge.test")
}

/// The first demo patient, to whom the patient's account belongs.
pub(crate) fn first_patient() -> Uuid {
    world::id("demo-patient", 0)
}

fn account_id(name: &str) -> Uuid {
    let number = (0..).zip(ACCOUNTS).find(|(_, (account, ..))| *account == name);
    world::id("demo-account", number.map_or(0, |(number, _)| number))
}

/// Loads what is not there yet, and changes nothing that is.
pub(crate) async fn demo(pools: &Pools, objects: &ObjectStore) -> anyhow::Result<()> {
    let patients: Vec<Patient> =
        (0..PATIENTS).zip(1..).map(|(number, serial)| world::patient("demo-patient", number, serial)).collect();
    let (stored, accounts) = tokio::join!(load_images(pools, objects, &patients), missing_accounts(pools));
    stored?;
    let seed = Seed { staff: world::staff(), patients: patients.clone(), accounts: accounts? };
    seed.load(&pools.patients).await?;
    load_reports(pools, &patients).await?;
    load_billings(pools, &patients).await
}

/// Hashing a password is slow by design: it is done only where an account is missing.
async fn missing_accounts(pools: &Pools) -> anyhow::Result<Vec<(Account, String)>> {
    let account = |(name, role, staff, _): (&str, Role, Option<u64>, &str)| Account {
        id: account_id(name),
        kind: if role == Role::Patient { UserKind::Patient } else { UserKind::Staff },
        email: email(name),
        roles: vec![role],
        scopes: Vec::new(),
        active: true,
        patient_id: (role == Role::Patient).then(first_patient),
        staff_id: staff.map(|number| world::id("staff", number)),
        token_version: 1,
        totp_enabled: false,
        last_login_at: None,
        created_at: world::opening(),
        updated_at: world::opening(),
        version: 1,
    };
    let mut accounts: Vec<Account> = ACCOUNTS.into_iter().map(account).collect();
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.id).collect();
    let missing = healthbridge_patients::seed::missing_accounts(&pools.patients, &ids).await?;
    accounts.retain(|account| missing.contains(&account.id));
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    // One hash for all: they share the password that everybody knows.
    let hash = Passwords::default().hash(DEMO_PASSWORD.into()).await?;
    Ok(accounts.into_iter().map(|account| (account, hash.clone())).collect())
}

fn image_id(number: u64) -> Uuid {
    world::id("demo-image", number)
}

/// Bytes are stored before the row that names them.
async fn load_images(pools: &Pools, objects: &ObjectStore, patients: &[Patient]) -> anyhow::Result<()> {
    let ids: Vec<Uuid> = (0..PATIENTS * IMAGES_EACH).map(image_id).collect();
    let missing: HashSet<Uuid> = healthbridge_imaging::seed::missing(&pools.imaging, &ids).await?.into_iter().collect();
    let mut rows = Vec::new();
    for (number, id) in (0..).zip(ids).filter(|(_, id)| missing.contains(id)) {
        let patient = &patients[usize::try_from(number / IMAGES_EACH)?];
        let (image, bytes) = image(patient, number, id);
        objects.put(&image.object_key, image.content_type.into(), bytes).await?;
        rows.push(image);
    }
    Ok(healthbridge_imaging::seed::load(&pools.imaging, &rows).await?)
}

fn image(patient: &Patient, number: u64, id: Uuid) -> (Image, Vec<u8>) {
    let modalities = [(Modality::Ct, "CT"), (Modality::Mr, "MR"), (Modality::Dx, "DX")];
    let (modality, code) = modalities[usize::try_from(number % 3).expect("small")];
    let is_dicom = number % 4 < 3;
    let bytes = if is_dicom { pictures::dicom(number, patient.mrn.as_str(), code) } else { pictures::png(number) };
    let at = world::moment(number);
    let image = Image {
        id,
        patient_id: patient.id,
        order_id: None,
        modality,
        body_site: None,
        description: Some("Synthetic demo image".to_owned()),
        file_name: format!("demo-{number}.{}", if is_dicom { "dcm" } else { "png" }),
        content_type: if is_dicom { ContentType::Dicom } else { ContentType::Png },
        byte_size: i64::try_from(bytes.len()).expect("small"),
        sha256: hex::encode(Sha256::digest(&bytes)),
        object_key: format!("images/{}", world::id("demo-object", number)),
        state: ImageState::Ready,
        taken_at: Some(at - Duration::hours(1)),
        uploaded_at: at,
        uploaded_by: account_id("radiologist"),
        upload_expires_at: at + Duration::minutes(15),
        legal_hold: false,
        purge_after: None,
        version: 1,
    };
    (image, bytes)
}

async fn load_reports(pools: &Pools, patients: &[Patient]) -> anyhow::Result<()> {
    let mut reports = Vec::new();
    for (index, patient) in (0..).zip(patients) {
        let report = |place| {
            let about = vec![image_id(index * IMAGES_EACH + place)];
            world::report("demo-report", index * REPORTS_EACH + place, patient.id, about)
        };
        reports.extend((0..REPORTS_EACH).map(report));
    }
    healthbridge_diagnosis::seed::load(&pools.diagnosis, &reports).await?;
    let entry = |(number, report): (u64, &healthbridge_diagnosis::domain::Report)| Entry {
        id: world::id("demo-log", number),
        occurred_at: report.created_at,
        recorded_at: report.created_at,
        user_id: account_id("radiologist"),
        action: WorkflowAction::Drafted,
        note: None,
        patient_id: Some(report.patient_id),
        report_id: Some(report.id),
        image_id: None,
    };
    let entries = (0..).zip(&reports).map(entry).collect();
    Ok(healthbridge_diagnosis::seed::begin_log(&pools.diagnosis, entries).await?)
}

async fn load_billings(pools: &Pools, patients: &[Patient]) -> anyhow::Result<()> {
    let clerk = account_id("clerk");
    let billings: Vec<_> = (0..)
        .zip(patients)
        .flat_map(|(index, patient)| (0..BILLINGS_EACH).map(move |place| (index * BILLINGS_EACH + place, patient.id)))
        .map(|(number, patient)| world::billing("demo-billing", number, patient, clerk))
        .collect();
    let payments: Vec<_> =
        (0..).zip(&billings).filter_map(|(number, billing)| world::payment("demo-payment", number, billing)).collect();
    Ok(healthbridge_billing::seed::load(&pools.billing, &billings, &payments).await?)
}
