//! The numbering plan: what people write as a telephone number, and whether there can be such a number.
//!
//! The plan of each country is libphonenumber's (`rlibphonenumber`). It only ever sees digits and a `+`: punctuation is
//! taken out before, and what is neither (letters, extensions, parameters of a URI) is refused.

use crate::base::number::{Country, DIGITS_MAX, Destination};
use crate::base::spelling::{Mark, mark};
use rlibphonenumber::{
    PHONE_NUMBER_UTIL, ParseError, PhoneNumber, PhoneNumberType, Region, ValidationError,
    get_national_significant_number_owned,
};
use std::fmt;

/// Most characters of a written number, punctuation included.
pub const CHARACTERS_MAX: usize = 64;

/// A number that there can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscriber {
    /// The number.
    pub to: Destination,
    /// Where it is; none where it belongs to no country, like `+800`.
    pub country: Option<Country>,
    /// What is behind it, as far as the plan tells.
    pub kind: Kind,
}

/// What is behind a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A mobile phone.
    Mobile,
    /// A landline.
    Fixed,
    /// One of these two; in North America nobody can tell.
    FixedOrMobile,
    /// A line over the Internet.
    Voip,
    /// Free for whoever calls.
    TollFree,
    /// Dear for whoever calls.
    Premium,
    /// Both pay.
    SharedCost,
    /// A number that follows its owner.
    Personal,
    /// A pager.
    Pager,
    /// One number for many places of a company.
    Uan,
    /// A voice mailbox.
    Voicemail,
    /// The plan does not say.
    Unknown,
}

/// Why a text is not the number of anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanError {
    /// More than [`CHARACTERS_MAX`] characters.
    TooMuch {
        /// How many.
        characters: usize,
    },
    /// It does not begin with `+`, and no region says where it would be dialled.
    NoPlus,
    /// The plan knows no such region.
    UnknownRegion(Country),
    /// Something that is no digit and not among what people put between digits.
    NotANumber {
        /// Its place; 0 is the first character.
        at: usize,
    },
    /// A `+` behind a digit or another one.
    LatePlus {
        /// Its place; 0 is the first character.
        at: usize,
    },
    /// No country has the calling code that it begins with.
    UnknownCode,
    /// Too few digits for any number.
    TooShort,
    /// Too many digits for any number.
    TooLong,
    /// No number of the country (of its calling code's first country) has so many digits.
    NotPossible(Option<Country>),
    /// The country has no such number.
    NotValid(Option<Country>),
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMuch { characters } => {
                write!(f, "{characters} characters; at most {CHARACTERS_MAX} are read")
            }
            Self::NoPlus => f.write_str(
                "a number begins with + and its country's code, like +12025550142, or comes with the region it is dialled in",
            ),
            Self::UnknownRegion(region) => write!(
                f,
                "the numbering plan has no region {region}; a region is two letters, like US or GB"
            ),
            Self::NotANumber { at } => write!(
                f,
                "character {} is not a digit; between digits may stand blanks, - . / ( ) and a + in front",
                at + 1
            ),
            Self::LatePlus { at } => {
                write!(f, "character {} is a +, which stands once and before all digits", at + 1)
            }
            Self::UnknownCode => f.write_str("no country has the code that it begins with"),
            Self::TooShort => f.write_str("too few digits for a telephone number"),
            Self::TooLong => {
                write!(f, "too many digits for a telephone number; there are at most {DIGITS_MAX}")
            }
            Self::NotPossible(Some(country)) => {
                write!(f, "no number of {country} has so many digits")
            }
            Self::NotPossible(None) => f.write_str("no number of this code has so many digits"),
            Self::NotValid(Some(country)) => write!(f, "{country} has no such number"),
            Self::NotValid(None) => f.write_str("there is no such number"),
        }
    }
}

impl std::error::Error for PlanError {}

/// Reads a number as people write it: with `+`, or as it is dialled in a region (`00`, `011`, with or without the trunk
/// prefix).
///
/// # Errors
/// Why it is the number of nobody.
pub fn read(text: &str, region: Option<Country>) -> Result<Subscriber, PlanError> {
    let region = region.map(|region| known(region).ok_or(PlanError::UnknownRegion(region)));
    let region = region.transpose()?;
    let dialled = dialled(text)?;
    if region.is_none() && !dialled.starts_with('+') {
        return Err(PlanError::NoPlus);
    }
    let number = PHONE_NUMBER_UTIL.parse(&dialled, region).map_err(|error| match error {
        ParseError::InvalidCountryCode => PlanError::UnknownCode,
        // Nothing is left to be wrong with digits but that there are too few.
        ParseError::NotANumber(_) | ParseError::TooShortAfterIdd | ParseError::TooShortNsn => {
            PlanError::TooShort
        }
        ParseError::TooLongNsn => PlanError::TooLong,
    })?;
    subscriber(&number)
}

