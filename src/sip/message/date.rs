//! Date (RFC 3261 §20.17): `Sat, 13 Nov 2010 23:29:00 GMT`, nothing else.

use nom::bytes::complete::{tag, tag_no_case, take};
use nom::character::complete::char;
use nom::combinator::{map_opt, value};
use nom::sequence::{preceded, terminated};
use nom::{IResult, Parser};

/// A moment that exists, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// Seconds since the beginning of 1970, GMT.
    pub unix: i64,
}

/// `rfc1123-date = wkday "," SP date1 SP time SP "GMT"`. The day of the week need not be the right one.
pub(super) fn date(input: &[u8]) -> IResult<&[u8], Date> {
    let words = |words: &'static str| map_opt(take(3_usize), move |text| place(words, text));
    let space = || char(' ');
    let day = terminated(digits(2), space());
    let month = terminated(words("janfebmaraprmayjunjulaugsepoctnovdec"), space());
    let year = terminated(digits(4), space());
    let time = (digits(2), preceded(char(':'), digits(2)), preceded(char(':'), digits(2)));
    let weekday = value((), (words("montuewedthufrisatsun"), tag(&b", "[..])));
    let all = (preceded(weekday, day), month, year, terminated(time, tag_no_case(&b" GMT"[..])));
    map_opt(all, |(day, month, year, time)| moment((year, month + 1, day), time)).parse(input)
}

/// The place of three letters in a row of them, in any case.
fn place(words: &str, text: &[u8]) -> Option<i64> {
    let mut all = words.as_bytes().chunks(3);
    all.position(|word| word.eq_ignore_ascii_case(text)).map(|place| place as i64)
}

fn digits<'a>(
    count: usize,
) -> impl Parser<&'a [u8], Output = i64, Error = nom::error::Error<&'a [u8]>> {
    map_opt(take(count), |text: &[u8]| {
        let value = text.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit & 15));
        text.iter().all(u8::is_ascii_digit).then_some(value)
    })
}

/// Seconds since 1970 of a day that exists and a time that may be a leap second.
fn moment(
    (year, month, day): (i64, i64, i64),
    (hour, minute, second): (i64, i64, i64),
) -> Option<Date> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let good = (1..=last).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    // Counted from 1 March of the year 0, so that the leap day is the last of its year.
    let (years, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leaps = years.div_euclid(4) - years.div_euclid(100) + years.div_euclid(400);
    let days = years * 365 + leaps + (153 * months + 2) / 5 + day - 1 - 719_468;
    good.then_some(Date { unix: ((days * 24 + hour) * 60 + minute) * 60 + second })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<i64> {
        date(text.as_bytes()).ok().filter(|(rest, _)| rest.is_empty()).map(|(_, date)| date.unix)
    }

    #[test]
    fn moments_that_exist() {
        assert_eq!(read("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(read("Sat, 13 Nov 2010 23:29:00 GMT"), Some(1_289_690_940));
        assert_eq!(read("tue, 29 feb 2000 12:00:00 gmt"), Some(951_825_600));
        assert_eq!(read("Wed, 31 Dec 1969 23:59:59 GMT"), Some(-1));
    }

    #[test]
    fn what_is_no_date() {
        for text in [
            "Fri, 01 Jan 2010 16:00:00 EST",
            "Fri, 32 Jan 2010 16:00:00 GMT",
            "Mon, 29 Feb 2010 16:00:00 GMT",
            "Mon, 29 Feb 1900 16:00:00 GMT",
            "Fri, 00 Jan 2010 16:00:00 GMT",
            "Fri, 01 Jan 2010 24:00:00 GMT",
            "Fri, 1 Jan 2010 16:00:00 GMT",
            "Fri,01 Jan 2010 16:00:00 GMT",
            "Foo, 01 Jan 2010 16:00:00 GMT",
            "Fri, 01 Foo 2010 16:00:00 GMT",
            "Fri, 01 Jan 10 16:00:00 GMT",
            "Fri, 01 Jan 2010 16:00 GMT",
            "Fri, 01 Jan 2010 16:00:00",
            "2010-01-01T16:00:00Z",
            "",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
