//! Operations that clients send by their id: the published ones, and those of manifests that clients' build tools write.
//! The engine finds them; here they are put together for it.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::{Context, bail, ensure};
use healthbridge_codes::ErrorCode;
use serde::{Deserialize, Serialize};

/// The manifest of the published operations of `schema/operations`.
pub const PUBLISHED: &str = include_str!("../../schema/operations/persisted-documents.json");

/// Operations that clients send by their id.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PersistedDocuments {
    /// A manifest of clients' operations, or a folder with any number of them (`*.json`), beside the published operations.
    pub manifests: Option<PathBuf>,
    /// Whether every other operation is refused.
    pub require_id: bool,
}

/// A manifest as build tools write it: graphql-codegen and Relay, or Apollo.
#[derive(Deserialize)]
#[serde(untagged)]
enum Manifest {
    Apollo { format: String, operations: Vec<ApolloOperation> },
    ById(BTreeMap<String, String>),
}

#[derive(Deserialize)]
struct ApolloOperation {
    id: String,
    body: String,
}

impl PersistedDocuments {
    /// All documents by their ids, with the published ones where the graph is our own.
    ///
    /// # Errors
    /// When a manifest cannot be read, two of them mean different documents by one id, or ids are required and there are none.
    pub fn read(&self, is_own_graph: bool) -> anyhow::Result<BTreeMap<String, String>> {
        let mut all = BTreeMap::new();
        if is_own_graph {
            add(&mut all, PUBLISHED).context("the published manifest cannot be used")?;
        }
        for file in self.files()? {
            let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
            add(&mut all, &text).with_context(|| format!("the manifest {} cannot be used", file.display()))?;
        }
        add_bare_digests(&mut all);
        ensure!(
            !self.require_id || !all.is_empty(),
            "ids are required, and no manifest has any: nobody would be served"
        );
        Ok(all)
    }

    /// The manifests' files, in the order of their names.
    fn files(&self) -> anyhow::Result<Vec<PathBuf>> {
        let Some(path) = &self.manifests else { return Ok(Vec::new()) };
        if !path.is_dir() {
            return Ok(vec![path.clone()]);
        }
        let entries = fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut files = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
        files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
        files.sort();
        ensure!(!files.is_empty(), "there is no manifest (*.json) in {}", path.display());
        Ok(files)
    }
}

fn add(all: &mut BTreeMap<String, String>, manifest: &str) -> anyhow::Result<()> {
    let documents: Vec<(String, String)> = match serde_json::from_str(manifest).context("it is no manifest")? {
        Manifest::ById(documents) => documents.into_iter().collect(),
        Manifest::Apollo { format, operations } if format == "apollo-persisted-query-manifest" => {
            operations.into_iter().map(|operation| (operation.id, operation.body)).collect()
        }
        Manifest::Apollo { format, .. } => bail!("its format is {format:?}"),
    };
    for (id, document) in documents {
        let known = all.entry(id).or_insert_with_key(|_| document.clone());
        ensure!(*known == document, "another manifest has another document with the id of {document:?}");
    }
    Ok(())
}

/// Apollo's clients send the digest alone where graphql-codegen writes `sha256:` before it.
fn add_bare_digests(all: &mut BTreeMap<String, String>) {
    let bare = |(id, document): (&String, &String)| Some((id.strip_prefix("sha256:")?.to_owned(), document.clone()));
    for (id, document) in all.iter().filter_map(bare).collect::<Vec<_>>() {
        all.entry(id).or_insert(document);
    }
}

/// How a refusal is told, without what the client sent, and counted.
pub(crate) fn refusal(code: &str) -> Option<(ErrorCode, &'static str)> {
    let code = ErrorCode::from_text(code)?;
    let message = match code {
        ErrorCode::PersistedDocumentIdRequired => {
            "Send the id of a known operation as `documentId`: no other one is run"
        }
        ErrorCode::PersistedDocumentNotFound => "No operation is known by this id",
        _ => return None,
    };
    Some((code, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &str)], require_id: bool) -> Result<Vec<(String, String)>, String> {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, content) in files {
            fs::write(folder.path().join(name), content).expect("written");
        }
        let persisted = PersistedDocuments { manifests: Some(folder.path().to_owned()), require_id };
        let all = persisted.read(false).map_err(|error| format!("{error:#}"))?;
        Ok(all.into_iter().collect())
    }

    #[test]
    fn a_folders_manifests_of_either_format_are_put_together() {
        let apollo = r#"{"format":"apollo-persisted-query-manifest","version":1,
            "operations":[{"id":"b","name":"B","type":"query","body":"query B { b }"}]}"#;
        let files =
            [("codegen.json", r#"{"a":"query A { a }"}"#), ("apollo.json", apollo), ("notes.txt", "no manifest")];
        let pair = |id: &str, text: &str| (id.to_owned(), text.to_owned());
        assert_eq!(read(&files, true), Ok(vec![pair("a", "query A { a }"), pair("b", "query B { b }")]));
    }

    #[test]
    fn an_id_that_is_a_digest_is_found_with_and_without_the_word_before_it() {
        let pair = |id: &str| (id.to_owned(), "{ a }".to_owned());
        assert_eq!(read(&[("x.json", r#"{"sha256:a1":"{ a }"}"#)], true), Ok(vec![pair("a1"), pair("sha256:a1")]));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let refused = |files: &[(&str, &str)]| read(files, true).expect_err("refused");
        assert!(refused(&[("x.txt", "{}")]).contains("there is no manifest"));
        assert!(refused(&[("x.json", "{}")]).contains("nobody would be served"));
        assert!(refused(&[("x.json", "[]")]).contains("x.json cannot be used: it is no manifest"));
        assert!(refused(&[("x.json", r#"{"format":"other","operations":[]}"#)]).contains("its format is \"other\""));
        let two = [("x.json", r#"{"a":"{ a }"}"#), ("y.json", r#"{"a":"{ b }"}"#)];
        assert!(refused(&two).contains("y.json cannot be used: another manifest has another document"));
        assert!(read(&[("x.json", "{}")], false).is_ok_and(|all| all.is_empty()));
    }

    #[test]
    fn the_published_operations_are_known_in_our_own_graph_only() {
        let persisted = PersistedDocuments::default();
        assert!(
            persisted.read(true).expect("read").values().any(|document| document.starts_with("query PatientChart("))
        );
        assert!(persisted.read(false).expect("read").is_empty());
    }
}
