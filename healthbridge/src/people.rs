//! Who people are: the patients subgraph is asked, in the name of whoever asks.

use std::{collections::HashMap, fmt::Write, time::Duration};

use async_trait::async_trait;
use healthbridge_auth::Bearer;
use healthbridge_diagnosis::{Known, People, PeopleError, Person};
use healthbridge_telemetry::causes;
use reqwest::{Client, header::AUTHORIZATION};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// How long the subgraph may take: whoever asked waits for it.
const LONGEST: Duration = Duration::from_secs(5);
/// How many members of the staff are asked for together.
const TOGETHER: usize = 50;

/// The patients subgraph, by its GraphQL endpoint.
pub(crate) struct PatientsSubgraph {
    client: Client,
    url: String,
}

#[derive(Deserialize)]
struct Answer {
    data: Option<HashMap<String, Option<Answered>>>,
}

/// A patient, or a member of the staff, who has a name alone.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answered {
    name: Option<Name>,
    mrn: Option<String>,
    gender: Option<String>,
    birth_date: Option<chrono::NaiveDate>,
}

#[derive(Deserialize)]
struct Name {
    text: String,
}

impl PatientsSubgraph {
    pub(crate) fn new(url: String) -> reqwest::Result<Self> {
        Ok(Self { client: Client::builder().timeout(LONGEST).build()?, url })
    }

    async fn ask(&self, patient: Option<Uuid>, staff: &[Uuid], asked_by: &Bearer) -> reqwest::Result<Answer> {
        let (mut takes, mut asks, mut variables) = (String::new(), String::new(), Map::new());
        if let Some(patient) = patient {
            takes.push_str("$patient: ID! ");
            asks.push_str("patient(id: $patient) { mrn gender birthDate name { text } } ");
            variables.insert("patient".to_owned(), patient.to_string().into());
        }
        for (place, id) in staff.iter().enumerate() {
            // Writing into a string cannot fail.
            let _ = write!(takes, "$staff{place}: ID! ");
            let _ = write!(asks, "staff{place}: staffMember(id: $staff{place}) {{ name {{ text }} }} ");
            variables.insert(format!("staff{place}"), id.to_string().into());
        }
        let query = format!("query People({takes}) {{ {asks}}}");
        let body = json!({ "query": query, "variables": Value::Object(variables) });
        let request = self.client.post(&self.url).header(AUTHORIZATION, asked_by.authorization()).json(&body);
        request.send().await?.error_for_status()?.json().await
    }
}

#[async_trait]
impl People for PatientsSubgraph {
    async fn known(&self, patient: Uuid, staff: &[Uuid], asked_by: &Bearer) -> Result<Known, PeopleError> {
        let mut known = Known::default();
        let mut asked_for = Some(patient);
        for some in staff.chunks(TOGETHER) {
            let answer = self.ask(asked_for.take(), some, asked_by).await;
            let answer = answer.map_err(|error| PeopleError(causes(&error.without_url())))?;
            let mut data = answer.data.ok_or_else(|| PeopleError("it has no data".to_owned()))?;
            if let Some(Some(found)) = data.remove("patient") {
                known.patient = person(found);
            }
            for (place, id) in some.iter().enumerate() {
                let found = data.remove(&format!("staff{place}")).flatten().and_then(|found| found.name);
                known.staff.extend(found.map(|name| (*id, name.text)));
            }
        }
        Ok(known)
    }
}

/// A part of a patient that the caller may not see leaves nobody who could be printed.
fn person(found: Answered) -> Option<Person> {
    let (name, mrn, gender) = (found.name?.text, found.mrn?, found.gender?);
    Some(Person { name, mrn, birth_date: found.birth_date, gender })
}
