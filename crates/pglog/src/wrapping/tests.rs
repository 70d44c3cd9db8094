use super::*;

const DOCKER: &str = r#"{"log":"LOG:  a\tb\n","stream":"stderr","time":"2026-11-24T02:20:47.1Z"}"#;

fn unwrapped(wrapping: Wrapping, line: &str) -> Option<(String, bool, Option<&str>)> {
    let Unwrapped { text, is_whole, time, .. } = wrapping.unwrap(line.as_bytes())?;
    Some((String::from_utf8(text.into_owned()).unwrap(), is_whole, time))
}

#[test]
fn lines_of_every_wrapping_are_unwrapped() {
    let time = Some("2026-11-24T02:20:47.1Z");
    for (wrapping, line, is_whole, time) in [
        (Wrapping::Docker, DOCKER, true, time),
        (Wrapping::Docker, &DOCKER.replace("\\n", ""), true, time),
        (Wrapping::Cri, "2026-11-24T02:20:47.1Z stderr F LOG:  a\tb", true, time),
        (Wrapping::Cri, "2026-11-24T02:20:47.1Z stdout P LOG:  a\tb", false, time),
        (
            Wrapping::CloudLogging,
            r#"{"textPayload":"LOG:  a\tb","timestamp":"2026-11-24T02:20:47.1Z"}"#,
            true,
            time,
        ),
        (Wrapping::Azure, r#"{"properties":{"message":"LOG:  a\tb"}}"#, true, None),
        (
            Wrapping::Json,
            r#"{"@timestamp":"2026-11-24T02:20:47.1Z","message":"LOG:  a\tb"}"#,
            true,
            time,
        ),
        (Wrapping::Timestamps, "2026-11-24T02:20:47.1Z LOG:  a\tb", true, time),
        (Wrapping::Compose, "db-1  | LOG:  a\tb", true, None),
        (Wrapping::Compose, "\x1b[36mdb-1  | \x1b[0mLOG:  a\tb", true, None),
        (Wrapping::Compose, "\x1b[36;1mdb_1  |\x1b[0m LOG:  a\tb", true, None),
        (Wrapping::Kubectl, "[pod/pg-0/postgres] LOG:  a\tb", true, None),
        (
            Wrapping::CloudNativePg,
            r#"{"level":"info","logger":"postgres","msg":"LOG:  a\tb","pipe":"stderr"}"#,
            true,
            None,
        ),
        (
            Wrapping::Journal,
            r#"{"__REALTIME_TIMESTAMP":"1769593263123456","MESSAGE":"LOG:  a\tb"}"#,
            true,
            Some("1769593263123456"),
        ),
        (Wrapping::Journal, r#"{"MESSAGE":[76,79,71,58,32,32,97,9,98],"_PID":"7"}"#, true, None),
        (Wrapping::Crlf, "LOG:  a\tb\r", true, None),
    ] {
        let expected = Some(("LOG:  a\tb".to_owned(), is_whole, time));
        assert_eq!(unwrapped(wrapping, line), expected, "{line}");
        let sample = format!("{line}\n").repeat(3);
        assert_eq!(Wrapping::detect(sample.as_bytes()), Some(wrapping), "{line}");
        assert_eq!(Wrapping::detect(&sample.as_bytes()[5..]), Some(wrapping), "{line}");
    }
}

#[test]
fn only_a_long_line_without_its_end_goes_on_in_the_next_object() {
    let long = "x".repeat(16 << 10);
    for (line, is_whole) in [
        // As Docker cuts a line.
        (format!(r#"{{"log":"{long}","stream":"stderr"}}"#), false),
        (format!(r#"{{"log":"{long}\n","stream":"stderr"}}"#), true),
        // As Fluent Bit, Vector and others write lines, which have no line break.
        (r#"{"time":"2026-11-24T02:20:47.1Z","stream":"stderr","_p":"F","log":"x"}"#.into(), true),
        (r#"{"time":"2026-11-24T02:20:47.1Z","stream":"stderr","_p":"P","log":"x"}"#.into(), false),
        (r#"{"stream":"stderr","log":"x","time":"2026-11-24T02:20:47.1Z"}"#.into(), true),
    ] {
        let found = unwrapped(Wrapping::Docker, &line).map(|(_, is_whole, _)| is_whole);
        assert_eq!(found, Some(is_whole), "{line:.80}");
    }
    let line = r#"{"container_name":"pg","message":"LOG:  a","stream":"stderr"}"#;
    assert_eq!(unwrapped(Wrapping::Json, line), Some(("LOG:  a".to_owned(), true, None)));
}

#[test]
fn line_is_found_under_the_names_that_services_give_it() {
    for line in [
        r#"{"preview":false,"result":{"_raw":"LOG:  a","_time":"2026-11-24T02:20:47.1Z"}}"#,
        r#"{"event_message":"LOG:  a","id":"x","timestamp":"2026-11-24T02:20:47.1Z"}"#,
        r#"{"Message":"LOG:  a","TimeGenerated":"2026-11-24T02:20:47.1Z"}"#,
        r#"{"time":1795486927.123,"sourcetype":"postgres","event":"LOG:  a"}"#,
        r#"{"_entry":"LOG:  a","pod":"pg-0"}"#,
        r#"{"Timestamp":"2026-11-24 02:20:47.1","Body":"LOG:  a","ServiceName":"pg"}"#,
        r#"{"event":"started","message":"LOG:  a","log":"postgresql.log"}"#,
    ] {
        let text = unwrapped(Wrapping::Json, line).map(|(text, ..)| text);
        assert_eq!(text.as_deref(), Some("LOG:  a"), "{line}");
    }
}

#[test]
fn line_may_be_a_member_of_a_member() {
    let time = Some("2026-11-24T02:20:47.1Z");
    for (line, time) in [
        (
            r#"{"content":{"timestamp":"2026-11-24T02:20:47.1Z","message":"LOG:  a"},"id":"A"}"#,
            time,
        ),
        (r#"{"body":{"stringValue":"LOG:  a"},"timestamp":"2026-11-24T02:20:47.1Z"}"#, time),
        (r#"{"host":"h","short_message":"LOG:  a","version":"1.1"}"#, None),
    ] {
        assert_eq!(unwrapped(Wrapping::Json, line), Some(("LOG:  a".to_owned(), true, time)));
        assert_eq!(Wrapping::detect(format!("{line}\n").as_bytes()), Some(Wrapping::Json));
    }
    let record = r#"{"a":{"error_severity":"LOG","message":"a"}}"#;
    assert_eq!(unwrapped(Wrapping::Json, record), None);
}

#[test]
fn leads_are_taken_off_in_every_spelling() {
    let time = Some("2026-11-24T02:20:47.1Z");
    for (wrapping, line, is_whole, time) in [
        (Wrapping::Compose, "pg_db.1.xf2kq0y5ztm1vqk5l3pzm2o4j@node-1    | LOG:  a\tb", true, None),
        (
            Wrapping::Fly,
            "2026-11-24T02:20:47.1Z app[4d89d19dc012d8] lax [info]LOG:  a\tb",
            true,
            time,
        ),
        (
            Wrapping::Fly,
            "\x1b[2m2026-11-24T02:20:47.1Z\x1b[0m app[4d89d1] \x1b[32mlax\x1b[0m \
             [\x1b[34minfo\x1b[0m]LOG:  a\tb",
            true,
            time,
        ),
        (Wrapping::Labels, r#"{app="pg", pod="pg\"-0"}   LOG:  a	b"#, true, None),
        (Wrapping::Grep, "./log/postgresql.log:LOG:  a\tb", true, None),
        (Wrapping::Grep, "postgresql-15-main.log-LOG:  a\tb", true, None),
        (Wrapping::Grep, "postgresql.log-20261124:LOG:  a\tb", true, None),
        (Wrapping::Grep, "postgresql-2026-11-24_000000.log.2.gz:LOG:  a\tb", true, None),
        (Wrapping::Grep, "(standard input):LOG:  a\tb", true, None),
    ] {
        let expected = Some(("LOG:  a\tb".to_owned(), is_whole, time));
        assert_eq!(unwrapped(wrapping, line), expected, "{line}");
        let sample = format!("{line}\n").repeat(3);
        assert_eq!(Wrapping::detect(sample.as_bytes()), Some(wrapping), "{line}");
    }
}

#[test]
fn two_names_before_a_line_that_goes_on_are_a_pod_and_a_container() {
    for log in [
        "pg-0 postgres LOG:  a\npg-0 postgres \tb\n",
        "\x1b[36mpg-0\x1b[0m \x1b[36mpostgres\x1b[0m LOG:  a\n",
    ] {
        assert_eq!(Wrapping::detect(log.as_bytes()), Some(Wrapping::Stern), "{log}");
        let line = unwrapped(Wrapping::Stern, log.lines().next().unwrap());
        assert_eq!(line, Some(("LOG:  a".to_owned(), true, None)));
    }
    let record = b"pg-0 postgres 2026-11-24 02:21:01.123 UTC,,,7,,6b04f48d.17ee,3,,\
                   2026-11-24 02:21:00 UTC,,0,LOG,00000,\"a\",,,,,,,,,\"\",\"startup\",,0\n";
    assert_eq!(Wrapping::detect(record), Some(Wrapping::Stern));
    // Here the TAB is the server's, and the names are of the prefix.
    assert_eq!(Wrapping::detect(b"bob-1 shop LOG:  a\n\tb\n"), None);
}

#[test]
fn plain_logs_are_not_wrapped() {
    for line in [
        "2026-11-24 02:20:47 UTC [7] LOG:  x",
        r#"{"timestamp":"2026-11-24 02:20:47.123 UTC","error_severity":"LOG","message":"x"}"#,
        r#"{"level":"info","logger":"postgres","msg":"record","record":{"message":"x"}}"#,
        "bob-1 shop 2026-11-24 02:20:47 UTC LOG:  x",
        "Nov 24 02:22:07 vm postgres[7]: [1-1] LOG:  x",
        "a b | LOG:  x",
        "7840    |  bob|psql | LOG:  x",
        "bob | LOG:  x\n\ty",
        "",
    ] {
        assert_eq!(Wrapping::detect(format!("{line}\n").as_bytes()), None, "{line}");
    }
}

#[test]
fn numbers_are_a_listing_where_they_rise() {
    let line = |number: u32, sign: &str, text: &str| format!("{number}{sign}{text}\n");
    let log = |lines: &[(u32, &str, &str)]| -> String {
        lines.iter().map(|(number, sign, text)| line(*number, sign, text)).collect()
    };
    // What was found, with the lines around it.
    let found = log(&[(7, ":", "LOG:  a"), (8, "-", "\tb"), (12, ":", "LOG:  c")]);
    assert_eq!(Wrapping::detect(found.as_bytes()), Some(Wrapping::Numbered));
    assert_eq!(Wrapping::Numbered.unwrap_all(found.as_bytes()), b"LOG:  a\n\tb\nLOG:  c\n");
    let listed = "     9\tLOG:  a\n    10\tLOG:  b\n";
    assert_eq!(Wrapping::detect(listed.as_bytes()), Some(Wrapping::Numbered));
    // Processes.
    for numbers in [[71, 72, 71], [71, 71, 71], [71, 72, 73]] {
        let lines = numbers.map(|number| (number, ":", "LOG:  a"));
        assert_eq!(Wrapping::detect(log(&lines).as_bytes()), None);
    }
}

#[test]
fn name_before_a_line_that_goes_on_is_a_container() {
    for name in ["pg", "3f1c2a9b77de", "db-1.0"] {
        let log = format!("{name} LOG:  a\n{name} \tb\n{name} LOG:  c\n");
        assert_eq!(Wrapping::detect(log.as_bytes()), Some(Wrapping::Container));
        // Here the TAB is the server's, and the name is of the prefix.
        let log = format!("{name} LOG:  a\n\tb\n{name} LOG:  c\n");
        assert_eq!(Wrapping::detect(log.as_bytes()), None);
    }
    let log = "2026-11-24 02:20:47 UTC LOG:  a\nerror: \tb\n";
    assert_eq!(Wrapping::detect(log.as_bytes()), None);
}

#[test]
fn fields_of_the_journal_have_the_line_in_one() {
    // As `journalctl -o verbose` printed it.
    let log = "Tue 2026-11-24 02:22:07.000000 UTC [s=9e4444da056d4275a6cd13b5e7bbfc6f;i=1;m=3e8]
    _BOOT_ID=0123456789abcdef0123456789abcdef
    PRIORITY=6
    SYSLOG_IDENTIFIER=postgres
    MESSAGE=2026-11-24 02:22:14.024 UTC [7586] LOG:  checkpoint starting: immediate
";
    assert_eq!(Wrapping::detect(log.as_bytes()), Some(Wrapping::JournalVerbose));
    let line = b"2026-11-24 02:22:14.024 UTC [7586] LOG:  checkpoint starting: immediate\n";
    assert_eq!(Wrapping::JournalVerbose.unwrap_all(log.as_bytes()), line);
}

#[test]
fn blanks_are_the_tab_only_of_lines_that_go_on() {
    let line = "2026-11-24 02:21:01.123 UTC [7] ";
    let detected = |log: &str| Wrapping::detect(log.as_bytes());
    let log = format!(
        "{line}ERROR:  deadlock detected\n{line}DETAIL:  Process 7 waits.\n        Process 8 waits.\n"
    );
    assert_eq!(detected(&log), Some(Wrapping::Expanded));
    assert_eq!(detected(&log[40..]), Some(Wrapping::Expanded));
    let text = Wrapping::Expanded.unwrap_all(log.as_bytes());
    assert!(String::from_utf8(text).unwrap().ends_with("waits.\n\tProcess 8 waits.\n"));
    for other in [
        format!("{log}{line}LOG:  statement: SELECT\n\t1\n"),
        format!("{line}LOG:  x\nTraceback (most recent call last):\n        raise\n"),
        format!("{line}LOG:  x\n   y\n"),
        format!("{line}LOG:  x\n"),
    ] {
        assert_eq!(detected(&other), None, "{other}");
    }
}

#[test]
fn stamps_of_every_supervisor_and_page_are_taken_off() {
    let inner = "2026-11-24 02:20:47.123 UTC [7] LOG:  a";
    for (wrapping, time, behind) in [
        (Wrapping::Timestamps, Some("2026-11-24_02:20:47.12345"), " "),
        (Wrapping::Timestamps, None, "@400000006b04f48d12345678 "),
        (Wrapping::Timestamps, None, "2026-11-24 02:20:47.123456+00:00"),
        (Wrapping::LocalTimes, Some("2026-11-24 02:20:47.123456789"), "  "),
        (Wrapping::LocalTimes, Some("2026-11-24 02:20:47"), " "),
        (Wrapping::LocalTimes, Some("2026-11-24 02:20:47.123"), " | "),
        (Wrapping::LocalTimes, Some("2026-11-24 02:20:47"), ": "),
        (Wrapping::LocalTimes, Some("2026-11-24 02:20:47,123"), " - "),
        (Wrapping::Timestamps, Some("2026-11-24T02:20:47.123Z"), "\t"),
        (Wrapping::LocalTimes, Some("2026/11/24 02:20:47.123"), " "),
        (Wrapping::LocalTimes, Some("24.11.2026 02:20:47"), " "),
        (Wrapping::LocalTimes, Some("11/24/2026, 2:20:47 AM"), " "),
        (Wrapping::LocalTimes, Some("Nov 24, 2026 @ 02:20:47.123"), " "),
        (Wrapping::LocalTimes, Some("Nov 24 02:20:47 AM"), "  "),
        (Wrapping::LocalTimes, Some("Tue, Nov 24 2026 2:20:47 am"), " "),
        (Wrapping::LocalTimes, Some("Tue Nov 24 02:20:47 2026"), " "),
        (Wrapping::LocalTimes, Some("24/Nov/2026:02:20:47"), " "),
        (Wrapping::LocalTimes, Some("02:20:47.123"), " "),
    ] {
        let stamp = format!("{}{behind}", time.unwrap_or_default());
        let line = format!("{stamp}{inner}");
        let log = format!("{stamp}\n{line}\n{stamp}waiting....{inner}\n{stamp}\tb\n{line}\n");
        assert_eq!(Wrapping::detect(log.as_bytes()), Some(wrapping), "{stamp}");
        for text in [inner, "\tb", "", "LOG:  x"] {
            let line = format!("{stamp}{text}");
            assert_eq!(unwrapped(wrapping, &line), Some((text.to_owned(), true, time)), "{line}");
        }
        // What is written in capital letters is no zone.
        let line = format!("{stamp}WAL usage");
        assert!(unwrapped(wrapping, &line).is_some(), "{line}");
        let in_brackets = format!("[{}] \tb", time.unwrap_or("x"));
        let is_local = wrapping == Wrapping::LocalTimes;
        let expected = is_local.then(|| ("\tb".to_owned(), true, time));
        assert_eq!(unwrapped(wrapping, &in_brackets), expected, "{stamp}");
    }
    // Here the zone is what stands behind it.
    for zone in ["UTC", "XYZ", "+05", "<+05>-05"] {
        for behind in [" [7] ", ":10.0.0.1(7):bob@shop:[7]:", "-6b04f48d.7-", "] "] {
            let log = format!("2026-11-24 02:20:47.123 {zone}{behind}LOG:  a\n").repeat(3);
            assert_eq!(Wrapping::detect(log.as_bytes()), None, "{log}");
        }
    }
    assert_eq!(Wrapping::detect(b"2026-11-24 02:20:47 no server\n"), None);
}

#[test]
fn other_programs_lines_have_no_say_where_all_of_the_server_have_a_stamp() {
    let log = "Running with a runner\nServices:\nLogs:\n\
               2026-11-24T02:20:47.1Z 2026-11-24 02:20:47.123 UTC [7] LOG:  a\n\
               2026-11-24T02:20:47.1Z 2026-11-24 02:20:47.123 UTC [7] LOG:  b\n";
    assert_eq!(Wrapping::detect(log.as_bytes()), Some(Wrapping::Timestamps));
    let log = format!("{log}2026-11-24 02:20:47.123 UTC [7] LOG:  c\n");
    assert_eq!(Wrapping::detect(log.as_bytes()), None);
}

#[test]
fn blank_before_every_line_is_that_of_no_details() {
    // As `docker logs --details` prints the log of a container without attributes.
    let log = " hint: x\n 2026-11-24 02:20:47.123 UTC [7] LOG:  a\n \tb\n";
    assert_eq!(Wrapping::detect(log.as_bytes()), Some(Wrapping::Details));
    let expected = Some(("\tb".to_owned(), true, None));
    assert_eq!(unwrapped(Wrapping::Details, " \tb"), expected);
    // Here it belongs to the prefix, or to the text of another program.
    for log in [
        " \"a\": \"LOG:  a\",\n \"b\": 1\n",
        " [7] LOG:  a\n\tb\n",
        " [7] LOG:  a\n10.0.0.1 [8] LOG:  b\n",
        " a\n b\n",
    ] {
        assert_eq!(Wrapping::detect(log.as_bytes()), None, "{log}");
    }
}

#[test]
fn text_that_ends_like_an_event_is_none() {
    let line = "2026-11-24 02:20:00.123 UTC [70] bob@shop LOG:  ";
    let value = r#"x [{"a":"b"}]"#;
    for log in [
        format!("{line}{value}\n"),
        format!("{line}statement: select 1 -- {value}\n").repeat(20),
        format!("{line}{value}\n{line}y\n"),
    ] {
        assert_eq!(Wrapping::detect(log.as_bytes()), None, "{log}");
        let events: String = (log.lines().zip(0..))
            .map(|(line, at)| {
                format!("[{at}] pg: [[1795486927.5, {{}}], {{\"log\"=>\"{line}\"}}]\n")
            })
            .collect();
        assert_eq!(Wrapping::detect(events.as_bytes()), Some(Wrapping::FluentBit));
        assert_eq!(Wrapping::FluentBit.unwrap_all(events.as_bytes()), log.as_bytes());
    }
}

#[test]
fn text_of_the_server_wins_over_another_that_is_called_log() {
    let other = r#""log":"postgresql.log""#;
    let server = "2026-11-24 02:20:47.123 UTC [7] LOG:  x";
    for (object, wrapping) in [
        (format!("{{{other},\"message\":\"{server}\"}}"), Wrapping::Json),
        (format!("{{\"log\":\"{server}\",\"message\":\"y\"}}"), Wrapping::Docker),
        (format!("{{{other},\"message\":\"y\"}}"), Wrapping::Docker),
    ] {
        assert_eq!(Wrapping::detect(format!("{object}\n").as_bytes()), Some(wrapping), "{object}");
    }
}
