//! A letter of the hospital: text, a table and signatures in, PDF/A out. The same letter gives the same bytes.
//!
//! Belongs here: how a letter looks, and in which fonts. Does not belong here: what a letter says, and any IO but reading fonts.

mod draw;
mod flow;
mod fonts;
mod letter;
mod plain;
mod qr;
mod render;
mod typesetter;

pub use fonts::{Fonts, Missing};
pub use letter::{Addendum, Fact, Letter, Letterhead, Logo, LogoError, Seal, Section, Signature};
pub use render::{LetterError, Rendered, render};
