//! `onering call` against SIPp, one test a scenario: SIPp's exit code, ours, and the record.
//!
//! What is expected stands in the comment at the head of each scenario in `sipp-scenarios/`; what SIPp saw and what
//! both sides wrote stays in `target/tmp/sipp/`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper of a test may fail the test")]

mod support {
    pub(crate) mod head;
    pub(crate) mod play;
    pub(crate) mod record;
    pub(crate) mod scenario;
    pub(crate) mod sipp;
    pub(crate) mod stage;
}

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use support::head;
use support::play::{Call, play};
use support::sipp::Sipp;
use support::stage;

#[test]
fn s_01_flash_basic_can_01_cancel_repeats_the_invite() {
    play("S-01_flash_basic");
}

#[test]
fn s_01b_no_hold_can_19_cancel_leaves_at_once() {
    play("S-01b_no_hold");
}

#[test]
fn s_02_invite_lost_tx_01_timer_a_repeats_the_invite() {
    play("S-02_invite_lost_then_ok");
}

#[test]
fn s_02b_nobody_answers_tx_01_timer_b_gives_up_without_a_cancel() {
    play("S-02b_nobody_answers");
}

#[test]
fn s_03_late_first_provisional_can_06_cancel_waits_for_it() {
    play("S-03_late_first_provisional");
}

#[test]
fn s_03b_interrupted_in_silence_can_06_the_wish_waits_for_a_provisional() {
    play("S-03b_interrupted_in_silence");
}

#[test]
fn s_04_trying_only_tx_03_cancelled_at_the_deadline() {
    play("S-04_trying_only");
}

#[test]
fn s_04b_180_after_cancel_can_21_rang_unconfirmed() {
    play("S-04b_180_after_cancel");
}

#[test]
fn s_05_ring_forever_nit_01_timer_e_repeats_the_cancel_to_the_end() {
    play("S-05_ring_forever");
}

#[test]
fn s_05b_interrupted_while_ringing_can_20_cancels_at_once() {
    play("S-05b_interrupted_while_ringing");
}

#[test]
fn s_05c_terminated_while_ringing_can_20_cancels_at_once() {
    play("S-05c_terminated_while_ringing");
}

#[test]
fn s_06_487_before_200_can_12_either_order() {
    play("S-06_487_before_200");
}

#[test]
fn s_07_no_487_can_13_given_up_after_64_t1() {
    play("S-07_no_487");
}

#[test]
fn s_08_ack_check_tx_04_busy_is_acknowledged() {
    play("S-08_ack_check");
}

#[test]
fn s_08b_declined_while_ringing_can_07_no_cancel_after_a_final() {
    play("S-08b_declined_while_ringing");
}

#[test]
fn s_08c_reasons_q850_beats_the_status() {
    play("S-08c_reasons");
}

#[test]
fn s_09_ack_lost_tx_06_one_ack_for_each_copy() {
    play("S-09_ack_lost");
}

#[test]
fn s_10_auth_407_can_08_the_cancel_is_that_of_the_second_invite() {
    play("S-10_auth_407");
}

#[test]
fn s_10b_401_without_challenge_tx_04_is_a_refusal() {
    play("S-10b_401_without_challenge");
}

#[test]
fn s_10c_401_again_tx_07_each_is_acknowledged_and_there_is_no_third_invite() {
    play("S-10c_401_again");
}

#[test]
fn s_11_interrupted_before_407_can_08_no_second_invite() {
    play("S-11_interrupted_before_407");
}

#[test]
fn s_12_answer_race_can_15_gets_ack_and_bye() {
    play("S-12_answer_race");
}

#[test]
fn s_12b_answer_race_no_contact_prv_13_goes_to_the_request_uri() {
    play("S-12b_answer_race_no_contact");
}

#[test]
fn s_12c_answer_before_200_cancel_can_12_either_order() {
    play("S-12c_answer_before_200_cancel");
}

#[test]
fn s_13_2xx_retransmit_tx_09_the_same_ack_each_time() {
    play("S-13_2xx_retransmit");
}

#[test]
fn s_14_fork_two_200_prv_04_ack_and_bye_for_each() {
    play("S-14_fork_two_200");
}

#[test]
fn s_15_answer_before_hold_prv_11_their_bye_is_answered() {
    play("S-15_answer_before_hold");
}

#[test]
fn s_15b_fast_answer_tx_08_is_no_person() {
    play("S-15b_fast_answer");
}

#[test]
fn s_15c_bye_481_nit_04_ends_the_dialog() {
    play("S-15c_bye_481");
}

#[test]
fn s_16_fork_many_180_can_16_one_cancel_and_the_486_is_kept() {
    play("S-16_fork_many_180");
}

#[test]
fn s_17_cancel_200_other_tag_can_09_says_nothing() {
    play("S-17_cancel_200_other_tag");
}

#[test]
fn s_18_cancel_481_can_11_the_invite_goes_on() {
    play("S-18_cancel_481");
}

