/// `sqlx::query!` of a text in parts, so that statements share what they have in common.
#[macro_export]
macro_rules! query_of {
    ([$first:tt $($more:tt)*], $($argument:expr),* $(,)?) => {
        ::sqlx::query!($first $(+ $more)*, $($argument),*)
    };
}