/// Whether the plan has this country.
#[must_use]
pub fn known_country(country: Country) -> bool {
    known(country).is_some()
}

/// The code that the country's numbers begin with; none where the plan does not have it.
#[must_use]
pub fn calling_code(country: Country) -> Option<u16> {
    let code = PHONE_NUMBER_UTIL.get_country_code_for_region(known(country)?)?;
    u16::try_from(code).ok().filter(|code| *code > 0)
}

/// Its digits, with the `+` if there is one, and nothing else.
fn dialled(text: &str) -> Result<String, PlanError> {
    let characters = text.chars().count();
    if characters > CHARACTERS_MAX {
        return Err(PlanError::TooMuch { characters });
    }
    let mut dialled = String::with_capacity(characters);
    for (at, character) in text.chars().enumerate() {
        match mark(character) {
            Some(Mark::Digit(digit)) => dialled.push(char::from(digit)),
            Some(Mark::Plus) if !dialled.is_empty() => return Err(PlanError::LatePlus { at }),
            Some(Mark::Plus) => dialled.push('+'),
            Some(Mark::Between) => {}
            None => return Err(PlanError::NotANumber { at }),
        }
    }
    Ok(dialled)
}

/// What the plan says of a number that was read.
fn subscriber(number: &PhoneNumber) -> Result<Subscriber, PlanError> {
    let util = &*PHONE_NUMBER_UTIL;
    let home = || util.get_region_for_country_code(number.country_code).and_then(country);
    util.is_possible_number_with_reason(number).map_err(|error| match error {
        ValidationError::InvalidCountryCode => PlanError::UnknownCode,
        ValidationError::TooShort | ValidationError::InvalidLength | ValidationError::TooLong => {
            PlanError::NotPossible(home())
        }
    })?;
    if !util.is_valid_number(number) {
        return Err(PlanError::NotValid(home()));
    }
    let digits = get_national_significant_number_owned(number);
    // It has a code and digits: only their sum can be wrong.
    let to = Destination::parse(&format!("+{}{digits}", number.country_code));
    Ok(Subscriber {
        to: to.map_err(|_| PlanError::TooLong)?,
        country: util.get_region_for_number(number).and_then(country),
        kind: util.get_number_type(number).into(),
    })
}

/// The plan's own name of a country that it has numbers of.
fn known(country: Country) -> Option<Region> {
    let region = Region::from_code(country.as_str()).ok()?;
    PHONE_NUMBER_UTIL.get_country_code_for_region(region).map(|_| region)
}

/// None for the world, which is written `001`.
fn country(region: Region) -> Option<Country> {
    Country::parse(region.as_region_str().as_str())
}

impl From<PhoneNumberType> for Kind {
    fn from(kind: PhoneNumberType) -> Self {
        match kind {
            PhoneNumberType::FixedLine => Self::Fixed,
            PhoneNumberType::Mobile => Self::Mobile,
            PhoneNumberType::FixedLineOrMobile => Self::FixedOrMobile,
            PhoneNumberType::TollFree => Self::TollFree,
            PhoneNumberType::PremiumRate => Self::Premium,
            PhoneNumberType::SharedCost => Self::SharedCost,
            PhoneNumberType::VoIP => Self::Voip,
            PhoneNumberType::PersonalNumber => Self::Personal,
            PhoneNumberType::Pager => Self::Pager,
            PhoneNumberType::UAN => Self::Uan,
            PhoneNumberType::VoiceMail => Self::Voicemail,
            PhoneNumberType::Unknown => Self::Unknown,
        }
    }
}

impl Kind {
    /// Its name in answers and in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mobile => "mobile",
            Self::Fixed => "fixed",
            Self::FixedOrMobile => "fixed_or_mobile",
            Self::Voip => "voip",
            Self::TollFree => "toll_free",
            Self::Premium => "premium",
            Self::SharedCost => "shared_cost",
            Self::Personal => "personal",
            Self::Pager => "pager",
            Self::Uan => "uan",
            Self::Voicemail => "voicemail",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests;
