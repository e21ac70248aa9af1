//! botocore's service model of Lightsail: the truth about what requests and answers look like.
//!
//! The model is not part of this repository; it is read from the botocore of the lab's Python environment.

mod check;
mod find;
mod shapes;

pub use check::{Finding, Problem};
pub use find::find;
pub use shapes::Model;
