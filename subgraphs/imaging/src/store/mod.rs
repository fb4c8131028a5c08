//! All SQL of the subgraph, a module for each aggregate. An upload is a row of its image.

pub(crate) mod images;
pub(crate) mod sweeps;
