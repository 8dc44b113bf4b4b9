//! What the far end does with a call: a table of scripts, chosen by name or by the called number.

use std::time::Duration;

/// How a call is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// One of [`TABLE`], by its place there.
    Listed(u8),
    /// 100, then this final response (300 to 699).
    Refuses(u16),
}

/// One line of the table.
#[derive(Debug)]
pub struct Row {
    /// What the last three digits of the called number are; `None` where only the name chooses it.
    pub digits: Option<&'static str>,
    /// What `--behaviour` takes.
    pub name: &'static str,
    /// What it does, for people.
    pub text: &'static str,
    script: Script,
}

/// What is done without being asked, and in answer to CANCEL.
#[derive(Clone, Copy, Debug)]
pub(super) struct Script {
    /// In this order, each counted from the one before.
    pub(super) steps: &'static [Step],
    pub(super) on_cancel: OnCancel,
    /// Whether the final is sent again and again although it was acknowledged.
    pub(super) repeats: bool,
    /// Packets lost each way, in a thousand.
    pub(super) loss_permille: u16,
    /// Whether responses that make a dialog carry a route through two more hops.
    pub(super) routed: bool,
}

/// One thing that is done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) after: After,
    pub(super) act: Act,
}

/// How long a step waits.
#[derive(Clone, Copy, Debug)]
pub(super) enum After {
    /// This long.
    Ms(u16),
    /// As long as the configuration says that "late" is.
    Late,
}

/// What a step does. Forks are counted from 0; each has a to-tag of its own.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    /// A provisional response without a body.
    Provisional { status: u16, fork: u8 },
    /// 183 with SDP.
    EarlyMedia,
    /// 180 that wants a PRACK (RFC 3262).
    Reliable,
    /// 200 with SDP.
    Answer { fork: u8 },
    /// The final response that the behaviour names.
    Refuse,
    /// 487, as if the network had cancelled the call.
    End,
}

/// What a CANCEL that matches gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnCancel {
    /// 200 to the CANCEL, then 487 to the INVITE.
    Ends,
    /// The same two, the other way round.
    EndsFirst,
    /// 200 to the CANCEL, and the INVITE stays open for ever.
    KeepsSilent,
    /// 200 to the CANCEL, 200 to the INVITE: somebody took the phone at that moment.
    Answers,
    /// 481, and two seconds later a 487 all the same.
    Rejects,
    /// Nothing at all.
    Ignores,
}

impl Script {
    const fn of(steps: &'static [Step]) -> Self {
        Self { steps, on_cancel: OnCancel::Ends, repeats: false, loss_permille: 0, routed: false }
    }

    const fn on_cancel(mut self, on_cancel: OnCancel) -> Self {
        self.on_cancel = on_cancel;
        self
    }

    const fn repeats(mut self) -> Self {
        self.repeats = true;
        self
    }

    const fn loses(mut self, permille: u16) -> Self {
        self.loss_permille = permille;
        self
    }

    const fn routed(mut self) -> Self {
        self.routed = true;
        self
    }
}

const fn at_once(act: Act) -> Step {
    Step { after: After::Ms(0), act }
}

const fn after_ms(ms: u16, act: Act) -> Step {
    Step { after: After::Ms(ms), act }
}

const fn late(act: Act) -> Step {
    Step { after: After::Late, act }
}

const TRYING: Step = at_once(Act::Provisional { status: 100, fork: 0 });
const RINGING: Act = Act::Provisional { status: 180, fork: 0 };
const RING: Step = at_once(RINGING);
const PLAIN: Script = Script::of(&[TRYING, RING]);
const REFUSE: Script = Script::of(&[TRYING, at_once(Act::Refuse)]);

const fn row(digits: &'static str, name: &'static str, script: Script, text: &'static str) -> Row {
    Row { digits: Some(digits), name, text, script }
}

