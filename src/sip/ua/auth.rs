//! Challenges answered: RFC 3261 §22, RFC 7616, RFC 8760.
//!
//! A 401 or 407 to an INVITE or BYE of ours is answered with the trunk's credentials, once for each nonce. The same
//! nonce refused again means that the password is wrong, and ends it. CANCEL and ACK cannot be challenged (§22.1).

use super::attempt::Attempt;
use super::context::Context;
use super::{request, said};
use crate::sip::message::digest::{Asked, Policy, Terms, choose};
use crate::sip::message::{Message, Name};
use std::hash::Hasher as _;

/// Most challenges that one call answers: a proxy's, a server's, and a stale nonce of each.
const ROUNDS_MAX: u8 = 4;

/// The terms that a call has agreed to, one for each realm and kind.
pub(super) struct Auth {
    agreed: Vec<Agreed>,
    rounds: u8,
    /// What the client nonces are made of, with the key.
    seed: u64,
    made: u32,
}

struct Agreed {
    proxy: bool,
    terms: Terms,
}

impl Auth {
    pub(super) const fn new(seed: u64) -> Self {
        Self { agreed: Vec::new(), rounds: 0, seed, made: 0 }
    }

    /// Takes the challenges of a 401 or 407. Whether the request deserves another try with [`lines`](Self::lines).
    pub(super) fn challenged(&mut self, message: &Message, status: u16) -> bool {
        let proxy = status == 407;
        let name = if proxy { Name::ProxyAuthenticate } else { Name::WwwAuthenticate };
        if self.rounds >= ROUNDS_MAX {
            return false;
        }
        self.rounds += 1;
        let chosen = choose(message.challenges(name), Policy::Any);
        let mut renewed = false;
        for terms in chosen {
            let mut same = self.agreed.iter_mut().filter(|agreed| agreed.proxy == proxy);
            match same.find(|agreed| agreed.terms.realm() == terms.realm()) {
                None => self.agreed.push(Agreed { proxy, terms }),
                Some(agreed) => {
                    let fresh = message.challenges(name).flatten().any(|challenge| {
                        let realm = challenge.realm.map(|realm| realm.plain());
                        realm.as_deref() == Some(terms.realm())
                            && agreed.terms.renewed_by(&challenge)
                    });
                    if !fresh {
                        return false;
                    }
                    agreed.terms = terms;
                }
            }
            renewed = true;
        }
        renewed
    }

    /// Whole header lines for a request: one for each realm.
    pub(super) fn lines(
        &mut self,
        method: &str,
        uri: &[u8],
        body: &[u8],
        cx: &Context<'_>,
    ) -> Vec<u8> {
        let mut lines = Vec::new();
        let Some(credentials) = &cx.line.trunk.credentials else { return lines };
        let asked = Asked { method: method.as_bytes(), uri, body };
        for agreed in &mut self.agreed {
            self.made = self.made.wrapping_add(1);
            let mut hash = cx.identity.key.hasher();
            hash.write_u64(self.seed);
            hash.write_u32(self.made);
            let cnonce = format!("{:016x}", hash.finish());
            let name: &[u8] =
                if agreed.proxy { b"Proxy-Authorization: " } else { b"Authorization: " };
            lines.extend_from_slice(name);
            agreed.terms.answer(&asked, credentials, &cnonce, &mut lines);
            lines.extend_from_slice(b"\r\n");
        }
        lines
    }
}

impl Attempt {
    /// Answers a challenge to the INVITE (§22.2, §8.1.3.5): CSeq one higher, a new branch, the same Call-ID, From and
    /// To, at the same target. Says whether it did: not if the call was alerted, or somebody wants it to end.
    pub(super) fn answer_challenge(
        &mut self,
        message: &Message,
        status: u16,
        cx: &mut Context<'_>,
    ) -> bool {
        if !self.call.may_retry() || cx.line.trunk.credentials.is_none() {
            return false;
        }
        let seed = self.wire.tag.random;
        let more = self.more.get_or_insert_with(Box::default);
        let auth = more.auth.get_or_insert_with(|| Auth::new(seed));
        if !auth.challenged(message, status) {
            return false;
        }
        let uri = said::request_uri(self.wire.to, cx.line);
        let body = request::offer(cx.line, &self.wire);
        more.authorization = auth.lines("INVITE", &uri, &body, cx);
        self.supersede(true, cx);
        self.facts.auth_rounds = self.facts.auth_rounds.saturating_add(1);
        self.cseq += 1;
        self.begin_invite(cx);
        true
    }
}
