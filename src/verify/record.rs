//! What the store is asked to keep, in order.

use super::cdr::{Amendment, Cdr};
use crate::base::id::AttemptId;
use crate::base::number::{CallerId, Destination};
use std::net::SocketAddr;
use std::sync::Arc;

/// That a call is about to be placed: everything that is needed to end it without us. Kept before its first packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Which attempt; its branches follow from it.
    pub id: AttemptId,
    /// Called number.
    pub to: Destination,
    /// Presented number.
    pub from: CallerId,
    /// Call-ID.
    pub call_id: [u8; 32],
    /// Our tag.
    pub from_tag: [u8; 24],
    /// Name of the trunk.
    pub trunk: Arc<str>,
    /// Where the INVITE goes.
    pub target: SocketAddr,
}

/// One thing to be kept.
#[derive(Clone, Debug)]
pub enum Record {
    /// Before the first packet of a call.
    Intent(Intent),
    /// After a call. Ends its intent.
    Cdr(Arc<Cdr>),
    /// After its CDR.
    Amendment(Amendment),
}
