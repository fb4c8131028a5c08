//! Reads FHIR R4 bundles and bulk-data files (NDJSON) one resource at a time: a file may be larger than the memory.

use std::{fmt, io::BufRead};

use anyhow::Context;
use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// A resource as it stands in a file.
pub(crate) struct RawResource {
    /// Its `resourceType`.
    pub kind: String,
    /// The source's name for it: the entry's `fullUrl`, or `<type>/<id>`.
    pub source: String,
    /// The resource.
    pub json: Box<RawValue>,
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

/// Reads a bundle and hands over each resource.
///
/// # Errors
/// When it is no bundle, or `each` fails.
pub(crate) fn read_bundle(
    input: impl BufRead,
    each: &mut dyn FnMut(RawResource) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut failed = None;
    let mut json = serde_json::Deserializer::from_reader(input);
    let read = Bundle { each, failed: &mut failed }.deserialize(&mut json);
    match failed {
        Some(error) => Err(error),
        None => read.and_then(|()| json.end()).context("this is no FHIR bundle in JSON"),
    }
}

/// Reads a resource from each line, and hands it over.
///
/// # Errors
/// When a line is no resource, or `each` fails.
pub(crate) fn read_lines(
    input: impl BufRead,
    each: &mut dyn FnMut(RawResource) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    for (line, number) in input.lines().zip(1..) {
        let line = line?;
        if !line.trim().is_empty() {
            let json: Box<RawValue> =
                serde_json::from_str(&line).with_context(|| format!("line {number} is no JSON"))?;
            each(named(None, json).with_context(|| format!("line {number} is no FHIR resource"))?)?;
        }
    }
    Ok(())
}

fn named(full_url: Option<String>, json: Box<RawValue>) -> serde_json::Result<RawResource> {
    let head: Head = serde_json::from_str(json.get())?;
    let source = match (full_url, head.id) {
        (Some(full_url), _) => full_url,
        (None, Some(id)) => format!("{}/{id}", head.kind),
        (None, None) => String::new(),
    };
    Ok(RawResource { kind: head.kind, source, json })
}

struct Bundle<'a> {
    each: &'a mut dyn FnMut(RawResource) -> anyhow::Result<()>,
    failed: &'a mut Option<anyhow::Error>,
}

impl<'de> DeserializeSeed<'de> for Bundle<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Bundle<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a FHIR Bundle")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { each, failed } = self;
        let mut is_bundle = false;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "resourceType" => is_bundle = map.next_value::<String>()? == "Bundle",
                "entry" => map.next_value_seed(Entries { each: &mut *each, failed: &mut *failed })?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if is_bundle { Ok(()) } else { Err(serde::de::Error::custom("its resourceType is not Bundle")) }
    }
}

struct Entries<'a> {
    each: &'a mut dyn FnMut(RawResource) -> anyhow::Result<()>,
    failed: &'a mut Option<anyhow::Error>,
}

impl<'de> DeserializeSeed<'de> for Entries<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the entries of a FHIR Bundle")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(entry) = seq.next_element::<Entry>()? {
            let Some(json) = entry.resource else { continue };
            let resource = named(entry.full_url, json).map_err(serde::de::Error::custom)?;
            if let Err(error) = (self.each)(resource) {
                *self.failed = Some(error);
                return Err(serde::de::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> anyhow::Result<Vec<(String, String)>> {
        let mut all = Vec::new();
        read_bundle(text.as_bytes(), &mut |resource| {
            all.push((resource.kind, resource.source));
            Ok(())
        })?;
        Ok(all)
    }

    #[test]
    fn a_bundles_resources_come_in_order_with_the_sources_names() {
        let bundle = r#"{"type":"collection","entry":[
            {"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient","id":"9"}},
            {"resource":{"id":"b","resourceType":"Observation"}}, {"request":{}}],"resourceType":"Bundle"}"#;
        let pair = |kind: &str, source: &str| (kind.to_owned(), source.to_owned());
        let expected = [pair("Patient", "urn:uuid:1"), pair("Observation", "Observation/b")];
        assert_eq!(kinds(bundle).expect("a bundle"), expected);
    }

    #[test]
    fn what_is_no_whole_bundle_is_an_error() {
        for text in ["", "[]", "{}", r#"{"resourceType":"Patient"}"#, r#"{"resourceType":"Bundle","entry":[{"#] {
            assert!(kinds(text).is_err(), "{text}");
        }
        assert!(kinds(r#"{"resourceType":"Bundle"}"#).expect("an empty bundle").is_empty());
    }
}
