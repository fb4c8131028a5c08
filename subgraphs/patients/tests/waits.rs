//! Who waits after mistakes and who does not, and what passwords cost. Over HTTP on a real database.

mod setup;

use futures::future::join_all;
use healthbridge_rights::Role;
use healthbridge_testkit::Client;
use serde_json::{Value, json};
use setup::{PASSWORD, SIGN_IN, Setup, setup};

const CHANGE_PASSWORD: &str = "mutation ($secret: String!) {
    done: changePassword(input: { currentPassword: $secret, newPassword: \"another quite unguessable phrase\" }) {
    userErrors { message } } }";
const DISABLE_TOTP: &str =
    "mutation ($secret: String!) { done: disableTotp(input: { password: $secret }) { userErrors { message } } }";
const CONFIRM_TOTP: &str =
    "mutation ($secret: String!) { done: confirmTotp(input: { code: $secret }) { userErrors { message } } }";
const REGISTER: &str = "mutation ($email: String!, $password: String!) {
    registerUser(input: { email: $email, password: $password, kind: PATIENT }) { user { id } userErrors { code message } } }";

async fn signs_in(client: &Client, email: &str, password: &str) -> bool {
    let answer = client.ask(SIGN_IN, json!({ "email": email, "password": password })).await;
    assert!(answer.codes().is_empty(), "{}", answer.body);
    answer.body["data"]["signIn"]["accessToken"].is_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_from_the_address_of_everybody_keep_nobody_out_who_made_no_mistake() {
    // As behind a proxy that nobody configured.
    let setup = setup().await;
    let everybody = setup.anonymous.from_address("203.0.113.9");
    for role in [Role::Nurse, Role::Doctor, Role::Clerk] {
        setup.add_account(&format!("{role}@example.test").to_lowercase(), role).await;
    }
    let guess = |number: usize| {
        let (client, email) = (everybody.clone(), format!("somebody{}@example.test", number % 30));
        async move { signs_in(&client, &email, "wrong").await }
    };
    for round in 0..4 {
        let guesses = join_all((round * 30..round * 30 + 30).map(guess)).await;
        assert!(guesses.iter().all(|is_in| !is_in));
    }
    assert!(signs_in(&everybody, "nurse@example.test", PASSWORD).await, "50 mistakes of others");
    assert!(!signs_in(&everybody, "doctor@example.test", "wrong").await);
    assert!(signs_in(&everybody, "doctor@example.test", PASSWORD).await, "one mistake of the own");
    for _ in 0..2 {
        assert!(!signs_in(&everybody, "clerk@example.test", "wrong").await);
    }
    setup.stretch_waits().await;
    assert!(!signs_in(&everybody, "clerk@example.test", PASSWORD).await, "mistakes there count sooner");
    assert!(
        signs_in(&setup.anonymous.from_address("198.51.100.7"), "clerk@example.test", PASSWORD).await,
        "from elsewhere"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_from_everywhere_keep_the_owner_out_nowhere() {
    let setup = setup().await;
    setup.add_account("nurse@example.test", Role::Nurse).await;
    let guess = |number: usize| {
        let client = setup.anonymous.from_address(format!("203.0.113.{number}"));
        async move { signs_in(&client, "nurse@example.test", "wrong").await }
    };
    for round in 0..5 {
        join_all((round * 24 + 1..round * 24 + 25).map(guess)).await;
    }
    assert!(signs_in(&setup.anonymous.from_address("198.51.100.7"), "nurse@example.test", PASSWORD).await);
    for _ in 0..2 {
        assert!(!signs_in(&setup.anonymous.from_address("198.51.100.8"), "nurse@example.test", "wrong").await);
    }
    setup.stretch_waits().await;
    assert!(!signs_in(&setup.anonymous.from_address("198.51.100.8"), "nurse@example.test", PASSWORD).await);
}

#[tokio::test]
async fn at_a_crowded_address_strangers_take_turns_and_whoever_is_known_there_does_not() {
    let setup = setup().await;
    let client = setup.anonymous.from_address("203.0.113.9");
    for role in [Role::Nurse, Role::Doctor] {
        setup.add_account(&format!("{role}@example.test").to_lowercase(), role).await;
    }
    assert!(signs_in(&client, "nurse@example.test", PASSWORD).await, "known from now on");
    assert!(!signs_in(&client, "x@example.test", "wrong").await);
    let crowd = "UPDATE patients.sign_in_attempt SET attempts = 1000 WHERE succeeded_at IS NULL AND attempts > 0";
    sqlx::query(crowd).execute(&setup.database.pool).await.expect("a thousand guesses");
    assert!(!signs_in(&client, "somebody@example.test", "wrong").await, "a stranger's turn");
    setup.stretch_waits().await;
    assert!(!signs_in(&client, "doctor@example.test", PASSWORD).await, "which others wait for");
    assert!(signs_in(&client, "nurse@example.test", PASSWORD).await);
    assert!(signs_in(&setup.anonymous.from_address("198.51.100.7"), "doctor@example.test", PASSWORD).await);
    let later = "UPDATE patients.sign_in_attempt SET blocked_until = last_at - interval '1 second'";
    sqlx::query(later).execute(&setup.database.pool).await.expect("two seconds have passed");
    assert!(signs_in(&client, "doctor@example.test", PASSWORD).await);
}

impl Setup {
    /// Makes each wait that there is a minute longer, so that a slow machine does not outlast it.
    async fn stretch_waits(&self) {
        let longer = "UPDATE patients.sign_in_attempt SET blocked_until = blocked_until + interval '1 minute'
                      WHERE blocked_until >= last_at";
        sqlx::query(longer).execute(&self.database.pool).await.expect("longer waits");
    }
}

/// How many of 60 guesses at once were looked at, and whether the right secret is taken then.
async fn guesses(setup: &Setup, client: &Client, mutation: &str, right: &str) -> (usize, bool) {
    let answers =
        join_all((0..60).map(|number| client.ask(mutation, json!({ "secret": format!("wrong{number}") })))).await;
    let message = |answer: &healthbridge_testkit::Answer| {
        let message = answer.body["data"]["done"]["userErrors"][0]["message"].as_str();
        message.unwrap_or_else(|| panic!("{}", answer.body)).to_owned()
    };
    let looked_at = answers.iter().filter(|answer| !message(answer).starts_with("Too many attempts")).count();
    setup.stretch_waits().await;
    let answer = client.ask(mutation, json!({ "secret": right })).await;
    (looked_at, answer.body["data"]["done"]["userErrors"] == json!([]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_guesses_secrets_with_a_stolen_token_waits_as_at_a_sign_in() {
    let setup = setup().await;
    for (mutation, email) in
        [(CHANGE_PASSWORD, "a@example.test"), (DISABLE_TOTP, "b@example.test"), (CONFIRM_TOTP, "c@example.test")]
    {
        setup.add_account(email, Role::Nurse).await;
        let session = setup.sign_in(email).await;
        let nurse = setup.anonymous.with_token(session["accessToken"].as_str().expect("a token"));
        let begun = nurse.data("mutation { beginTotp { url } }", Value::Null).await["beginTotp"]["url"].clone();
        let totp = totp_rs::TOTP::from_url(begun.as_str().expect("a URL")).expect("the URL");
        let right =
            if mutation == CONFIRM_TOTP { totp.generate_current().expect("a code") } else { PASSWORD.to_owned() };
        assert_eq!(guesses(&setup, &nurse, mutation, &right).await, (6, false), "{mutation}");
        assert!(setup.sign_in(email).await["accessToken"].is_string(), "the owner's sign-in waits for none of that");
        let later = "UPDATE patients.sign_in_attempt SET blocked_until = last_at - interval '1 second'";
        sqlx::query(later).execute(&setup.database.pool).await.expect("a minute has passed");
        let answer = nurse.ask(mutation, json!({ "secret": right })).await;
        assert_eq!(answer.body["data"]["done"]["userErrors"], json!([]), "{mutation}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registrations_from_one_address_are_slowed_down_and_others_go_on() {
    let setup = setup().await;
    let register = |address: &str, number: usize| {
        let client = setup.anonymous.from_address(address);
        let variables = json!({ "email": format!("new{number}@example.test"), "password": PASSWORD });
        async move { client.ask(REGISTER, variables).await.body["data"]["registerUser"].clone() }
    };
    let answers = join_all((0..40).map(|number| register("203.0.113.9", number))).await;
    let made = answers.iter().filter(|answer| answer["user"]["id"].is_string()).count();
    assert_eq!(made, 21, "twenty are free, and the next is followed by a wait");
    let refused = answers.iter().find(|answer| answer["user"].is_null()).expect("one of them");
    assert_eq!(refused["userErrors"][0]["code"], json!("NOT_ALLOWED"));
    assert!(register("198.51.100.7", 40).await["user"]["id"].is_string());
    assert!(signs_in(&setup.anonymous.from_address("203.0.113.9"), "new40@example.test", PASSWORD).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_passwords_than_can_be_hashed_in_time_are_turned_away_with_503_and_when_to_come_again() {
    let setup = setup().await;
    setup.add_account("nurse@example.test", Role::Nurse).await;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let ask = |number: usize| {
        let client = setup.anonymous.from_address(format!("203.0.{}.{}", number / 250, number % 250));
        async move {
            let answer =
                client.send(SIGN_IN, json!({ "email": format!("{number}@example.test"), "password": "wrong" })).await;
            let retry_after =
                answer.headers().get("retry-after").and_then(|value| value.to_str().ok()).map(str::to_owned);
            (answer.status().as_u16(), retry_after, answer.json::<Value>().await.expect("JSON"))
        }
    };
    // Fewer than the listener itself would turn away.
    let answers = join_all((0..(150 * cores).min(180)).map(ask)).await;
    let (mut answered, mut turned_away) = (0, 0);
    for (status, retry_after, body) in answers {
        if status == 200 {
            assert_eq!(body["data"]["signIn"]["userErrors"][0]["code"], json!("NOT_ALLOWED"));
            answered += 1;
        } else {
            assert_eq!((status, retry_after.as_deref()), (503, Some("1")), "{body}");
            assert_eq!(body["errors"][0]["extensions"]["code"], json!("OVERLOADED"));
            turned_away += 1;
        }
    }
    assert!(answered > 0 && turned_away > 0, "{answered} answered, {turned_away} turned away");
    assert!(setup.sign_in("nurse@example.test").await["accessToken"].is_string(), "the next one is served");
}
