//! The scenes of the demo: what can happen to a verification, each played over REST and UDP.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::application::{Answer, Application};
use super::ladders::Ladders;
use super::phones::Phones;
use crate::base::clock::Instant;
use crate::cli::{Failure, Stdout};
use crate::io::net::clock::Clock;

/// How often the application asks how it stands.
const POLL: Duration = Duration::from_millis(20);
/// How long a call may take, timers for lost packets included.
const PATIENCE: Duration = Duration::from_secs(40);
/// Verifications through a carrier that loses packets, until one was lost.
const LOSSY_MAX: usize = 40;

/// What a scene has.
struct Stage<'a> {
    application: &'a Application,
    phones: &'a Arc<Phones>,
    ladders: &'a Ladders,
    clock: Clock,
    out: &'a mut Stdout,
    began: Instant,
}

/// Plays all of them.
pub(super) async fn all(
    application: &Application,
    phones: &Arc<Phones>,
    ladders: &Ladders,
    clock: Clock,
    out: &mut Stdout,
) -> Result<(), Failure> {
    let began = clock.instant();
    let mut stage = Stage { application, phones, ladders, clock, out, began };
    stage.rings().await?;
    stage.second_trunk().await?;
    stage.busy().await?;
    stage.answered_in_the_race().await?;
    stage.wrong_then_right().await?;
    stage.tries_used_up().await?;
    stage.expires().await?;
    stage.loses_packets().await
}

