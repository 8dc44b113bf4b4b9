//! Facts and outcomes as text, compared with `tests/golden/call_outcome.txt`.

use std::fmt::Write as _;

use super::seen::{CAUSES, PHRASES, Seen, refused};
use crate::base::tests::golden::same_as_kept;
use crate::call::CancelCause::{Alerted, Asked, NoAlert};
use crate::call::facts::End;

/// A table with its heading.
struct Table(String);

impl Table {
    fn heading(&mut self, heading: &str) {
        writeln!(self.0, "\n{heading}:").unwrap();
    }

    fn row(&mut self, what: &str, seen: &Seen) {
        writeln!(self.0, "  {what} => {}", seen.outcome()).unwrap();
    }
}

#[test]
fn the_table_is_as_before() {
    let mut table = Table("call_outcome: what was seen of a call, and what it came to.\n".into());
    cancelled(&mut table);
    answered(&mut table);
    codes(&mut table);
    causes(&mut table);
    never_there(&mut table);
    same_as_kept("call_outcome.txt", &table.0);
}

fn cancelled(table: &mut Table) {
    let heard = Seen::default().trying();
    let ways = [
        ("180 at 2 s, CANCEL at 2.6 s", heard.clone().ringing(2000).cancel(2600, Alerted)),
        (
            "183 that alerts at 2 s, CANCEL at 2.6 s",
            heard.clone().alerting_183(2000).cancel(2600, Alerted),
        ),
        (
            "183 that alerts, 180, CANCEL",
            heard.clone().alerting_183(2000).ringing(2300).cancel(2600, Alerted),
        ),
        ("183, 180, CANCEL", heard.clone().early_media(900).ringing(2000).cancel(2600, Alerted)),
        ("181, 180, CANCEL", heard.clone().forwarded().ringing(2000).cancel(2600, Alerted)),
        ("180, asked to end", heard.clone().ringing(2000).cancel(2100, Asked)),
        ("100, guard", heard.clone().cancel(20_000, NoAlert)),
        ("100, asked to end", heard.clone().cancel(2000, Asked)),
        ("100, guard, 180", heard.clone().cancel(20_000, NoAlert).ringing(20_050)),
        ("100, asked to end, 180", heard.cancel(2000, Asked).ringing(2050)),
    ];
    for (name, way) in ways {
        table.heading(name);
        for (status, phrase) in [
            (487, "Request Terminated"),
            (486, "Busy Here"),
            (480, "Temporarily Unavailable"),
            (503, "CPS limit"),
            (603, "Network Blocked"),
        ] {
            let row = format!("{status} {phrase}");
            table.row(&row, &way.clone().refused(20_100, status, phrase));
        }
        table.row("200 OK", &way.clone().answered(20_100));
        table.row("no final", &way.clone().end(End::NoFinal));
    }
}

fn answered(table: &mut Table) {
    table.heading("200 without a CANCEL");
    let heard = Seen::default().trying();
    table.row("100", &heard.clone().answered(5000));
    table.row("183", &heard.clone().early_media(900).answered(5000));
    table.row("183 that alerts", &heard.clone().alerting_183(900).answered(5000));
    for ms in [0, 249, 250, 1000] {
        let row = format!("180, {ms} ms");
        table.row(&row, &heard.clone().ringing(2000).answered(2000 + ms));
    }
    table.row("181, 180, 1000 ms", &heard.forwarded().ringing(2000).answered(3000));
}

fn codes(table: &mut Table) {
    table.heading("final after 3 s, without an alert");
    for (status, phrase) in PHRASES {
        table.row(&format!("{status} {phrase}"), &refused(status, phrase));
    }
    for status in [399, 499, 599, 606, 650, 699] {
        table.row(&format!("{status}"), &refused(status, ""));
    }
    table.row("503, Retry-After", &refused(503, "").retry_after(60));
    table.heading("final after 0.1 s, without an alert");
    for status in [403, 486, 600, 603, 607, 608] {
        table.row(&format!("{status}"), &Seen::default().refused(100, status, ""));
    }
    table.heading("final 0.5 s after a 180");
    for status in [403, 404, 408, 480, 486, 487, 503, 600, 603, 607, 608] {
        let rang = Seen::default().trying().ringing(2000);
        table.row(&format!("{status}"), &rang.refused(2500, status, ""));
    }
}

fn causes(table: &mut Table) {
    for status in [480, 503] {
        table.heading(&format!("{status} after 3 s, without an alert, with a cause of Q.850"));
        for (cause, text) in CAUSES {
            let call = refused(status, "").reason_from("Q.850", cause, None, Some(text));
            table.row(&format!("{cause} {text}"), &call);
        }
    }
    table.heading("after 3 s, without an alert, with causes");
    for (status, location) in [(403, "U"), (403, "LN"), (603, "U"), (603, "LN"), (486, "U")] {
        let call = refused(status, "").reason_from("Q.850", 21, Some(location), None);
        table.row(&format!("{status}, Q.850 21 by {location}"), &call);
    }
    for (status, cause) in [(500, 486), (487, 603), (503, 404), (404, 486), (500, 200)] {
        table.row(&format!("{status}, SIP {cause}"), &refused(status, "").reason("SIP", cause));
    }
    for (status, cause) in [(403, 436), (603, 438), (486, 436), (500, 436)] {
        table.row(&format!("{status}, STIR {cause}"), &refused(status, "").reason("STIR", cause));
    }
}

fn never_there(table: &mut Table) {
    table.heading("without any response");
    table.row("timer B", &Seen::default().end(End::Silence));
    table.row("port unreachable", &Seen::default().end(End::Unreachable));
    table.row("never sent", &Seen::default().end(End::NotSent));
}
