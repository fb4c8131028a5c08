//! Loads many rows at once by COPY. Rows whose keys are there already stay as they are.

use std::fmt::Write;

use sqlx::{AssertSqlSafe, Executor, PgConnection};

/// Rows of one table in PostgreSQL's CSV.
#[derive(Debug, Default)]
pub struct Rows {
    csv: String,
    is_row_begun: bool,
}

impl Rows {
    /// Adds a value to the row that was begun.
    pub fn value(&mut self, value: impl std::fmt::Display) -> &mut Self {
        self.begin_field();
        let text = value.to_string().replace('"', "\"\"");
        write!(self.csv, "\"{text}\"").expect("writing to a String cannot fail");
        self
    }

    /// Adds a value or NULL.
    pub fn optional(&mut self, value: Option<impl std::fmt::Display>) -> &mut Self {
        if let Some(value) = value {
            self.value(value)
        } else {
            // An empty field without quotes is NULL.
            self.begin_field();
            self
        }
    }

    /// Adds an array of texts.
    pub fn array<T: std::fmt::Display>(&mut self, values: &[T]) -> &mut Self {
        let quote = |value: &T| format!("\"{}\"", value.to_string().replace('\\', "\\\\").replace('"', "\\\""));
        let quoted: Vec<String> = values.iter().map(quote).collect();
        self.value(format!("{{{}}}", quoted.join(",")))
    }

    /// Ends the row.
    pub fn end_row(&mut self) {
        self.csv.push('\n');
        self.is_row_begun = false;
    }

    fn begin_field(&mut self) {
        if self.is_row_begun {
            self.csv.push(',');
        }
        self.is_row_begun = true;
    }

    /// Loads the rows into these columns of a table; gives how many were new.
    ///
    /// # Errors
    /// When a row breaks a constraint: then none is loaded.
    pub async fn load(self, connection: &mut PgConnection, table: &str, columns: &str) -> Result<u64, sqlx::Error> {
        let stage = "healthbridge_stage";
        let make = format!(
            "CREATE TEMPORARY TABLE {stage} ON COMMIT DROP AS
             SELECT {columns} FROM {table} WITH NO DATA"
        );
        let mut transaction = sqlx::Connection::begin(connection).await?;
        transaction.execute(AssertSqlSafe(make)).await?;
        let statement = format!("COPY {stage} ({columns}) FROM STDIN (FORMAT csv)");
        let mut copy = transaction.copy_in_raw(&statement).await?;
        copy.send(self.csv.into_bytes()).await?;
        copy.finish().await?;
        let insert = format!("INSERT INTO {table} ({columns}) SELECT {columns} FROM {stage} ON CONFLICT DO NOTHING");
        let inserted = transaction.execute(AssertSqlSafe(insert)).await?.rows_affected();
        // Within a longer transaction another load may follow.
        transaction.execute(AssertSqlSafe(format!("DROP TABLE {stage}"))).await?;
        transaction.commit().await?;
        Ok(inserted)
    }
}
