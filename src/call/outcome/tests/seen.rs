//! Facts of a call, told in the order in which they happened.

use crate::base::clock::Instant;
use crate::call::facts::{At, Cause, End, Facts, Said};
use crate::call::outcome::{Outcome, classify};
use crate::call::{AlertSource, CancelCause};

/// What was seen of a call.
#[derive(Clone, Default)]
pub(super) struct Seen(pub(super) Facts);

/// A call that was refused 3 s after its INVITE, with nothing but a 100 before.
pub(super) fn refused(status: u16, phrase: &str) -> Seen {
    Seen::default().trying().refused(3000, status, phrase)
}

impl Seen {
    pub(super) fn trying(mut self) -> Self {
        self.0.times.trying = ms(20);
        self.0.times.first_1xx = ms(20);
        self
    }

    pub(super) fn ringing(mut self, at: u64) -> Self {
        self.0.times.ringing.first(ms(at));
        self.alert(at, AlertSource::Ringing)
    }

    /// A 183 that counts as an alert by the trunk's trigger.
    pub(super) fn alerting_183(mut self, at: u64) -> Self {
        self.0.times.early_media.first(ms(at));
        self.alert(at, AlertSource::Progress)
    }

    /// A 183 that does not.
    pub(super) fn early_media(mut self, at: u64) -> Self {
        self.0.times.early_media.first(ms(at));
        self
    }

    pub(super) fn forwarded(mut self) -> Self {
        self.0.forwarded = true;
        self
    }

    fn alert(mut self, at: u64, source: AlertSource) -> Self {
        if self.0.alert.is_none() {
            self.0.alert = Some(source);
            self.0.alert_late = self.0.cancel.is_some();
            self.0.times.alert = ms(at);
        }
        self
    }

    pub(super) fn cancel(mut self, at: u64, cause: CancelCause) -> Self {
        self.0.cancel = Some(cause);
        self.0.times.cancel = ms(at);
        self
    }

    pub(super) fn refused(self, at: u64, status: u16, phrase: &str) -> Self {
        self.last(at, End::Refused, status, phrase)
    }

    pub(super) fn answered(self, at: u64) -> Self {
        self.last(at, End::Answered, 200, "OK")
    }

    fn last(mut self, at: u64, end: End, status: u16, phrase: &str) -> Self {
        self.0.times.answer_or_refusal = ms(at);
        self.0.end = end;
        self.0.said = Some(Box::new(Said { status, phrase: phrase.into(), ..Said::default() }));
        self
    }

    pub(super) fn end(mut self, end: End) -> Self {
        self.0.end = end;
        self
    }

    pub(super) fn reason(self, protocol: &str, cause: u16) -> Self {
        self.reason_from(protocol, cause, None, None)
    }

    pub(super) fn reason_from(
        mut self,
        protocol: &str,
        cause: u16,
        location: Option<&str>,
        text: Option<&str>,
    ) -> Self {
        self.said().causes.push(Cause {
            protocol: protocol.into(),
            cause: Some(cause),
            text: text.map(Into::into),
            location: location.map(Into::into),
        });
        self
    }

    pub(super) fn note(mut self, note: &str) -> Self {
        self.said().notes.push(note.into());
        self
    }

    pub(super) fn retry_after(mut self, seconds: u32) -> Self {
        self.said().retry_after = Some(seconds);
        self
    }

    fn said(&mut self) -> &mut Said {
        self.0.said.as_mut().expect("a final was seen")
    }

    pub(super) fn outcome(&self) -> Outcome {
        classify(&self.0)
    }
}

pub(super) fn ms(ms: u64) -> At {
    At::of(Instant::from_millis(ms), Instant::START)
}

