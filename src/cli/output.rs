//! How a command speaks and ends.

use std::fmt;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::process::ExitCode;

/// How a command ended; the process' exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done what was asked.
    Done,
    /// 1: it could not be done, or the answer is no.
    Failed,
    /// 2: it was asked or configured wrongly.
    WrongUsage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::from(0),
            Exit::Failed => Self::from(1),
            Exit::WrongUsage => Self::from(2),
        }
    }
}

/// Why a command could not be carried out. Shown as one line after `error:`.
#[derive(Debug)]
pub enum Failure {
    /// It was tried and did not work; exit 1. The sentence names the thing.
    Failed(String),
    /// What was asked makes no sense; exit 2. The sentence names the argument.
    Usage(String),
    /// What there was to read could not be written; exit 1.
    Output(io::Error),
}

impl Failure {
    /// The exit code that goes with it.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Failed(_) | Self::Output(_) => Exit::Failed,
            Self::Usage(_) => Exit::WrongUsage,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(text) | Self::Usage(text) => f.write_str(text),
            Self::Output(error) => write!(f, "cannot write the output: {error}"),
        }
    }
}

impl std::error::Error for Failure {}

/// Standard output that outlives its reader.
///
/// When the reader goes away (`onering … | head -1`), what is still written is dropped and the command goes
/// on to its own end: a phone that rings must be cancelled whether or not somebody reads about it.
#[derive(Debug)]
pub struct Stdout {
    to: BufWriter<io::Stdout>,
    reader_left: bool,
}

impl Stdout {
    /// The process' standard output, buffered; [`run`](super::run) flushes it at the end. A command that
    /// reports as it goes flushes what should be seen at once.
    #[must_use]
    pub fn new() -> Self {
        Self { to: BufWriter::new(io::stdout()), reader_left: false }
    }

    fn unless_reader_left<T>(&mut self, result: io::Result<T>, dropped: T) -> io::Result<T> {
        match result {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.reader_left = true;
                Ok(dropped)
            }
            other => other,
        }
    }
}

impl Default for Stdout {
    fn default() -> Self {
        Self::new()
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.reader_left {
            return Ok(bytes.len());
        }
        let result = self.to.write(bytes);
        self.unless_reader_left(result, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.reader_left {
            return Ok(());
        }
        let result = self.to.flush();
        self.unless_reader_left(result, ())
    }
}
