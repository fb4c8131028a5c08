//! The same commands through the program and its database.

use chrono::{DateTime, Utc};
use healthbridge_diagnosis::domain::{AppointmentStatus, Period, Step};
use healthbridge_testkit::Client;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::book::{Answer, Clinic, Command};

const WEEK: [&str; 7] = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];

/// The appointments of one clinic in the program, in the order in which they were booked.
pub struct Program {
    clerk: Client,
    /// Ids and versions.
    appointments: Vec<(Value, Value)>,
}

impl Program {
    pub fn new(clerk: Client) -> Self {
        Self { clerk, appointments: Vec::new() }
    }

    /// Sends a command that the clinic has taken: the answer is the same.
    pub async fn assert_answers(&mut self, command: &Command, expected: &Answer, clinic: &Clinic) {
        let Some((name, kind, input, place)) = self.request(command, clinic) else {
            assert_eq!(*expected, Answer::Nothing);
            return;
        };
        let selection = if name == "setWorkingHours" {
            "workingHours { version }"
        } else {
            "appointment { id version } nextFreeSlot { start end }"
        };
        let query = format!(
            "mutation ($input: {kind}!) {{ {name}(input: $input) {{ {selection} userErrors {{ code message }} }} }}"
        );
        let payload = self.clerk.data(&query, json!({ "input": input })).await[name].clone();
        let code = payload["userErrors"][0]["code"].as_str().unwrap_or("done");
        assert_eq!(code, expected.name(), "{command:?}: {payload}, {clinic:?}");
        if let Answer::NotFree(_, next) = expected {
            assert_eq!(slot(&payload["nextFreeSlot"]), *next, "{command:?}: {clinic:?}");
        }
        if code == "done" && name != "setWorkingHours" {
            let seen = (payload["appointment"]["id"].clone(), payload["appointment"]["version"].clone());
            match place {
                Some(place) => self.appointments[place] = seen,
                None => self.appointments.push(seen),
            }
        }
    }

    fn request(
        &self,
        command: &Command,
        clinic: &Clinic,
    ) -> Option<(&'static str, &'static str, Value, Option<usize>)> {
        match *command {
            Command::Book { doctor, patient, from, pieces } => {
                let period = clinic.period(from, pieces);
                let input = json!({ "doctorId": clinic.doctors[doctor], "patientId": clinic.patients[patient],
                    "start": period.start(), "end": period.end(), "idempotencyKey": Uuid::new_v4() });
                Some(("bookAppointment", "BookAppointmentInput", input, None))
            }
            Command::Move { which, doctor, from, pieces } => {
                let (period, place) = (clinic.period(from, pieces), self.which(which)?);
                let mut input = self.seen(place);
                input["doctorId"] = json!(clinic.doctors[doctor]);
                input["start"] = json!(period.start());
                input["end"] = json!(period.end());
                Some(("updateAppointment", "UpdateAppointmentInput", input, Some(place)))
            }
            Command::Take { which, step } => {
                let place = self.which(which)?;
                let mut input = self.seen(place);
                let (name, kind) = match step {
                    Step::CheckIn => ("checkInAppointment", "AppointmentStepInput"),
                    Step::Fulfil => ("fulfilAppointment", "AppointmentStepInput"),
                    Step::MissIt => ("markAppointmentNoShow", "AppointmentStepInput"),
                    Step::Cancel => {
                        input["reason"] = json!("a test");
                        ("cancelAppointment", "CancelAppointmentInput")
                    }
                };
                Some((name, kind, input, Some(place)))
            }
            Command::SetHours { doctor, from, hours } => {
                let each = |day: &str| json!({ "weekday": day, "from": format!("{from:02}:00"), "to": format!("{:02}:00", from + hours) });
                let doctor = clinic.doctors[doctor];
                // The clinic has set them already.
                let version = clinic.hours.iter().find(|one| one.doctor_id == doctor).map_or(0, |one| one.version - 1);
                let input = json!({ "doctorId": doctor, "validFrom": "2026-01-01", "hours": WEEK.map(each),
                    "expectedVersion": (version > 0).then_some(version) });
                Some(("setWorkingHours", "SetWorkingHoursInput", input, None))
            }
            Command::Wait { .. } => None,
        }
    }

    fn which(&self, which: usize) -> Option<usize> {
        (!self.appointments.is_empty()).then(|| which % self.appointments.len())
    }

    fn seen(&self, place: usize) -> Value {
        let (id, version) = &self.appointments[place];
        json!({ "appointmentId": id, "expectedVersion": version })
    }

    /// Each appointment is as the clinic has it.
    pub async fn assert_book(&self, clinic: &Clinic) {
        assert_eq!(self.appointments.len(), clinic.appointments.len());
        let query =
            "query ($id: ID!) { appointment(id: $id) { status version start end doctor { id } patient { id } } }";
        for ((id, _), expected) in self.appointments.iter().zip(&clinic.appointments) {
            let found = self.clerk.data(query, json!({ "id": id })).await["appointment"].clone();
            let status: AppointmentStatus =
                found["status"].as_str().and_then(|text| text.parse().ok()).expect("a status");
            assert_eq!((status, slot(&found)), (expected.status, Some(expected.period)), "{clinic:?}");
            let people = (&found["doctor"]["id"], &found["patient"]["id"], &found["version"]);
            assert_eq!(people, (&json!(expected.doctor_id), &json!(expected.patient_id), &json!(expected.version)));
        }
    }
}

fn slot(found: &Value) -> Option<Period> {
    let time = |end: &str| found[end].as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok());
    Period::new(time("start")?, time("end")?)
}
