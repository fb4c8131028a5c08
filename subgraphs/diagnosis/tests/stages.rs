//! The state machine of reports, pure: a hundred thousand random commands, beside a table of which status follows which
//! that knows nothing of the machine.
#![expect(clippy::option_option, reason = "a text may be left out, and it may be emptied")]

use chrono::{DateTime, Duration, Utc};
use healthbridge_diagnosis::domain::{
    Report, ReportPriority, ReportStatus, radiology,
    stage::{DraftStatus, Edit, NoText, NotAcknowledged, Open, Revision, Stage},
};
use healthbridge_terms::Coded;
use proptest::{prelude::*, test_runner::TestRunner};
use uuid::Uuid;

/// Which status may follow which (FHIR R4 DiagnosticReport.status), written down once more.
fn follows(from: ReportStatus, to: ReportStatus) -> bool {
    use ReportStatus::{
        Amended, Appended, Cancelled, Corrected, EnteredInError, Final, Partial, Preliminary, Registered,
    };
    match from {
        Registered => matches!(to, Partial | Preliminary | Cancelled),
        Partial => matches!(to, Preliminary | Final | Cancelled),
        Preliminary => matches!(to, Partial | Final | Cancelled),
        Final | Amended | Corrected | Appended => matches!(to, Amended | Corrected | Appended | EnteredInError),
        _ => false,
    }
}

fn report(status: ReportStatus, text: Option<&str>) -> Report {
    Report {
        id: Uuid::nil(),
        patient_id: Uuid::nil(),
        status,
        priority: ReportPriority::Routine,
        category: vec![radiology()],
        code: None,
        conclusion_codes: Vec::new(),
        clinical_history: None,
        technique: None,
        findings: text.map(str::to_owned),
        impression: None,
        critical: false,
        acknowledged: None,
        author_id: Uuid::nil(),
        order_id: None,
        assignee_id: None,
        assigned_until: None,
        requester_id: None,
        study_id: None,
        image_ids: Vec::new(),
        issued_at: None,
        status_reason: None,
        current_version: 0,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
        version: 1,
    }
}

#[derive(Clone, Debug)]
enum Command {
    Write { text: Option<Option<u8>>, status: Option<bool>, critical: Option<bool> },
    Assign(u8),
    Confirm,
    Revise { is_correction: bool, text: Option<Option<u8>> },
    Append,
    Cancel,
    Withdraw,
    Acknowledge,
}

fn command() -> impl Strategy<Value = Command> {
    let text = || proptest::option::of(proptest::option::of(any::<u8>()));
    prop_oneof![
        4 => (text(), any::<Option<bool>>(), any::<Option<bool>>())
            .prop_map(|(text, status, critical)| Command::Write { text, status, critical }),
        1 => any::<u8>().prop_map(Command::Assign),
        3 => Just(Command::Confirm),
        2 => (any::<bool>(), text()).prop_map(|(is_correction, text)| Command::Revise { is_correction, text }),
        2 => Just(Command::Append),
        1 => Just(Command::Cancel),
        1 => Just(Command::Withdraw),
        1 => Just(Command::Acknowledge),
    ]
}

fn edit(text: Option<Option<u8>>, critical: Option<bool>) -> Edit {
    Edit { findings: text.map(|text| text.map(|text| format!("text {text}"))), critical, ..Edit::default() }
}

/// Whose a report is for an hour from a time on.
fn writer(number: u8, at: DateTime<Utc>) -> (Uuid, DateTime<Utc>) {
    (Uuid::from_u128(number.into()), at + Duration::hours(1))
}

/// Takes a command, if there is one in this stage; `None` where it is refused.
fn take(stage: Stage, command: &Command, at: DateTime<Utc>) -> Option<Report> {
    let reason = || "a test".to_owned();
    match (stage, command) {
        (Stage::Open(open), Command::Write { text, status, critical }) => {
            let status = status.map(|partial| if partial { DraftStatus::Partial } else { DraftStatus::Preliminary });
            open.write(edit(*text, *critical), status, writer(1, at), at).ok().map(Report::from)
        }
        (Stage::Open(open), Command::Assign(number)) => {
            let (assignee, until) = writer(*number, at);
            Some(open.assign(assignee, until, at).into())
        }
        (Stage::Open(open), Command::Confirm) => open.drafted().ok().map(|drafted| drafted.confirm(at).into()),
        (Stage::Open(open), Command::Cancel) => Some(open.cancel(reason(), at).into()),
        (Stage::Released(released), Command::Revise { is_correction, text }) => {
            let revision = if *is_correction { Revision::Correction } else { Revision::Amendment };
            released.revise(revision, edit(*text, None), at).ok().map(Report::from)
        }
        (Stage::Released(released), Command::Append) => Some(released.append(at).into()),
        (Stage::Released(released), Command::Withdraw) => Some(released.withdraw(reason(), at).into()),
        (Stage::Released(released), Command::Acknowledge) => {
            released.acknowledge(Uuid::nil(), reason(), at).ok().map(Report::from)
        }
        _ => None,
    }
}

