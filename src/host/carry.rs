//! What lies on the root disk of an instance that is replaced, copied to the one that takes its place: streamed through the
//! operator's machine, since no host has the keys of another, and compared by what both say of it afterwards.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::deploy::site_script;
use super::error::HostError;
use super::progress::{HostEvent, Progress};
use super::script::Script;
use super::session::Session;
use super::site::Site;
use crate::inventory::{RootData, RootDataKind};

/// Large enough that neither side waits for the other at every block.
const BLOCK: usize = 256 * 1024;

/// One thing to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Item<'a> {
    Data(&'a RootData),
    State,
}

impl Item<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Data(data) if data.kind == RootDataKind::Folder => "folder",
            Self::Data(_) => "volume",
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::State => "",
            Self::Data(data) => &data.name,
        }
    }

    fn said(&self) -> String {
        match self {
            Self::State => "releases and secrets".to_owned(),
            Self::Data(data) => data.to_string(),
        }
    }
}

macro_rules! script {
    ($name:literal, $file:literal) => {
        ($name, concat!(include_str!("scripts/state.sh"), include_str!("scripts/carried.sh"), include_str!($file)))
    };
}

impl Session {
    /// Copies all of it from `old`, where nobody writes, and compares. Cut off, it begins anew.
    pub async fn carry(
        &self,
        old: &Session,
        site: &Site,
        data: &[RootData],
        state: bool,
        progress: &Progress,
    ) -> Result<(), HostError> {
        let items = data.iter().map(Item::Data).chain(state.then_some(Item::State));
        for item in items {
            progress.line(format!("copying {}", item.said()));
            self.carry_one(old, site, &item, progress).await?;
        }
        Ok(())
    }

    async fn carry_one(
        &self,
        old: &Session,
        site: &Site,
        item: &Item<'_>,
        progress: &Progress,
    ) -> Result<(), HostError> {
        let before = old.look_at(site, item).await?;
        let (name, body) = script!("reading what is carried", "scripts/carry_out.sh");
        let mut out = old.start(&with(site_script(name, body, site), item)).await?;
        let (name, body) = script!("writing what is carried", "scripts/carry_in.sh");
        let into = with(site_script(name, body, site), item)
            .set("IS_FOLDER", if before.is_folder { "yes" } else { "no" })
            .list("LABELS", &before.labels);
        let mut into = self.start(&into).await?;
        let (Some(mut source), Some(mut sink)) = (out.child.stdout.take(), into.stdin.take()) else {
            unreachable!("both are pipes, and nobody took them before")
        };
        let mut block = vec![0; BLOCK];
        let mut sent: u64 = 0;
        // A side that ends early says why itself.
        while let Ok(read @ 1..) = source.read(&mut block).await {
            if sink.write_all(&block[..read]).await.is_err() {
                break;
            }
            sent += read as u64;
            progress.emit(HostEvent::Bytes { sent, total: None });
        }
        drop((sink, source));
        let unheard = Progress::none();
        let (into, out) = tokio::join!(into.finish(progress), out.finish(&unheard));
        into?.success(&self.host(), "writing what is carried")?;
        out?.success(&old.host(), "reading what is carried")?;
        let (still, after) = (old.look_at(site, item).await?, self.look_at(site, item).await?);
        if still.fingerprint != before.fingerprint || after.fingerprint != before.fingerprint {
            let what = item.said();
            let detail = if still.fingerprint == before.fingerprint {
                format!("the copy of {what} differs")
            } else {
                format!("somebody still writes to {what} on the old instance: stop it, and run again")
            };
            return Err(HostError::Answer {
                host: self.host(),
                operation: "comparing what is carried".to_owned(),
                detail,
            });
        }
        Ok(())
    }

    async fn look_at(&self, site: &Site, item: &Item<'_>) -> Result<Looked, HostError> {
        let (name, body) = script!("comparing what is carried", "scripts/carry_look.sh");
        let text = self.run(&with(site_script(name, body, site), item)).await?;
        Looked::parse(&text).ok_or_else(|| HostError::Answer {
            host: self.host(),
            operation: "comparing what is carried".to_owned(),
            detail: text.trim().to_owned(),
        })
    }
}

fn with(script: Script, item: &Item<'_>) -> Script {
    script.set("KIND", item.kind()).set("NAME", item.name())
}

#[derive(Debug, PartialEq, Eq)]
struct Looked {
    fingerprint: String,
    is_folder: bool,
    labels: Vec<String>,
}

impl Looked {
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let (fingerprint, folder) = lines.next()?.split_once(' ')?;
        let labels = lines.map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
        let looked = Self { fingerprint: fingerprint.to_owned(), is_folder: folder == "yes", labels };
        (fingerprint.len() == 64).then_some(looked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_look_says_is_read() {
        let hash = "a".repeat(64);
        let looked = Looked::parse(&format!("{hash} yes\ncom.docker.compose.volume=kept\n\n")).unwrap();
        assert_eq!((looked.is_folder, looked.labels), (true, vec!["com.docker.compose.volume=kept".to_owned()]));
        assert!(!Looked::parse(&format!("{hash} no\n")).unwrap().is_folder);
        assert_eq!(Looked::parse("tar: no such file\n"), None);
    }
}
