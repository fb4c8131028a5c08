use serde_json::{Value, json};

use crate::{Client, Plans};

/// A list as a client asks for it: a query with `PAGE` where the paging arguments belong and `CONNECTION` where the
/// connection's selection does, and a JSON pointer to the connection in the answer's data.
#[derive(Clone, Copy, Debug)]
pub struct ListQuery<'a> {
    /// The query.
    pub query: &'a str,
    /// Where the connection is.
    pub at: &'a str,
}

const CONNECTION: &str =
    "{ edges { cursor node { ROW } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }";

impl ListQuery<'_> {
    fn with(&self, page: &str, connection: &str) -> String {
        self.query.replace("PAGE", page).replace("CONNECTION", connection)
    }

    async fn page(&self, client: &Client, row: &str, arguments: &str, variables: &Value) -> Value {
        let query = self.with(arguments, &CONNECTION.replace("ROW", row));
        let data = client.data(&query, variables.clone()).await;
        data.pointer(self.at).unwrap_or_else(|| panic!("{} is not in {data}", self.at)).clone()
    }

    /// Reads the whole list, which one page must hold, and then in pages of every size, forwards and backwards: the same
    /// rows in the same order, each page saying truly whether there are more. What `row` selects tells rows apart. Gives the
    /// number of rows.
    ///
    /// # Panics
    /// When anything differs.
    pub async fn assert_pages(&self, client: &Client, row: &str, variables: &Value) -> usize {
        let all = self.page(client, row, "first: 100", variables).await;
        let edges = all["edges"].as_array().cloned().expect("edges");
        assert_eq!(all["pageInfo"]["hasNextPage"], json!(false), "{}: one page holds them all", self.query);
        for size in 1..=edges.len() + 1 {
            let forwards = self.walk(client, row, variables, size, edges.len(), true).await;
            assert_eq!(forwards, edges, "{}: forwards by {size}", self.query);
            let backwards = self.walk(client, row, variables, size, edges.len(), false).await;
            assert_eq!(backwards, edges, "{}: backwards by {size}", self.query);
        }
        self.assert_refusals(client, row, variables, &edges).await;
        edges.len()
    }

    async fn walk(
        &self,
        client: &Client,
        row: &str,
        variables: &Value,
        size: usize,
        length: usize,
        forwards: bool,
    ) -> Vec<Value> {
        let (count, from, more, behind, end) = if forwards {
            ("first", "after", "hasNextPage", "hasPreviousPage", "endCursor")
        } else {
            ("last", "before", "hasPreviousPage", "hasNextPage", "startCursor")
        };
        let (mut seen, mut arguments) = (Vec::new(), format!("{count}: {size}"));
        loop {
            let page = self.page(client, row, &arguments, variables).await;
            let rows = page["edges"].as_array().cloned().expect("edges");
            let info = &page["pageInfo"];
            assert_eq!(info[behind], json!(!seen.is_empty()), "{}: {arguments}: {behind}", self.query);
            let ends = [rows.first(), rows.last()].map(|edge| edge.map_or(Value::Null, |edge| edge["cursor"].clone()));
            assert_eq!([&info["startCursor"], &info["endCursor"]], [&ends[0], &ends[1]], "{}", self.query);
            let place = if forwards { seen.len() } else { 0 };
            seen.splice(place..place, rows);
            let is_more = seen.len() < length;
            assert_eq!(info[more], json!(is_more), "{}: {arguments}: {more}", self.query);
            if !is_more {
                return seen;
            }
            arguments = format!("{count}: {size}, {from}: {}", info[end]);
        }
    }

    async fn assert_refusals(&self, client: &Client, row: &str, variables: &Value, edges: &[Value]) {
        let cursor = edges.first().map_or_else(|| json!("x"), |edge| edge["cursor"].clone());
        for arguments in [
            "first: 1, last: 1".to_owned(),
            format!("last: 1, after: {cursor}"),
            format!("first: 1, before: {cursor}"),
            format!("after: {cursor}, before: {cursor}"),
            format!("before: {cursor}"),
            "last: 101".to_owned(),
            "last: -1".to_owned(),
            "last: 1, before: \"x\"".to_owned(),
        ] {
            let query = self.with(&arguments, &CONNECTION.replace("ROW", row));
            let answer = client.ask(&query, variables.clone()).await;
            assert_eq!(answer.codes(), ["BAD_USER_INPUT"], "{}: {arguments}", self.query);
        }
    }

    /// What the connection says of how many rows there are.
    ///
    /// # Panics
    /// When there is an error.
    pub async fn total(&self, client: &Client, variables: &Value) -> (Value, Value) {
        let query = self.with("first: 1", "{ totalCount totalCountIsExact }");
        let data = client.data(&query, variables.clone()).await;
        let list = data.pointer(self.at).unwrap_or_else(|| panic!("{} is not in {data}", self.at));
        (list["totalCount"].clone(), list["totalCountIsExact"].clone())
    }

    /// Reads pages from the ends and from the middle of a list of more than a hundred rows, either way: PostgreSQL must find
    /// where they begin by this index, and must not sort.
    ///
    /// # Panics
    /// When it does anything else.
    pub async fn assert_index(&self, client: &Client, plans: &Plans, index: &str, variables: &Value) {
        let middle = self.page(client, "__typename", "first: 100", variables).await;
        let cursor = &middle["pageInfo"]["endCursor"];
        let pages = ["first: 5".to_owned(), "last: 5".to_owned(), format!("first: 5, after: {cursor}")];
        for arguments in pages.into_iter().chain([format!("last: 5, before: {cursor}")]) {
            let query = self.with(&arguments, "{ edges { cursor } }");
            // From the sixth time on PostgreSQL may take one plan for all values.
            for _ in 0..7 {
                let (_, taken) = plans.during(client.data(&query, variables.clone())).await;
                let plan = taken.iter().find(|plan| plan.contains("Limit")).expect("the page's plan");
                let page = plan.split("Limit").nth(1).expect("what is limited");
                for wanted in [index, "Index Cond"] {
                    assert!(page.contains(wanted), "{}: {arguments}: no {wanted}: {plan}", self.query);
                }
                for unwanted in ["Seq Scan", "Sort"] {
                    assert!(!page.contains(unwanted), "{}: {arguments}: {unwanted}: {plan}", self.query);
                }
            }
        }
    }
}