/// Every behaviour but the refusals.
pub const TABLE: &[Row] = &[
    row("180", "rings", PLAIN, "100, 180; to CANCEL 200 and 487. The default"),
    row("100", "trying-only", Script::of(&[TRYING]), "100 and nothing more; to CANCEL 200 and 487"),
    row("000", "silent", Script::of(&[]), "never answers anything"),
    row(
        "181",
        "forwards-then-rings",
        Script::of(&[
            TRYING,
            at_once(Act::Provisional { status: 181, fork: 0 }),
            after_ms(200, RINGING),
        ]),
        "100, 181, after 200 ms 180",
    ),
    row(
        "182",
        "queues-then-rings",
        Script::of(&[
            TRYING,
            at_once(Act::Provisional { status: 182, fork: 0 }),
            after_ms(200, RINGING),
        ]),
        "100, 182, after 200 ms 180",
    ),
    row(
        "183",
        "progress-then-rings",
        Script::of(&[TRYING, at_once(Act::EarlyMedia), after_ms(200, RINGING)]),
        "100, 183 with SDP, after 200 ms 180",
    ),
    row(
        "184",
        "progress-only",
        Script::of(&[TRYING, at_once(Act::EarlyMedia)]),
        "100, 183 with SDP, never 180",
    ),
    row(
        "185",
        "rings-late",
        Script::of(&[TRYING, late(RINGING)]),
        "100, and 180 only after --late (3 s)",
    ),
    row(
        "186",
        "rings-late-silently",
        Script::of(&[late(RINGING)]),
        "nothing at all until 180 after --late (3 s)",
    ),
    row(
        "187",
        "no-487",
        PLAIN.on_cancel(OnCancel::KeepsSilent),
        "rings; 200 to CANCEL, but never a 487",
    ),
    row(
        "188",
        "repeats-finals",
        PLAIN.repeats(),
        "rings; repeats its acknowledged final --repeats (4) times",
    ),
    row(
        "189",
        "rings-reliably",
        Script::of(&[TRYING, at_once(Act::Reliable)]),
        "180 with 100rel, offered or not, repeated until PRACK comes",
    ),
    row(
        "190",
        "forks",
        Script::of(&[TRYING, RING, after_ms(50, Act::Provisional { status: 180, fork: 1 })]),
        "180 with tag A, after 50 ms 180 with tag B",
    ),
    row("191", "drops", PLAIN.loses(100), "rings; loses 10 % of the packets each way"),
    row(
        "192",
        "rejects-cancel",
        PLAIN.on_cancel(OnCancel::Rejects),
        "rings; 481 to CANCEL, 487 two seconds later",
    ),
    row(
        "193",
        "487-first",
        PLAIN.on_cancel(OnCancel::EndsFirst),
        "rings; to CANCEL first 487, then 200",
    ),
    row(
        "194",
        "ignores-cancel",
        PLAIN.on_cancel(OnCancel::Ignores),
        "rings; no answer to CANCEL, no 487",
    ),
    row("200", "answers", Script::of(&[TRYING, at_once(Act::Answer { fork: 0 })]), "200 at once"),
    row(
        "201",
        "answers-in-race",
        PLAIN.on_cancel(OnCancel::Answers),
        "rings; a 200 to the INVITE crosses with the CANCEL",
    ),
    row(
        "202",
        "forks-answer",
        Script::of(&[
            TRYING,
            RING,
            at_once(Act::Provisional { status: 180, fork: 1 }),
            after_ms(100, Act::Answer { fork: 0 }),
            after_ms(50, Act::Answer { fork: 1 }),
        ]),
        "180 with tags A and B, after 100 ms 200 with tag A, then with tag B",
    ),
    row(
        "203",
        "answers-soon",
        Script::of(&[TRYING, RING, after_ms(300, Act::Answer { fork: 0 })]),
        "180, after 300 ms 200",
    ),
    row(
        "204",
        "answers-routed",
        Script::of(&[TRYING, RING, after_ms(100, Act::Answer { fork: 0 })]).routed(),
        "180, after 100 ms 200; ACK and BYE have to carry two routes",
    ),
    row(
        "205",
        "ends-by-itself",
        Script::of(&[TRYING, RING, after_ms(300, Act::End)]),
        "180, after 300 ms 487 without a CANCEL",
    ),
];

/// Refusals that have a name; by number, `--behaviour` takes any status from 300 to 699.
pub const REFUSALS: &[(u16, &str)] = &[
    (302, "redirects"),
    (403, "forbidden"),
    (404, "not-found"),
    (408, "timed-out"),
    (410, "gone"),
    (480, "unreachable"),
    (484, "incomplete"),
    (486, "busy"),
    (487, "cancelled-by-network"),
    (488, "not-acceptable"),
    (500, "broken"),
    (503, "overloaded"),
    (600, "busy-everywhere"),
    (603, "declined"),
    (604, "nowhere"),
    (607, "unwanted"),
    (608, "blocked"),
];

impl Behaviour {
    /// The default.
    pub const RINGS: Self = Self::Listed(0);

