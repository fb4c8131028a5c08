use chrono::{DateTime, Days, MappedLocalTime, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};
use healthbridge_terms::coded;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::period::{Period, merged};

coded! {
    /// A day of the week (FHIR days-of-week).
    pub enum Weekday {
        /// Monday.
        Mon,
        /// Tuesday.
        Tue,
        /// Wednesday.
        Wed,
        /// Thursday.
        Thu,
        /// Friday.
        Fri,
        /// Saturday.
        Sat,
        /// Sunday.
        Sun,
    }
}

impl From<chrono::Weekday> for Weekday {
    fn from(day: chrono::Weekday) -> Self {
        match day {
            chrono::Weekday::Mon => Self::Mon,
            chrono::Weekday::Tue => Self::Tue,
            chrono::Weekday::Wed => Self::Wed,
            chrono::Weekday::Thu => Self::Thu,
            chrono::Weekday::Fri => Self::Fri,
            chrono::Weekday::Sat => Self::Sat,
            chrono::Weekday::Sun => Self::Sun,
        }
    }
}

/// A time of day as a clock shows it, in minutes from midnight; 24:00 is the end of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClockTime(u16);

impl ClockTime {
    /// Midnight, with which a day begins.
    pub const BEGIN: Self = Self(0);
    /// Midnight, with which a day ends.
    pub const END: Self = Self(24 * 60);

    /// Reads `HH:MM`, from 00:00 to 24:00.
    pub fn read(text: &str) -> Option<Self> {
        let (hours, minutes) = text.split_once(':')?;
        let is_number = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = |text: &str| text.parse::<u16>().ok().filter(|_| is_number(text));
        let (hours, minutes) = (number(hours)?, number(minutes)?);
        let time = Self(hours * 60 + minutes);
        (minutes < 60 && time <= Self::END).then_some(time)
    }

    /// As `HH:MM`.
    pub fn write(self) -> String {
        format!("{:02}:{:02}", self.0 / 60, self.0 % 60)
    }

    /// The moment at which a clock of this zone first shows this time on that day. Where clocks are set forward over it, the
    /// moment at which they are: so hours that follow each other do so on every day. `None` beyond all calendars.
    fn on(self, day: NaiveDate, zone: Tz) -> Option<DateTime<Utc>> {
        let (day, minutes) = if self == Self::END { (day.checked_add_days(Days::new(1))?, 0) } else { (day, self.0) };
        let shown = day.and_time(NaiveTime::from_num_seconds_from_midnight_opt(u32::from(minutes) * 60, 0)?);
        let moment = match zone.from_local_datetime(&shown) {
            MappedLocalTime::Single(moment) | MappedLocalTime::Ambiguous(moment, _) => moment,
            MappedLocalTime::None => GapInfo::new(&shown, &zone)?.end?,
        };
        Some(moment.to_utc())
    }
}

/// Hours of a day of the week; the end is not worked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hours {
    /// On which day.
    pub weekday: Weekday,
    /// From when on.
    pub from: ClockTime,
    /// Until when.
    pub to: ClockTime,
}

/// When a doctor works: hours of the week by the clinic's clock, on the days from one on (FHIR Schedule).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkingHours {
    /// The member of the staff.
    pub doctor_id: Uuid,
    /// The first day.
    pub valid_from: NaiveDate,
    /// The last day; for ever where there is none.
    pub valid_until: Option<NaiveDate>,
    /// The hours, in the order of the week; none on days off.
    pub hours: Vec<Hours>,
    /// When they were set.
    pub updated_at: DateTime<Utc>,
    /// Who set them.
    pub updated_by: Uuid,
    /// 1 when they were first set for this day, and one more with each change.
    pub version: i32,
}

impl WorkingHours {
    fn covers(&self, day: NaiveDate) -> bool {
        self.valid_from <= day && self.valid_until.is_none_or(|last| day <= last)
    }
}

/// The days of a zone that a time touches, whole.
pub fn whole_days(zone: Tz, touched: Period) -> Option<Period> {
    let day = |moment: DateTime<Utc>| moment.with_timezone(&zone).date_naive();
    Period::new(ClockTime::BEGIN.on(day(touched.start()), zone)?, ClockTime::END.on(day(touched.end()), zone)?)
}

