//! From the loop's side of a store to the lines of a file.

use super::FromStore;
use crate::base::id::{AttemptId, Seq};
use crate::base::number::{CallerId, Destination};
use crate::call::facts::Facts;
use crate::call::outcome::Outcome;
use crate::call::way::Way;
use crate::io::deliver::{Delivery, FileSink, Format, Rotate};
use crate::io::net::clock::Clock;
use crate::io::store::Store as _;
use crate::io::store::sqlite::{DataDir, Options, Reader, Sqlite};
use crate::verify::cdr::{Amendment, Cdr, Show};
use crate::verify::record::Record;
use std::sync::Arc;

const NOW: u64 = 1_795_406_706_000_000;

fn cdr(slot: u32) -> Cdr {
    Cdr {
        id: AttemptId { shard: 0, epoch: 1, slot, generation: 0 },
        part: None,
        open: false,
        way: Arc::new(Way {
            trunk: "west".into(),
            sent_by: "203.0.113.5:5062".into(),
            domain: "192.0.2.10:5060".into(),
            from_domain: "203.0.113.5:5062".into(),
            route: None,
        }),
        target: "192.0.2.10:5060".parse().unwrap(),
        from: CallerId::parse("+12025550142").unwrap(),
        to: Destination::parse("+4915112345678").unwrap(),
        call_id: *b"0123456789abcdef0123456789abcdef",
        from_tag: *b"00000003fedcba9876543210",
        cseq: 1,
        start_unix_us: NOW,
        facts: Facts::default(),
        outcome: Outcome::NotAttempted,
    }
}

#[test]
fn a_store_is_followed_through_two_lives() {
    let path = std::env::temp_dir().join(format!("onering-follow-{}", std::process::id()));
    let config = FileSink {
        name: "file".into(),
        path: path.join("cdr.jsonl"),
        format: Format::JsonLines,
        numbers: Show::Plain,
        rotate: Rotate::default(),
    };
    for life in 0..2 {
        let dir = DataDir::open(&path, NOW).unwrap();
        let reader = Reader::open(&dir).unwrap();
        let mut store = Sqlite::start(dir, Options::new(Arc::new(|| NOW))).unwrap();
        let source = FromStore { reader: reader.clone(), admin: store.admin() };
        let mut rows = store.rows();
        let delivery =
            Delivery::start(config.clone(), source, store.rows(), Clock::start()).unwrap();
        let amendment =
            Amendment { id: cdr(2 * life).id, at_unix_us: NOW, status: 200, alerted: true };
        for (seq, record) in (1..).zip([
            Record::Cdr(Arc::new(cdr(2 * life))),
            Record::Amendment(amendment),
            Record::Cdr(Arc::new(cdr(2 * life + 1))),
        ]) {
            store.append(Seq(seq), record);
        }
        store.commit();
        let kept = u64::from(2 * life + 2);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(rows.wait_for(|row| *row == kept)).unwrap();
        drop(delivery);
        assert_eq!(reader.sink_rows("file").unwrap(), Some((kept, u64::from(life + 1))));
        drop(reader);
        store.close().unwrap();
    }
    let text = std::fs::read_to_string(&config.path).unwrap();
    assert_eq!(text.lines().filter(|line| line.contains("\"outcome\"")).count(), 4, "{text}");
    assert_eq!(text.lines().filter(|line| line.contains("\"amendment\"")).count(), 2, "{text}");
    assert_eq!(text.matches("+12025550142").count(), 4);
    std::fs::remove_dir_all(&path).unwrap();
}
