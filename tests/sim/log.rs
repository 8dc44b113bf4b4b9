//! What happened in a run: a fingerprint of all of it, and the story for whoever has to find out why.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hasher as _};

use bytes::Bytes;
use onering::base::clock::Instant;
use onering::engine::{Answer, Event, Output};
use onering::verify::cdr::Cdr;
use onering::verify::record::Record;

use super::glance::Glance;

/// Which way a datagram went, and how far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// It left the engine; how many copies will arrive.
    Left(usize),
    /// It came to the far end.
    ArrivedOut,
    /// It left the far end; how many copies will arrive.
    LeftBack(usize),
    /// The engine takes it.
    Arrived,
}

enum Entry {
    Datagram(Way, Bytes),
    Word(String),
}

/// The log.
#[derive(Default)]
pub(crate) struct Log {
    entries: Vec<(Instant, Entry)>,
    hash: DefaultHasher,
}

impl Log {
    pub(crate) fn datagram(&mut self, now: Instant, way: Way, bytes: &Bytes) {
        self.hash.write_u64(now.as_micros());
        self.hash.write(bytes);
        self.entries.push((now, Entry::Datagram(way, bytes.clone())));
    }

    pub(crate) fn word(&mut self, now: Instant, word: String) {
        self.hash.write_u64(now.as_micros());
        self.hash.write(word.as_bytes());
        self.entries.push((now, Entry::Word(word)));
    }

    /// An output: all of it goes into the fingerprint, what matters into the story.
    pub(crate) fn output(&mut self, now: Instant, output: &Output) {
        self.hash.write_u64(now.as_micros());
        self.hash.write(format!("{output:?}").as_bytes());
        self.entries.push((now, Entry::Word(brief(output))));
    }

    /// Of every datagram and every output, in order, with its time.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.hash.finish()
    }

    /// The last events, and before them all of the call that a complaint is about.
    pub(crate) fn tell(&self, about: &str, last: usize) -> String {
        let mut text = String::new();
        let mut words = about.split(|c: char| !c.is_ascii_alphanumeric());
        let call_id = words.find(|word| word.len() == 32);
        if let Some(call_id) = call_id {
            text += "all of that call:\n";
            for (at, entry) in self.entries.iter().filter(|(_, entry)| entry.is_about(call_id)) {
                line(&mut text, *at, entry);
            }
        }
        text += "the last events:\n";
        for (at, entry) in self.entries.iter().skip(self.entries.len().saturating_sub(last)) {
            line(&mut text, *at, entry);
        }
        text
    }
}

impl Entry {
    fn is_about(&self, call_id: &str) -> bool {
        match self {
            Self::Datagram(_, bytes) => Glance::of(bytes).call_id == call_id,
            Self::Word(word) => word.contains(call_id),
        }
    }
}

fn brief(output: &Output) -> String {
    let cdr = |cdr: &Cdr| {
        let call_id = String::from_utf8_lossy(&cdr.call_id);
        format!("{} {} {call_id}", cdr.id, cdr.outcome)
    };
    match output {
        Output::Store { seq, record: Record::Intent(intent) } => {
            let call_id = String::from_utf8_lossy(&intent.call_id);
            format!("store {}: intent {} to {} {call_id}", seq.0, intent.id, intent.to)
        }
        Output::Store { seq, record: Record::Cdr(record) } => {
            format!("store {}: record {}", seq.0, cdr(record))
        }
        Output::Reply { ticket, answer: Answer::Ended(record) } => {
            format!("{ticket:?}: ended {}", cdr(record))
        }
        Output::Event(Event::Recorded(record)) => format!("recorded {}", cdr(record)),
        Output::Store { .. } | Output::Reply { .. } | Output::Event(_) | Output::Load { .. } => {
            format!("{output:?}")
        }
    }
}

fn line(text: &mut String, at: Instant, entry: &Entry) {
    let said = match entry {
        Entry::Datagram(way, bytes) => {
            let glance = Glance::of(bytes);
            let way = match way {
                Way::Left(copies) => format!("engine ->{copies}      "),
                Way::ArrivedOut => "          -> carrier".to_owned(),
                Way::LeftBack(copies) => format!("        {copies}<- carrier"),
                Way::Arrived => "engine <-          ".to_owned(),
            };
            let end = glance.branch.len().saturating_sub(50);
            let Glance { start, call_id, cseq, cseq_method, to_tag, .. } = glance;
            let branch = glance.branch.get(end..).unwrap_or_default();
            format!("{way} {start:.60} | {cseq} {cseq_method} {call_id} to-tag {to_tag} {branch}")
        }
        Entry::Word(word) => word.clone(),
    };
    // Writing to a string cannot fail.
    writeln!(text, "  {:>11.6} {said:.400}", at.as_micros() as f64 / 1e6).ok();
}
