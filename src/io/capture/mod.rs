//! What went over the wire, kept for people: a file for Wireshark and a ladder for the terminal.

pub mod ladder;
pub mod pcap;
