//! Sums over all patients, over HTTP on a real database.

mod setup;

use chrono::{Datelike, Duration, Utc};
use healthbridge_rights::Role;
use serde_json::{Value, json};
use setup::{ADD, add, input, setup};
use uuid::Uuid;

const STATISTICS: &str = "query ($from: DateTime, $to: DateTime) { billingStatistics(from: $from, to: $to) {
    currency charged { amount } discounts { amount } tax { amount } net { amount } paid { amount } refunded { amount }
    outstanding { amount } itemCount } }";

#[tokio::test]
async fn sums_have_a_line_for_each_currency_and_count_what_moved_in_the_time() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let mut taxed = input(Uuid::now_v7(), "1", "100", "EUR");
    taxed["components"] = json!([{ "type": "DISCOUNT", "factor": "0.1" }, { "type": "TAX", "factor": "0.2" }]);
    clerk.data(ADD, json!({ "input": taxed })).await;
    let billing = add(&clerk, Uuid::now_v7(), "1", "10", "EUR").await;
    add(&clerk, Uuid::now_v7(), "1", "500", "JPY").await;
    setup.pay(&billing, "4", "EUR").await;
    let amount = |text: &str| json!({ "amount": text });
    let euros = json!({ "currency": "EUR", "charged": amount("110.00"), "discounts": amount("10.00"), "tax": amount("18.00"),
        "net": amount("118.00"), "paid": amount("4.00"), "refunded": amount("0.00"), "outstanding": amount("114.00"), "itemCount": 2 });
    let all = clerk.data(STATISTICS, Value::Null).await["billingStatistics"].clone();
    assert_eq!((&all[0], &all[1]["charged"], all.as_array().map(Vec::len)), (&euros, &amount("500"), Some(2)));
    let (past, coming) = (Utc::now() - Duration::hours(1), Utc::now() + Duration::hours(1));
    let now = clerk.data(STATISTICS, json!({ "from": past, "to": coming })).await;
    assert_eq!(now["billingStatistics"], all);
    assert_eq!(clerk.data(STATISTICS, json!({ "to": past })).await["billingStatistics"], json!([]));
    let months = "query ($months: Int! = 12) { monthlyRevenue(months: $months) { month currency revenue { amount } received { amount } } }";
    let revenue = clerk.data(months, Value::Null).await["monthlyRevenue"].clone();
    let this_month = Utc::now().date_naive().with_day(1).expect("a day");
    assert_eq!(
        revenue[0],
        json!({ "month": this_month, "currency": "EUR", "revenue": amount("100.00"), "received": amount("4.00") })
    );
    assert_eq!(clerk.ask(months, json!({ "months": 0 })).await.codes(), ["BAD_USER_INPUT"]);
    for role in [Role::Doctor, Role::Nurse] {
        assert_eq!(setup.as_role(role).ask(STATISTICS, Value::Null).await.codes(), ["FORBIDDEN"], "{role}");
    }
}

#[tokio::test]
async fn receivables_are_told_by_their_age() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    for (days, price) in [(0, "1"), (30, "2"), (31, "4"), (60, "8"), (61, "16"), (90, "32"), (91, "64"), (4000, "128")]
    {
        let mut input = input(Uuid::now_v7(), "1", price, "EUR");
        input["servicedAt"] = json!(Utc::now() - Duration::days(days));
        clerk.data(ADD, json!({ "input": input })).await;
    }
    let paid = add(&clerk, Uuid::now_v7(), "1", "1000", "EUR").await;
    setup.pay(&paid, "1000", "EUR").await;
    let query = "{ agedReceivables { currency days0To30 { amount } days31To60 { amount } days61To90 { amount } daysOver90 { amount } } }";
    let aged = clerk.data(query, Value::Null).await["agedReceivables"].clone();
    let amounts = ["days0To30", "days31To60", "days61To90", "daysOver90"].map(|field| aged[0][field]["amount"].clone());
    assert_eq!(amounts, ["3.00", "12.00", "48.00", "192.00"].map(|text| json!(text)));
}
