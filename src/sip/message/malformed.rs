//! Why a datagram is no message at all.

use std::fmt;

/// What [`Message::parse`](super::Message::parse) cannot represent. Offsets count from the first byte of the datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Nothing but line ends, or nothing at all: a keep-alive (RFC 5626 §3.5.1), no message.
    Empty,
    /// More bytes than a datagram may have ([`BODY_MAX`](crate::base::limits::BODY_MAX)).
    TooLong {
        /// How many there are.
        bytes: usize,
    },
    /// Neither a request line nor a status line of SIP.
    StartLine {
        /// Where it begins.
        at: usize,
    },
    /// The status code is not three digits.
    Status {
        /// Where it begins.
        at: usize,
    },
    /// No empty line after the headers: the datagram was cut off.
    Truncated {
        /// Where its last line begins.
        at: usize,
    },
    /// A line, its folds included, longer than [`LINE_MAX`](crate::base::limits::LINE_MAX).
    LineTooLong {
        /// Where it begins.
        at: usize,
    },
    /// Start line and headers longer than [`HEADER_BLOCK_MAX`](crate::base::limits::HEADER_BLOCK_MAX).
    BlockTooLong {
        /// Where the line begins that goes beyond.
        at: usize,
    },
    /// More header lines than [`HEADERS_MAX`](crate::base::limits::HEADERS_MAX).
    TooManyHeaders {
        /// Where the first one too many begins.
        at: usize,
    },
}

impl Malformed {
    /// A stable name in kebab case.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong { .. } => "datagram-too-long",
            Self::StartLine { .. } => "start-line",
            Self::Status { .. } => "status-code",
            Self::Truncated { .. } => "truncated",
            Self::LineTooLong { .. } => "line-too-long",
            Self::BlockTooLong { .. } => "header-block-too-long",
            Self::TooManyHeaders { .. } => "too-many-headers",
        }
    }

    /// The same, `by` bytes further on.
    pub(super) const fn moved(self, by: usize) -> Self {
        match self {
            Self::Empty => Self::Empty,
            Self::TooLong { bytes } => Self::TooLong { bytes },
            Self::StartLine { at } => Self::StartLine { at: at + by },
            Self::Status { at } => Self::Status { at: at + by },
            Self::Truncated { at } => Self::Truncated { at: at + by },
            Self::LineTooLong { at } => Self::LineTooLong { at: at + by },
            Self::BlockTooLong { at } => Self::BlockTooLong { at: at + by },
            Self::TooManyHeaders { at } => Self::TooManyHeaders { at: at + by },
        }
    }

    /// Where it was noticed.
    #[must_use]
    pub const fn at(self) -> usize {
        match self {
            Self::Empty | Self::TooLong { .. } => 0,
            Self::StartLine { at }
            | Self::Status { at }
            | Self::Truncated { at }
            | Self::LineTooLong { at }
            | Self::BlockTooLong { at }
            | Self::TooManyHeaders { at } => at,
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "there is no message, only line ends",
            Self::TooLong { .. } => "more bytes than a datagram may have",
            Self::StartLine { .. } => "the first line is neither a SIP request nor a SIP response",
            Self::Status { .. } => "the status code is not three digits",
            Self::Truncated { .. } => {
                "the message ends before the empty line that closes its headers"
            }
            Self::LineTooLong { .. } => "a line is longer than 8 KiB",
            Self::BlockTooLong { .. } => "the headers are longer than 32 KiB",
            Self::TooManyHeaders { .. } => "there are more than 256 header lines",
        })
    }
}

impl std::error::Error for Malformed {}
