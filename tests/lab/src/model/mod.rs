//! botocore's service models of Lightsail and EC2: the truth about what requests and answers look like.
//!
//! The models are not part of this repository; they are read from the botocore of the lab's Python environment. EC2's also
//! turns forms into documents and documents into XML (`wire`).

mod check;
mod find;
mod shapes;
mod wire;

pub use check::{Finding, Problem};
pub use find::{Service, find};
pub use shapes::Model;
pub use wire::{Asked, escape};
