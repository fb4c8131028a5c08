use std::{fmt, io, iter::Peekable};

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use healthbridge_postgres::unhurried;
use sqlx::{Connection, PgPool};

use crate::{Chain, Checkpoint, Checkpoints, Entry, Flaw, Head, Link};

/// Something that is not as it was sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// An entry is not the one that its hash was made of.
    Changed(i64),
    /// An entry goes on from another hash than that of the entry before it.
    Broken(i64),
    /// Places have no entry, from the first to the last of these.
    Missing(i64, i64),
    /// The head is at a place behind the last entry: the end is missing.
    Ahead(i64, i64),
    /// The head is at a place before the last entry: something was appended without it.
    Behind(i64, i64),
    /// The head knows the last entry by another hash.
    OtherHead(i64),
    /// There is no entry where one was at the time of a checkpoint.
    Cut(i64, DateTime<Utc>),
    /// An entry has another hash than at the time of a checkpoint.
    Other(i64, DateTime<Utc>),
    /// A line of the checkpoints cannot be used.
    Checkpoint(usize, Flaw),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(seq) => write!(f, "entry {seq}: it was changed"),
            Self::Broken(seq) => write!(f, "entry {seq}: the entry before it is not the one that it was sealed behind"),
            Self::Missing(first, last) if first == last => write!(f, "entry {first}: it is missing"),
            Self::Missing(first, last) => write!(f, "entries {first} to {last}: they are missing"),
            Self::Ahead(head, end) => write!(f, "the head is at {head}, ahead of the last entry, {end}"),
            Self::Behind(head, end) => write!(f, "the head is at {head}, behind the last entry, {end}"),
            Self::OtherHead(seq) => write!(f, "the head knows entry {seq}, the last one, by another hash"),
            Self::Cut(seq, time) => write!(f, "entry {seq}: it is missing, a checkpoint of {time} knows it"),
            Self::Other(seq, time) => write!(f, "entry {seq}: it has another hash than in the checkpoint of {time}"),
            Self::Checkpoint(line, flaw) => write!(f, "line {line} of the checkpoints: {flaw}"),
        }
    }
}

