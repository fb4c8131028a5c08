//! The ceiling: the chart by one hand-written handler, with the same token check and the same statements.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context;
use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::get,
};
use chrono::{NaiveDate, Utc};
use healthbridge_auth::{KeyRing, Verifier};
use healthbridge_objectstore::{Location, ObjectStore};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::{PgPool, Row, postgres::PgRow};
use uuid::Uuid;

struct Shared {
    pool: PgPool,
    verifier: Verifier,
    objects: ObjectStore,
}

/// Serves `/chart/{id}`; its surroundings are in the same variables that the roles read.
pub async fn serve(listen: SocketAddr) -> anyhow::Result<()> {
    let variable =
        |key: &str| std::env::var(format!("HEALTHBRIDGE__{key}")).with_context(|| format!("{key} is not set"));
    let keys = Arc::new(KeyRing::remote(variable("AUTH__JWKS_URL")?)?);
    keys.refresh().await?;
    let endpoint = variable("STORAGE__INTERNAL_ENDPOINT")?;
    let objects = ObjectStore::new(&Location {
        internal_endpoint: endpoint.clone(),
        public_endpoint: endpoint,
        region: "us-east-1".to_owned(),
        bucket: "imaging".to_owned(),
        access_key_id: variable("STORAGE__ACCESS_KEY_ID")?,
        secret_access_key: variable("STORAGE__SECRET_ACCESS_KEY")?.into(),
    });
    let options = healthbridge_postgres::connect_options(&variable("DATABASE__URL")?)?;
    // As many connections as the four subgraphs have together.
    let pool = healthbridge_postgres::pool(options, 40);
    let verifier = Verifier::new(keys, Arc::default(), &variable("PUBLIC_URL")?);
    let routes =
        Router::new().route("/chart/{id}", get(chart)).with_state(Arc::new(Shared { pool, verifier, objects }));
    let listener = tokio::net::TcpListener::bind(listen).await?;
    Ok(axum::serve(listener, routes).await?)
}

async fn chart(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
) -> Result<Json<Value>, StatusCode> {
    let authorization = headers.get("authorization").and_then(|value| value.to_str().ok());
    let caller = shared.verifier.caller(authorization).await.map_err(|_| StatusCode::UNAUTHORIZED)?;
    if !caller.holds("user/Patient.r") {
        return Err(StatusCode::FORBIDDEN);
    }
    let parts = tokio::try_join!(patient(&shared, id), images(&shared, id), reports(&shared, id), total(&shared, id));
    let (mut patient, images, reports, total) = parts.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    patient["images"] = images;
    patient["reports"] = json!({ "nodes": reports });
    patient["totalCost"] = json!({ "byCurrency": total });
    Ok(Json(json!({ "data": { "patient": patient } })))
}

async fn patient(shared: &Shared, id: Uuid) -> anyhow::Result<Value> {
    let row = sqlx::query("SELECT id, mrn, family, given, birth_date FROM patients.patient WHERE id = ANY($1)");
    let row = row.bind([id].as_slice()).fetch_one(&shared.pool).await?;
    let given: Vec<String> = row.try_get("given")?;
    let text = format!("{} {}", given.join(" "), row.try_get::<String, _>("family")?);
    let (id, mrn): (Uuid, String) = (row.try_get("id")?, row.try_get("mrn")?);
    Ok(
        json!({ "id": id, "mrn": mrn, "name": { "text": text }, "birthDate": row.try_get::<NaiveDate, _>("birth_date")? }),
    )
}

async fn images(shared: &Shared, id: Uuid) -> anyhow::Result<Value> {
    let rows = sqlx::query(
        "SELECT id, modality, state, object_key, content_type, file_name FROM imaging.medical_image
         WHERE patient_id = $1 AND state = 'READY' ORDER BY id DESC LIMIT 21",
    );
    let rows = rows.bind(id).fetch_all(&shared.pool).await?;
    let mut nodes = Vec::new();
    for row in rows.iter().take(20) {
        let text = |column: &str| row.try_get::<String, _>(column);
        let disposition = format!("inline; filename=\"{}\"", text("file_name")?);
        let (key, kind, life) = (text("object_key")?, text("content_type")?, Duration::from_secs(300));
        let url = shared.objects.presign_get(&key, &kind, &disposition, life, Utc::now()).await?;
        nodes.push(json!({
            "id": row.try_get::<Uuid, _>("id")?, "modality": text("modality")?, "state": text("state")?,
            "downloadUrl": { "url": url.url, "expiresAt": url.expires_at },
        }));
    }
    let end = rows.last().map(|row| row.try_get::<Uuid, _>("id")).transpose()?;
    Ok(json!({ "nodes": nodes, "pageInfo": { "hasNextPage": rows.len() > 20, "endCursor": end } }))
}

async fn reports(shared: &Shared, id: Uuid) -> anyhow::Result<Vec<Value>> {
    let rows = sqlx::query(
        "SELECT id, status, impression FROM diagnosis.report WHERE patient_id = $1 ORDER BY id DESC LIMIT 11",
    );
    let rows = rows.bind(id).fetch_all(&shared.pool).await?;
    let node = |row: &PgRow| -> anyhow::Result<Value> {
        let impression: Option<String> = row.try_get("impression")?;
        let (id, status): (Uuid, String) = (row.try_get("id")?, row.try_get("status")?);
        Ok(json!({ "id": id, "status": status, "impression": impression }))
    };
    rows.iter().take(10).map(node).collect()
}

async fn total(shared: &Shared, id: Uuid) -> anyhow::Result<Vec<Value>> {
    let rows = sqlx::query(
        "SELECT currency, charged - discounts + tax AS net, paid, refunded
         FROM billing.balance WHERE patient_id = $1 ORDER BY currency",
    );
    let rows = rows.bind(id).fetch_all(&shared.pool).await?;
    let line = |row: &PgRow| -> anyhow::Result<Value> {
        let amount = |column: &str| row.try_get::<Decimal, _>(column);
        let (net, paid, refunded) = (amount("net")?, amount("paid")?, amount("refunded")?);
        let text = |amount: Decimal| json!({ "amount": amount.round_dp(2).to_string() });
        let currency: String = row.try_get("currency")?;
        Ok(
            json!({ "currency": currency, "net": text(net), "paid": text(paid), "outstanding": text(net - paid + refunded) }),
        )
    };
    rows.iter().map(line).collect()
}
