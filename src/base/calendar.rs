//! Dates and times of day in UTC, as people and files write them (RFC 3339). The Gregorian calendar, without leap
//! seconds, as Unix time has none.

use std::fmt;

const DAY_SECS: u64 = 86_400;
/// From 0000-03-01 to 1970-01-01: years are counted from March, so that the leap day is the last of its year.
const DAYS_TO_1970: u64 = 719_468;
/// Days in 400 years; then the calendar repeats.
const ERA_DAYS: u64 = 146_097;

/// A moment in UTC, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Civil {
    /// 1970 to 9999.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// Microseconds of the second.
    pub micros: u32,
}

impl Civil {
    /// The moment so many microseconds after 1970 began.
    #[must_use]
    pub fn of(unix_us: u64) -> Self {
        let (secs, micros) = (unix_us / 1_000_000, unix_us % 1_000_000);
        let (days, day_secs) = (secs / DAY_SECS, secs % DAY_SECS);
        let shifted = days + DAYS_TO_1970;
        let (era, day_of_era) = (shifted / ERA_DAYS, shifted % ERA_DAYS);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        Self {
            year: u16::try_from(year).unwrap_or(u16::MAX),
            month: month as u8,
            day: day as u8,
            hour: (day_secs / 3600) as u8,
            minute: (day_secs / 60 % 60) as u8,
            second: (day_secs % 60) as u8,
            micros: micros as u32,
        }
    }

    /// Microseconds since 1970; none for a day that the calendar does not have, or before 1970.
    #[must_use]
    pub fn unix_us(self) -> Option<u64> {
        let (year, month, day) = (u64::from(self.year), u64::from(self.month), u64::from(self.day));
        let in_range = year >= 1970
            && (1..=12).contains(&month)
            && day >= 1
            && self.hour < 24
            && self.minute < 60
            && self.second < 60
            && self.micros < 1_000_000;
        if !in_range {
            return None;
        }
        let shifted_year = year - u64::from(month <= 2);
        let shifted_month = if month > 2 { month - 3 } else { month + 9 };
        let (era, year_of_era) = (shifted_year / 400, shifted_year % 400);
        let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
        let day_of_era = 365 * year_of_era + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * ERA_DAYS + day_of_era - DAYS_TO_1970;
        let (hour, minute) = (u64::from(self.hour), u64::from(self.minute));
        let secs = days * DAY_SECS + hour * 3600 + minute * 60 + u64::from(self.second);
        let unix_us = secs * 1_000_000 + u64::from(self.micros);
        // A day too many for its month comes out as one of the next.
        (Self::of(unix_us) == self).then_some(unix_us)
    }

    /// `20261123T040506Z`, for names of files.
    #[must_use]
    pub fn compact(self) -> String {
        let Self { year, month, day, hour, minute, second, .. } = self;
        format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
    }

    /// `2026-11-23 04:05:06`, as telephone switches write it.
    #[must_use]
    pub fn seconds(self) -> String {
        let Self { year, month, day, hour, minute, second, .. } = self;
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }
}

impl fmt::Display for Civil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, minute, second, micros } = self;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
    }
}

/// `2026-11-23T04:05:06.000007Z` from microseconds since 1970.
#[must_use]
pub fn rfc3339(unix_us: u64) -> String {
    Civil::of(unix_us).to_string()
}

/// Why a text is not a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeError {
    /// It is not written like one.
    Form,
    /// It is a day or a time of day that does not exist, or before 1970.
    Range,
}

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "not a time; write it like 2026-11-23, or 2026-11-23T04:05:06Z",
            Self::Range => "no such day or time of day since 1970",
        })
    }
}

impl std::error::Error for TimeError {}

/// Microseconds since 1970 of an RFC 3339 time (`2026-11-23T04:05:06.5Z`, `2026-11-23T05:05:06+01:00`), or of a day alone
/// (`2026-11-23`: its first moment in UTC). What is finer than a microsecond is cut off.
///
/// # Errors
/// It is not written like a time, or there is no such time.
pub fn parse_rfc3339(text: &str) -> Result<u64, TimeError> {
    let (day, rest) = text.split_at_checked(10).ok_or(TimeError::Form)?;
    let [year, month, day] = fields(day, '-', [4, 2, 2])?;
    let civil = Civil {
        year,
        month: month as u8,
        day: day as u8,
        hour: 0,
        minute: 0,
        second: 0,
        micros: 0,
    };
    if rest.is_empty() {
        return civil.unix_us().ok_or(TimeError::Range);
    }
    let rest = rest.strip_prefix(['T', 't', ' ']).ok_or(TimeError::Form)?;
    let (clock, rest) = rest.split_at_checked(8).ok_or(TimeError::Form)?;
    let [hour, minute, second] = fields(clock, ':', [2, 2, 2])?;
    let (micros, zone) = fraction(rest)?;
    let civil =
        Civil { hour: hour as u8, minute: minute as u8, second: second as u8, micros, ..civil };
    let local = civil.unix_us().ok_or(TimeError::Range)?;
    local.checked_add_signed(-offset_us(zone)?).ok_or(TimeError::Range)
}