#[test]
fn s_18b_cancel_401_can_10_no_credentials_for_a_cancel() {
    play("S-18b_cancel_401");
}

#[test]
fn s_18c_cancel_500_can_11_the_invite_goes_on() {
    play("S-18c_cancel_500");
}

#[test]
fn s_18d_cancel_481_then_answered_can_15_gets_ack_and_bye() {
    play("S-18d_cancel_481_then_answered");
}

#[test]
fn s_19_183_then_180_prv_05_the_alert_is_the_180() {
    play("S-19_183_then_180");
}

#[test]
fn s_19b_183_as_trigger_prv_06_the_alert_is_the_183() {
    play("S-19b_183_as_trigger");
}

#[test]
fn s_23_outbound_proxy_can_02_cancel_has_the_route_of_the_invite() {
    play("S-23_outbound_proxy");
}

#[test]
fn s_25_nat_rport_can_05_the_via_stays_the_invites() {
    play("S-25_nat_rport");
}

#[test]
fn s_26_100rel_180_prv_09_the_same_prack_for_each_copy() {
    play("S-26_100rel_180");
}

#[test]
fn s_26b_487_without_prack_answer_prv_09_ends_the_call() {
    play("S-26b_487_without_prack_answer");
}

#[test]
fn s_34_150_tx_13_an_unknown_1xx_is_a_183() {
    play("S-34_150_unknown_1xx");
}

#[test]
fn s_34_180_bad_sdp_sdp_04_fails_nothing() {
    play("S-34_180_bad_sdp");
}

#[test]
fn s_34_180_compact_hdr_05_every_allowed_form_is_read() {
    play("S-34_180_compact");
}

#[test]
fn s_34_180_for_another_method_tx_10_belongs_to_nothing() {
    play("S-34_180_for_another_method");
}

#[test]
fn s_34_180_no_tag_prv_01_rings_all_the_same() {
    play("S-34_180_no_tag");
}

#[test]
fn s_34_180_other_tags_prv_02_are_forks() {
    play("S-34_180_other_tags");
}

#[test]
fn s_34_181_prv_07_is_forwarded() {
    play("S-34_181_forwarded");
}

#[test]
fn s_34_182_prv_07_is_no_alert() {
    play("S-34_182_queued");
}

#[test]
fn s_34_199_prv_08_is_no_alert_and_no_end() {
    play("S-34_199_early_dialog_ends");
}

#[test]
fn s_34_299_tx_13_an_unknown_2xx_gets_ack_and_bye() {
    play("S-34_299_unknown_2xx");
}

#[test]
fn s_34_302_is_not_followed() {
    play("S-34_302_not_followed");
}

#[test]
fn s_34_487_unasked_is_the_networks_end() {
    play("S-34_487_unasked");
}

#[test]
fn s_34_699_tx_13_an_unknown_6xx_is_a_600() {
    play("S-34_699_unknown_6xx");
}

#[test]
fn s_34_final_without_tag_tx_04_is_acknowledged_as_it_came() {
    play("S-34_final_without_tag");
}

#[test]
fn s_34_other_branch_tx_10_is_not_ours() {
    play("S-34_other_branch");
}

#[test]
fn s_34_other_sent_by_tx_11_is_not_ours() {
    play("S-34_other_sent_by");
}

#[test]
fn s_34_two_via_tx_11_is_not_ours() {
    play("S-34_two_via");
}

#[test]
fn s_35_cancel_and_bye_lost_nit_01_timer_e_repeats_both() {
    play("S-35_cancel_and_bye_lost");
}

#[test]
fn s_35b_bye_answered_100_nit_01_goes_on_every_t2() {
    play("S-35b_bye_answered_100");
}

#[test]
fn s_36_inbound_noise_opt_03_is_answered_from_no_state() {
    play("S-36_inbound_noise");
}

#[test]
fn s_36b_stranger_gets_no_answer() {
    play("S-36b_stranger");
}

#[test]
fn s_36c_rport_tp_02_answers_come_back_to_the_source() {
    play("S-36c_rport");
}

#[test]
fn s_36d_no_rport_tp_02_answers_go_to_the_sent_by() {
    play("S-36d_no_rport");
}

#[test]
fn every_scenario_is_played() {
    let files = fs::read_dir(head::folder()).unwrap();
    let names = files.filter_map(|file| {
        let name = file.unwrap().file_name().into_string().unwrap();
        name.strip_suffix(".xml").map(str::to_owned)
    });
    let played = include_str!("sipp.rs").split("play(\"").skip(1);
    let played = played.filter_map(|rest| rest.split('"').next()).filter(|name| name.len() > 1);
    assert_eq!(names.collect::<BTreeSet<_>>(), played.map(str::to_owned).collect());
}

