//! Random commands at an order, without a database: no state that must not be, no reader who does not know of another, and
//! nothing that tells the patient of reading or of a draft.

use chrono::{DateTime, Duration, Utc};
use healthbridge_diagnosis::{
    OrderSettings,
    domain::{ImagingOrder, OrderChange, OrderRefusal, OrderStage, OrderStatus, ReportPriority},
};
use proptest::{prelude::*, test_runner::TestRunner};
use uuid::Uuid;

/// What may be asked for, by one of three radiologists, so many minutes after what was asked before.
#[derive(Clone, Debug)]
enum Command {
    Assign(u8),
    Prioritise(ReportPriority),
    Hold(bool),
    Acquire,
    Revoke,
    Start(u8, Option<u8>),
    Stop(u8),
    Draft(u8),
    Release,
    Withdraw,
    See,
}

fn command() -> impl Strategy<Value = (i64, Command)> {
    let radiologist = || 0..3_u8;
    let priorities = [ReportPriority::Routine, ReportPriority::Urgent, ReportPriority::Asap, ReportPriority::Stat];
    let command = prop_oneof![
        1 => radiologist().prop_map(Command::Assign),
        1 => prop::sample::select(priorities.to_vec()).prop_map(Command::Prioritise),
        1 => any::<bool>().prop_map(Command::Hold),
        3 => Just(Command::Acquire),
        1 => Just(Command::Revoke),
        3 => (radiologist(), prop::option::of(radiologist())).prop_map(|(by, from)| Command::Start(by, from)),
        1 => radiologist().prop_map(Command::Stop),
        3 => radiologist().prop_map(Command::Draft),
        2 => Just(Command::Release),
        1 => Just(Command::Withdraw),
        1 => Just(Command::See),
    ];
    (prop_oneof![3 => 0..5_i64, 1 => 20..60_i64], command)
}

fn staff(number: u8) -> Uuid {
    Uuid::from_u128(1 + u128::from(number))
}

fn ordered(at: DateTime<Utc>) -> ImagingOrder {
    ImagingOrder {
        id: Uuid::nil(),
        accession_number: "ACC-2026-000001".to_owned(),
        patient_id: Uuid::nil(),
        status: OrderStatus::Active,
        stage: OrderStage::Ordered,
        priority: ReportPriority::Routine,
        ordered_by: Uuid::max(),
        radiologist_id: None,
        appointment_id: None,
        code: None,
        modality: "CT".to_owned(),
        body_site: None,
        reason: "Cough".to_owned(),
        reason_codes: Vec::new(),
        image_ids: Vec::new(),
        acquired_at: None,
        due_at: at + OrderSettings::default().due_in(ReportPriority::Routine),
        reading_until: None,
        result_seen_at: None,
        revoke_reason: None,
        created_at: at,
        updated_at: at,
        version: 1,
        shown_at: at,
        shown_version: 1,
    }
}

fn take(order: &ImagingOrder, command: &Command, now: DateTime<Utc>) -> Result<ImagingOrder, OrderRefusal> {
    let settings = OrderSettings::default();
    let change = |change: OrderChange| order.change(&change, now);
    match *command {
        Command::Assign(to) => change(OrderChange { radiologist_id: Some(staff(to)), ..OrderChange::default() }),
        Command::Prioritise(priority) => {
            change(OrderChange { priority: Some((priority, settings.due_in(priority))), ..OrderChange::default() })
        }
        Command::Hold(on_hold) => change(OrderChange { on_hold: Some(on_hold), ..OrderChange::default() }),
        Command::Acquire => order.acquire(vec![Uuid::max()], settings.due_in(order.priority), now),
        Command::Revoke => order.revoke("a test".to_owned(), now),
        Command::Start(by, from) => order.start_reading(staff(by), from.map(staff), settings.lock(), now),
        Command::Stop(by) => order.stop_reading(staff(by), now),
        Command::Draft(by) => order.begin_report(staff(by), now),
        Command::Release => order.report_released(now),
        Command::Withdraw => order.report_withdrawn(now),
        Command::See => order.see_result(now),
    }
}

/// What the database refuses, too, and what nobody may come to.
fn is_sound(order: &ImagingOrder) -> bool {
    let is_acquired = matches!(order.stage, OrderStage::Acquired | OrderStage::Reading | OrderStage::Reported);
    let base = order.acquired_at.unwrap_or(order.created_at);
    order.acquired_at.is_some() == is_acquired
        && order.image_ids.is_empty() != is_acquired
        && (order.stage == OrderStage::Reported) == (order.status == OrderStatus::Completed)
        && (order.stage != OrderStage::Reading || order.status == OrderStatus::Active)
        && (order.reading_until.is_none() || (order.radiologist_id.is_some() && order.stage == OrderStage::Acquired))
        && (order.reading_until.is_none() || order.status == OrderStatus::Active)
        && (order.result_seen_at.is_none() || order.stage == OrderStage::Reported)
        && order.revoke_reason.is_some() == (order.status == OrderStatus::Revoked)
        && order.due_at == base + OrderSettings::default().due_in(order.priority)
        && order.shown_version <= order.version
        && order.shown_at <= order.updated_at
}

