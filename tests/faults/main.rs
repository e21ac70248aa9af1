//! The program itself, as a process, against the lab's account: what it does when calls fail, when it is killed, when
//! its plan changes. Nothing here needs a machine: no plan has a bundle.

mod changes;
mod counts;
mod disks;
mod ec2;
mod killed;
mod refusals;
mod spoiled;
mod stage;
