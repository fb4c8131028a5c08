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