/// Every status that has a phrase of its own in the SIP registry, with this phrase.
pub(super) const PHRASES: [(u16, &str); 65] = [
    (300, "Multiple Choices"),
    (301, "Moved Permanently"),
    (302, "Moved Temporarily"),
    (305, "Use Proxy"),
    (380, "Alternative Service"),
    (400, "Bad Request"),
    (401, "Unauthorized"),
    (402, "Payment Required"),
    (403, "Forbidden"),
    (404, "Not Found"),
    (405, "Method Not Allowed"),
    (406, "Not Acceptable"),
    (407, "Proxy Authentication Required"),
    (408, "Request Timeout"),
    (410, "Gone"),
    (412, "Conditional Request Failed"),
    (413, "Request Entity Too Large"),
    (414, "Request-URI Too Long"),
    (415, "Unsupported Media Type"),
    (416, "Unsupported URI Scheme"),
    (417, "Unknown Resource-Priority"),
    (420, "Bad Extension"),
    (421, "Extension Required"),
    (422, "Session Interval Too Small"),
    (423, "Interval Too Brief"),
    (424, "Bad Location Information"),
    (425, "Bad Alert Message"),
    (428, "Use Identity Header"),
    (429, "Provide Referrer Identity"),
    (430, "Flow Failed"),
    (433, "Anonymity Disallowed"),
    (436, "Bad Identity Info"),
    (437, "Unsupported Credential"),
    (438, "Invalid Identity Header"),
    (439, "First Hop Lacks Outbound Support"),
    (440, "Max-Breadth Exceeded"),
    (469, "Bad Info Package"),
    (470, "Consent Needed"),
    (480, "Temporarily Unavailable"),
    (481, "Call/Transaction Does Not Exist"),
    (482, "Loop Detected"),
    (483, "Too Many Hops"),
    (484, "Address Incomplete"),
    (485, "Ambiguous"),
    (486, "Busy Here"),
    (487, "Request Terminated"),
    (488, "Not Acceptable Here"),
    (489, "Bad Event"),
    (491, "Request Pending"),
    (493, "Undecipherable"),
    (494, "Security Agreement Required"),
    (500, "Server Internal Error"),
    (501, "Not Implemented"),
    (502, "Bad Gateway"),
    (503, "Service Unavailable"),
    (504, "Server Time-out"),
    (505, "Version Not Supported"),
    (513, "Message Too Large"),
    (555, "Push Notification Service Not Supported"),
    (580, "Precondition Failure"),
    (600, "Busy Everywhere"),
    (603, "Decline"),
    (604, "Does Not Exist Anywhere"),
    (607, "Unwanted"),
    (608, "Rejected"),
];

/// Q.850 causes with their usual words.
pub(super) const CAUSES: [(u16, &str); 43] = [
    (0, "Unknown"),
    (1, "Unallocated (unassigned) number"),
    (2, "No route to specified transit network"),
    (3, "No route to destination"),
    (5, "Misdialled trunk prefix"),
    (16, "Normal call clearing"),
    (17, "User busy"),
    (18, "No user responding"),
    (19, "No answer from user (user alerted)"),
    (20, "Subscriber absent"),
    (21, "Call rejected"),
    (22, "Number changed"),
    (23, "Redirection to new destination"),
    (26, "Non-selected user clearing"),
    (27, "Destination out of order"),
    (28, "Invalid number format (address incomplete)"),
    (29, "Facility rejected"),
    (31, "Normal, unspecified"),
    (34, "No circuit/channel available"),
    (38, "Network out of order"),
    (41, "Temporary failure"),
    (42, "Switching equipment congestion"),
    (44, "Requested circuit/channel not available"),
    (47, "Resource unavailable, unspecified"),
    (50, "Requested facility not subscribed"),
    (55, "Incoming calls barred within CUG"),
    (57, "Bearer capability not authorized"),
    (58, "Bearer capability not presently available"),
    (63, "Service or option not available, unspecified"),
    (65, "Bearer capability not implemented"),
    (69, "Requested facility not implemented"),
    (70, "Only restricted digital information bearer capability is available"),
    (79, "Service or option not implemented, unspecified"),
    (81, "Invalid call reference value"),
    (82, "Identified channel does not exist"),
    (87, "User not member of CUG"),
    (88, "Incompatible destination"),
    (91, "Invalid transit network selection"),
    (95, "Invalid message, unspecified"),
    (97, "Message type non-existent or not implemented"),
    (102, "Recovery on timer expiry"),
    (111, "Protocol error, unspecified"),
    (127, "Interworking, unspecified"),
];
