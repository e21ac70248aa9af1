//! Which lab has which static address: all labs of this machine share its network. A file an address says who has it;
//! what a lab held whose folder is gone is free.

use std::fs::{self, File};
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(super) struct Claims {
    folder: PathBuf,
    /// The folder of the lab that claims.
    lab: PathBuf,
}

impl Claims {
    pub fn open(folder: PathBuf, lab: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, lab })
    }

    /// False if another lab, or another region of this one, has the address.
    pub fn claim(&self, region: &str, address: Ipv4Addr) -> io::Result<bool> {
        let _alone = self.alone()?;
        let file = self.folder.join(address.to_string());
        let claim = format!("{}\n{region}", self.lab.display());
        match fs::read_to_string(&file) {
            Ok(held) if held == claim => return Ok(true),
            Ok(held) if Path::new(held.lines().next().unwrap_or_default()).exists() => return Ok(false),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::write(&file, claim).map(|()| true)
    }

    /// Gives one address up, if this lab has it.
    pub fn give_up(&self, address: Ipv4Addr) -> io::Result<()> {
        let _alone = self.alone()?;
        self.give_up_file(&self.folder.join(address.to_string()))
    }

    pub fn give_up_all(&self) -> io::Result<()> {
        let _alone = self.alone()?;
        for entry in fs::read_dir(&self.folder)? {
            self.give_up_file(&entry?.path())?;
        }
        Ok(())
    }

    fn give_up_file(&self, file: &Path) -> io::Result<()> {
        match fs::read_to_string(file) {
            Ok(held) if held.lines().next() == self.lab.to_str() => fs::remove_file(file),
            _ => Ok(()),
        }
    }

    /// One lab at a time reads and writes.
    fn alone(&self) -> io::Result<File> {
        let file = File::create(self.folder.join("lock"))?;
        file.lock()?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 200);

    #[test]
    fn an_address_has_one_holder_until_that_gives_it_up_or_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let lab = |name: &str| {
            let lab = folder.path().join(name);
            fs::create_dir_all(&lab).unwrap();
            Claims::open(folder.path().join("addresses"), lab).unwrap()
        };
        let (first, second) = (lab("first"), lab("second"));
        assert!(first.claim("us-east-1", ADDRESS).unwrap());
        assert!(first.claim("us-east-1", ADDRESS).unwrap(), "said twice is said once");
        assert!(!first.claim("eu-west-1", ADDRESS).unwrap());
        assert!(!second.claim("us-east-1", ADDRESS).unwrap());
        second.give_up(ADDRESS).unwrap();
        assert!(!second.claim("us-east-1", ADDRESS).unwrap(), "nobody gives up what another has");

        first.give_up_all().unwrap();
        assert!(second.claim("us-east-1", ADDRESS).unwrap());
        fs::remove_dir(folder.path().join("second")).unwrap();
        assert!(first.claim("us-east-1", ADDRESS).unwrap(), "the second lab is gone");
    }
}
