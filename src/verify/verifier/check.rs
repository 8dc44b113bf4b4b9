//! A claim, judged: what it costs and what it ends.

use super::Verifier;
use super::session::{Owed, Saying};
use crate::base::clock::Now;
use crate::base::id::Ticket;
use crate::verify::command::{Refusal, Verdict};
use crate::verify::event::What;
use crate::verify::matcher::{Claim, Terms, judge};
use crate::verify::status::{Reason, Status};

impl Verifier {
    pub(super) fn check(&mut self, place: u32, ticket: Ticket, claim: &Claim, now: Now) {
        let Some(session) = self.sessions.get_mut(place) else { return };
        if !session.is_open() {
            let ended = Refusal::Ended(session.status, session.reason);
            return self.owe(place, Owed::Reply(ticket, Saying::Refused(ended)));
        }
        let opened = &session.opened;
        let terms =
            Terms { code_length: opened.code_length, allow_diverted: opened.allow_diverted };
        let candidates = session.candidates();
        let judgement = judge(claim, &candidates, terms, &self.config.claim_key, session.id());
        let reply = Owed::Reply(ticket, Saying::Checked(judgement.verdict));
        if let Some((attempt, outcome)) = judgement.alarm {
            let event = session.event(What::Alarm { attempt, outcome }, now.unix_us);
            self.owe(place, Owed::Event(event));
        }
        match judgement.verdict {
            Verdict::Approved { late } => {
                if let Some(session) = self.sessions.get_mut(place) {
                    session.late = late;
                    session.approved_by = judgement.attempt;
                }
                self.end(place, Status::Approved, None, Some(reply), now);
            }
            Verdict::Invalid | Verdict::NoAttemptYet | Verdict::Diverted => {
                self.missed(place, judgement.verdict, judgement.costs_try, reply, now);
            }
        }
        self.forget_if_done(place);
    }

    /// The claim did not approve it.
    fn missed(&mut self, place: u32, verdict: Verdict, costs_try: bool, reply: Owed, now: Now) {
        let Some(session) = self.sessions.get_mut(place) else { return };
        session.tries_left = session.tries_left.saturating_sub(u8::from(costs_try));
        let tries_left = session.tries_left;
        let event = session.event(What::CheckFailed { verdict, tries_left }, now.unix_us);
        if tries_left == 0 {
            let (status, reason) = (Status::Failed, Some(Reason::AttemptsExhausted));
            self.end_after(place, event, (status, reason), reply, now);
        } else {
            if costs_try {
                self.write_change(place);
            }
            self.owe(place, reply);
            self.owe(place, Owed::Event(event));
        }
    }

    /// The last try was wrong: the news of the try comes before the news of the end.
    fn end_after(
        &mut self,
        place: u32,
        event: crate::verify::event::Event,
        (status, reason): (Status, Option<Reason>),
        reply: Owed,
        now: Now,
    ) {
        if let Some(session) = self.sessions.get_mut(place) {
            // Held back by the write of the end, which follows at once.
            session.owed.push(Owed::Event(event));
        }
        self.end(place, status, reason, Some(reply), now);
        self.hang_up(place);
    }
}