/// Microseconds into the call of the first message in the ladder that begins so.
fn at_us(record: &Value, dir: &str, line: &str) -> i64 {
    let ladder = record["ladder"].as_array().unwrap();
    let found = ladder.iter().find(|message| {
        message["dir"] == dir && message["line"].as_str().is_some_and(|text| text.starts_with(line))
    });
    found.unwrap_or_else(|| panic!("no {line} in {record:#}"))["at_us"].as_i64().unwrap()
}

/// SIPp's own far end rings, answers at once, and waits for ACK and BYE.
#[test]
fn built_in_uas_gets_ack_and_bye_within_100_ms() {
    let folder = stage::folder("built-in-uas");
    let port = stage::ports();
    let mut far = Sipp::start("far", ["-sn", "uas"], ("127.0.0.1", port), None, &folder, 20);
    let mut call = Call::start(port, &[], &folder, 20);
    let (_, record) = call.end();
    assert_eq!(far.failure(), None);
    let answered = at_us(&record, "in", "SIP/2.0 200");
    for ours in ["ACK ", "BYE "] {
        let after = at_us(&record, "out", ours) - answered;
        assert!((0..100_000).contains(&after), "{ours} {after} us after the 200: {record:#}");
    }
    assert_eq!(record["forks"][0]["bye_status"], 200);
}

/// `tshark` with these arguments on the capture: a line for each packet that it prints.
fn tshark(capture: &str, arguments: &[&str]) -> Vec<String> {
    let ran = Command::new("tshark").args(["-r", capture]).args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(ran.status.success(), "tshark: {errors}");
    String::from_utf8(ran.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// One flash call with a hold of 600 ms, captured; the hold by our record, and the folder with the capture.
fn captured(name: &str) -> (i64, u16, PathBuf) {
    let folder = stage::folder(name);
    let file = head::folder().join("S-01_flash_basic.xml");
    let port = stage::ports();
    let scenario = ["-sf", file.to_str().unwrap()];
    let mut far = Sipp::start("far", scenario, ("127.0.0.1", port), None, &folder, 20);
    let arguments = ["--hold", "600ms", "--pcap", "call.pcap"].map(str::to_owned);
    let mut call = Call::start(port, &arguments, &folder, 20);
    let (exit, record) = call.end();
    assert_eq!((far.failure(), exit), (None, Some(0)), "{record:#}");
    (record.get("hold_us").and_then(Value::as_i64).unwrap(), port, folder)
}

/// The first call of all: seven packets that Wireshark finds nothing wrong with.
#[test]
fn flash_basic_is_seven_packets_without_a_warning() {
    let (_, port, folder) = captured("seven-packets");
    if !stage::installed("tshark") {
        println!("NOT DONE: tshark is missing (scripts/test installs it): the capture is not read");
        return;
    }
    let capture = folder.join("call.pcap");
    let capture = capture.to_str().unwrap();
    let sip = format!("udp.port=={port},sip");
    let kinds = ["-d", &sip, "-T", "fields", "-e", "sip.Method", "-e", "sip.Status-Code"];
    let kinds = tshark(capture, &kinds);
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.trim()).collect();
    assert_eq!(kinds, ["INVITE", "100", "180", "CANCEL", "200", "487", "ACK"]);
    let bad = "_ws.expert.severity >= \"Warning\" || _ws.malformed";
    assert_eq!(tshark(capture, &["-d", &sip, "-Y", bad, "-V"]), [""; 0]);
}

/// Microseconds from 180 to CANCEL by the time stamps of the capture.
fn hold_in_capture(folder: &Path, port: u16) -> i64 {
    let capture = folder.join("call.pcap");
    let sip = format!("udp.port=={port},sip");
    let wanted = "sip.Status-Code == 180 || sip.Method == \"CANCEL\"";
    let fields = ["-Y", wanted, "-T", "fields", "-e", "frame.time_epoch"];
    let times = tshark(capture.to_str().unwrap(), &[&["-d", &sip], &fields[..]].concat());
    let times: Vec<f64> = times.iter().map(|time| time.parse().unwrap()).collect();
    let [ringing, cancel] = times[..] else { panic!("180 and CANCEL at {times:?}") };
    ((cancel - ringing) * 1e6).round() as i64
}

/// 180 to CANCEL is the hold of 600 ms, never shorter and at most 10 ms longer, by our record and by the capture.
///
/// Other tests run beside this one, and the machine may have no time for us when it is due: one call of five has
/// to be undisturbed.
#[test]
fn can_19_cancel_leaves_when_the_hold_is_over() {
    let on_time = (0..5).any(|turn| {
        let (recorded, port, folder) = captured(&format!("hold-{turn}"));
        let seen =
            if stage::installed("tshark") { hold_in_capture(&folder, port) } else { recorded };
        assert!(recorded >= 590_000 && seen >= 590_000, "too short: {recorded} us, {seen} us");
        recorded <= 610_000 && seen <= 610_000
    });
    assert!(on_time, "the CANCEL was late in each of five calls");
}
