//! What times mean.

use super::*;

fn utc(clock: &mut Clock, text: &str) -> String {
    clock.read(text).unwrap().timestamp.to_string()
}

#[test]
fn precision_is_that_of_the_log() {
    let mut clock = Clock::new();
    assert_eq!(utc(&mut clock, "2026-11-24 02:21:01 UTC"), "2026-11-24T02:21:01Z");
    assert_eq!(utc(&mut clock, "2026-11-24 02:21:01.120 UTC"), "2026-11-24T02:21:01.120Z");
    let epoch = Timestamp::from_epoch("1795486862.227").unwrap();
    assert_eq!(epoch.to_string(), "2026-11-24T02:21:02.227Z");
}

#[test]
fn fraction_of_any_length_is_no_overflow() {
    let mut clock = Clock::new();
    for digits in [0, 1, 4, 7, 30] {
        let text = format!("2026-11-24 02:21:01.{} UTC", "9".repeat(digits));
        assert_eq!(clock.read(&text), None, "{text}");
    }
}

#[test]
fn numeric_zones_of_every_spelling_are_read() {
    let mut clock = Clock::new();
    for (zone, expected) in [
        ("-03", "2026-11-24T05:21:01Z"),
        ("+0545", "2026-11-23T20:36:01Z"),
        ("+05:45", "2026-11-23T20:36:01Z"),
        ("<+03>", "2026-11-23T23:21:01Z"),
        ("+0530", "2026-11-23T20:51:01Z"),
    ] {
        assert_eq!(utc(&mut clock, &format!("2026-11-24 02:21:01 {zone}")), expected, "{zone}");
    }
}

#[test]
fn hour_that_occurs_twice_is_told_apart_by_its_abbreviation() {
    let mut clock = Clock::in_zone("Europe/Berlin").unwrap();
    assert_eq!(utc(&mut clock, "2026-10-25 02:30:00 CEST"), "2026-10-25T00:30:00Z");
    assert_eq!(utc(&mut clock, "2026-10-25 02:30:00 CET"), "2026-10-25T01:30:00Z");
    assert!(!clock.read("2026-10-25 02:30:00 CET").unwrap().ambiguous);
}

#[test]
fn hour_that_occurs_twice_under_one_name_is_told_apart_by_its_neighbours() {
    // Eastern Australia called winter and summer time EST once.
    let zone = TimeZone::posix("EST-10EST,M10.1.0,M4.1.0/3").unwrap();
    let clock = || Clock { zone: Some(zone.clone()), ..Clock::new() };
    let read = |clock: &mut Clock, time: &str, session: Option<&str>| {
        let time = clock.read_in_session(time, session).unwrap();
        (time.timestamp.to_string(), time.ambiguous)
    };
    let known = |text: &str| (text.to_owned(), false);
    let mut busy = clock();
    for (local, utc) in [
        ("2026-04-05 01:59:00 EST", "2026-04-04T14:59:00Z"),
        ("2026-04-05 02:00:00 EST", "2026-04-04T15:00:00Z"),
        ("2026-04-05 02:05:00 EST", "2026-04-04T15:05:00Z"),
        ("2026-04-05 02:00:00 EST", "2026-04-04T16:00:00Z"),
        ("2026-04-05 02:30:00 EST", "2026-04-04T16:30:00Z"),
        ("2026-04-05 03:30:00 EST", "2026-04-04T17:30:00Z"),
    ] {
        assert_eq!(read(&mut busy, local, None), known(utc), "{local}");
    }
    let alone = read(&mut clock(), "2026-04-05 02:30:00 EST", None);
    assert_eq!(alone, ("2026-04-04T15:30:00Z".to_owned(), true));
    // The session began in the second hour, at 16:10 UTC.
    let in_session = read(&mut clock(), "2026-04-05 02:30:00 EST", Some("69d13818.1f"));
    assert_eq!(in_session, known("2026-04-04T16:30:00Z"));
}

