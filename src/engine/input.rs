//! What may happen to the engine. Time comes with it, never from inside.

use crate::base::clock::Instant;
use crate::base::id::{AttemptId, Seq, Ticket};
use crate::sip::ua::{Datagram, Plan, Trunk};
use crate::verify::command as verify;
use crate::verify::record::{Found, Left};
use crate::verify::rules::Rules;
use bytes::Bytes;
use std::sync::Arc;

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
        /// What verifications are judged by; its trunks are the same, in the same order.
        rules: Arc<Rules>,
    },
    /// What the store found of the past that [`Output::Load`](super::Output::Load) asked for; none where it could not look.
    Loaded {
        /// Of the question.
        ticket: Ticket,
        /// The answer.
        found: Option<Found>,
    },
    /// What the last life left open. Once, after the first configuration and before anything else.
    Restore(Box<Left>),
    /// Nothing but time.
    TimePassed,
}

/// What can be asked for.
#[derive(Clone, Debug)]
pub enum Command {
    /// Place a call. Answered by `Started` and later `Ended`, or by `Refused`.
    Place {
        /// The call.
        plan: Plan,
        /// If its turn comes later than this, it is not made; its record says so.
        not_after: Instant,
    },
    /// Something about a verification. Answered by `Verify`.
    Verify(verify::Command),
    /// End a call as soon as the protocol allows; its `Ended` comes as ever.
    Cancel(AttemptId),
    /// Take no more calls, end those that are there, and say when the last record is stored.
    Drain,
}
