//! Relay cursor connections.

use std::borrow::Cow;

use async_graphql::{Context, Object, OutputType, SimpleObject, TypeName};
use healthbridge_outcome::{Fault, Page, Total};

/// The place of a page in its connection (Relay Cursor Connections).
#[derive(Clone, Debug, SimpleObject)]
#[graphql(shareable)]
pub struct PageInfo {
    /// Whether rows follow this page.
    pub has_next_page: bool,
    /// Whether rows precede this page.
    pub has_previous_page: bool,
    /// The cursor of the first row.
    pub start_cursor: Option<String>,
    /// The cursor of the last row.
    pub end_cursor: Option<String>,
}

/// A row with its place in the connection (Relay Cursor Connections).
pub struct Edge<T> {
    cursor: String,
    node: T,
}

impl<T: OutputType> TypeName for Edge<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", <T as OutputType>::type_name()).into()
    }
}

/// A row with its place in the connection (Relay Cursor Connections).
#[Object(name_type)]
impl<T: OutputType> Edge<T> {
    /// The row's place: pass it as `after` or `before`.
    async fn cursor(&self) -> &str {
        &self.cursor
    }

    /// The row itself.
    async fn node(&self) -> &T {
        &self.node
    }
}

/// A page of a list (Relay Cursor Connections).
pub struct Connection<T> {
    edges: Vec<Edge<T>>,
    has_next: bool,
    has_previous: bool,
    total: Option<Result<Total, Fault>>,
}

impl<T> Connection<T> {
    /// Makes the connection of a page; `cursor` gives each row's cursor and `node` its GraphQL type.
    pub fn new<R>(page: Page<R>, cursor: impl Fn(&R) -> String, node: impl Fn(R) -> T) -> Self {
        let edges = page.rows.into_iter().map(|row| Edge { cursor: cursor(&row), node: node(row) }).collect();
        Self { edges, has_next: page.has_next, has_previous: page.has_previous, total: None }
    }

    /// Lets the connection answer `totalCount`, where it was asked for.
    #[must_use]
    pub fn counted(mut self, total: Option<Result<Total, Fault>>) -> Self {
        self.total = total;
        self
    }
}

impl<T: OutputType> TypeName for Connection<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", <T as OutputType>::type_name()).into()
    }
}

/// A page of a list (Relay Cursor Connections).
#[Object(name_type)]
impl<T: OutputType> Connection<T> {
    /// The rows of this page with their cursors.
    async fn edges(&self) -> &[Edge<T>] {
        &self.edges
    }

    /// The rows of this page.
    async fn nodes(&self) -> Vec<&T> {
        self.edges.iter().map(|edge| &edge.node).collect()
    }

    /// The position of this page in the list, for paging on.
    async fn page_info(&self) -> PageInfo {
        PageInfo {
            has_next_page: self.has_next,
            has_previous_page: self.has_previous,
            start_cursor: self.edges.first().map(|edge| edge.cursor.clone()),
            end_cursor: self.edges.last().map(|edge| edge.cursor.clone()),
        }
    }

    /// How many rows the whole list has, as far as the caller may see them. Counting ends at 10 000: see
    /// `totalCountIsExact`. Ask for it where you show it only: it costs a statement of its own.
    #[expect(clippy::unused_async, reason = "async-graphql wants its fields so")]
    async fn total_count(&self) -> Result<Option<i64>, Fault> {
        Ok(self.total.clone().transpose()?.map(Total::rows))
    }

    /// Whether `totalCount` is how many rows there are; false where there are more than 10 000.
    #[expect(clippy::unused_async, reason = "async-graphql wants its fields so")]
    async fn total_count_is_exact(&self) -> Result<Option<bool>, Fault> {
        Ok(self.total.clone().transpose()?.map(Total::is_exact))
    }
}

/// Counts a list's rows if the field's selection asks for it. It runs beside the page, and its failure is not the page's.
pub async fn total(
    ctx: &Context<'_>,
    count: impl Future<Output = Result<Total, Fault>>,
) -> Option<Result<Total, Fault>> {
    let selected = ctx.look_ahead();
    let is_asked_for = ["totalCount", "totalCountIsExact"].iter().any(|field| selected.field(field).exists());
    if is_asked_for { Some(count.await) } else { None }
}
