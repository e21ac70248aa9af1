//! The HTTP side: one port for all of AWS, and `/_lab` for whoever runs the lab.
//!
//! Lightsail and EC2 are answered here; everything else passes through to MiniStack. Every request is counted, delayed, and
//! spoiled if a rule says so.

mod admin;
mod calls;
mod dispatch;
mod ec2;
mod holds;
mod identify;
mod passthrough;
mod respond;
mod rights;
mod rules;
mod server;
mod violations;

pub(crate) use identify::{Target, access_key, is_form};
pub(crate) use passthrough::Passthrough;
pub(crate) use respond::error as error_response;
pub use server::{Gateway, Options, Running};
