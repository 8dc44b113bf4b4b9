//! How a call travels: what each of its requests repeats, and what a CANCEL must repeat after a restart.

use std::sync::Arc;

/// What the requests of a call have from their trunk. CANCEL repeats the INVITE's Request-URI, Via and Route (RFC 3261
/// §9.1), so this is kept before the INVITE leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// Name of the trunk.
    pub trunk: Arc<str>,
    /// `host:port` of our Via and Contact.
    pub sent_by: Arc<str>,
    /// `host[:port]` of the Request-URI and of To.
    pub domain: Arc<str>,
    /// `host[:port]` of From.
    pub from_domain: Arc<str>,
    /// The preloaded loose route, `host[:port]`.
    pub route: Option<Arc<str>>,
}
