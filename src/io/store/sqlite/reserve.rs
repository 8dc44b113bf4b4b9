//! Room that is set aside, so that calls under way can be recorded when the disk is full.
//!
//! A file of some MiB lies in the data directory. When SQLite finds no room, the file is removed: what it took is for the
//! records of what is under way; nothing is begun until there is room for another one.

use super::dir::create_private;
use nix::fcntl::posix_fallocate;
use nix::sys::statvfs::statvfs;
use std::fs;
use std::path::{Path, PathBuf};

/// The file.
pub(super) struct Reserve {
    path: PathBuf,
    bytes: u64,
    there: bool,
    /// Free bytes of the disk that a folder is on.
    room: fn(&Path) -> u64,
}

impl Reserve {
    /// Sets the room aside, unless an earlier life did.
    pub(super) fn new(folder: &Path, bytes: u64, room: fn(&Path) -> u64) -> Self {
        let mut reserve = Self { path: folder.join("reserve"), bytes, there: false, room };
        let there = fs::metadata(&reserve.path).is_ok_and(|file| file.len() == bytes);
        reserve.there = bytes == 0 || there || reserve.make();
        if !reserve.there {
            tracing::error!(bytes, "no room for the reserve: nothing is begun until there is");
        }
        reserve
    }

    /// Whether it is in use: only what is under way may be written.
    pub(super) const fn is_spent(&self) -> bool {
        !self.there
    }

    /// Gives the room away. Says whether there was any.
    pub(super) fn spend(&mut self) -> bool {
        if self.bytes == 0 || !self.there {
            return false;
        }
        self.there = false;
        tracing::error!("the disk is full: only what is under way is stored, from the reserve");
        fs::remove_file(&self.path).is_ok()
    }

    /// Sets the room aside again, where the disk has twice as much.
    pub(super) fn renew(&mut self) {
        if self.there {
            return;
        }
        let folder = self.path.parent().unwrap_or(&self.path);
        if (self.room)(folder) >= self.bytes.saturating_mul(2) && self.make() {
            self.there = true;
            tracing::info!("there is room on the disk again");
        }
    }

    fn make(&self) -> bool {
        fs::remove_file(&self.path).ok();
        let Ok(file) = create_private(&self.path) else { return false };
        let length = i64::try_from(self.bytes).unwrap_or(i64::MAX);
        let made = posix_fallocate(&file, 0, length).is_ok();
        if !made {
            fs::remove_file(&self.path).ok();
        }
        made
    }
}

/// Free bytes of the disk that a folder is on, for whoever is not root; none where nobody can say.
pub(super) fn room(folder: &Path) -> u64 {
    statvfs(folder).map_or(0, |disk| disk.blocks_available() * disk.fragment_size())
}