/// Three numbers of so many digits.
fn fields(text: &str, between: char, digits: [usize; 3]) -> Result<[u16; 3], TimeError> {
    let mut parts = text.split(between);
    let mut found = [0; 3];
    for (place, digits) in found.iter_mut().zip(digits) {
        *place = number(parts.next().unwrap_or_default(), digits)?;
    }
    if parts.next().is_some() { Err(TimeError::Form) } else { Ok(found) }
}

fn number(text: &str, digits: usize) -> Result<u16, TimeError> {
    let plain = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| plain).ok_or(TimeError::Form)
}

/// The microseconds that a text may begin with, and what follows them.
fn fraction(text: &str) -> Result<(u32, &str), TimeError> {
    let Some(digits) = text.strip_prefix('.') else { return Ok((0, text)) };
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at_checked(end).ok_or(TimeError::Form)?;
    if digits.is_empty() {
        return Err(TimeError::Form);
    }
    let six = digits.bytes().chain(std::iter::repeat(b'0')).take(6);
    Ok((six.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')), rest))
}

/// What a zone is ahead of UTC: `Z`, `+01:00`, `-05:30`.
fn offset_us(zone: &str) -> Result<i64, TimeError> {
    if matches!(zone, "Z" | "z") {
        return Ok(0);
    }
    let sign = match zone.as_bytes().first() {
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return Err(TimeError::Form),
    };
    let (hour, minute) =
        zone.get(1..).and_then(|zone| zone.split_once(':')).ok_or(TimeError::Form)?;
    let (hour, minute) = (number(hour, 2)?, number(minute, 2)?);
    if hour > 23 || minute > 59 {
        return Err(TimeError::Range);
    }
    Ok(sign * (i64::from(hour) * 60 + i64::from(minute)) * 60_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_with_microseconds() {
        for (unix_us, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400_000_007, "2000-02-29T00:00:00.000007Z"),
            (1_795_406_706_123_456, "2026-11-23T04:05:06.123456Z"),
            (4_107_542_399_999_999, "2100-02-28T23:59:59.999999Z"),
            (4_107_542_400_000_000, "2100-03-01T00:00:00.000000Z"),
        ] {
            assert_eq!(rfc3339(unix_us), text);
            assert_eq!(parse_rfc3339(text), Ok(unix_us), "{text}");
        }
    }

    #[test]
    fn every_day_of_two_eras_is_read_as_it_was_written() {
        for day in 0..2 * ERA_DAYS {
            let unix_us = day * DAY_SECS * 1_000_000 + day;
            assert_eq!(Civil::of(unix_us).unix_us(), Some(unix_us), "day {day}");
        }
    }

    #[test]
    fn a_time_may_be_a_day_or_have_a_zone_or_a_short_fraction() {
        let noon = 1_795_435_200_000_000;
        assert_eq!(parse_rfc3339("2026-11-23"), Ok(noon - 12 * 3_600_000_000));
        for text in [
            "2026-11-23T12:00:00Z",
            "2026-11-23t12:00:00z",
            "2026-11-23 12:00:00Z",
            "2026-11-23T13:00:00+01:00",
            "2026-11-23T06:30:00-05:30",
            "2026-11-24T00:00:00.0000009+12:00",
        ] {
            assert_eq!(parse_rfc3339(text), Ok(noon), "{text}");
        }
        assert_eq!(parse_rfc3339("2026-11-23T12:00:00.5Z"), Ok(noon + 500_000));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "yesterday",
            "2026-11-2",
            "2026-11-23T",
            "2026-11-23T12:00:00",
            "2026-11-23T12:00Z",
            "2026-11-23T12:00:00.Z",
            "2026-11-23T12:00:00+1:00",
            "2026-11-23T12:00:00Zz",
            "2026-11-+3",
            "20261123T120000Z",
            "２026-11-23",
        ] {
            assert_eq!(parse_rfc3339(text), Err(TimeError::Form), "{text}");
        }
        for text in [
            "1969-12-31",
            "2026-02-29",
            "2026-13-01",
            "2026-00-01",
            "2026-01-00",
            "2026-11-23T24:00:00Z",
            "2026-11-23T23:60:00Z",
            "2026-11-23T23:59:60Z",
            "1970-01-01T00:30:00+01:00",
            "2026-11-23T12:00:00+24:00",
        ] {
            assert_eq!(parse_rfc3339(text), Err(TimeError::Range), "{text}");
        }
    }

    #[test]
    fn the_short_forms_have_no_fraction() {
        let civil = Civil::of(1_795_406_706_123_456);
        assert_eq!(civil.compact(), "20261123T040506Z");
        assert_eq!(civil.seconds(), "2026-11-23 04:05:06");
    }
}
