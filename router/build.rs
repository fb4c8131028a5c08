//! The schema and the pages are built in: a build cache that another clone has used must not hide that they changed.

fn main() {
    println!("cargo:rerun-if-changed=../schema/supergraph.graphql");
    println!("cargo:rerun-if-changed=../schema/api.graphql");
    println!("cargo:rerun-if-changed=../schema/operations/persisted-documents.json");
    println!("cargo:rerun-if-changed=assets");
}
