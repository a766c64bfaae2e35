use super::*;

fn iso(text: &str, zone: Option<&str>) -> Result<String, Error> {
    parse(text.into(), zone.map(Into::into)).map(|moment| moment.iso)
}

#[test]
fn forms_that_name_their_zone() {
    for (text, wanted) in [
        ("2026-11-22T19:00:00+01:00", "2026-11-22T19:00:00+01:00"),
        ("2026-11-22 19:00:00.250Z", "2026-11-22T19:00:00.25Z"),
        ("20261122T190000Z", "2026-11-22T19:00:00Z"),
        ("2026-11-22T19:00[Europe/Oslo]", "2026-11-22T19:00:00+01:00"),
        ("2026-07-01T12:00:00+02:00[Europe/Oslo]", "2026-07-01T12:00:00+02:00"),
        ("Sun, 22 Nov 2026 19:00:00 -0500", "2026-11-22T19:00:00-05:00"),
        ("Sun, 22 Nov 2026 19:00:00 GMT", "2026-11-22T19:00:00Z"),
        ("Sun Nov 22 19:00:00 UTC 2026", "2026-11-22T19:00:00Z"),
        ("Sun Nov 22 19:00:00 2026 +0100", "2026-11-22T19:00:00+01:00"),
        ("22/Nov/2026:19:00:00 +0100", "2026-11-22T19:00:00+01:00"),
        ("2026-11-22 19:00:00 +0100", "2026-11-22T19:00:00+01:00"),
        ("2026-11-22 19:00:00 UTC", "2026-11-22T19:00:00Z"),
        ("1795374000", "2026-11-22T19:00:00Z"),
        ("1795374000.5", "2026-11-22T19:00:00.5Z"),
        ("1795374000250", "2026-11-22T19:00:00.25Z"),
        ("1795374000000001", "2026-11-22T19:00:00.000001Z"),
        ("0", "1970-01-01T00:00:00Z"),
        ("-1", "1969-12-31T23:59:59Z"),
        ("-0.5", "1969-12-31T23:59:59.5Z"),
        ("@2026", "1970-01-01T00:33:46Z"),
    ] {
        assert_eq!(iso(text, None).as_deref(), Ok(wanted), "{text}");
    }
}

#[test]
fn forms_without_a_zone_are_read_in_the_one_given() {
    for (text, wanted) in [
        ("2026-11-22", "2026-11-22T00:00:00"),
        ("2026-11-22 19:00", "2026-11-22T19:00:00"),
        ("20261122", "2026-11-22T00:00:00"),
        ("2026", "2026-01-01T00:00:00"),
        ("2026-11", "2026-11-01T00:00:00"),
        ("2026-W47", "2026-11-16T00:00:00"),
        ("2026-W47-7", "2026-11-22T00:00:00"),
        ("22 November 2026", "2026-11-22T00:00:00"),
        ("Sunday, 22 Nov 2026 7:30 pm", "2026-11-22T19:30:00"),
        ("November 22, 2026 7:30pm", "2026-11-22T19:30:00"),
        ("nov  2, 2026", "2026-11-02T00:00:00"),
        ("22.11.2026 19:00:05", "2026-11-22T19:00:05"),
        ("2026/11/22", "2026-11-22T00:00:00"),
        ("Sun Nov 22 19:00:00 2026", "2026-11-22T19:00:00"),
    ] {
        assert_eq!(iso(text, None), Ok(format!("{wanted}Z")), "{text}");
        assert_eq!(iso(text, Some("-05:00")), Ok(format!("{wanted}-05:00")), "{text}");
    }
}

#[test]
fn what_is_no_time_is_refused() {
    let long = "9".repeat(1 << 20);
    for (text, part) in [
        ("", "`` is not a time"),
        ("soon", "`soon` is not a time that can be read"),
        ("03/04/2026", "a day before a month"),
        ("2026-02-30", "not a time"),
        ("2026-13", "not a time"),
        ("25:00", "not a time"),
        ("Mon, 22 Nov 2026", "not a time"),
        ("2026-11-22T19:00[Mars/Phobos]", "not a time"),
        ("2026-07-01T12:00:00+05:00[Europe/Oslo]", "not a time"),
        ("99999999999999999999", "not a time"),
        (long.as_str(), "found 1048576 bytes of text"),
    ] {
        let error = iso(text, None).unwrap_err().to_string();
        assert!(error.starts_with("$.text: ") && error.contains(part), "{error}");
    }
}