#[test]
fn a_hundred_thousand_random_commands_come_to_no_illegal_state() {
    let config = ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() };
    let commands = prop::collection::vec(command(), 5..25);
    let ran = TestRunner::new(config).run(&commands, |commands| {
        let mut now = DateTime::UNIX_EPOCH;
        let mut order = ordered(now);
        for (minutes, command) in &commands {
            now += Duration::minutes(*minutes);
            let taken = take(&order, command, now);
            check_reading(&order, command, now, &taken)?;
            check_statuses(&order, command, &taken)?;
            let Ok(next) = taken else { continue };
            prop_assert!(is_sound(&next), "{command:?}: {next:?}");
            let is_changed = next != order;
            prop_assert_eq!(next.version, order.version + i32::from(is_changed), "{:?}", command);
            check_patient(&order, command, &next)?;
            order = next;
        }
        Ok(())
    });
    ran.expect("sound");
}

/// Nobody begins to read what another one has, unless whoever has it is named; and everybody may begin what is free.
fn check_reading(
    order: &ImagingOrder,
    command: &Command,
    now: DateTime<Utc>,
    taken: &Result<ImagingOrder, OrderRefusal>,
) -> Result<(), TestCaseError> {
    let (by, from) = match command {
        Command::Start(by, from) => (staff(*by), from.map(staff)),
        Command::Draft(by) => (staff(*by), None),
        _ => return Ok(()),
    };
    let is_readable = order.status == OrderStatus::Active && order.stage == OrderStage::Acquired;
    let is_free = order.reader(now).is_none_or(|(holder, _)| holder == by || Some(holder) == from);
    prop_assert_eq!(taken.is_ok(), is_readable && is_free, "{:?} of {:?}", command, order);
    if is_readable && !is_free {
        let (radiologist_id, until) = order.reader(now).expect("a reader");
        prop_assert_eq!(taken.as_ref().err(), Some(&OrderRefusal::ReadBy { radiologist_id, until }));
    }
    Ok(())
}

/// What an order says that it can be moved to is what the commands take.
fn check_statuses(
    order: &ImagingOrder,
    command: &Command,
    taken: &Result<ImagingOrder, OrderRefusal>,
) -> Result<(), TestCaseError> {
    let wanted = match command {
        Command::Hold(true) => OrderStatus::OnHold,
        Command::Hold(false) => OrderStatus::Active,
        Command::Revoke => OrderStatus::Revoked,
        _ => return Ok(()),
    };
    let is_there = order.status == wanted;
    let is_offered = order.next_statuses().contains(&wanted);
    prop_assert!(!(is_there && is_offered));
    let is_moved = taken.as_ref().is_ok_and(|next| next.status == wanted) && !is_there;
    prop_assert_eq!(is_offered, is_moved, "{:?} of {:?}", command, order);
    Ok(())
}

/// To the patient an order is the same until something happens that the patient may know of.
fn check_patient(before: &ImagingOrder, command: &Command, after: &ImagingOrder) -> Result<(), TestCaseError> {
    let (seen, now_seen) = (before.clone().for_patient(), after.clone().for_patient());
    let is_withdrawn_unseen = matches!(command, Command::Withdraw) && before.stage == OrderStage::Reading;
    let is_secret = is_withdrawn_unseen
        || matches!(
            command,
            Command::Assign(_) | Command::Start(..) | Command::Stop(_) | Command::Draft(_) | Command::See
        );
    // Of an order that is reported the radiologist is known, and does not change.
    if is_secret {
        prop_assert_eq!(&seen, &now_seen, "{:?}", command);
    }
    prop_assert!(now_seen.stage != OrderStage::Reading && now_seen.reading_until.is_none());
    prop_assert!(now_seen.radiologist_id.is_none() || now_seen.stage == OrderStage::Reported);
    prop_assert_eq!(now_seen.version - seen.version, i32::from(seen != now_seen), "{:?}", command);
    Ok(())
}

#[test]
fn the_lock_of_a_reader_ends_by_itself_and_the_due_time_is_by_priority() {
    let begun = DateTime::UNIX_EPOCH;
    let settings = OrderSettings::default();
    let order =
        ordered(begun).acquire(vec![Uuid::max()], settings.due_in(ReportPriority::Stat), begun).expect("acquired");
    let read = order.start_reading(staff(0), None, settings.lock(), begun).expect("free");
    let end = begun + Duration::minutes(30);
    let just_before = end - Duration::microseconds(1);
    let refused = OrderRefusal::ReadBy { radiologist_id: staff(0), until: end };
    assert_eq!(read.start_reading(staff(1), None, settings.lock(), just_before), Err(refused));
    assert_eq!(read.begin_report(staff(1), just_before), Err(refused));
    assert_eq!(read.start_reading(staff(1), Some(staff(2)), settings.lock(), just_before), Err(refused));
    assert!(read.start_reading(staff(1), Some(staff(0)), settings.lock(), just_before).is_ok());
    assert!(read.start_reading(staff(1), None, settings.lock(), end).is_ok() && read.reader(end).is_none());
    let hours = [ReportPriority::Stat, ReportPriority::Asap, ReportPriority::Urgent, ReportPriority::Routine]
        .map(|priority| settings.due_in(priority).num_hours());
    assert_eq!(hours, [1, 4, 24, 7 * 24]);
    let due = order.due_at().expect("due");
    assert_eq!(
        (due, order.is_overdue(due), order.is_overdue(due + Duration::microseconds(1))),
        (begun + Duration::hours(1), false, true)
    );
    assert_eq!(ordered(begun).due_at(), None);
    let reported =
        order.begin_report(staff(0), begun).and_then(|order| order.report_released(begun)).expect("reported");
    assert!(!reported.is_overdue(due + Duration::days(1)));
}