    /// Reads a name of the table, a named refusal, or a status from 300 to 699.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        if let Some((_, behaviour)) = rows().find(|(row, _)| row.name == name) {
            return Some(behaviour);
        }
        if let Some((status, _)) = REFUSALS.iter().find(|(_, known)| *known == name) {
            return Some(Self::Refuses(*status));
        }
        let status = name.parse().ok()?;
        (300..700).contains(&status).then_some(Self::Refuses(status))
    }

    /// What the last three digits of a called number ask for; [`Behaviour::RINGS`] if nothing.
    #[must_use]
    pub fn of_number(digits: &str) -> Self {
        let tail = digits.get(digits.len().saturating_sub(3)..).unwrap_or_default();
        if let Some((_, behaviour)) = rows().find(|(row, _)| row.digits == Some(tail)) {
            return behaviour;
        }
        let status = tail.parse().unwrap_or(0);
        let refused = REFUSALS.iter().any(|(known, _)| *known == status);
        if refused { Self::Refuses(status) } else { Self::RINGS }
    }

    /// Its name, as `--behaviour` takes it.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Listed(_) => self.row().name.to_owned(),
            Self::Refuses(status) => REFUSALS
                .iter()
                .find(|(known, _)| *known == status)
                .map_or_else(|| status.to_string(), |(_, name)| (*name).to_owned()),
        }
    }

    pub(super) fn script(self) -> Script {
        match self {
            Self::Listed(_) => self.row().script,
            Self::Refuses(_) => REFUSE,
        }
    }

    fn row(self) -> &'static Row {
        const DEFAULT: &Row = &row("180", "rings", PLAIN, "");
        match self {
            Self::Listed(place) => TABLE.get(usize::from(place)).unwrap_or(DEFAULT),
            Self::Refuses(_) => DEFAULT,
        }
    }
}

impl Step {
    pub(super) fn wait(self, late: Duration) -> Duration {
        match self.after {
            After::Ms(ms) => Duration::from_millis(u64::from(ms)),
            After::Late => late,
        }
    }
}

fn rows() -> impl Iterator<Item = (&'static Row, Behaviour)> {
    TABLE.iter().zip(0..).map(|(row, place)| (row, Behaviour::Listed(place)))
}

/// The table for people: called number, name, what it does.
#[must_use]
pub fn help() -> String {
    let mut text = String::from(
        "Behaviours, by the last three digits of the called number or by --behaviour NAME:\n\n",
    );
    for row in TABLE {
        text += &format!("  {:>3}  {:<20} {}\n", row.digits.unwrap_or("-"), row.name, row.text);
    }
    text +=
        "\nThese digits give 100 and then that status (--behaviour takes any from 300 to 699):\n\n";
    for line in REFUSALS.chunks(3) {
        let columns: Vec<_> =
            line.iter().map(|(status, name)| format!("  {status}  {name:<20}")).collect();
        text += columns.concat().trim_end();
        text.push('\n');
    }
    text += "\nEvery other number rings.\n";
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_three_digits_choose() {
        assert_eq!(Behaviour::of_number("12025550142").name(), "rings");
        assert_eq!(Behaviour::of_number("12025550486"), Behaviour::Refuses(486));
        assert_eq!(Behaviour::of_number("12025550486").name(), "busy");
        assert_eq!(Behaviour::of_number("12025550487").name(), "cancelled-by-network");
        assert_eq!(Behaviour::of_number("1202000").name(), "silent");
        assert_eq!(Behaviour::of_number("200").name(), "answers");
        assert_eq!(Behaviour::of_number("12025550699").name(), "rings");
        assert_eq!(Behaviour::of_number("").name(), "rings");
    }

    #[test]
    fn every_name_leads_back_to_its_behaviour_and_no_digits_are_given_twice() {
        let mut digits: Vec<_> = REFUSALS.iter().map(|(status, _)| status.to_string()).collect();
        for (row, behaviour) in rows() {
            assert_eq!(Behaviour::named(row.name), Some(behaviour));
            assert_eq!(behaviour.name(), row.name);
            digits.extend(row.digits.map(str::to_owned));
        }
        digits.sort_unstable();
        let all = digits.len();
        digits.dedup();
        assert_eq!(digits.len(), all);
        assert_eq!(Behaviour::named("busy"), Some(Behaviour::Refuses(486)));
        assert_eq!(Behaviour::named("699"), Some(Behaviour::Refuses(699)));
        assert_eq!(Behaviour::named("200"), None);
        assert_eq!(Behaviour::named("rigns"), None);
    }

    #[test]
    fn the_table_fits_into_100_columns() {
        for line in help().lines() {
            assert!(line.len() <= 100, "{line}");
        }
    }
}
