use std::collections::{HashMap, HashSet};

use healthbridge_codes::ErrorCode;

use crate::{Limits, Refusal};

/// What the checks need to know of a parsed document, whichever parser read it.
#[derive(Clone, Debug, Default)]
pub struct Document<'a> {
    /// The operations, in the document's order.
    pub operations: Vec<Operation<'a>>,
    /// The fragments by name.
    pub fragments: HashMap<&'a str, Fragment<'a>>,
}

/// An operation.
#[derive(Clone, Debug)]
pub struct Operation<'a> {
    /// Its name.
    pub name: Option<&'a str>,
    /// The name of its root type in the schema: `Query`, `Mutation` or `Subscription`.
    pub root: &'static str,
    /// How many directives stand at it and at its variables.
    pub directives: usize,
    /// What its variables are where the client leaves them out.
    pub defaults: Vec<(&'a str, Argument<'a>)>,
    /// What it selects.
    pub selections: Vec<Selection<'a>>,
}

/// A fragment.
#[derive(Clone, Debug)]
pub struct Fragment<'a> {
    /// The type that it is for.
    pub on: &'a str,
    /// How many directives stand at it.
    pub directives: usize,
    /// What it selects.
    pub selections: Vec<Selection<'a>>,
}

/// A part of a selection set.
#[derive(Clone, Debug)]
pub enum Selection<'a> {
    /// A field.
    Field(Field<'a>),
    /// A fragment by its name.
    Spread {
        /// The fragment's name.
        name: &'a str,
        /// How many directives stand at the spread.
        directives: usize,
    },
    /// A fragment in place.
    Inline {
        /// The type that it is for, where it says one.
        on: Option<&'a str>,
        /// How many directives stand at it.
        directives: usize,
        /// What it selects.
        selections: Vec<Selection<'a>>,
    },
}

/// A field.
#[derive(Clone, Debug)]
pub struct Field<'a> {
    /// Its name in the schema.
    pub name: &'a str,
    /// The other name that the client gives it.
    pub alias: Option<&'a str>,
    /// How many directives stand at it.
    pub directives: usize,
    /// Its arguments.
    pub arguments: Vec<(&'a str, Argument<'a>)>,
    /// What it selects.
    pub selections: Vec<Selection<'a>>,
}

/// An argument's value, as far as the checks look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument<'a> {
    /// An integer.
    Number(i64),
    /// A list of so many values.
    List(u64),
    /// A variable by its name.
    Variable(&'a str),
    /// Null.
    Null,
    /// Anything else.
    Other,
}

/// What a piece of a document comes to.
#[derive(Clone, Copy, Default)]
struct Size {
    parts: u64,
    /// Selection sets within each other, this one with them.
    depth: usize,
}

impl Document<'_> {
    /// Refuses a document that expands to more than a limit, without expanding it: each fragment is measured once. It
    /// also refuses fragments that spread themselves, so that whoever walks the document afterwards comes to an end.
    ///
    /// # Errors
    /// When a limit is passed, or a fragment spreads itself.
    pub fn check(&self, limits: &Limits) -> Result<(), Refusal> {
        let mut measure = Measure { document: self, limits, known: HashMap::new() };
        let mut parts = 0_u64;
        for operation in &self.operations {
            let size = measure.selections(&operation.selections, 1)?;
            parts = parts.saturating_add(size.parts).saturating_add(operation.directives as u64);
        }
        // A fragment that nobody spreads is walked by validation all the same.
        for name in self.fragments.keys() {
            let is_used = measure.known.contains_key(name);
            let size = measure.fragment(name, 1)?;
            parts = parts.saturating_add(if is_used { 0 } else { size.parts });
        }
        if parts > limits.expansion {
            let most = limits.expansion;
            let message = format!("The document expands to more than {most} fields, fragments, aliases and directives");
            return Err(Refusal::new(ErrorCode::GraphqlValidationFailed, message));
        }
        Overlaps::check(self, limits)
    }

    /// The operation that a request means: the named one, or the only one. Nothing where the name is not in the
    /// document, which validation says.
    ///
    /// # Errors
    /// When there are several and no name.
    pub fn operation(&self, name: Option<&str>) -> Result<Option<&Operation<'_>>, Refusal> {
        match (name.filter(|name| !name.is_empty()), self.operations.as_slice()) {
            (Some(name), all) => Ok(all.iter().find(|operation| operation.name == Some(name))),
            (None, [] | [_]) => Ok(self.operations.first()),
            (None, _) => Err(Refusal::several_operations()),
        }
    }
}

