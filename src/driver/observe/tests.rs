//! What an observer is told of calls, and when; the log line of a verification.

use super::{
    Event, Inflow, Intent, Observe, Observer, Record, Seq, Snapshot, Verdict, What, event, log,
};
use crate::base::id::{AttemptId, SessionId};
use crate::base::number::{CallerId, Destination};
use crate::call::outcome::Outcome;
use crate::call::way::Way;
use crate::numbers::odds::Odds;
use crate::verify::snapshot::AttemptView;
use crate::verify::status::{Reason, Status};
use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
struct Slots(Rc<RefCell<Vec<u32>>>);

impl Observe for Slots {
    fn event(&mut self, _: &Event) {}

    fn begun(&mut self, intent: &Intent) {
        self.0.borrow_mut().push(intent.id.slot);
    }

    fn inflow(&mut self, _: Inflow) {}
}

fn intent(slot: u32) -> Record {
    Record::Intent(Arc::new(Intent {
        id: AttemptId { shard: 0, epoch: 1, slot, generation: 1 },
        part: None,
        to: Destination::fictional(1),
        from: CallerId::fictional(2),
        call_id: [b'c'; 32],
        from_tag: [b'f'; 24],
        way: Arc::new(Way {
            trunk: "west".into(),
            sent_by: "127.0.0.1:5060".into(),
            domain: "127.0.0.1:5070".into(),
            from_domain: "127.0.0.1:5060".into(),
            route: None,
        }),
        target: "127.0.0.1:5070".parse().unwrap(),
        at_unix_us: 0,
    }))
}

#[test]
fn a_call_has_begun_once_its_intent_is_kept_and_never_if_it_is_not() {
    let told = Slots::default();
    let mut observer = Observer::new(Box::new(told.clone()));
    for slot in 1..=4 {
        observer.storing(Seq(u64::from(slot)), &intent(slot));
    }
    assert!(told.0.borrow().is_empty());
    observer.stored(Verdict::Kept(Seq(2)));
    assert_eq!(*told.0.borrow(), [1, 2]);
    observer.stored(Verdict::Failed(Seq(3)));
    observer.storing(Seq(5), &intent(5));
    observer.stored(Verdict::Kept(Seq(5)));
    assert_eq!(*told.0.borrow(), [1, 2, 5]);
}

/// Memory that a log is written into.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn failed() -> Snapshot {
    Snapshot {
        id: SessionId { unix_ms: 1, shard: 0, epoch: 1, random: 7 },
        tenant: "shop".into(),
        profile: "default".into(),
        to: Destination::parse("+12025550142").unwrap(),
        country: None,
        status: Status::Failed,
        phase: None,
        reason: Some(Reason::AttemptsExhausted),
        created_unix_us: 1_000_000,
        expires_unix_us: 9_000_000,
        ended_unix_us: Some(3_500_000),
        code_length: 8,
        tries_left: 0,
        redials_left: 0,
        late: false,
        odds: Odds { distinct: 10, tries: 3 },
        client_reference: None,
        metadata: None,
        attempts: vec![AttemptView {
            id: AttemptId { shard: 0, epoch: 1, slot: 1, generation: 1 },
            number: 1,
            trunk: "west".into(),
            caller_id: CallerId::parse("+12029185736").unwrap(),
            outcome: Some(Outcome::Rang),
        }],
    }
}

#[test]
fn a_verification_that_ended_is_one_line_without_its_numbers() {
    let written = Written::default();
    let to = written.clone();
    let lines = tracing_subscriber::fmt()
        .with_writer(move || to.clone())
        .with_ansi(false)
        .without_time()
        .with_max_level(tracing::Level::INFO)
        .finish();
    let snapshot = failed();
    let event = |what| event::Event {
        id: snapshot.id,
        tenant: "shop".into(),
        sequence: 1,
        at_unix_us: 3_500_000,
        what,
    };
    tracing::subscriber::with_default(lines, || {
        log(&Event::Verify(event(What::Started(Box::new(failed())))));
        log(&Event::Verify(event(What::Ended(Box::new(failed())))));
    });
    let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    let id = snapshot.id;
    let wanted = format!(
        " INFO onering::driver::observe: verification ended session={id} tenant=shop to=+1202***0142 status=failed \
         reason=\"attempts_exhausted\" late=false calls=1 after_ms=2500\n"
    );
    assert_eq!(text, wanted);
}
