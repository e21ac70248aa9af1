//! The `lab` command: starts, stops and shows the lab.

mod cli;

use clap::Parser;

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(cli::Arguments::parse().run())
}