#[test]
fn abbreviation_means_what_the_configured_zone_says() {
    let mut india = Clock::in_zone("Asia/Kolkata").unwrap();
    assert_eq!(utc(&mut india, "2026-11-24 02:21:01 IST"), "2026-11-23T20:51:01Z");
    let mut unknown = Clock::new();
    assert_eq!(utc(&mut unknown, "2026-11-24 02:21:01 IST"), "2026-11-24T00:21:01Z");
}

#[test]
fn young_session_tells_what_its_zone_means() {
    let mut clock = Clock::new();
    let mut read = |text: &str, id| clock.read_in_session(text, id).unwrap().timestamp.to_string();
    // A session of an hour ago says nothing.
    let old = read("2026-11-25 06:51:12 CST", Some("6b06054c.63a5"));
    assert_eq!(old, "2026-11-25T12:51:12Z");
    let young = read("2026-11-25 06:51:12 CST", Some("6b0614e0.63b2"));
    assert_eq!(young, "2026-11-24T22:51:12Z");
    assert_eq!(read("2026-11-25 06:51:12 CST", None), young);
    assert_eq!(read("2026-11-25 06:52:12 CST", None), "2026-11-24T22:52:12Z");
    // 14 hours later the log of a server in Chicago would look the same.
    let mut clock = Clock::new();
    let mut read = |text: &str, id| clock.read_in_session(text, id).unwrap().timestamp.to_string();
    assert_eq!(read("2026-11-25 06:51:12 CST", Some("6b0614e0.1")), "2026-11-24T22:51:12Z");
    assert_eq!(read("2026-11-25 06:51:13 CST", Some("6b06d9c1.2")), "2026-11-25T12:51:13Z");
    assert_eq!(read("2026-11-25 06:51:14 CST", Some("6b0614e2.3")), "2026-11-25T12:51:14Z");
}

#[test]
fn unknown_abbreviation_is_flagged_and_taken_as_utc() {
    let time =
        Clock::new().read("2026-11-24 02:21:01 XYZ").map(|t| (t.timestamp.micros(), t.ambiguous));
    assert_eq!(time, Some((1_795_486_861_000_000, true)));
}

#[test]
fn session_s_start_says_what_an_abbreviation_means() {
    let mut clock = Clock::new();
    let mut read = |text, session_id, start| {
        let time = clock.read(text).unwrap();
        let too_late = clock.correction(session_id, start);
        (time.timestamp.earlier_by(too_late.unwrap_or(0)).to_string(), too_late.is_some())
    };
    let shanghai = "2026-11-25 06:51:12.712 CST";
    let start = ("6b0614e0.63a5", "2026-11-25 06:51:12 CST");
    let right = || "2026-11-24T22:51:12.712Z".to_owned();
    assert_eq!(read(shanghai, start.0, start.1), (right(), true));
    assert_eq!(read(shanghai, start.0, start.1), (right(), false), "it is known by now");
    // Another zone than that of the start, and no zone's offset.
    let summer = "2026-06-25 06:51:12.712 CDT";
    assert_eq!(read(summer, start.0, start.1), ("2026-06-25T11:51:12.712Z".to_owned(), false));
    assert!(!read("2026-11-25 06:51:13.712 CST", "6b0614e1.63a5", start.1).1);
}

#[test]
fn calendar_agrees_with_the_library() {
    for days in (-100_000..100_000).step_by(37) {
        let date = civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap();
        let counted = days_from_civil(date.year().into(), date.month().into(), date.day().into());
        assert_eq!(counted, days);
    }
}

#[test]
fn nonsense_is_no_time() {
    let mut clock = Clock::new();
    for text in [
        "",
        "2026-11-24 02:21:01",
        "2026-13-24 02:21:01 UTC",
        "2026-11-24 02:21:01.1 UTC",
        "ä026-11-24 02:21:0 UTC",
    ] {
        assert_eq!(clock.read(text), None, "{text}");
    }
    assert_eq!(Timestamp::from_epoch("99999999999999999999.123"), None);
    assert!(Clock::in_zone("Mars/Olympus").is_err());
}
