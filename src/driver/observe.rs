//! Somebody who is told what happens: log lines, and whoever else wants to know.

use super::Inflow;
use crate::base::id::Seq;
use crate::engine::Event;
use crate::io::store::Verdict;
use crate::verify::event::{self, What};
use crate::verify::record::{Intent, Record};
use crate::verify::snapshot::Snapshot;
use std::collections::VecDeque;
use std::sync::Arc;

/// Who is told. It changes nothing, must not take long, and never waits: the loop waits for it.
pub trait Observe {
    /// Something happened that an operator can be told.
    fn event(&mut self, event: &Event);

    /// The intent of a call is kept; the call begins, and a CDR will end it.
    fn begun(&mut self, intent: &Intent);

    /// What has come in so far, all told.
    fn inflow(&mut self, inflow: Inflow);
}

/// The log, and the observer if there is one.
#[derive(Default)]
pub(super) struct Observer {
    observe: Option<Box<dyn Observe>>,
    /// Intents that the store has not kept yet.
    storing: VecDeque<(Seq, Arc<Intent>)>,
}

impl Observer {
    pub(super) fn new(observe: Box<dyn Observe>) -> Self {
        Self { observe: Some(observe), storing: VecDeque::new() }
    }

    pub(super) fn storing(&mut self, seq: Seq, record: &Record) {
        if let (Some(_), Record::Intent(intent)) = (&self.observe, record) {
            self.storing.push_back((seq, Arc::clone(intent)));
        }
    }

    /// An intent that is not kept is no call.
    pub(super) fn stored(&mut self, verdict: Verdict) {
        let Some(observe) = &mut self.observe else { return };
        match verdict {
            Verdict::Kept(up_to) => {
                while let Some((_, intent)) = self.storing.pop_front_if(|(seq, _)| *seq <= up_to) {
                    observe.begun(&intent);
                }
            }
            Verdict::Failed(from) => self.storing.retain(|(seq, _)| *seq < from),
        }
    }

    pub(super) fn tell(&mut self, event: &Event) {
        log(event);
        if let Some(observe) = &mut self.observe {
            observe.event(event);
        }
    }

    pub(super) fn inflow(&mut self, inflow: Inflow) {
        if let Some(observe) = &mut self.observe {
            observe.inflow(inflow);
        }
    }
}

/// Events as log lines. Numbers are masked by their types.
fn log(event: &Event) {
    match event {
        Event::Recorded(cdr) => {
            let (cdr_id, to, outcome) = (&cdr.id, cdr.to, cdr.outcome);
            // The caller-ID of a verification is its code, and the mask does not know how long that is.
            if cdr.part.is_some() {
                tracing::debug!(%cdr_id, trunk = %cdr.way.trunk, %to, %outcome, "call ended");
            } else {
                let from = cdr.from;
                tracing::info!(%cdr_id, trunk = %cdr.way.trunk, %to, %from, %outcome, "call ended");
            }
        }
        Event::Amended(amendment) => {
            let (cdr_id, status) = (&amendment.id, amendment.status);
            tracing::warn!(%cdr_id, status, alerted = amendment.alerted, "response after the end");
        }
        Event::Verify(event) => verification(event),
        Event::StoreFailed => tracing::error!("records cannot be stored; no calls are taken"),
    }
}

fn verification(event: &event::Event) {
    let event::Event { id: session, tenant, at_unix_us, .. } = event;
    match &event.what {
        What::Ended(snapshot) => ended(event, snapshot),
        What::Alarm { attempt, outcome } => {
            tracing::warn!(%session, %tenant, attempt, %outcome, "right digits of a call that cannot have rung");
        }
        What::Started(_) => tracing::debug!(%session, %tenant, "verification began"),
        What::Phase { phase, attempt } => {
            tracing::debug!(%session, %tenant, attempt, %phase, at_unix_us, "phase");
        }
        What::CallEnded { cdr, attempt, outcome } => {
            tracing::debug!(%session, %tenant, attempt, cdr_id = %cdr, %outcome, "call of a verification ended");
        }
        What::CheckFailed { verdict, tries_left } => {
            tracing::debug!(%session, %tenant, verdict = verdict.name(), tries_left, "check failed");
        }
    }
}

/// The one line of each verification.
fn ended(event: &event::Event, snapshot: &Snapshot) {
    let Snapshot { id: session, tenant, status, to, late, .. } = snapshot;
    let reason = snapshot.reason.map(|reason| reason.name());
    let calls = snapshot.attempts.len();
    let ended = snapshot.ended_unix_us.unwrap_or(event.at_unix_us);
    let after_ms = ended.saturating_sub(snapshot.created_unix_us) / 1000;
    tracing::info!(%session, %tenant, %to, %status, reason, late, calls, after_ms, "verification ended");
}

#[cfg(test)]
mod tests;
