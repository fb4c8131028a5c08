//! Pages of lists by keysets: a cursor is the sort key of a row, so that a page costs the same anywhere.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sqlx::types::Uuid;

use crate::Fault;

/// The largest page that can be asked for.
pub const MAX_PAGE: i32 = 100;

/// How many rows a page has where nothing is said.
pub const DEFAULT_PAGE: i32 = 25;

/// An opaque position in a connection: the ordering's name and the row's sort key, in base64url.
pub struct Cursor;

impl Cursor {
    /// The cursor of a row; `kind` names the ordering, so that no other ordering takes it.
    ///
    /// # Panics
    /// Never for keys made of strings, numbers, dates and ids.
    pub fn write<K: Serialize>(kind: &str, key: &K) -> String {
        let json = serde_json::to_vec(&(kind, key)).expect("a sort key is plain data");
        URL_SAFE_NO_PAD.encode(json)
    }

    /// The sort key in a cursor of this ordering. Whoever forges one gets no further than a row's own key would: what no
    /// row can hold is refused here, for every list.
    pub fn read<K: DeserializeOwned>(cursor: &str, kind: &str) -> Option<K> {
        if cursor.len() > LONGEST_CURSOR {
            return None;
        }
        let json = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let parts: Value = serde_json::from_slice(&json).ok()?;
        if !is_storable(&parts) {
            return None;
        }
        let (found, key): (String, K) = serde_json::from_value(parts).ok()?;
        (found == kind).then_some(key)
    }

    /// Reads a cursor argument, or says which argument was wrong.
    pub fn argument<K: DeserializeOwned>(value: Option<&str>, kind: &str, argument: &str) -> Result<Option<K>, Fault> {
        value.map(|text| Self::read(text, kind).ok_or_else(|| Fault::bad_cursor(argument))).transpose()
    }
}

/// A key's texts are names and addresses, bounded where they are written.
const LONGEST_CURSOR: usize = 8192;

/// Whether the database can hold what a key consists of: PostgreSQL takes no NUL, no row has another control character, and
/// years beyond ours are out of its range.
fn is_storable(value: &Value) -> bool {
    match value {
        Value::String(text) => {
            let time = text.parse::<DateTime<Utc>>().map(|time| time.year());
            let year = time.or_else(|_| text.parse::<NaiveDate>().map(|date| date.year()));
            !text.contains(char::is_control) && year.map_or(true, is_known_year)
        }
        Value::Array(values) => values.iter().all(is_storable),
        Value::Object(fields) => fields.values().all(is_storable),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

/// Whether PostgreSQL, ISO 8601 with four digits and other systems agree on what the year is.
pub fn is_known_year(year: i32) -> bool {
    (1..=9999).contains(&year)
}

/// Which way a page is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// `first` and `after`.
    Forward,
    /// `last` and `before`.
    Backward,
}

/// The paging arguments of a connection, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageArgs {
    /// Which way.
    pub direction: Direction,
    /// How many rows at the most, 0 to [`MAX_PAGE`].
    pub size: i32,
    /// The cursor to start behind.
    pub cursor: Option<String>,
}

/// [`PageArgs`] with the cursor read into the ordering's key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Window<K> {
    /// Which way.
    pub direction: Direction,
    /// How many rows at the most.
    pub size: i32,
    /// The sort key to start behind.
    pub start: Option<K>,
}

