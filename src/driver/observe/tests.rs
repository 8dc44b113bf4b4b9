//! What an observer is told of calls, and when.

use super::{Event, Inflow, Intent, Observe, Observer, Record, Seq, Verdict};
use crate::base::id::AttemptId;
use crate::base::number::{CallerId, Destination};
use crate::call::way::Way;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

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
