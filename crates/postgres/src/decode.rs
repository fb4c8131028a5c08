use std::str::FromStr;

/// Reads a value that the database's own constraints keep valid.
///
/// # Errors
/// When they did not: the schema and the program are of different versions.
pub fn known<T: FromStr>(column: &str, text: &str) -> Result<T, sqlx::Error>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    text.parse().map_err(|source| sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(source) })
}

/// A text that is looked for, as PostgreSQL can take it: it knows no NUL. Nothing stored has the control character that
/// takes its place, so that nothing is found.
pub fn sought(text: &str) -> String {
    text.replace('\0', "\u{1}")
}
