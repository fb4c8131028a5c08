use std::{fmt, io, io::BufRead, ops::ControlFlow};

use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer as _, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// A resource as it stands in a file.
#[derive(Debug)]
pub struct RawResource {
    /// Its `resourceType`.
    pub kind: String,
    /// The source's name for it: the entry's `fullUrl`, or `<type>/<id>`; empty where it has neither.
    pub source: String,
    /// The resource.
    pub json: Box<RawValue>,
}

/// Why a file is not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    #[error("this is no FHIR bundle in JSON")]
    Bundle(#[source] serde_json::Error),
    #[error("line {0} is no JSON")]
    Line(u64, #[source] serde_json::Error),
    #[error("line {0} is no FHIR resource")]
    Resource(u64, #[source] serde_json::Error),
    #[error(transparent)]
    Input(#[from] io::Error),
}

/// What a resource is given to; it may break off the reading.
type Each<'a> = dyn FnMut(RawResource) -> ControlFlow<()> + 'a;

/// Reads a bundle and hands over each resource: a bundle may be larger than the memory.
pub fn read_bundle(input: impl BufRead, each: &mut Each<'_>) -> Result<(), StreamError> {
    let (mut json, mut is_broken_off) = (serde_json::Deserializer::from_reader(input), false);
    match json.deserialize_map(Bundle(Entries { each, is_broken_off: &mut is_broken_off })) {
        Err(_) if is_broken_off => Ok(()),
        read => read.and_then(|()| json.end()).map_err(StreamError::Bundle),
    }
}

/// Reads a resource from each line (NDJSON), and hands it over.
pub fn read_lines(input: impl BufRead, each: &mut Each<'_>) -> Result<(), StreamError> {
    for (line, number) in input.lines().zip(1..) {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let json = serde_json::from_str(&line).map_err(|error| StreamError::Line(number, error))?;
        let resource = RawResource::new(None, json).map_err(|error| StreamError::Resource(number, error))?;
        if each(resource).is_break() {
            break;
        }
    }
    Ok(())
}

impl RawResource {
    fn new(full_url: Option<String>, json: Box<RawValue>) -> serde_json::Result<Self> {
        let Head { kind, id } = serde_json::from_str(json.get())?;
        let source = full_url.or_else(|| id.map(|id| format!("{kind}/{id}"))).unwrap_or_default();
        Ok(Self { kind, source, json })
    }
}

/// What a resource says of itself.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "resourceType")]
    kind: String,
    id: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "fullUrl")]
    full_url: Option<String>,
    resource: Option<Box<RawValue>>,
}

struct Bundle<'a, 'b>(Entries<'a, 'b>);

struct Entries<'a, 'b> {
    each: &'a mut Each<'b>,
    is_broken_off: &'a mut bool,
}

impl<'de> Visitor<'de> for Bundle<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a FHIR Bundle")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut is_bundle = false;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "resourceType" => is_bundle = map.next_value::<String>()? == "Bundle",
                "entry" => map.next_value_seed(&mut self.0)?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if is_bundle { Ok(()) } else { Err(A::Error::custom("its resourceType is not Bundle")) }
    }
}

impl<'de> DeserializeSeed<'de> for &mut Entries<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for &mut Entries<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the entries of a FHIR Bundle")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(Entry { full_url, resource }) = seq.next_element()? {
            let Some(json) = resource else { continue };
            let resource = RawResource::new(full_url, json).map_err(A::Error::custom)?;
            if (self.each)(resource).is_break() {
                *self.is_broken_off = true;
                return Err(A::Error::custom("broken off"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Result<Vec<(String, String)>, StreamError> {
        let mut all = Vec::new();
        read_bundle(text.as_bytes(), &mut |resource| {
            all.push((resource.kind, resource.source));
            ControlFlow::Continue(())
        })?;
        Ok(all)
    }

    const BUNDLE: &str = r#"{"type":"collection","entry":[
        {"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient","id":"9"}},
        {"resource":{"id":"b","resourceType":"Observation"}}, {"request":{}}],"resourceType":"Bundle"}"#;

    #[test]
    fn a_bundles_resources_come_in_order_with_the_sources_names() {
        let pair = |kind: &str, source: &str| (kind.to_owned(), source.to_owned());
        let expected = [pair("Patient", "urn:uuid:1"), pair("Observation", "Observation/b")];
        assert_eq!(kinds(BUNDLE).expect("a bundle"), expected);
    }

    #[test]
    fn what_is_no_whole_bundle_is_an_error() {
        for text in ["", "[]", "{}", r#"{"resourceType":"Patient"}"#, r#"{"resourceType":"Bundle","entry":[{"#] {
            assert!(kinds(text).is_err(), "{text}");
        }
        assert!(kinds(r#"{"resourceType":"Bundle"}"#).expect("an empty bundle").is_empty());
    }

    #[test]
    fn reading_that_is_broken_off_looks_at_nothing_more() {
        let lines = "{\"resourceType\":\"Patient\"}\nnothing";
        let mut count = 0;
        let each = &mut |_| {
            count += 1;
            ControlFlow::Break(())
        };
        assert!(read_bundle(BUNDLE.as_bytes(), each).is_ok() && read_lines(lines.as_bytes(), each).is_ok());
        assert_eq!(count, 2);
    }
}