impl Stage<'_> {
    async fn rings(&mut self) -> Result<(), Failure> {
        self.title("The phone rings, and its owner types the last four digits")?;
        let id = self.start("+12025550142", None).await?;
        self.over(&id, 1).await?;
        self.show_calls(&id, &["rang"]).await?;
        let code = self.code(&id, 0).await?;
        self.check(&id, &code, "approved").await?;
        self.must_be(&id, "approved", "").await
    }

    async fn second_trunk(&mut self) -> Result<(), Failure> {
        self.title("The first trunk says 503, so the second one rings, from another number")?;
        let id = self.start("+12025550503", None).await?;
        self.over(&id, 2).await?;
        self.show_calls(&id, &["overloaded", "rang"]).await?;
        let code = self.code(&id, 1).await?;
        self.check(&id, &code, "approved").await?;
        self.must_be(&id, "approved", "").await
    }

    async fn busy(&mut self) -> Result<(), Failure> {
        self.title("Busy: the network's verdict on the person, so nobody else is asked")?;
        let id = self.start("+12025550486", None).await?;
        self.over(&id, 1).await?;
        self.show_calls(&id, &["busy"]).await?;
        let canceled = self.post(&format!("/v1/verifications/{id}/cancel"), json!({})).await?;
        self.say(&format!(
            "cancel            {}",
            canceled.expect(200, "cancel")?.text("/status")
        ))?;
        self.must_be(&id, "canceled", "canceled_by_api").await
    }

    async fn answered_in_the_race(&mut self) -> Result<(), Failure> {
        self.title("Somebody answers at the very moment of our CANCEL: acknowledged, and hung up")?;
        let id = self.start("+12025550201", None).await?;
        self.over(&id, 1).await?;
        self.show_calls(&id, &["answered_race"]).await?;
        let code = self.code(&id, 0).await?;
        self.check(&id, &code, "approved").await?;
        self.must_be(&id, "approved", "").await
    }

    async fn wrong_then_right(&mut self) -> Result<(), Failure> {
        self.title("A wrong code costs a try; then the right one, typed as the whole number")?;
        let id = self.start("+12025550143", None).await?;
        self.over(&id, 1).await?;
        self.show_calls(&id, &["rang"]).await?;
        let code = self.code(&id, 0).await?;
        self.check(&id, &other_than(&code), "invalid").await?;
        let number = self.display(&id, 0).await?;
        self.check(&id, &number, "approved").await?;
        self.must_be(&id, "approved", "").await
    }

    async fn tries_used_up(&mut self) -> Result<(), Failure> {
        self.title("Three wrong codes: after that the right one is of no use either")?;
        let id = self.start("+12025550144", None).await?;
        self.over(&id, 1).await?;
        self.show_calls(&id, &["rang"]).await?;
        let code = self.code(&id, 0).await?;
        for _ in 0..3 {
            self.check(&id, &other_than(&code), "invalid").await?;
        }
        self.refused(&id, &code, "attempts_exhausted").await?;
        self.must_be(&id, "failed", "attempts_exhausted").await
    }

    async fn expires(&mut self) -> Result<(), Failure> {
        self.title("A lifetime of two seconds, and a person who is slow")?;
        let id = self.start("+12025550145", Some("brief")).await?;
        self.over(&id, 1).await?;
        self.show_calls(&id, &["rang"]).await?;
        let code = self.code(&id, 0).await?;
        self.until(&id, |answer| answer.text("/status") == "expired").await?;
        self.refused(&id, &code, "expired").await?;
        self.must_be(&id, "expired", "expired").await
    }

    async fn loses_packets(&mut self) -> Result<(), Failure> {
        self.title("A carrier that loses every tenth packet each way: what is lost is sent again")?;
        for _ in 0..LOSSY_MAX {
            let id = self.start("+12025550191", None).await?;
            self.over(&id, 1).await?;
            let record = self.record(&id, 0).await?;
            let again = record.number("/retransmissions");
            let lost = again > 0 || record.text("/outcome") != "rang";
            if lost {
                self.show_record(&record)?;
                self.say(&format!("sent again        {again}"))?;
            }
            if let Ok(code) = self.code(&id, 0).await {
                self.check(&id, &code, "approved").await?;
                self.must_be(&id, "approved", "").await?;
            }
            if lost {
                return Ok(());
            }
            self.say("nothing was lost; once more")?;
        }
        Err(Failure::Failed("no packet was lost".to_owned()))
    }

    fn title(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.out, "\n== {text}")?;
        self.out.flush()?;
        Ok(())
    }

    /// A line with the time since the first scene began.
    fn say(&mut self, text: &str) -> Result<(), Failure> {
        let ms = self.clock.instant().since(self.began).as_millis();
        writeln!(self.out, "{ms:>8} ms  {text}")?;
        self.out.flush()?;
        Ok(())
    }

    async fn post(&self, path: &str, body: Value) -> Result<Answer, Failure> {
        self.application.post(path, body).await
    }

    /// Begins a verification; its id.
    async fn start(&mut self, to: &str, profile: Option<&str>) -> Result<String, Failure> {
        let mut body = json!({ "to": to });
        if let (Some(profile), Some(fields)) = (profile, body.as_object_mut()) {
            fields.insert("profile".to_owned(), profile.into());
        }
        let before = self.clock.instant();
        let started = self.post("/v1/verifications", body).await?.expect(201, "start")?;
        let took = self.clock.instant().since(before).as_micros();
        let id = started.text("/id").to_owned();
        self.say(&format!("start             {to} {id} (on disk after {took} us)"))?;
        Ok(id)
    }

    async fn look(&self, id: &str) -> Result<Answer, Failure> {
        self.application.get(&format!("/v1/verifications/{id}")).await?.expect(200, "look")
    }

    /// Asks how it stands until that is so.
    async fn until(&self, id: &str, so: impl Fn(&Answer) -> bool) -> Result<Answer, Failure> {
        let began = self.clock.instant();
        loop {
            let answer = self.look(id).await?;
            if so(&answer) {
                return Ok(answer);
            }
            if self.clock.instant().since(began) > PATIENCE {
                return Err(Failure::Failed(format!("it stays so: {}", answer.body)));
            }
            tokio::time::timeout(POLL, std::future::pending::<()>()).await.ok();
        }
    }

    /// Waits until so many calls were made and all are over and recorded.
    async fn over(&self, id: &str, calls: usize) -> Result<(), Failure> {
        let ended = |answer: &Answer| {
            let attempts = answer.body.pointer("/attempts").and_then(Value::as_array);
            attempts.is_some_and(|attempts| {
                attempts.len() == calls
                    && attempts.iter().all(|attempt| attempt["outcome"].is_string())
            })
        };
        self.until(id, ended).await?;
        let began = self.clock.instant();
        while self.records(id).await?.len() < calls {
            if self.clock.instant().since(began) > PATIENCE {
                return Err(Failure::Failed(format!("{id}: a call has no record")));
            }
            tokio::time::timeout(POLL, std::future::pending::<()>()).await.ok();
        }
        Ok(())
    }

    /// The records of its calls, in order.
    async fn records(&self, id: &str) -> Result<Vec<Value>, Failure> {
        let path = format!("/v1/cdrs?verification={id}&limit=100");
        let page = self.application.get(&path).await?.expect(200, "records")?;
        let records = page.body.pointer("/data").and_then(Value::as_array);
        let mut records = records.cloned().unwrap_or_default();
        records.sort_by_key(|record| record.pointer("/attempt").and_then(Value::as_u64));
        Ok(records)
    }

    async fn record(&self, id: &str, place: usize) -> Result<Answer, Failure> {
        let records = self.records(id).await?;
        let body = records.get(place).cloned();
        let body =
            body.ok_or_else(|| Failure::Failed(format!("{id} has no call {}", place + 1)))?;
        Ok(Answer { status: 200, body })
    }

    /// Each call's ladder and outcome, which must be these.
    async fn show_calls(&mut self, id: &str, outcomes: &[&str]) -> Result<(), Failure> {
        for (place, outcome) in outcomes.iter().enumerate() {
            let record = self.record(id, place).await?;
            self.show_record(&record)?;
            let came_to = record.text("/outcome");
            if came_to != *outcome {
                let call = place + 1;
                let text = format!("call {call} came to {came_to} instead of {outcome}");
                return Err(Failure::Failed(text));
            }
        }
        Ok(())
    }

    fn show_record(&mut self, record: &Answer) -> Result<(), Failure> {
        let alert = record.text("/alert_source").parse().ok();
        let ladder = self.ladders.text(record.text("/call_id"), alert);
        for line in ladder.lines() {
            writeln!(self.out, "    {line}")?;
        }
        let (trunk, from) = (record.text("/trunk"), record.text("/from"));
        let outcome = record.text("/outcome");
        self.say(&format!(
            "call over {trunk:<7} {outcome}, from {from}, cdr {}",
            record.text("/cdr_id")
        ))
    }

    /// What the phone shows of a call.
    async fn display(&self, id: &str, place: usize) -> Result<String, Failure> {
        let record = self.record(id, place).await?;
        let display = self.phones.display(record.text("/call_id"));
        display.ok_or_else(|| Failure::Failed("no carrier saw the call".to_owned()))
    }

    /// Its last four digits.
    async fn code(&self, id: &str, place: usize) -> Result<String, Failure> {
        let display = self.display(id, place).await?;
        Ok(display.chars().skip(display.len().saturating_sub(4)).collect())
    }

    /// Gives a code or a number; the answer must be this one.
    async fn check(&mut self, id: &str, claim: &str, expected: &str) -> Result<(), Failure> {
        let body = if claim.starts_with('+') {
            json!({ "caller_id": claim })
        } else {
            json!({ "code": claim })
        };
        let checked = self.post(&format!("/v1/verifications/{id}/check"), body).await?;
        let checked = checked.expect(200, "check")?;
        let (result, left) = (checked.text("/result"), checked.number("/attempts_remaining"));
        self.say(&format!("check {claim:<12} {result}, tries left: {left}"))?;
        if result == expected {
            return Ok(());
        }
        Err(Failure::Failed(format!("{result} instead of {expected}: {}", checked.body)))
    }

    /// Gives the right code when it is too late.
    async fn refused(&mut self, id: &str, code: &str, expected: &str) -> Result<(), Failure> {
        let path = format!("/v1/verifications/{id}/check");
        let refused = self.post(&path, json!({ "code": code })).await?.expect(410, "late check")?;
        self.say(&format!("check {code:<12} refused: {}", refused.text("/code")))?;
        if refused.text("/code") == expected {
            return Ok(());
        }
        Err(Failure::Failed(format!("not {expected}: {}", refused.body)))
    }

    async fn must_be(&mut self, id: &str, status: &str, reason: &str) -> Result<(), Failure> {
        let answer = self.look(id).await?;
        let (is, why) = (answer.text("/status"), answer.text("/reason"));
        let told = if why.is_empty() { is.to_owned() } else { format!("{is}: {why}") };
        self.say(&format!("verification      {told}"))?;
        if (is, why) == (status, reason) {
            return Ok(());
        }
        Err(Failure::Failed(format!("not {status} {reason}: {}", answer.body)))
    }
}

/// A code of the same length that is another one.
fn other_than(code: &str) -> String {
    code.chars().map(|digit| if digit == '0' { '1' } else { '0' }).collect()
}
