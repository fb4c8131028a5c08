/// Where a test may kill the process between two statements.
///
/// A build for development says so and stops there for ever if `HEALTHBRIDGE_STOP_AT` names the place; a release build knows
/// nothing of it.
#[expect(clippy::disallowed_methods, reason = "a test sets it for the process that it starts")]
pub fn failpoint(operation: &str, place: &str) {
    if cfg!(debug_assertions)
        && std::env::var("HEALTHBRIDGE_STOP_AT").is_ok_and(|stop| stop == format!("{operation}: {place}"))
    {
        println!("stopped at {operation}: {place}");
        loop {
            std::thread::park();
        }
    }
}
