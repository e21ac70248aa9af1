//! What a running copy looks at each second: the user's limit, and how the source's disk fares.

use super::event::{Brake, CopyEvent, Tell};
use super::limit::{Limit, read_limit};
use super::pressure::{DiskLoad, Pressure, adjust};
use crate::migrate::folder::Folder;
use crate::plan::Rate;

pub struct Throttle<'a> {
    limit: &'a Limit,
    folder: &'a Folder,
    /// The source's disk, and the queue depth from which on it is in the warning zone.
    pressure: Option<&'a mut (Box<dyn Pressure>, f64)>,
    /// The user's.
    wanted: Option<Rate>,
    moved: u64,
}

impl<'a> Throttle<'a> {
    pub fn new(limit: &'a Limit, folder: &'a Folder, pressure: Option<&'a mut (Box<dyn Pressure>, f64)>) -> Self {
        Self { limit, folder, pressure, wanted: limit.rate(), moved: 0 }
    }

    /// Once a second: bytes that went since the last time, and what holds from now on.
    pub fn tick(&mut self, tell: &Tell) -> (u64, Brake) {
        let moved = self.limit.moved();
        let measured = moved - self.moved;
        self.moved = moved;
        let said = read_limit(self.folder);
        if said != self.wanted {
            self.wanted = said;
            self.limit.set(said);
        }
        let load = self.give_way(measured, tell);
        let limit = self.limit.rate();
        let brake = Brake {
            limit: limit.map(Rate::bytes_per_second),
            backing_off: limit != self.wanted,
            queue_depth: load.map(|load| load.queue_depth),
            await_ms: load.and_then(|load| load.await_ms),
        };
        (measured, brake)
    }

    fn give_way(&mut self, measured: u64, tell: &Tell) -> Option<DiskLoad> {
        let (pressure, warn) = &mut **self.pressure.as_mut()?;
        let load = pressure.load()?;
        let rate = adjust(load.queue_depth, *warn, self.wanted, self.limit.rate(), measured);
        self.limit.set(rate);
        if let Some(rate) = rate.filter(|_| load.queue_depth >= *warn) {
            let (queue_depth, bytes_per_second) = (load.queue_depth, rate.bytes_per_second());
            tell(CopyEvent::BackedOff { queue_depth, bytes_per_second });
        }
        Some(load)
    }
}
