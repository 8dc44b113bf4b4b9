//! Typed headers, read when somebody asks. Lists go over all lines of a name and all commas in each
//! (RFC 3261 §7.3.1).

use nom::combinator::{eof, map};
use nom::sequence::terminated;
use nom::{IResult, Parser};

use super::address::{self, Address, Contact};
use super::challenge::{self, Challenge};
use super::date::{self, Date};
use super::grammar::{number32, sign, sws, token};
use super::index::Slot;
use super::name::Name;
use super::problem::{Fault, Problem};
use super::read::Message;
use super::reason::{self, Reason};
use super::scalar::{self, CSeq, MediaType, RAck, RetryAfter, Token, Warning};
use super::sdp::Sdp;
use super::via::{self, Via};

/// Reads one value, and leaves what follows it.
pub(super) type Grammar<'a, T> = fn(&'a [u8]) -> IResult<&'a [u8], T>;

/// The values of a header that may have several. A value that cannot be read ends its line and no more.
#[derive(Debug)]
pub struct List<'a, T> {
    message: &'a Message,
    name: Name,
    fault: Fault,
    grammar: Grammar<'a, T>,
    /// Lines that are still to come.
    lines: std::slice::Iter<'a, Slot>,
    /// What is still to be read of this line.
    rest: Option<&'a [u8]>,
}

impl<'a, T> Iterator for List<'a, T> {
    type Item = Result<T, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        let input = match self.rest.take() {
            Some(rest) => rest,
            None => self.next_line()?,
        };
        let after = (self.grammar)(input).and_then(|(rest, value)| {
            let (rest, _) = sws(rest)?;
            if rest.is_empty() {
                return Ok((None, value));
            }
            let (rest, _) = sign(',').parse(rest)?;
            Ok((Some(rest), value))
        });
        match after {
            Ok((rest, value)) => {
                self.rest = rest;
                Some(Ok(value))
            }
            Err(error) => Some(Err(self.message.problem_in(self.fault, self.name, &error, input))),
        }
    }
}

impl<'a, T> List<'a, T> {
    /// The next line of this name that is not empty.
    fn next_line(&mut self) -> Option<&'a [u8]> {
        let (name, message) = (self.name, self.message);
        let line = self.lines.find(|slot| slot.name == name && slot.value < slot.end)?;
        Some(message.slice(line.value, line.end))
    }
}

impl Message {
    /// All Via values, topmost first.
    #[must_use]
    pub fn vias(&self) -> List<'_, Via<'_>> {
        self.list(Name::Via, Fault::Via, via::via)
    }