impl PageArgs {
    /// Checks the arguments of a connection: `first` and `after`, or `last` and `before`.
    pub fn new(
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Self, Fault> {
        let (direction, size, cursor) = match (first, after, last, before) {
            (first, after, None, None) => (Direction::Forward, first.unwrap_or(DEFAULT_PAGE), after),
            (None, None, Some(last), before) => (Direction::Backward, last, before),
            (Some(_), _, Some(_), _) => {
                return Err(Fault::BadInput("`first` and `last` exclude each other: give one of them".to_owned()));
            }
            _ => return Err(Fault::BadInput("`after` goes with `first`, and `before` with `last`".to_owned())),
        };
        if (0..=MAX_PAGE).contains(&size) {
            Ok(Self { direction, size, cursor })
        } else {
            Err(Fault::BadInput(format!("a page has 0 to {MAX_PAGE} rows, not {size}")))
        }
    }

    /// Reads the cursor as a key of this ordering.
    pub fn window<K: DeserializeOwned>(&self, kind: &str) -> Result<Window<K>, Fault> {
        let argument = if self.direction == Direction::Forward { "after" } else { "before" };
        let start = Cursor::argument(self.cursor.as_deref(), kind, argument)?;
        Ok(Window { direction: self.direction, size: self.size, start })
    }
}

/// A key of which every list's rows have a greater and a smaller one.
pub trait Bounded: Clone {
    /// No row's key is smaller.
    const LEAST: Self;
    /// No row's key is greater.
    const GREATEST: Self;
}

impl Bounded for Uuid {
    const LEAST: Self = Self::nil();
    const GREATEST: Self = Self::max();
}

impl Bounded for i64 {
    const LEAST: Self = Self::MIN;
    const GREATEST: Self = Self::MAX;
}

impl Bounded for i32 {
    const LEAST: Self = Self::MIN;
    const GREATEST: Self = Self::MAX;
}

/// A moment that no row comes before, and one that none comes after: the years of [`is_known_year`], which the database
/// knows, too.
const EARLIEST: DateTime<Utc> = DateTime::from_timestamp(-62_135_596_800, 0).expect("the year 1 is known");
const LATEST: DateTime<Utc> = DateTime::from_timestamp(253_402_300_800, 0).expect("the year 10000 is known");

/// A moment, and an id that tells rows of the same one apart.
impl Bounded for (DateTime<Utc>, Uuid) {
    const LEAST: Self = (EARLIEST, Uuid::nil());
    const GREATEST: Self = (LATEST, Uuid::max());
}

impl<K: Bounded> Window<K> {
    /// As [`Window::bound`], for a list that shows the least first.
    pub fn least_bound(&self) -> K {
        let end = match self.direction {
            Direction::Forward => K::LEAST,
            Direction::Backward => K::GREATEST,
        };
        self.start.clone().unwrap_or(end)
    }

    /// The key that the rows are below, in a list that shows the greatest first, or above where it is read backwards. A
    /// page from an end of the list has a key, too, which no row has: one condition serves both, by the index.
    pub fn bound(&self) -> K {
        let end = match self.direction {
            Direction::Forward => K::GREATEST,
            Direction::Backward => K::LEAST,
        };
        self.start.clone().unwrap_or(end)
    }
}

/// Reads a list that shows the greatest key first, by one of the two statements that a macro makes of one text: the macro
/// takes how a row's key compares with [`Window::bound`], and the order in which rows are read.
///
/// Two statements, as no index serves an order that is a parameter.
#[macro_export]
macro_rules! greatest_first {
    ($window:expr, $statement:ident) => {
        match $window.direction {
            $crate::Direction::Forward => $statement!("<", "DESC"),
            $crate::Direction::Backward => $statement!(">", "ASC"),
        }
    };
}

/// As [`greatest_first!`], for a list that shows the least key first; the key is compared with [`Window::least_bound`].
#[macro_export]
macro_rules! least_first {
    ($window:expr, $statement:ident) => {
        match $window.direction {
            $crate::Direction::Forward => $statement!(">", "ASC"),
            $crate::Direction::Backward => $statement!("<", "DESC"),
        }
    };
}

impl<K> Window<K> {
    /// How many rows a statement fetches: one more than the page tells whether there is a next one.
    pub fn limit(&self) -> i64 {
        i64::from(self.size) + 1
    }

    /// Makes a page from what a statement fetched, in the order that it was read.
    pub fn page<T>(&self, mut rows: Vec<T>) -> Page<T> {
        let size = usize::try_from(self.size).unwrap_or_default();
        let has_more = rows.len() > size;
        rows.truncate(size);
        let inside = self.start.is_some();
        match self.direction {
            Direction::Forward => Page { rows, has_next: has_more, has_previous: inside },
            Direction::Backward => {
                rows.reverse();
                Page { rows, has_next: inside, has_previous: has_more }
            }
        }
    }
}

/// A page of rows in the connection's order.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The rows of this page.
    pub rows: Vec<T>,
    /// Whether rows follow.
    pub has_next: bool,
    /// Whether rows precede.
    pub has_previous: bool,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), has_next: false, has_previous: false }
    }
}

impl<T> Page<T> {
    /// Changes every row.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        let rows = self.rows.into_iter().map(change).collect();
        Page { rows, has_next: self.has_next, has_previous: self.has_previous }
    }
}

/// How many rows a list has; counting ends at [`Total::MOST`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total(i64);

impl Total {
    /// The largest number that is told.
    pub const MOST: i64 = 10_000;

    /// How many rows a statement counts at the most: one more tells that there are more.
    pub const LIMIT: i64 = Self::MOST + 1;

    /// What a statement has counted.
    pub fn of(counted: i64) -> Self {
        Self(counted)
    }

    /// How many rows there are, or [`Total::MOST`] where there are more.
    pub fn rows(self) -> i64 {
        self.0.min(Self::MOST)
    }

