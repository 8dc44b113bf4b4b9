//! A file of lines that is only ever appended to, renamed when its time has come, and begun again.

use crate::base::calendar::Civil;
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Owner writes, group reads: shippers of logs run under their own name, and strangers have no business with records.
const MODE: u32 = 0o640;
/// Longer than any line of ours: what is behind the last end of a line is no more of one than this.
const LINE_MAX: u64 = 256 * 1024;

/// Why the file cannot be written. What was to be written waits.
#[derive(Debug)]
pub(super) struct FileError {
    path: PathBuf,
    cause: io::Error,
    /// Lines that were written before may not be there.
    pub(super) lost: bool,
}

impl FileError {
    fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self { path: path.to_owned(), cause, lost: false }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        // Kinds are many and not ours; what is left of them says itself what is wrong.
        if self.cause.kind() == ErrorKind::NotFound {
            return write!(f, "cannot write {path}: its directory is not there");
        }
        write!(f, "cannot write {path}: {}", self.cause)
    }
}

impl std::error::Error for FileError {}

/// The file, whether or not it can be written just now.
#[derive(Debug)]
pub(super) struct Lines {
    path: PathBuf,
    header: Vec<u8>,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    len: u64,
    /// Microseconds since 1970 when a record was last written.
    written_unix_us: u64,
}

impl Lines {
    pub(super) const fn new(path: PathBuf, header: Vec<u8>) -> Self {
        Self { path, header, open: None }
    }

    /// When a record was last written to the file as it is now; none where it holds none.
    pub(super) fn written_unix_us(&mut self) -> Result<Option<u64>, FileError> {
        let empty = self.header.len() as u64;
        let open = self.open()?;
        Ok((open.len > empty).then_some(open.written_unix_us))
    }

    /// How long the file is.
    pub(super) fn len(&mut self) -> Result<u64, FileError> {
        Ok(self.open()?.len)
    }

    /// Appends whole lines: all of them, or none.
    pub(super) fn append(&mut self, lines: &[u8], unix_us: u64) -> Result<(), FileError> {
        let open = self.open()?;
        if let Err(cause) = open.file.write_all(lines) {
            // Whatever of it is in the file goes; where even that fails, it goes when the file is opened again.
            open.file.set_len(open.len).ok();
            self.open = None;
            return Err(FileError::at(&self.path)(cause));
        }
        open.len += lines.len() as u64;
        open.written_unix_us = unix_us;
        Ok(())
    }

    /// Until here it outlives the machine.
    pub(super) fn sync(&mut self) -> Result<(), FileError> {
        let Some(open) = &self.open else { return Ok(()) };
        if let Err(cause) = open.file.sync_data() {
            // The kernel says so once, and may have dropped what it could not write.
            self.open = None;
            return Err(FileError { path: self.path.clone(), cause, lost: true });
        }
        Ok(())
    }

    /// Whether what was opened is still there under its name; somebody else may have renamed or deleted it.
    pub(super) fn is_in_place(&self) -> bool {
        let Some(open) = &self.open else { return true };
        let same = |there: fs::Metadata, ours: fs::Metadata| {
            (there.dev(), there.ino()) == (ours.dev(), ours.ino())
        };
        fs::metadata(&self.path)
            .and_then(|there| Ok(same(there, open.file.metadata()?)))
            .unwrap_or(false)
    }

    /// Lets go of the file; the next line goes to whatever is there under its name.
    pub(super) fn close(&mut self) -> Result<(), FileError> {
        self.sync()?;
        self.open = None;
        Ok(())
    }

    /// Renames the file, if it holds a record, and begins a new one.
    pub(super) fn rotate(&mut self, stamp_unix_us: u64) -> Result<(), FileError> {
        if self.written_unix_us()?.is_none() {
            return Ok(());
        }
        self.close()?;
        let target = self.reserve(stamp_unix_us)?;
        if let Err(cause) = fs::rename(&self.path, &target) {
            fs::remove_file(&target).ok();
            return Err(FileError::at(&target)(cause));
        }
        self.open()?;
        let directory = directory(&self.path);
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(FileError::at(directory))
    }

    /// A name that nothing has, held by an empty file that the rename replaces.
    fn reserve(&self, stamp_unix_us: u64) -> Result<PathBuf, FileError> {
        let mut again = 0_u32;
        loop {
            let target = renamed(&self.path, stamp_unix_us, again);
            let made = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&target);
            match made {
                Ok(_) => return Ok(target),
                Err(cause) if cause.kind() == ErrorKind::AlreadyExists => again += 1,
                Err(cause) => return Err(FileError::at(&target)(cause)),
            }
        }
    }

    fn open(&mut self) -> Result<&mut Open, FileError> {
        let open = match self.open.take() {
            Some(open) => open,
            None => Open::new(&self.path, &self.header).map_err(FileError::at(&self.path))?,
        };
        Ok(self.open.insert(open))
    }
}

impl Open {
    /// Opens what is there, without a line that was cut off, or makes it.
    fn new(path: &Path, header: &[u8]) -> io::Result<Self> {
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).mode(MODE).open(path)?;
        let found = file.metadata()?;
        let mut len = found.len();
        if found.is_file() {
            let cut = cut_off(&file, len, header)?;
            if cut > 0 {
                len -= cut;
                file.set_len(len)?;
            }
        }
        if len == 0 && !header.is_empty() {
            file.write_all(header)?;
            len = header.len() as u64;
        }
        let secs = u64::try_from(found.mtime()).unwrap_or_default();
        Ok(Self { file, len, written_unix_us: secs * 1_000_000 })
    }
}

/// How many bytes at the end are a line that was cut off when somebody pulled the plug; it is written again. A file that
/// does not look like one of ours is left as it is.
fn cut_off(file: &File, len: u64, header: &[u8]) -> io::Result<u64> {
    let most = len.min(LINE_MAX);
    let mut tail = vec![0; most as usize];
    file.read_exact_at(&mut tail, len - most)?;
    if let Some(place) = tail.iter().rposition(|byte| *byte == b'\n') {
        return Ok((tail.len() - place - 1) as u64);
    }
    if most == len && (header.starts_with(&tail) || tail.starts_with(b"{\"cdr_id\"")) {
        return Ok(len);
    }
    Err(io::Error::new(ErrorKind::InvalidData, "what is there is no file of records"))
}

/// `NAME-20261125T100000Z.EXT`, and `-1`, `-2` … behind the time.
fn renamed(path: &Path, stamp_unix_us: u64, again: u32) -> PathBuf {
    let mut name = path.file_stem().map(OsString::from).unwrap_or_default();
    name.push(format!("-{}", Civil::of(stamp_unix_us).compact()));
    if again > 0 {
        name.push(format!("-{again}"));
    }
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// Where the file is.
fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}
