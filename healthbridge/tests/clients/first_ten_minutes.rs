use std::path::Path;

use serde_json::{Value, json};

use crate::{
    node, schema_folder,
    stack::{Stack, patients},
};

#[tokio::test]
async fn apollo_urql_and_relay_run_the_chart_page_both_ways_see_a_placed_error_and_a_401_and_refresh() {
    let stack = Stack::start();
    let all = patients(&stack.sign_in("doctor").await, 100).await;
    let folder = tempfile::tempdir().expect("a folder");
    let frontend = folder.path().join("frontend");
    let chart = schema_folder().join("operations/patient-chart.graphql");
    // Its types are made from the published schema and chart, and the whole is compiled strictly.
    node("frontend.mjs", &[&schema_folder().join("api.graphql"), &chart, &frontend], "");
    for client in ["apollo", "urql", "relay"] {
        let script = frontend.join(format!("{client}.js"));
        let script = script.to_str().expect("UTF-8");
        let seen: Value = serde_json::from_str(&node(script, &[Path::new(&stack.url(0))], "")).expect("JSON");

        let chart = &seen["chart"];
        assert_eq!(chart["errors"], json!([]), "{client}");
        assert_eq!(chart["data"]["id"], all[0], "{client}");
        for part in ["/name/text", "/images/nodes/0/id", "/reports/nodes/0/id", "/totalCost/byCurrency/0/net/amount"] {
            assert!(chart["data"].pointer(part).is_some_and(Value::is_string), "{client}: {part}");
        }

        let ids = |pages: Vec<&Value>| -> Vec<Value> {
            pages.into_iter().flat_map(|page| page.as_array().expect("a page")).cloned().collect()
        };
        let (forward, backward) =
            (seen["forward"].as_array().expect("pages"), seen["backward"].as_array().expect("pages"));
        assert!(forward.len() > 1 && backward.len() > 1, "{client} has more than one page");
        assert_eq!(ids(forward.iter().collect()), all, "{client}");
        assert_eq!(ids(backward.iter().rev().collect()), all, "{client}");

        assert_eq!((&seen["expired"]["status"], &seen["expired"]["data"]), (&json!(401), &Value::Null), "{client}");
        assert_eq!(seen["refreshed"]["data"]["id"], all[0], "{client}");
        assert_eq!(seen["refreshed"]["errors"], json!([]), "{client}");

        // A clerk may not see images: they failed, where this client asked for them, and the rest is there.
        let clerk = &seen["clerk"];
        assert_eq!(clerk["data"]["person"]["id"], all[0], "{client}");
        let pictures = &clerk["data"]["person"]["pictures"];
        if client == "relay" {
            assert_eq!(pictures["ok"], json!(false), "{pictures}");
            // It put the error at its field by the path, and leaves that out of the result there.
            assert_eq!(pictures["errors"][0]["extensions"]["code"], "FORBIDDEN", "{pictures}");
        } else {
            let refused = json!({ "path": ["person", "pictures"], "code": "FORBIDDEN" });
            assert_eq!(*pictures, Value::Null, "{client}");
            assert_eq!(clerk["errors"], json!([refused]), "{client}");
        }
    }
}