/// Fields of the same name at the same place, which validation compares pair by pair. It walks the expanded document,
/// whose size is known to be bounded.
struct Overlaps<'d> {
    document: &'d Document<'d>,
    /// The places found, by the place above and the name in the answer, and how many fields each has.
    places: HashMap<(usize, &'d str), (usize, u64)>,
    /// The fragments that were walked where they are spread.
    spread: HashSet<&'d str>,
    pairs: u64,
    most: u64,
}

impl<'d> Overlaps<'d> {
    fn check(document: &'d Document<'d>, limits: &Limits) -> Result<(), Refusal> {
        let (places, spread) = (HashMap::new(), HashSet::new());
        let mut overlaps = Self { document, places, spread, pairs: 0, most: limits.overlaps };
        // Numbers from the end are free: places are counted from the beginning.
        let mut roots = (0..=usize::MAX).rev();
        for operation in &document.operations {
            overlaps.selections(&operation.selections, roots.next().unwrap_or_default())?;
        }
        for (name, fragment) in &document.fragments {
            if !overlaps.spread.contains(name) {
                overlaps.selections(&fragment.selections, roots.next().unwrap_or_default())?;
            }
        }
        Ok(())
    }

    fn selections(&mut self, selections: &'d [Selection<'d>], above: usize) -> Result<(), Refusal> {
        for selection in selections {
            match selection {
                Selection::Field(field) => {
                    let next = self.places.len();
                    let name = field.alias.unwrap_or(field.name);
                    let (place, count) = self.places.entry((above, name)).or_insert((next, 0));
                    let place = *place;
                    self.pairs = self.pairs.saturating_add(*count);
                    *count += 1;
                    if self.pairs > self.most {
                        let message = "The document selects the same fields at the same places too often";
                        return Err(Refusal::new(ErrorCode::GraphqlValidationFailed, message));
                    }
                    self.selections(&field.selections, place)?;
                }
                Selection::Inline { selections, .. } => self.selections(selections, above)?,
                Selection::Spread { name, .. } => {
                    if let Some(fragment) = self.document.fragments.get(name) {
                        self.spread.insert(name);
                        self.selections(&fragment.selections, above)?;
                    }
                }
            }
        }
        Ok(())
    }
}

struct Measure<'d> {
    document: &'d Document<'d>,
    limits: &'d Limits,
    /// The fragments measured so far; nothing for those that are being measured.
    known: HashMap<&'d str, Option<Size>>,
}

impl<'d> Measure<'d> {
    /// `depth` is that of these selections from the operation on. It bounds the recursion, too.
    fn selections(&mut self, selections: &'d [Selection<'d>], depth: usize) -> Result<Size, Refusal> {
        if selections.is_empty() {
            return Ok(Size::default());
        }
        if depth > self.limits.nesting {
            return Err(self.too_deep());
        }
        let mut whole = Size { parts: 0, depth: 1 };
        for selection in selections {
            let (own, below) = match selection {
                Selection::Field(field) => {
                    let own = 1 + u64::from(field.alias.is_some()) + field.directives as u64;
                    (own, self.selections(&field.selections, depth + 1)?)
                }
                Selection::Inline { directives, selections, .. } => {
                    (1 + *directives as u64, self.selections(selections, depth + 1)?)
                }
                Selection::Spread { name, directives } => (1 + *directives as u64, self.fragment(name, depth + 1)?),
            };
            whole.parts = whole.parts.saturating_add(own).saturating_add(below.parts);
            whole.depth = whole.depth.max(below.depth + 1);
        }
        Ok(whole)
    }

    fn fragment(&mut self, name: &'d str, depth: usize) -> Result<Size, Refusal> {
        match self.known.get(name) {
            Some(Some(size)) if depth + size.depth > self.limits.nesting + 1 => return Err(self.too_deep()),
            Some(Some(size)) => return Ok(*size),
            Some(None) => {
                let message = "A fragment spreads itself, directly or through others";
                return Err(Refusal::new(ErrorCode::GraphqlValidationFailed, message));
            }
            None => {}
        }
        // A fragment that does not exist is validation's business.
        let Some(fragment) = self.document.fragments.get(name) else { return Ok(Size::default()) };
        self.known.insert(name, None);
        let mut size = self.selections(&fragment.selections, depth)?;
        size.parts = size.parts.saturating_add(fragment.directives as u64);
        self.known.insert(name, Some(size));
        Ok(size)
    }

    fn too_deep(&self) -> Refusal {
        let message = format!("The document is nested more than {} levels deep", self.limits.nesting);
        Refusal::new(ErrorCode::GraphqlValidationFailed, message)
    }
}