    /// From.
    ///
    /// # Errors
    /// It is missing or cannot be read.
    pub fn from(&self) -> Result<Address<'_>, Problem> {
        self.mandatory(Name::From, Fault::Address, address::address)
    }

    /// To.
    ///
    /// # Errors
    /// It is missing or cannot be read.
    pub fn to(&self) -> Result<Address<'_>, Problem> {
        self.mandatory(Name::To, Fault::Address, address::address)
    }

    /// Call-ID, verified.
    ///
    /// # Errors
    /// It is missing or cannot be read.
    pub fn call_id(&self) -> Result<&[u8], Problem> {
        self.mandatory(Name::CallId, Fault::CallId, scalar::call_id)
    }

    /// CSeq.
    ///
    /// # Errors
    /// It is missing or cannot be read.
    pub fn cseq(&self) -> Result<CSeq<'_>, Problem> {
        self.mandatory(Name::CSeq, Fault::CSeq, scalar::cseq)
    }

    /// All Contact values.
    #[must_use]
    pub fn contacts(&self) -> List<'_, Contact<'_>> {
        self.list(Name::Contact, Fault::Address, address::contact)
    }

    /// All addresses of a header that holds a list of them: Route, Record-Route, Path, P-Asserted-Identity,
    /// Diversion, History-Info, Reply-To, …
    #[must_use]
    pub fn addresses(&self, name: Name) -> List<'_, Address<'_>> {
        self.list(name, Fault::Address, address::address)
    }

    /// All words of a header that holds a list of them: Allow, Supported, Require, Unsupported, …
    #[must_use]
    pub fn tokens(&self, name: Name) -> List<'_, &[u8]> {
        self.list(name, Fault::Value, token)
    }

    /// All values of Reason.
    #[must_use]
    pub fn reasons(&self) -> List<'_, Reason<'_>> {
        self.list(Name::Reason, Fault::Value, reason::reason)
    }

    /// All challenges of `WWW-Authenticate` or `Proxy-Authenticate`, topmost first.
    #[must_use]
    pub fn challenges(&self, name: Name) -> List<'_, Challenge<'_>> {
        self.list(name, Fault::Challenge, challenge::challenge)
    }

    /// All values of Warning.
    #[must_use]
    pub fn warnings(&self) -> List<'_, Warning<'_>> {
        self.list(Name::Warning, Fault::Value, scalar::warning)
    }

    /// All ranges of Accept. See [`Message::value`] for whether it is there at all, for it may be empty.
    #[must_use]
    pub fn accepts(&self) -> List<'_, MediaType<'_>> {
        self.list(Name::Accept, Fault::Value, scalar::media_type)
    }

    /// Max-Forwards.
    ///
    /// # Errors
    /// It cannot be read, or is more than 255.
    pub fn max_forwards(&self) -> Result<Option<u8>, Problem> {
        self.optional(Name::MaxForwards, Fault::Number, scalar::max_forwards)
    }

    /// A header that is one number of 32 bits: Expires, Min-Expires.
    ///
    /// # Errors
    /// It cannot be read, or is out of range.
    pub fn number(&self, name: Name) -> Result<Option<u32>, Problem> {
        self.optional(name, Fault::Number, number32)
    }

    /// Session-Expires or Min-SE, without its parameters.
    ///
    /// # Errors
    /// It cannot be read, or is out of range.
    pub fn session_seconds(&self, name: Name) -> Result<Option<u32>, Problem> {
        let seconds = self.optional(name, Fault::Number, scalar::number_params)?;
        Ok(seconds.map(|(seconds, _)| seconds))
    }

    /// Content-Type.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn content_type(&self) -> Result<Option<MediaType<'_>>, Problem> {
        self.optional(Name::ContentType, Fault::Value, scalar::media_type)
    }

    /// Content-Disposition.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn content_disposition(&self) -> Result<Option<Token<'_>>, Problem> {
        self.optional(Name::ContentDisposition, Fault::Value, scalar::token_params)
    }

    /// Event.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn event(&self) -> Result<Option<Token<'_>>, Problem> {
        self.optional(Name::Event, Fault::Value, scalar::token_params)
    }

    /// RSeq.
    ///
    /// # Errors
    /// It cannot be read, or is out of range.
    pub fn rseq(&self) -> Result<Option<u32>, Problem> {
        self.optional(Name::RSeq, Fault::Number, scalar::rseq)
    }

    /// RAck.
    ///
    /// # Errors
    /// It cannot be read, or a number is out of range.
    pub fn rack(&self) -> Result<Option<RAck<'_>>, Problem> {
        self.optional(Name::RAck, Fault::Value, scalar::rack)
    }

    /// Retry-After.
    ///
    /// # Errors
    /// It cannot be read, or is out of range.
    pub fn retry_after(&self) -> Result<Option<RetryAfter<'_>>, Problem> {
        self.optional(Name::RetryAfter, Fault::Value, scalar::retry_after)
    }

    /// Date.
    ///
    /// # Errors
    /// It is no date in GMT.
    pub fn date(&self) -> Result<Option<Date>, Problem> {
        self.optional(Name::Date, Fault::Date, date::date)
    }

    /// The session description, where the body is one. An answer is read for what it gives and never fails.
    #[must_use]
    pub fn sdp(&self) -> Option<Sdp<'_>> {
        let media = self.content_type().ok()??;
        let sdp = media.kind != b"*" && media.covers("application", "sdp");
        (sdp && !self.body().is_empty()).then(|| Sdp::read(self.body()))
    }

    pub(super) fn list<'a, T>(
        &'a self,
        name: Name,
        fault: Fault,
        grammar: Grammar<'a, T>,
    ) -> List<'a, T> {
        let lines = self.index().slots.iter();
        List { message: self, name, fault, grammar, lines, rest: None }
    }

    /// The values of one line.
    pub(super) fn list_of<'a, T>(
        &'a self,
        line: &'a Slot,
        fault: Fault,
        grammar: Grammar<'a, T>,
    ) -> List<'a, T> {
        let lines = std::slice::from_ref(line).iter();
        List { message: self, name: line.name, fault, grammar, lines, rest: None }
    }

    pub(super) fn optional<'a, T>(
        &'a self,
        name: Name,
        fault: Fault,
        grammar: Grammar<'a, T>,
    ) -> Result<Option<T>, Problem> {
        let Some(slot) = self.index().first(name) else { return Ok(None) };
        self.whole(name, fault, grammar, self.slice(slot.value, slot.end)).map(Some)
    }

    fn mandatory<'a, T>(
        &'a self,
        name: Name,
        fault: Fault,
        grammar: Grammar<'a, T>,
    ) -> Result<T, Problem> {
        let missing = || self.problem(Fault::MissingHeader, Some(name), 0);
        self.optional(name, fault, grammar)?.ok_or_else(missing)
    }

    /// A value that is all of `input`.
    pub(super) fn whole<'a, T>(
        &'a self,
        name: Name,
        fault: Fault,
        grammar: Grammar<'a, T>,
        input: &'a [u8],
    ) -> Result<T, Problem> {
        let whole = map(terminated(grammar, (sws, eof)), |value| value).parse(input);
        whole.map(|(_, value)| value).map_err(|error| self.problem_in(fault, name, &error, input))
    }

    /// A problem where the grammar gave up.
    #[cold]
    pub(super) fn problem_in(
        &self,
        fault: Fault,
        name: Name,
        error: &nom::Err<nom::error::Error<&[u8]>>,
        input: &[u8],
    ) -> Problem {
        let place = match error {
            nom::Err::Error(error) | nom::Err::Failure(error) => error.input,
            nom::Err::Incomplete(_) => input,
        };
        // Every input is a part of the datagram, so its place there is a difference of addresses.
        let at = place.as_ptr().addr().wrapping_sub(self.bytes().as_ptr().addr());
        self.problem(fault, Some(name), at)
    }
}

#[cfg(test)]
mod tests;
