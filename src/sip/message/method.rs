//! Request methods (RFC 3261 §7.1, RFC 3262, 3311, 3428, 3515, 3903, 6086, 6665).

use std::fmt;

/// A request method. Compared case-sensitively (RFC 3261 §7.1); what we do not know is `Other`, and its name
/// stays in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Method {
    /// Starts a call.
    Invite,
    /// Acknowledges a final response to INVITE.
    Ack,
    /// Ends a call.
    Bye,
    /// Ends a call that has no final response yet.
    Cancel,
    /// Asks what the far end can do; keep-alive on trunks.
    Options,
    /// Acknowledges a reliable provisional response (RFC 3262).
    Prack,
    /// Changes an early session (RFC 3311).
    Update,
    /// Application data in a dialog (RFC 6086).
    Info,
    /// Binds an address of record to a contact.
    Register,
    /// Asks for notifications (RFC 6665).
    Subscribe,
    /// A notification (RFC 6665).
    Notify,
    /// Asks to call somebody else (RFC 3515).
    Refer,
    /// An instant message (RFC 3428).
    Message,
    /// Publishes event state (RFC 3903).
    Publish,
    /// Any other token.
    Other,
}

impl Method {
    /// Reads a method name; anything unknown is [`Method::Other`].
    #[must_use]
    pub fn from_bytes(name: &[u8]) -> Self {
        match name {
            b"INVITE" => Self::Invite,
            b"ACK" => Self::Ack,
            b"BYE" => Self::Bye,
            b"CANCEL" => Self::Cancel,
            b"OPTIONS" => Self::Options,
            b"PRACK" => Self::Prack,
            b"UPDATE" => Self::Update,
            b"INFO" => Self::Info,
            b"REGISTER" => Self::Register,
            b"SUBSCRIBE" => Self::Subscribe,
            b"NOTIFY" => Self::Notify,
            b"REFER" => Self::Refer,
            b"MESSAGE" => Self::Message,
            b"PUBLISH" => Self::Publish,
            _ => Self::Other,
        }
    }

    /// The name as it stands on the wire; empty for [`Method::Other`].
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invite => "INVITE",
            Self::Ack => "ACK",
            Self::Bye => "BYE",
            Self::Cancel => "CANCEL",
            Self::Options => "OPTIONS",
            Self::Prack => "PRACK",
            Self::Update => "UPDATE",
            Self::Info => "INFO",
            Self::Register => "REGISTER",
            Self::Subscribe => "SUBSCRIBE",
            Self::Notify => "NOTIFY",
            Self::Refer => "REFER",
            Self::Message => "MESSAGE",
            Self::Publish => "PUBLISH",
            Self::Other => "",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_case_matters() {
        for name in [
            "INVITE",
            "ACK",
            "BYE",
            "CANCEL",
            "OPTIONS",
            "PRACK",
            "UPDATE",
            "INFO",
            "REGISTER",
            "SUBSCRIBE",
            "NOTIFY",
            "REFER",
            "MESSAGE",
            "PUBLISH",
        ] {
            let method = Method::from_bytes(name.as_bytes());
            assert_ne!(method, Method::Other);
            assert_eq!(method.as_str(), name);
            let lower = name.to_ascii_lowercase();
            assert_eq!(Method::from_bytes(lower.as_bytes()), Method::Other);
        }
        assert_eq!(Method::from_bytes(b"RE%47IST%45R"), Method::Other);
    }
}
