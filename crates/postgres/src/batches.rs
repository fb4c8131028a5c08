/// How many rows a sweep takes at once: a statement that deletes a million holds its locks for minutes, or runs into the
/// time that a statement may take and deletes none.
pub const BATCH: i64 = 1000;

/// Repeats a statement that takes at most [`BATCH`] rows, until it finds fewer.
///
/// # Errors
/// When a statement fails; what those before have done stays done.
pub async fn in_batches<F>(statement: impl Fn() -> F) -> Result<(), sqlx::Error>
where
    F: Future<Output = Result<u64, sqlx::Error>>,
{
    while statement().await? >= BATCH.unsigned_abs() {}
    Ok(())
}