    /// Whether there are no more than that.
    pub fn is_exact(self) -> bool {
        self.0 <= Self::MOST
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cursor_of_another_ordering_is_refused() {
        let cursor = Cursor::write("by-name", &("Doe", 1));
        assert_eq!(Cursor::read::<(String, i32)>(&cursor, "by-name"), Some(("Doe".to_owned(), 1)));
        assert_eq!(Cursor::read::<(String, i32)>(&cursor, "by-date"), None);
    }

    #[test]
    fn a_forged_cursor_with_what_no_row_can_hold_is_refused() {
        let read = |key: &str| Cursor::read::<(String, i32)>(&Cursor::write("k", &(key, 1)), "k");
        assert!(read("Doe").is_some() && read("2026-01-01T00:00:00Z").is_some());
        for key in
            ["D\0oe", "\u{1b}[31m", "two\nlines", "-9999-01-01T00:00:00Z", "+262142-01-01T00:00:00Z", "-9999-01-01"]
        {
            assert_eq!(read(key), None, "{key:?}");
        }
        assert_eq!(read(&"long".repeat(2000)), None);
        assert_eq!(Cursor::read::<Value>(&Cursor::write("k", &json!({ "name": ["\0"] })), "k"), None);
    }

    fn args(first: Option<i32>, after: bool, last: Option<i32>, before: bool) -> Result<PageArgs, Fault> {
        let cursor = |is_there: bool| is_there.then(|| "x".to_owned());
        PageArgs::new(first, cursor(after), last, cursor(before))
    }

    #[test]
    fn mixed_or_oversized_pages_are_refused() {
        for (first, after, last, before) in [
            (Some(1), false, Some(1), false),
            (None, true, Some(1), false),
            (Some(1), false, None, true),
            (None, false, None, true),
            (None, true, None, true),
            (None, true, Some(1), true),
        ] {
            assert!(args(first, after, last, before).is_err(), "{first:?} {after} {last:?} {before}");
        }
        for size in [-1, MAX_PAGE + 1] {
            assert!(args(Some(size), false, None, false).is_err() && args(None, false, Some(size), false).is_err());
        }
    }

    #[test]
    fn a_page_of_unknown_size_is_read_from_the_beginning() {
        let expected = PageArgs { direction: Direction::Forward, size: DEFAULT_PAGE, cursor: Some("x".to_owned()) };
        assert_eq!(args(None, true, None, false).ok(), Some(expected));
    }

    #[test]
    fn a_total_is_exact_to_its_end_and_says_where_it_is_not() {
        let told = |counted| (Total::of(counted).rows(), Total::of(counted).is_exact());
        assert_eq!(told(0), (0, true));
        assert_eq!(told(Total::MOST), (Total::MOST, true));
        assert_eq!(told(Total::LIMIT), (Total::MOST, false));
    }

    /// A store in miniature: sorted distinct keys, read as a statement would read them.
    fn fetch(keys: &[u16], window: &Window<u16>) -> Vec<u16> {
        let limit = usize::try_from(window.limit()).expect("small");
        match window.direction {
            Direction::Forward => {
                keys.iter().copied().filter(|key| window.start.is_none_or(|start| *key > start)).take(limit).collect()
            }
            Direction::Backward => {
                let rows = keys.iter().rev().copied();
                rows.filter(|key| window.start.is_none_or(|start| *key < start)).take(limit).collect()
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_cursor_or_is_refused_without_a_crash(text in ".*") {
            let _read: Option<(String, i64)> = Cursor::read(&text, "any");
        }

        #[test]
        fn a_cursor_gives_back_its_key(name in r"\PC{0,300}", id in any::<i64>()) {
            let cursor = Cursor::write("k", &(&name, id));
            prop_assert_eq!(Cursor::read::<(String, i64)>(&cursor, "k"), Some((name, id)));
        }

        #[test]
        fn walking_pages_either_way_gives_every_row_once_in_order(
            keys in proptest::collection::btree_set(any::<u16>(), 0..60),
            size in 1..9,
            forward in any::<bool>(),
        ) {
            let keys: Vec<u16> = keys.into_iter().collect();
            let direction = if forward { Direction::Forward } else { Direction::Backward };
            let mut window = Window { direction, size, start: None };
            let mut seen = Vec::new();
            loop {
                let page = window.page(fetch(&keys, &window));
                let more = if forward { page.has_next } else { page.has_previous };
                if forward { seen.extend(&page.rows) } else { seen.splice(0..0, page.rows.iter().copied()); }
                let next = if forward { page.rows.last() } else { page.rows.first() };
                window.start = next.copied();
                if !more { break }
            }
            prop_assert_eq!(seen, keys);
        }
    }
}
