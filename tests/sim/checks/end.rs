//! What has to hold when everything has come to rest.

use std::collections::BTreeMap;
use std::fmt;

use onering::carrier::{Carrier, Offence, Rule};
use onering::engine::Engine;

use super::Checks;
use super::call::{Call, Intent};

/// What a run came to.
#[derive(Default)]
pub(crate) struct Summary {
    /// Calls by outcome.
    pub(crate) outcomes: BTreeMap<&'static str, u64>,
    pub(crate) refused: u64,
    pub(crate) amendments: u64,
    /// Offences that the network is guilty of: it lost every copy of what was missed.
    pub(crate) excused: BTreeMap<&'static str, u64>,
    /// Datagrams that left the engine.
    pub(crate) sent: u64,
    pub(crate) virtual_s: f64,
    pub(crate) fingerprint: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls: u64 = self.outcomes.values().sum();
        for (outcome, count) in &self.outcomes {
            let share = *count as f64 * 100.0 / calls.max(1) as f64;
            writeln!(f, "  {outcome:<22} {count:>8}  {share:>6.2} %")?;
        }
        for (rule, count) in &self.excused {
            writeln!(f, "  {rule:<22} {count:>8}  (all copies lost)")?;
        }
        let Self { refused, amendments, sent, virtual_s, .. } = self;
        write!(
            f,
            "  {refused} refused, {amendments} amendments, {sent} datagrams sent, {virtual_s:.0} s"
        )
    }
}

impl Checks {
    /// Everything is over: nothing is left anywhere, and every call has what it needs.
    pub(crate) fn end(&mut self, engine: &Engine, carriers: &[&Carrier]) -> Summary {
        self.tables_are_empty(engine, carriers);
        let mut summary = Summary { amendments: self.amendments, ..Summary::default() };
        for index in 0..self.calls.len() {
            if let Some(wrong) = unfinished(&self.calls[index]) {
                self.fail(index, &wrong);
            }
        }
        let mut wrong = Vec::new();
        for (ticket, wish) in &self.wishes {
            let ended = wish.call.map_or(0, |index| self.calls[index].ended);
            summary.refused += u64::from(wish.refused);
            if wish.refused + ended != 1 {
                wrong.push(format!(
                    "{ticket:?} refused {} times, ended {ended} times",
                    wish.refused
                ));
            }
        }
        self.broken.extend(wrong);
        if self.drained != u32::from(self.drain_asked.is_some()) {
            self.broken.push(format!("drained {} times", self.drained));
        }
        summary.excused = std::mem::take(&mut self.excused);
        summary
    }

    fn tables_are_empty(&mut self, engine: &Engine, carriers: &[&Carrier]) {
        let user_agent = engine.user_agent();
        let left = [
            ("slots", user_agent.held()),
            ("calls in flight", user_agent.in_flight()),
            ("calls without a record", engine.unreported()),
            ("datagrams", engine.outbox().len()),
            ("deadlines", usize::from(engine.poll_timeout().is_some())),
            ("phones that ring", carriers.iter().map(|carrier| carrier.ringing()).sum()),
            ("calls of the far end", carriers.iter().map(|carrier| carrier.remembered()).sum()),
        ];
        for (what, count) in left {
            if count > 0 {
                self.broken.push(format!("at the end {count} {what} are left"));
            }
        }
    }

    /// Whether the network alone is to blame: none of what was missed has arrived.
    pub(super) fn is_excused(&self, offence: &Offence) -> bool {
        let Some(index) = self.find(&offence.call_id) else { return false };
        let call = &self.calls[index];
        let heard = !call.heard.is_empty() || call.final_.is_some() || call.heard_late;
        let reached = |method: &str| call.reached.methods.contains(method);
        #[expect(clippy::wildcard_enum_match_arm, reason = "no loss excuses any other")]
        match offence.rule {
            // The engine may have stood still all the while.
            Rule::AckNotRepeated => self.freezes,
            // The trunk has another configuration, and the call was forgotten long since.
            Rule::AckRoute => self.configurations > 1 && call.over.is_some(),
            _ if !self.lossy => false,
            Rule::AckMissing => !reached("ACK"),
            Rule::AnswerNotAcked => {
                call.forks.keys().any(|tag| !call.reached.acks.contains(tag))
                    || call.forks.is_empty()
            }
            Rule::AnswerNotEnded => call
                .forks
                .iter()
                .any(|(tag, fork)| fork.bye.is_some() && !call.reached.byes.contains(tag)),
            // Nothing was heard of it in 64*T1 and the watch behind: nothing could be done.
            Rule::LeftRinging => !heard || (call.cancel.is_some() && !reached("CANCEL")),
            Rule::PrackMissing => !reached("PRACK"),
            _ => false,
        }
    }
}

fn unfinished(call: &Call) -> Option<String> {
    if call.intent != Intent::Kept {
        let known = call.records_kept + call.started + call.ended;
        return (known > 0).then(|| "a call whose intent was not kept went on".to_owned());
    }
    let started = u32::from(call.invite.is_some());
    let counts = [
        ("records", call.records_kept, 1),
        ("answers that it ended", call.ended, 1),
        ("answers that it started", call.started, started),
    ];
    for (what, count, right) in counts {
        if count != right {
            return Some(format!("{count} {what} instead of {right}"));
        }
    }
    let open = call.forks.values().any(|fork| fork.acks != fork.finals || fork.bye.is_none());
    open.then(|| "an answer is not acknowledged and hung up".to_owned())
}
