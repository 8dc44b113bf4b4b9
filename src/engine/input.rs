//! What may happen to the engine. Time comes with it, never from inside.

use crate::base::clock::Instant;
use crate::base::id::{AttemptId, Seq, Ticket};
use crate::sip::ua::{Datagram, Plan, Trunk};
use bytes::Bytes;

/// One input.
#[derive(Clone, Debug)]
pub enum Input {
    /// A datagram came in.
    Datagram(Datagram),
    /// The network said that a datagram of ours did not arrive (ICMP), or the kernel refused it.
    Undeliverable {
        /// As much of the datagram as came back.
        payload: Bytes,
    },
    /// The store has kept every record up to this one.
    Stored {
        /// The last one kept.
        up_to: Seq,
    },
    /// The store has kept no record from this one on; it will be offered them again.
    StoreFailed {
        /// The first one not kept.
        from: Seq,
    },
    /// Somebody asks for something.
    Command {
        /// Comes back with each answer.
        ticket: Ticket,
        /// What.
        command: Command,
    },
    /// Another configuration. Calls in flight keep the one they were placed under.
    Configure {
        /// All trunks; their order is their id.
        trunks: Vec<Trunk>,
    },
    /// Nothing but time.
    TimePassed,
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Place a call. Answered by `Started` and later `Ended`, or by `Refused`.
    Place {
        /// The call.
        plan: Plan,
        /// If its turn comes later than this, it is not made; its record says so.
        not_after: Instant,
    },
    /// End a call as soon as the protocol allows; its `Ended` comes as ever.
    Cancel(AttemptId),
    /// Take no more calls, end those that are there, and say when the last record is stored.
    Drain,
}
