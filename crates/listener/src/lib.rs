//! How a part listens: deadlines for heads, bodies and silence, a limit of requests under way, questions that are asked once
//! at a time, and a stop that waits for what has begun.
//!
//! Belongs here: what bounds a client before anything of ours looks at the request. Does not belong here: what a request
//! says, which the part itself reads.

mod asked;
mod connection;
mod gate;
mod lane;
mod limits;
mod paced;
mod refusal;
mod room;
mod serve;
mod told;

pub use asked::Asked;
pub use lane::Lane;
pub use limits::Limits;
pub use refusal::Face;
pub use room::{Held, Room};
pub use serve::{Part, serve};
pub use told::Told;