#[test]
fn tells_all_of_a_moment() {
    assert_eq!(
        parse("2027-01-03T12:00:00Z".into(), Some("Europe/Oslo".into())),
        Ok(Moment {
            iso: "2027-01-03T13:00:00+01:00".into(),
            unix_ms: 1_798_977_600_000,
            zone: "Europe/Oslo".into(),
            offset: "+01:00".into(),
            weekday: "Sunday".into(),
            week: "2026-W53-7".into(),
            day_of_year: 3,
        })
    );
}

#[test]
fn converts() {
    let to = |time: &str, zone: &str, from: &str| convert(time.into(), zone.into(), from.into()).map(|m| m.iso);
    assert_eq!(to("2026-07-01 12:00", "America/New_York", "Europe/Oslo").as_deref(), Ok("2026-07-01T06:00:00-04:00"));
    assert_eq!(to("2026-07-01T12:00Z", "Asia/Kolkata", "Europe/Oslo").as_deref(), Ok("2026-07-01T17:30:00+05:30"));
    assert!(to("2026-07-01", "Oslo", "UTC").unwrap_err().to_string().starts_with("$.zone: "));
}

#[test]
fn adds_on_the_calendar() {
    for (time, duration, zone, wanted) in [
        ("2026-01-31", "1 month", None, "2026-02-28T00:00:00Z"),
        ("2026-11-22T19:00:00+01:00", "1h 30m", None, "2026-11-22T20:30:00+01:00"),
        ("2026-11-22", "-P1W", None, "2026-11-15T00:00:00Z"),
        ("2026-11-22", "2 days ago", None, "2026-11-20T00:00:00Z"),
        // Clocks go forward on 29 March: a day later is the same hour, 24 hours later isn't.
        ("2026-03-28T12:00", "1d", Some("Europe/Oslo"), "2026-03-29T12:00:00+02:00"),
        ("2026-03-28T12:00", "24h", Some("Europe/Oslo"), "2026-03-29T13:00:00+02:00"),
    ] {
        let moment = add(time.into(), duration.into(), zone.map(Into::into));
        assert_eq!(moment.map(|m| m.iso).as_deref(), Ok(wanted), "{time} {duration}");
    }
}

#[test]
fn sums_that_no_calendar_has_are_errors() {
    let error = |duration: &str| add("2026-11-22".into(), duration.into(), None).unwrap_err();
    assert!(matches!(error("9000 years"), Error::Failed(text) if text.starts_with("failed to add `9000 years`: ")));
    for duration in ["", "soon", "5", "1000000 years"] {
        assert!(error(duration).to_string().starts_with("$.duration: wanted a duration"), "{duration}");
    }
}

#[test]
fn tells_how_long_it_is() {
    let far = |from: &str, to: &str, zone: Option<&str>| between(from.into(), to.into(), zone.map(Into::into)).unwrap();
    assert_eq!(
        far("2026-01-31", "2026-03-03T02:00", None),
        Between {
            iso: "P1M3DT2H".into(),
            text: "1 month, 3 days, 2 hours".into(),
            ms: 31 * 86_400_000 + 7_200_000,
            days: 31
        }
    );
    let back = far("2026-11-22", "2026-11-21T23:59:59.5", None);
    assert_eq!((back.iso.as_str(), back.ms, back.days), ("-PT0.5S", -500, 0));
    assert_eq!(far("2026-11-22", "2026-11-22", None).iso, "PT0S");
    // 23 hours, but a day on the calendar.
    let spring = far("2026-03-29", "2026-03-30", Some("Europe/Oslo"));
    assert_eq!((spring.iso.as_str(), spring.ms, spring.days), ("P1D", 23 * 3_600_000, 1));
    assert_eq!(far("-009999-01-03", "9999-12-30", None).days, 7_304_480);
}

#[test]
fn now_is_later_than_this_test() {
    let moment = now("Europe/Oslo".into()).unwrap();
    assert_eq!(moment.zone, "Europe/Oslo");
    assert!(moment.unix_ms > 1_700_000_000_000);
}

#[test]
fn answers_as_json() {
    let answer = hotcell::call("between", r#"{"from": "2026-11-22", "to": "2026-11-23"}"#);
    assert_eq!(answer.as_deref(), Ok(r#"{"iso":"P1D","text":"1 day","ms":86400000,"days":1}"#));
}
