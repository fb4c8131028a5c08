use std::sync::{Mutex, PoisonError};

/// How a neighbour is, of which the log is told the changes only: however often somebody asks, an outage is a line for each
/// of its reasons and one for its end.
#[derive(Debug, Default)]
pub struct Told(Mutex<Option<String>>);

impl Told {
    /// Whether this is another state than the one before: the reason of an outage, or `None` where all is well. At first all
    /// is.
    pub fn is_news(&self, reason: Option<&str>) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = last.as_deref() != reason;
        if is_news {
            *last = reason.map(str::to_owned);
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_once_for_each_reason_and_once_at_its_end() {
        let told = Told::default();
        let news =
            [None, Some("refused"), Some("refused"), Some("no such host"), None, None].map(|state| told.is_news(state));
        assert_eq!(news, [false, true, false, true, true, false]);
    }
}
