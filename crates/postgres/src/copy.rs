//! Loads many rows at once by COPY. Rows whose keys are there already stay as they are.

use std::fmt::Write;

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, PgPool};

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
}

/// Loads rows in one transaction, on a connection of its own.
///
/// A COPY that is given up half way leaves its connection out of step with the server, and the driver does not notice. So it
/// never runs on a connection of a pool: whoever drops a loader closes its connection, and the server forgets what was
/// loaded.
#[derive(Debug)]
pub struct Loader {
    connection: PgConnection,
}

impl Loader {
    /// Begins, on the database of this pool.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn begin(like: &PgPool) -> Result<Self, sqlx::Error> {
        let mut connection = like.connect_options().connect().await?;
        connection.execute("BEGIN").await?;
        Ok(Self { connection })
    }

    /// The connection, within the transaction.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Loads the rows into these columns of a table; gives how many were new.
    ///
    /// # Errors
    /// When a row breaks a constraint: then nothing is loaded, of no table.
    pub async fn load(&mut self, rows: Rows, table: &str, columns: &str) -> Result<u64, sqlx::Error> {
        let stage = "healthbridge_stage";
        let make = format!(
            "CREATE TEMPORARY TABLE {stage} ON COMMIT DROP AS
             SELECT {columns} FROM {table} WITH NO DATA"
        );
        let connection = &mut self.connection;
        connection.execute(AssertSqlSafe(make)).await?;
        let statement = format!("COPY {stage} ({columns}) FROM STDIN (FORMAT csv)");
        let mut copy = connection.copy_in_raw(&statement).await?;
        copy.send(rows.csv.into_bytes()).await?;
        copy.finish().await?;
        let insert = format!("INSERT INTO {table} ({columns}) SELECT {columns} FROM {stage} ON CONFLICT DO NOTHING");
        let inserted = connection.execute(AssertSqlSafe(insert)).await?.rows_affected();
        // Another load may follow.
        connection.execute(AssertSqlSafe(format!("DROP TABLE {stage}"))).await?;
        Ok(inserted)
    }

    /// Ends: what was loaded is there from now on.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn commit(mut self) -> Result<(), sqlx::Error> {
        self.connection.execute("COMMIT").await?;
        self.connection.close().await
    }
}
