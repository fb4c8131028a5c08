//! A mutation that is sent again with its key gives its first answer, whatever has become of the world since.

mod setup;

use healthbridge_auth::Claims;
use healthbridge_rights::Role;
use healthbridge_testkit::Mutations;
use serde_json::{Value, json};
use setup::{PASSWORD, Setup, input, setup};
use uuid::Uuid;

impl Setup {
    async fn execute(&self, statement: &'static str) {
        sqlx::query(statement).execute(&self.database.pool).await.expect("executed");
    }

    /// How often somebody tried to register.
    async fn attempts(&self) -> i32 {
        let attempts = sqlx::query_scalar("SELECT attempts FROM patients.sign_in_attempt");
        attempts.fetch_one(&self.database.pool).await.expect("one address")
    }
}

fn with_key(mut input: Value) -> Value {
    input["idempotencyKey"] = json!(Uuid::new_v4());
    input
}

#[tokio::test]
async fn a_registration_is_answered_alike_while_its_address_waits() {
    let setup = setup().await;
    let (anonymous, runs) = (&setup.anonymous, Mutations::of(&setup.as_role(Role::Admin)).await);
    let register = with_key(json!({ "email": "me@example.test", "password": PASSWORD, "kind": "PATIENT" }));
    let wait =
        setup.execute("UPDATE patients.sign_in_attempt SET attempts = 100, blocked_until = now() + interval '1 day'");
    runs.assert_replays((anonymous, anonymous), "registerUser", register, "user { id email version }", wait).await;
}

#[tokio::test]
async fn a_registration_that_is_sent_again_counts_as_no_attempt_and_hashes_no_password() {
    let setup = setup().await;
    let (anonymous, runs) = (&setup.anonymous, Mutations::of(&setup.as_role(Role::Admin)).await);
    let mut register = with_key(json!({ "email": "me@example.test", "password": PASSWORD, "kind": "PATIENT" }));
    let first = runs.ask(anonymous, "registerUser", register.clone(), "user { id }").await;
    assert_eq!(setup.attempts().await, 1);
    // What comes to be hashed is first refused if it can be guessed.
    register["password"] = json!("password");
    assert_eq!(runs.ask(anonymous, "registerUser", register.clone(), "user { id }").await, first);
    assert_eq!(setup.attempts().await, 1);
    register["email"] = json!("you@example.test");
    let reused = runs.payload(anonymous, "registerUser", register, "user { id }").await;
    assert_eq!(reused["userErrors"][0]["code"], json!("IDEMPOTENCY_KEY_REUSED"));
    assert_eq!(setup.attempts().await, 1);
}

#[tokio::test]
async fn an_invitation_is_answered_alike_after_its_sender_may_not_make_administrators() {
    let setup = setup().await;
    let claims = setup.tokens.claims(Role::Admin, None, None);
    let admin = setup.anonymous.with_token(setup.tokens.key.sign(&claims));
    let scope = claims.scope.split(' ').filter(|scope| *scope != "policy:admin").collect::<Vec<_>>().join(" ");
    let later = setup.anonymous.with_token(setup.tokens.key.sign(&Claims { scope, ..claims }));
    let runs = Mutations::of(&admin).await;
    let invite = with_key(json!({ "email": "chief@example.test", "kind": "STAFF", "roles": ["ADMIN"] }));
    runs.assert_replays((&admin, &later), "createUser", invite, "user { id email roles }", async {}).await;
}

#[tokio::test]
async fn people_are_added_once_though_they_would_be_there_already() {
    let setup = setup().await;
    let admin = setup.as_role(Role::Admin);
    let runs = Mutations::of(&admin).await;
    setup.add_account("doc@example.test", Role::Doctor).await;
    let account = setup.sign_in("doc@example.test").await["user"]["id"].clone();
    let member =
        with_key(json!({ "name": { "family": "House", "given": [] }, "profession": "PHYSICIAN", "userId": account }));
    let leaves = setup.execute("UPDATE patients.account SET active = false");
    runs.assert_replays((&admin, &admin), "createStaffMember", member, "staffMember { id version }", leaves).await;

    let clerk = setup.as_role(Role::Clerk);
    let mut patient = with_key(input("Lovelace"));
    patient["allowDuplicate"] = json!(false);
    runs.assert_replays((&clerk, &clerk), "createPatient", patient, "patient { id mrn }", async {}).await;
}
