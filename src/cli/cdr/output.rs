//! An export on its way: lines, and the file that they go to.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use crate::cli::Failure;
use crate::verify::cdr::View;
use crate::verify::cdr::csv::Profile;

/// What a line looks like.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    Lines,
    Csv(Profile),
}

impl Form {
    /// What comes before the first record.
    pub(super) fn begin(self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Lines => Ok(()),
            Self::Csv(profile) => out.write_all(&profile.header().unwrap_or_default()),
        }
    }

    pub(super) fn write(self, out: &mut impl Write, view: &View) -> io::Result<()> {
        match self {
            Self::Lines => {
                serde_json::to_writer(&mut *out, view)?;
                out.write_all(b"\n")
            }
            Self::Csv(profile) => out.write_all(&profile.write(view)),
        }
    }
}

/// A file that has its name only once it is whole: until then `.part` stands behind it.
#[derive(Debug)]
pub(super) struct Output {
    to: BufWriter<File>,
    part: PathBuf,
    path: PathBuf,
}

impl Output {
    pub(super) fn create(path: PathBuf) -> Result<Self, Failure> {
        let mut part = path.clone().into_os_string();
        part.push(".part");
        let part = PathBuf::from(part);
        let file = File::create(&part).map_err(|error| {
            Failure::Failed(format!("--output: cannot write {}: {error}", part.display()))
        })?;
        Ok(Self { to: BufWriter::new(file), part, path })
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.to.flush()?;
        self.to.get_ref().sync_all()?;
        fs::rename(&self.part, &self.path)
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
