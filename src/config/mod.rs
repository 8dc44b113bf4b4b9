//! The configuration: one TOML file, read to the typed values of everything that it configures.
//!
//! [`load`] finds every mistake at once, each with its place ([`Report`]). Each part of the file has a file here, in which
//! its keys are described once: the same description reads them, makes the JSON schema and the commented example
//! ([`describe`]), and `docs/CONFIG.md`. Names are looked up later, by [`TrunkConfig::resolve`].

pub mod describe;
pub mod resolve;
pub mod value;
pub mod worth;

mod cdr;
mod form;
mod pool;
mod profile;
mod report;
mod restart;
mod root;
mod route;
mod secret;
mod service;
mod sip;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod trunk;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::verify::rules::Rules;

pub use cdr::{CdrFileConfig, CdrFormat, CdrNumbers, CdrProfile};
pub use report::{Finding, Report, Severity};
pub use service::{
    ApiConfig, ApiLimits, LimitsConfig, LogConfig, LogFormat, StoreConfig, TlsConfig,
};
pub use sip::SipConfig;
pub use trunk::TrunkConfig;

/// Most bytes of a configuration.
const LEN_MAX: u64 = 4 << 20;

/// Everything that the file says, and the defaults of what it does not say.
#[derive(Clone, Debug)]
pub struct Config {
    /// Stands for the text of the file: the beginning of its SHA-256, in hexadecimal.
    pub fingerprint: String,
    /// Where SIP is spoken from.
    pub sip: SipConfig,
    /// The carriers, in the order of the file; [`Rules`] means them by their place.
    pub trunks: Vec<TrunkConfig>,
    /// Everything that verifications are judged by.
    pub rules: Rules,
    /// The REST interface.
    pub api: ApiConfig,
    /// What is kept on disk.
    pub store: StoreConfig,
    /// Files that records of calls are written to.
    pub cdr_files: Vec<CdrFileConfig>,
    /// How log lines are written.
    pub log: LogConfig,
    /// How much may be open at a time.
    pub limits: LimitsConfig,
}

/// A configuration that can be used, and what somebody should look at all the same.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Nothing but warnings.
    pub warnings: Report,
}

/// Where other commands find the service of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its data directory.
    pub dir: PathBuf,
    /// Its Unix socket.
    pub socket: PathBuf,
}

/// Reads a configuration and the files that it names.
///
/// # Errors
/// All its mistakes, warnings too.
pub fn load(path: &Path) -> Result<Loaded, Report> {
    read_text(path).and_then(|text| parse(&path.display().to_string(), &text, folder_of(path)))
}

/// Reads where the service of a configuration is found, and nothing else: who looks at records may have no access to its
/// secrets, and the file may have mistakes that the service does not take up.
///
/// # Errors
/// The file cannot be read, or does not say it.
pub fn place(path: &Path) -> Result<Place, Report> {
    let text = read_text(path)?;
    root::place(&path.display().to_string(), &text, folder_of(path))
}

/// Relative paths begin there.
fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or_else(|| Path::new(""))
}

fn read_text(path: &Path) -> Result<String, Report> {
    let name = path.display().to_string();
    let bytes = read_file(path)
        .map_err(|problem| Report::unreadable(&name, format!("cannot read {name}: {problem}")))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        root::not_utf8(&name, &String::from_utf8_lossy(error.as_bytes()), at)
    })
}

/// Reads a configuration from text. `name` stands for it in messages; relative paths begin in `folder`.
///
/// # Errors
/// All its mistakes, warnings too.
pub fn parse(name: &str, text: &str, folder: &Path) -> Result<Loaded, Report> {
    root::parse(name, text, folder)
}

fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(LEN_MAX + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LEN_MAX {
        return Err(format!("it is longer than {} MiB", LEN_MAX >> 20));
    }
    Ok(bytes)
}