/// Why a chain could not be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The database failed.
    #[error("the database cannot be read")]
    Database(#[from] sqlx::Error),
    /// The file with the checkpoints failed.
    #[error("the checkpoints cannot be read")]
    Checkpoints(#[from] io::Error),
}

/// Tells of each difference as it is found, and gives the last entry's place. A chain of any length takes no more memory than
/// a short one: it is read as a stream, on a connection of its own that has all the time that it needs.
///
/// # Errors
/// When the database or the file with the checkpoints cannot be read.
pub async fn verify<C: Chain>(
    pool: &PgPool,
    checkpoints: Option<Checkpoints>,
    mut tell: impl FnMut(Difference),
) -> Result<i64, VerifyError> {
    let mut connection = unhurried(pool).await?;
    // In one snapshot, later than the checkpoints: the chain grows meanwhile.
    let mut snapshot = connection.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
    let head = C::head(&mut snapshot).await?;
    let mut comparison = Comparison::new(checkpoints.into_iter().flatten());
    let mut links = C::links(&mut snapshot);
    while let Some(link) = links.try_next().await? {
        comparison.follow(&link, &mut tell)?;
    }
    drop(links);
    let end = comparison.end(&head, &mut tell)?;
    snapshot.rollback().await?;
    connection.close().await?;
    Ok(end)
}

/// The entries on one side and the checkpoints on the other, both in the order of places.
struct Comparison<I: Iterator> {
    last: Head,
    checkpoints: Peekable<I>,
}

impl<I: Iterator<Item = io::Result<(usize, Result<Checkpoint, Flaw>)>>> Comparison<I> {
    fn new(checkpoints: I) -> Self {
        Self { last: Head::default(), checkpoints: checkpoints.peekable() }
    }

    fn follow<E: Entry>(&mut self, link: &Link<Option<E>>, tell: &mut impl FnMut(Difference)) -> io::Result<()> {
        let seq = link.seq;
        if seq > self.last.seq + 1 {
            tell(Difference::Missing(self.last.seq + 1, seq - 1));
        } else if link.prev_hash != self.last.hash {
            tell(Difference::Broken(seq));
        }
        let entry = link.entry.as_ref();
        if entry.is_none_or(|entry| entry.digest(seq, &link.prev_hash) != link.hash) {
            tell(Difference::Changed(seq));
        }
        self.last = link.head();
        while let Some(checkpoint) = self.checkpoint(seq, tell)? {
            if checkpoint.seq < seq {
                tell(Difference::Cut(checkpoint.seq, checkpoint.time));
            } else if checkpoint.hash != link.hash {
                tell(Difference::Other(seq, checkpoint.time));
            }
        }
        Ok(())
    }

    fn end(mut self, head: &Head, tell: &mut impl FnMut(Difference)) -> io::Result<i64> {
        let end = self.last.seq;
        if head.seq > end {
            tell(Difference::Ahead(head.seq, end));
        } else if head.seq < end {
            tell(Difference::Behind(head.seq, end));
        } else if *head != self.last {
            tell(Difference::OtherHead(end));
        }
        while let Some(checkpoint) = self.checkpoint(i64::MAX, tell)? {
            tell(Difference::Cut(checkpoint.seq, checkpoint.time));
        }
        Ok(end)
    }

    /// The next checkpoint if it is of this place or one before. Those that cannot be used are told of on the way.
    fn checkpoint(&mut self, seq: i64, tell: &mut impl FnMut(Difference)) -> io::Result<Option<Checkpoint>> {
        let is_due = |next: &I::Item| !matches!(next, Ok((_, Ok(checkpoint))) if checkpoint.seq > seq);
        while let Some(next) = self.checkpoints.next_if(is_due) {
            match next? {
                (_, Ok(checkpoint)) => return Ok(Some(checkpoint)),
                (line, Err(flaw)) => tell(Difference::Checkpoint(line, flaw)),
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Its digest is readable: content, place and what came before.
    struct Word(&'static str);

    impl Entry for Word {
        fn digest(&self, seq: i64, prev_hash: &str) -> String {
            format!("{seq}{}<{prev_hash}", self.0)
        }
    }

    fn chain() -> (Vec<Link<Option<Word>>>, Head) {
        let mut head = Head::default();
        let mut links = Vec::new();
        for word in ["a", "b", "c", "d"] {
            let Link { seq, entry, prev_hash, hash } = Link::behind(&head, Word(word));
            head = Head { seq, hash: hash.clone() };
            links.push(Link { seq, entry: Some(entry), prev_hash, hash });
        }
        (links, head)
    }

    fn checkpoint(link: &Link<Option<Word>>) -> Checkpoint {
        Checkpoint::new("words", link.head(), DateTime::UNIX_EPOCH)
    }

    fn found(links: &[Link<Option<Word>>], head: &Head, checkpoints: Vec<Result<Checkpoint, Flaw>>) -> Vec<Difference> {
        let mut found = Vec::new();
        let mut tell = |difference| found.push(difference);
        let lines = checkpoints.into_iter().enumerate().map(|(line, checkpoint)| Ok((line + 1, checkpoint)));
        let mut comparison = Comparison::new(lines);
        for link in links {
            comparison.follow(link, &mut tell).expect("read");
        }
        comparison.end(head, &mut tell).expect("read");
        found
    }

    #[test]
    fn a_chain_as_it_was_sealed_has_no_difference() {
        let (links, head) = chain();
        let checkpoints = vec![Ok(checkpoint(&links[1])), Ok(checkpoint(&links[1])), Ok(checkpoint(&links[3]))];
        assert_eq!(found(&links, &head, checkpoints), []);
        assert_eq!(found(&[], &Head::default(), Vec::new()), []);
    }

    #[test]
    fn an_entry_that_was_changed_or_cannot_be_read_is_named() {
        let (mut links, head) = chain();
        links[1].entry = Some(Word("x"));
        links[2].entry = None;
        assert_eq!(found(&links, &head, Vec::new()), [Difference::Changed(2), Difference::Changed(3)]);
    }

    #[test]
    fn an_entry_that_was_changed_with_its_hash_breaks_the_chain_behind_it() {
        let (mut links, head) = chain();
        links[1].hash = Word("x").digest(2, &links[1].prev_hash);
        links[1].entry = Some(Word("x"));
        assert_eq!(found(&links, &head, Vec::new()), [Difference::Broken(3)]);
        links.truncate(2);
        let head = Head { seq: 2, hash: "what it was".to_owned() };
        assert_eq!(found(&links, &head, Vec::new()), [Difference::OtherHead(2)]);
    }

    #[test]
    fn entries_that_are_missing_are_named_wherever_they_were() {
        let (mut links, head) = chain();
        links.remove(2);
        assert_eq!(found(&links, &head, Vec::new()), [Difference::Missing(3, 3)]);
        assert_eq!(found(&links[2..], &head, Vec::new()), [Difference::Missing(1, 3)]);
        assert_eq!(found(&links[..2], &head, Vec::new()), [Difference::Ahead(4, 2)]);
    }

    #[test]
    fn an_entry_that_the_head_does_not_know_is_told() {
        let (links, _) = chain();
        assert_eq!(found(&links, &links[2].head(), Vec::new()), [Difference::Behind(3, 4)]);
    }

    #[test]
    fn an_end_that_was_cut_off_or_written_anew_does_not_fit_the_checkpoints() {
        let (mut links, _) = chain();
        let (third, fourth) = (checkpoint(&links[2]), checkpoint(&links[3]));
        let cut = Difference::Cut(4, DateTime::UNIX_EPOCH);
        links.truncate(2);
        let head = links[1].head();
        let both = vec![Ok(third.clone()), Ok(fourth.clone())];
        assert_eq!(found(&links, &head, both), [Difference::Cut(3, DateTime::UNIX_EPOCH), cut.clone()]);
        let Link { seq, entry, prev_hash, hash } = Link::behind(&head, Word("another"));
        links.push(Link { seq, entry: Some(entry), prev_hash, hash });
        let head = links[2].head();
        let other = Difference::Other(3, DateTime::UNIX_EPOCH);
        let flawed = vec![Err(Flaw::Forged), Ok(third), Ok(fourth)];
        assert_eq!(found(&links, &head, flawed), [Difference::Checkpoint(1, Flaw::Forged), other, cut]);
    }
}