/// When a doctor with these hours can be booked, within a time that is asked for. Of the hours that cover a day those that
/// began last count; on a day that none cover the doctor can be booked at any time.
pub fn open(all: &[WorkingHours], zone: Tz, within: Period) -> Vec<Period> {
    let day = |moment: DateTime<Utc>| moment.with_timezone(&zone).date_naive();
    let days = day(within.start()).iter_days().take_while(|one| *one <= day(within.end()));
    let on = |from: ClockTime, to: ClockTime, day: NaiveDate| Period::new(from.on(day, zone)?, to.on(day, zone)?);
    let worked = |day: NaiveDate| match all.iter().filter(|one| one.covers(day)).max_by_key(|one| one.valid_from) {
        Some(these) => {
            let hours = these.hours.iter().filter(|one| one.weekday == chrono::Datelike::weekday(&day).into());
            hours.filter_map(|one| on(one.from, one.to, day)).collect()
        }
        None => on(ClockTime::BEGIN, ClockTime::END, day).into_iter().collect::<Vec<_>>(),
    };
    let cut = |one: Period| Period::new(one.start().max(within.start()), one.end().min(within.end()));
    merged(days.flat_map(worked).filter_map(cut).collect())
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;

    const BERLIN: Tz = chrono_tz::Europe::Berlin;

    fn moment(text: &str) -> DateTime<Utc> {
        text.parse().expect("a moment")
    }

    fn date(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn set(from: &str, until: Option<&str>, hours: &[(&str, &str)]) -> WorkingHours {
        let read = |text| ClockTime::read(text).expect("a time");
        let day = |weekday| hours.iter().map(move |(from, to)| Hours { weekday, from: read(from), to: read(to) });
        let week = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];
        WorkingHours {
            doctor_id: Uuid::nil(),
            valid_from: date(from),
            valid_until: until.map(date),
            hours: week.into_iter().flat_map(day).collect(),
            updated_at: DateTime::UNIX_EPOCH,
            updated_by: Uuid::nil(),
            version: 1,
        }
    }

    /// Of the day in Berlin, as moments.
    fn on(day: &str, all: &[WorkingHours]) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
        let whole = Period::new(
            ClockTime::BEGIN.on(date(day), BERLIN).expect("a moment"),
            ClockTime::END.on(date(day), BERLIN).expect("a moment"),
        );
        open(all, BERLIN, whole.expect("a day")).into_iter().map(|one| (one.start(), one.end())).collect()
    }

    fn between(start: &str, end: &str) -> (DateTime<Utc>, DateTime<Utc>) {
        (moment(start), moment(end))
    }

    #[test]
    fn a_doctor_works_at_the_same_times_of_the_clock_in_winter_and_in_summer() {
        let all = [set("2026-01-01", None, &[("08:00", "12:00"), ("13:00", "17:00")])];
        let winter = [
            between("2026-01-15T07:00:00Z", "2026-01-15T11:00:00Z"),
            between("2026-01-15T12:00:00Z", "2026-01-15T16:00:00Z"),
        ];
        assert_eq!(on("2026-01-15", &all), winter);
        let summer = [
            between("2026-07-15T06:00:00Z", "2026-07-15T10:00:00Z"),
            between("2026-07-15T11:00:00Z", "2026-07-15T15:00:00Z"),
        ];
        assert_eq!(on("2026-07-15", &all), summer);
    }

    #[test]
    fn the_missing_hour_is_not_worked_and_hours_beside_it_stay_beside_each_other() {
        // Clocks go from 02:00 to 03:00 at 01:00 UTC.
        let all = [set("2026-01-01", None, &[("00:00", "02:30"), ("02:30", "06:00")])];
        assert_eq!(on("2026-03-29", &all), [between("2026-03-28T23:00:00Z", "2026-03-29T04:00:00Z")]);
        let within = [set("2026-01-01", None, &[("02:00", "03:00")])];
        assert_eq!(on("2026-03-29", &within), [], "there is no such hour");
        let into = [set("2026-01-01", None, &[("02:30", "04:00")])];
        assert_eq!(on("2026-03-29", &into), [between("2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z")]);
    }

    #[test]
    fn the_doubled_hour_is_worked_twice_and_belongs_to_one_of_two_neighbours() {
        // Clocks go from 03:00 back to 02:00 at 01:00 UTC.
        let night = [set("2026-01-01", None, &[("00:00", "06:00")])];
        assert_eq!(on("2026-10-25", &night), [between("2026-10-24T22:00:00Z", "2026-10-25T05:00:00Z")], "seven hours");
        let early = [set("2026-01-01", None, &[("00:00", "02:30")])];
        let late = [set("2026-01-01", None, &[("02:30", "06:00")])];
        assert_eq!(on("2026-10-25", &early), [between("2026-10-24T22:00:00Z", "2026-10-25T00:30:00Z")]);
        assert_eq!(on("2026-10-25", &late), [between("2026-10-25T00:30:00Z", "2026-10-25T05:00:00Z")]);
    }

    #[test]
    fn a_day_that_begins_an_hour_late_is_whole_without_it() {
        let zone = chrono_tz::America::Santiago;
        let (begin, end) = (ClockTime::BEGIN.on(date("2026-09-06"), zone), ClockTime::END.on(date("2026-09-06"), zone));
        assert_eq!(end.zip(begin).map(|(end, begin)| end - begin), Some(Duration::hours(23)));
    }

    #[test]
    fn of_the_hours_that_cover_a_day_those_that_began_last_count_and_without_any_all_of_it_is_open() {
        let all = [
            set("2026-01-01", None, &[("08:00", "12:00")]),
            set("2026-08-03", Some("2026-08-14"), &[]),
            set("2026-09-01", Some("2026-09-01"), &[("10:00", "11:00")]),
        ];
        let morning = |day: &str| vec![between(&format!("{day}T06:00:00Z"), &format!("{day}T10:00:00Z"))];
        assert_eq!(on("2026-08-02", &all), morning("2026-08-02"));
        assert_eq!((on("2026-08-03", &all), on("2026-08-14", &all)), (Vec::new(), Vec::new()), "on holiday");
        assert_eq!(on("2026-08-15", &all), morning("2026-08-15"));
        assert_eq!(on("2026-09-01", &all), [between("2026-09-01T08:00:00Z", "2026-09-01T09:00:00Z")]);
        assert_eq!(on("2025-12-31", &all), [between("2025-12-30T23:00:00Z", "2025-12-31T23:00:00Z")]);
    }

    #[test]
    fn a_time_of_day_is_read_in_its_full_form_only() {
        for (text, written) in [("00:00", "00:00"), ("08:05", "08:05"), ("23:59", "23:59"), ("24:00", "24:00")] {
            assert_eq!(ClockTime::read(text).map(ClockTime::write).as_deref(), Some(written));
        }
        for wrong in ["8:00", "08:60", "24:01", "0800", "", "08:00:00", "+8:00", "٠٨:٠٠"] {
            assert_eq!(ClockTime::read(wrong), None, "{wrong}");
        }
    }
}
