//! What `[query]` and `[limits]` of the configuration may be: neither so little that nobody is served, nor so much that
//! nobody is bounded.

use std::ops::RangeInclusive;

use anyhow::ensure;

/// No deadline is longer, in milliseconds.
const HOUR: u64 = 3_600_000;

/// No more of anything that is counted one by one.
const MILLION: u64 = 1_000_000;

/// Checks each key of both sections.
///
/// # Errors
/// Names the first key that is out of bounds.
pub(crate) fn check(query: &healthbridge_door::Limits, limits: &healthbridge_listener::Limits) -> anyhow::Result<()> {
    // Taken apart, so that a key that is added is not forgotten here.
    let healthbridge_door::Limits { json_nesting, nesting, tokens, expansion, overlaps, representations, cost } =
        *query;
    // The readers of JSON that stand behind recurse, and so does the router's parser.
    within("query.json_nesting", json_nesting as u64, 1..=128)?;
    within("query.nesting", nesting as u64, 1..=50)?;
    within("query.tokens", tokens as u64, 1..=MILLION)?;
    within("query.expansion", expansion, 1..=MILLION)?;
    within("query.overlaps", overlaps, 1..=MILLION)?;
    within("query.representations", representations, 1..=MILLION)?;
    within("query.cost", cost, 1..=1000 * MILLION)?;

    let healthbridge_listener::Limits {
        header_timeout_ms,
        idle_timeout_ms,
        body_timeout_ms,
        stall_timeout_ms,
        min_bytes_per_second,
        max_header_bytes,
        max_body_bytes,
        connections,
        requests,
        queue,
        queue_timeout_ms,
        subgraph_timeout_ms,
        drain_timeout_ms,
    } = *limits;
    within("limits.header_timeout_ms", header_timeout_ms, 1..=HOUR)?;
    within("limits.idle_timeout_ms", idle_timeout_ms, 1..=HOUR)?;
    within("limits.body_timeout_ms", body_timeout_ms, 1..=HOUR)?;
    within("limits.stall_timeout_ms", stall_timeout_ms, 1..=HOUR)?;
    // None at all is a choice for a slow line, likewise that nobody waits and nothing is waited for.
    within("limits.min_bytes_per_second", min_bytes_per_second, 0..=1 << 30)?;
    within("limits.queue", queue as u64, 0..=MILLION)?;
    within("limits.subgraph_timeout_ms", subgraph_timeout_ms, 1..=HOUR)?;
    within("limits.drain_timeout_ms", drain_timeout_ms, 0..=HOUR)?;
    // The HTTP library takes no less; a subgraph's endpoint no larger body.
    within("limits.max_header_bytes", max_header_bytes as u64, 8 << 10..=1 << 20)?;
    within("limits.max_body_bytes", max_body_bytes as u64, 1 << 10..=64 << 20)?;
    within("limits.connections", connections as u64, 1..=MILLION)?;
    within("limits.requests", requests as u64, 1..=MILLION)?;
    within("limits.queue_timeout_ms", queue_timeout_ms, 1..=HOUR)
}

fn within(key: &str, value: u64, range: RangeInclusive<u64>) -> anyhow::Result<()> {
    let (least, most) = (range.start(), range.end());
    ensure!(range.contains(&value), "`{key}` is {value}: it must be from {least} to {most}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// What is said of a section with all of its defaults but this one.
    fn said_of(section: &str, key: &str, value: &Value) -> Option<String> {
        let changed = |name: &str| if name == section { json!({ key: value }) } else { json!({}) };
        let query = serde_json::from_value(changed("query")).expect("a section");
        let limits = serde_json::from_value(changed("limits")).expect("a section");
        check(&query, &limits).err().map(|error| error.to_string())
    }

    /// Each key of both sections.
    fn keys() -> Vec<(&'static str, String)> {
        let keys = |section, defaults: Value| {
            let object = defaults.as_object().expect("an object").clone();
            object.into_iter().map(move |(key, _)| (section, key))
        };
        let query = serde_json::to_value(healthbridge_door::Limits::default()).expect("JSON");
        let limits = serde_json::to_value(healthbridge_listener::Limits::default()).expect("JSON");
        keys("query", query).chain(keys("limits", limits)).collect()
    }

    #[test]
    fn the_defaults_may_be() {
        assert_eq!(said_of("query", "cost", &json!(50_000)), None);
    }

    #[test]
    fn nothing_may_be_without_bound_and_little_may_be_nothing() {
        let may_be_nothing = ["min_bytes_per_second", "queue", "drain_timeout_ms"];
        for (section, key) in keys() {
            let name = format!("`{section}.{key}`");
            let said = said_of(section, &key, &json!(u64::MAX));
            assert!(said.as_ref().is_some_and(|said| said.starts_with(&name)), "{name}: {said:?}");
            let said = said_of(section, &key, &json!(0));
            if may_be_nothing.contains(&key.as_str()) {
                assert_eq!(said, None, "{name}");
            } else {
                assert!(said.as_ref().is_some_and(|said| said.starts_with(&name)), "{name}: {said:?}");
            }
        }
    }

    #[test]
    fn who_sets_too_much_is_told_what_may_be() {
        let said = said_of("limits", "requests", &json!(0));
        assert_eq!(said.as_deref(), Some("`limits.requests` is 0: it must be from 1 to 1000000"));
    }
}
