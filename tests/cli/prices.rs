//! `src/cost/prices/refresh`, which writes the list that is compiled in, on excerpts of AWS's files: what infra reads there
//! afterwards. `tests/cli/prices` has rows in the columns of AWS's Price List, most of them of what is not wanted.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, ensure};
use infra::cost::prices::{Offer, PriceList, parse};
use infra::plan::VolumeType;
use tempfile::TempDir;

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn refresh(files: &Path, to: &Path, region: &str) -> anyhow::Result<Output> {
    let mut script = Command::new(here("src/cost/prices/refresh"));
    script.arg("--from").arg(files).arg("--to").arg(to).arg(region).output().context("cannot start refresh")
}

/// AWS's files, a text of one of them edited.
fn edited(offer: &str, from: &str, to: &str) -> anyhow::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    for name in ["AmazonEC2", "AmazonRDS", "AmazonVPC", "AWSDataTransfer"] {
        let text = std::fs::read_to_string(here("tests/cli/prices").join(name).join("us-east-1/index.csv"))?;
        ensure!(name != offer || text.contains(from), "{offer} has no {from}");
        let text = if name == offer { text.replace(from, to) } else { text };
        std::fs::create_dir_all(folder.path().join(name).join("us-east-1"))?;
        std::fs::write(folder.path().join(name).join("us-east-1/index.csv"), text)?;
    }
    Ok(folder)
}

fn written() -> anyhow::Result<PriceList> {
    let folder = tempfile::tempdir()?;
    let to = folder.path().join("aws.txt");
    let ended = refresh(&here("tests/cli/prices"), &to, "us-east-1")?;
    ensure!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    Ok(parse(&std::fs::read_to_string(to)?)?.remove(0))
}

#[test]
fn infra_reads_what_it_writes() -> anyhow::Result<()> {
    let list = written()?;
    ensure!(list.region == "us-east-1");
    ensure!(list.instance("t3.medium") == Some(0.0416), "Linux, shared, on demand, in the region itself");
    ensure!(list.instance("p5.48xlarge").is_none(), "a capacity block is no price on demand");
    ensure!(list.credits("t3") == Some(0.05) && list.credits("t4g") == Some(0.04));
    ensure!(list.volume(VolumeType::Gp3) == Some(0.08) && list.volume(VolumeType::Io1) == Some(0.125));
    ensure!(list.iops(VolumeType::Io1, 1) == Some(0.065) && list.iops(VolumeType::Io2, 2) == Some(0.0455));
    ensure!(list.throughput(VolumeType::Gp3) == Some(0.04), "a MiB/s, of a price for a GiB/s");
    ensure!(list.address() == Some(0.005) && list.snapshot() == Some(0.05));
    ensure!(list.database("db.m7g.2xlarge") == Some(0.674), "usage types shorten its name");
    ensure!(list.database("db.m7g.large") == Some(0.168), "PostgreSQL in one zone");
    ensure!(list.database_credits("t4g") == Some(0.075) && list.database_storage() == Some(0.115));
    ensure!(list.aurora_capacity() == Some(0.12) && list.aurora_storage() == Some(0.1));
    ensure!(list.traffic() == Some(0.09));
    let source = list.source(Offer::Rds).context("it says where it is from")?;
    ensure!(source.published.to_string() == "2026-11-12" && source.from == "AWS Price List", "{source:?}");
    Ok(())
}

#[test]
fn another_regions_section_stays_and_its_own_is_replaced() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let to = folder.path().join("aws.txt");
    let other = "region eu-west-1\n# by hand\noffer AmazonVPC published 2026-01-01 read 2026-01-02 from x\naddress in-use 0.006\n";
    std::fs::write(&to, format!("# head\n\nregion us-east-1\n# of old\n\n{other}"))?;
    for _ in 0..2 {
        let ended = refresh(&here("tests/cli/prices"), &to, "us-east-1")?;
        ensure!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        let text = std::fs::read_to_string(&to)?;
        ensure!(text.contains(&format!("\n\n{other}\nregion us-east-1\noffer ")) && !text.contains("of old"), "{text}");
        let prices: Vec<_> = parse(&text)?.iter().map(PriceList::address).collect();
        ensure!(prices == [Some(0.006), Some(0.005)], "{prices:?}");
    }
    Ok(())
}

/// AWS names things otherwise, or a file is not whole.
#[test]
fn what_is_not_understood_is_told_and_nothing_is_written() -> anyhow::Result<()> {
    for (offer, from, to, said) in [
        ("AmazonEC2", "EBS:VolumeP-IOPS.io2.tier2", "EBS:Else", "no price was found for: volume-iops io2.tier2"),
        ("AmazonEC2", "\"GiBps-mo\"", "\"Furlongs\"", "priced by 'Furlongs'"),
        ("AmazonEC2", "\"usageType\"", "\"use\"", "a file has no column 'usagetype'"),
        ("AmazonEC2", "\"Windows\"", "\"Linux\"", "costs both"),
        ("AmazonRDS", "\"USD\"", "\"CNY\"", "costs CNY"),
        ("AmazonVPC", "\"Publication Date\"", "\"Date\"", "does not say when it was published"),
        ("AmazonVPC", "\"SKU\"", "\"Sku\"", "no row that names the columns"),
    ] {
        let (files, folder) = (edited(offer, from, to)?, tempfile::tempdir()?);
        let list = folder.path().join("aws.txt");
        let ended = refresh(files.path(), &list, "us-east-1")?;
        let text = String::from_utf8_lossy(&ended.stderr).into_owned();
        ensure!(ended.status.code() == Some(1) && text.contains(said), "{from} → {to}: {text}");
        ensure!(!list.exists(), "{from} → {to}");
    }
    Ok(())
}
