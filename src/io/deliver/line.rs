//! What a sink writes of a record and of an amendment.

use crate::verify::cdr::csv::Profile;
use crate::verify::cdr::{Amendment, Kept, Late, Show, Unreadable};

/// What a line looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// A JSON object for each record; the default.
    #[default]
    JsonLines,
    /// The columns of a profile.
    Csv(Profile),
}

impl Format {
    /// What a file begins with.
    pub(super) fn header(self) -> Vec<u8> {
        match self {
            Self::JsonLines => Vec::new(),
            Self::Csv(profile) => profile.header().unwrap_or_default(),
        }
    }

    /// The line of a record, its end included.
    pub(super) fn record(self, kept: &Kept, numbers: Show) -> Result<Vec<u8>, Unreadable> {
        match self {
            Self::JsonLines => Ok(ended(kept.json(numbers)?)),
            Self::Csv(profile) => Ok(profile.write(&kept.view(numbers)?)),
        }
    }

    /// Whether amendments make lines.
    pub(super) const fn has_amendments(self) -> bool {
        match self {
            Self::JsonLines => true,
            Self::Csv(_) => false,
        }
    }
}

/// The line of an amendment.
pub(super) fn amended(amendment: &Amendment) -> Vec<u8> {
    let id = amendment.id.to_string();
    ended(serde_json::json!({ "cdr_id": id, "amendment": Late::from(amendment) }).to_string())
}

fn ended(mut line: String) -> Vec<u8> {
    line.push('\n');
    line.into_bytes()
}
