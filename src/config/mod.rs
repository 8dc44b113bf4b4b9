//! The configuration: one TOML file, read to the typed values of everything that it configures.

pub mod value;
