//! Who may try a secret, and who has to wait. `docs/decisions/0024-who-waits.md` has the reasons.

use chrono::{DateTime, Duration, Utc};

/// The longest wait after a mistake, in seconds.
const LONGEST_WAIT: i64 = 60;
/// How many attempts are free in a crowd that is hot.
const FREE_WHERE_HOT: i32 = 1;
/// How long a turn takes in a crowd that is crowded, in seconds.
const TURN: i64 = 2;

/// Something that many accounts or many addresses have in common, whose attempts are counted by the hour.
#[derive(Clone, Debug)]
pub(crate) struct Crowd {
    /// A digest: the table names nobody.
    pub subject: Vec<u8>,
    /// From so many attempts on, mistakes have fewer free attempts.
    pub hot: i32,
    /// From so many attempts on, whoever never succeeded here takes turns.
    pub crowded: i32,
}

/// What is known of a subject.
pub(crate) struct Counted {
    pub attempts: i32,
    pub blocked_until: DateTime<Utc>,
    pub succeeded_at: Option<DateTime<Utc>>,
}

/// An attempt whose secret is to be verified.
pub(crate) struct Allowed<'a> {
    /// Until when the next one has to wait.
    pub blocked_until: DateTime<Utc>,
    /// The crowd whose turn it takes, and until when.
    pub turn: Option<(&'a Crowd, DateTime<Utc>)>,
}

/// Whether an attempt is allowed, or until when it has to wait. After the free ones each is followed by a wait of 2, 4, 8 …
/// seconds.
pub(crate) fn judge<'a>(
    own: &Counted,
    crowds: &[(&'a Crowd, &Counted)],
    free: i32,
    now: DateTime<Utc>,
) -> Result<Allowed<'a>, DateTime<Utc>> {
    if own.blocked_until > now {
        return Err(own.blocked_until);
    }
    // Whoever succeeded here once has a turn of the own; of the others, who may all be one, one after the other has.
    let is_stranger = own.succeeded_at.is_none();
    let full = crowds.iter().find(|(crowd, count)| is_stranger && count.attempts >= crowd.crowded);
    if let Some((_, count)) = full.filter(|(_, count)| count.blocked_until > now) {
        return Err(count.blocked_until);
    }
    let is_hot = crowds.iter().any(|(crowd, count)| count.attempts >= crowd.hot);
    let free = if is_hot { free.min(FREE_WHERE_HOT) } else { free };
    let wait = wait_after(own.attempts + 1, free);
    let blocked_until = if wait.is_zero() { own.blocked_until } else { now + wait };
    Ok(Allowed { blocked_until, turn: full.map(|(crowd, _)| (*crowd, now + Duration::seconds(TURN))) })
}

/// The wait after so many attempts.
fn wait_after(attempts: i32, free: i32) -> Duration {
    match u32::try_from(attempts - free) {
        Ok(beyond @ 1..) => Duration::seconds(2_i64.saturating_pow(beyond.min(10)).min(LONGEST_WAIT)),
        _ => Duration::zero(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_after_the_free_attempts_up_to_a_minute() {
        let waits: Vec<i64> = (1..=12).map(|attempts| wait_after(attempts, 5).num_seconds()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(wait_after(i32::MAX, 1).num_seconds(), 60);
    }
}