#[test]
fn a_hundred_thousand_random_commands_lead_to_no_state_that_does_not_follow() {
    let config = ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() };
    let commands = prop::collection::vec(command(), 10..12);
    let ran = TestRunner::new(config).run(&commands, |commands| {
        let mut before = report(ReportStatus::Registered, None);
        for (minutes, command) in (1..).zip(&commands) {
            let at = DateTime::UNIX_EPOCH + Duration::minutes(minutes);
            let next = Stage::from(before.clone()).next();
            let Some(after) = take(Stage::from(before.clone()), command, at) else { continue };
            let stays = after.status == before.status;
            prop_assert!(follows(before.status, after.status) || stays, "{before:?} {command:?} {after:?}");
            // What is said to be next is where it went.
            prop_assert!(stays || next.contains(&after.status), "{before:?} {command:?} {after:?}");
            prop_assert!(after.version == before.version + 1 && after.updated_at == at);
            // Every release is a version of its own, and nothing else is.
            let is_release =
                matches!(command, Command::Confirm | Command::Revise { .. } | Command::Append | Command::Withdraw);
            prop_assert_eq!(after.current_version, before.current_version + i32::from(is_release));
            prop_assert_eq!(after.status.is_released(), after.current_version > 0);
            prop_assert_eq!(after.status.is_released(), after.issued_at.is_some());
            prop_assert!(!before.status.is_released() || after.issued_at == before.issued_at);
            let has_text = !matches!(after.status, ReportStatus::Registered | ReportStatus::Cancelled);
            prop_assert!(!has_text || after.has_text(), "{after:?}");
            // What was added leaves the text as it is.
            if matches!(command, Command::Append | Command::Withdraw | Command::Acknowledge | Command::Confirm) {
                prop_assert_eq!(&after.findings, &before.findings);
            }
            before = after;
        }
        Ok(())
    });
    ran.expect("no report goes astray");
}

#[test]
fn what_is_said_to_be_next_is_what_the_table_says_for_every_status() {
    for from in ReportStatus::all() {
        let next = Stage::from(report(from, Some("text"))).next();
        for to in ReportStatus::all() {
            assert_eq!(next.contains(&to), follows(from, to), "{from:?} {to:?}");
        }
        let without = Stage::from(report(from, None)).next();
        assert!(!without.contains(&ReportStatus::Final), "{from:?} without a text is not released");
    }
}

#[test]
fn nothing_leaves_cancelled_entered_in_error_or_unknown() {
    for status in [ReportStatus::Cancelled, ReportStatus::EnteredInError, ReportStatus::Unknown] {
        assert!(matches!(Stage::from(report(status, Some("text"))), Stage::Closed(_)));
    }
}

fn open(status: ReportStatus, text: Option<&str>) -> Open {
    match Stage::from(report(status, text)) {
        Stage::Open(open) => open,
        stage => panic!("{stage:?}"),
    }
}

#[test]
fn who_has_a_report_has_it_alone_until_that_ends() {
    let start = DateTime::UNIX_EPOCH;
    let (assignee, until) = writer(7, start);
    let held = open(ReportStatus::Registered, None).assign(assignee, until, start);
    let other = Uuid::from_u128(8);
    assert_eq!(held.held_from(other, until - Duration::seconds(1)), Some((assignee, until)));
    assert_eq!(held.held_from(other, until), None, "it has ended");
    assert_eq!(held.held_from(assignee, start), None, "it is its own");
}

#[test]
fn a_draft_keeps_a_text_and_a_critical_result_is_acknowledged_once() {
    let at = DateTime::UNIX_EPOCH;
    let emptied = open(ReportStatus::Partial, Some("text")).write(edit(Some(None), None), None, writer(1, at), at);
    assert_eq!(emptied.err(), Some(NoText));
    let drafted = open(ReportStatus::Partial, Some("text")).write(edit(None, Some(true)), None, writer(1, at), at);
    let released = drafted.ok().and_then(|open| open.drafted().ok()).expect("a draft").confirm(at);
    let acknowledged = released.acknowledge(Uuid::nil(), "done".to_owned(), at).expect("critical");
    let again = acknowledged.acknowledge(Uuid::nil(), "done".to_owned(), at);
    assert_eq!(again.err(), Some(NotAcknowledged::Already));
}
