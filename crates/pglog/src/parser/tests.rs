use super::*;
use crate::Level;

const LINE: &[u8] = b"2026-11-24 02:21:01.123 UTC [1] bob@shop LOG:  x\n";

fn users(parser: &mut Parser, log: &[u8]) -> Vec<Option<String>> {
    let mut users = Vec::new();
    parser.push(log, &mut |found| users.push(found.entry.user.as_deref().map(str::to_owned)));
    parser.flush_before(u64::MAX, &mut |found| {
        users.push(found.entry.user.as_deref().map(str::to_owned));
    });
    users
}

#[test]
fn prefix_is_settled_when_the_log_goes_quiet() {
    let mut parser = Parser::new(ParserOptions::default(), 0);
    assert_eq!(users(&mut parser, b"2026-11-24 02:2"), []);
    assert_eq!(parser.log_line_prefix(), None);
    assert_eq!(users(&mut parser, &LINE[15..]), [Some("bob".to_owned())]);
    assert_eq!(parser.safe_position(), LINE.len() as u64);
}

#[test]
fn name_behind_its_key_is_that_of_the_session_whatever_is_in_it() {
    // As PostgreSQL 16 wrote it.
    let who = |program: &str| format!("pid=246 host=[local] db=app user=alice app={program} ");
    let program = "x,client=1.2.3.4 LOG:  fake";
    let log = format!(
        "{}LOG:  connection authorized: user=alice database=app application_name={program}\n\
         {own}LOG:  statement: SELECT 1\n{own}LOG:  duration: 0.302 ms\n\
         {own}ERROR:  column \"nosuch\" does not exist at character 8\n",
        who("[unknown]"),
        own = who(program),
    );
    let mut parser = Parser::new(ParserOptions::default(), 0);
    let mut programs = Vec::new();
    let mut keep = |found: &Assembled<'_>| {
        programs.push(found.entry.application_name.as_deref().map(str::to_owned));
    };
    parser.push(log.as_bytes(), &mut keep);
    parser.finish(&mut keep);
    let own = || Some(program.to_owned());
    assert_eq!(programs, [None, own(), own(), own()]);
}

#[test]
fn process_that_shows_blanks_shows_nothing() {
    let log_line_prefix = Some(LinePrefix::compile("%m [%i] "));
    let options = ParserOptions { log_line_prefix, ..ParserOptions::default() };
    let mut parser = Parser::new(options, 0);
    let mut shown = Vec::new();
    let mut keep = |found: &Assembled<'_>| {
        shown.push(found.entry.ps.as_deref().map(str::to_owned));
    };
    let time = "2026-11-24 02:21:01.123 UTC";
    let log = format!("{time} [SELECT     ] LOG:  x\n{time} [           ] LOG:  x\n");
    parser.push(log.as_bytes(), &mut keep);
    parser.finish(&mut keep);
    assert_eq!(shown, [Some("SELECT".to_owned()), None]);
}

#[test]
fn byte_order_mark_is_of_no_entry() {
    let log = [b"\xef\xbb\xbf", LINE].concat();
    let told = ParserOptions {
        format: Some(Format::Stderr),
        log_line_prefix: Some(LinePrefix::compile("%m [%p] %q%u@%d ")),
        ..ParserOptions::default()
    };
    for options in [ParserOptions::default(), told] {
        for chunk in [1, 2, 3, 100] {
            let mut parser = Parser::new(options.clone(), 0);
            let mut found = Vec::new();
            let mut keep = |entry: &Assembled<'_>| {
                found.push((entry.start, entry.entry.pid, entry.entry.unparsed));
            };
            log.chunks(chunk).for_each(|bytes| parser.push(bytes, &mut keep));
            parser.finish(&mut keep);
            assert_eq!(found, [(3, Some(1), false)]);
            assert_eq!(parser.position(), log.len() as u64);
        }
    }
}

#[test]
fn prefix_that_fits_no_line_is_replaced() {
    let line = "Nov 24 02:22:07 vm postgres[7]: [1-1] 2026-11-24 02:21:01.123 UTC [7] LOG:  x\n";
    for (log, format) in [(LINE, Some(Format::Stderr)), (LINE, None), (line.as_bytes(), None)] {
        let replaced = |prefix: &str| {
            let log_line_prefix = Some(LinePrefix::compile(prefix));
            let options = ParserOptions { format, log_line_prefix, ..ParserOptions::default() };
            let mut parser = Parser::new(options, 0);
            let mut levels = Vec::new();
            parser.push(log, &mut |found| levels.push(found.entry.level));
            parser.finish(&mut |found| levels.push(found.entry.level));
            assert_eq!(levels, [Some(Level::Log)]);
            parser.is_prefix_replaced()
        };
        assert!(replaced("%t nothing like it %c "));
        assert!(!replaced("%m [%p] %q%u@%d ") || format.is_none());
    }
}

#[test]
fn what_was_learned_is_used_from_the_first_byte() {
    let mut parser = Parser::new(ParserOptions::default(), 1000);
    parser.learn(LINE);
    assert_eq!(parser.log_line_prefix().unwrap().as_str(), "%m [%p] %q%u@%d ");
    assert_eq!(users(&mut parser, LINE), [Some("bob".to_owned())]);
    assert_eq!(parser.safe_position(), 1000 + LINE.len() as u64);
}

#[test]
fn what_the_server_says_of_its_prefix_counts_for_syslog_too() {
    let log = b"Nov 24 02:22:09 vm postgres[7479]: [9-1] shop@bob ERROR:  division by zero\n";
    let mut parser = Parser::new(ParserOptions::default(), 0);
    parser.tell(Some(&LinePrefix::compile("%q%d@%u ")), None);
    assert_eq!(users(&mut parser, log), [Some("bob".to_owned())]);
    // What no line fits is not this log's.
    let mut parser = Parser::new(ParserOptions::default(), 0);
    parser.tell(Some(&LinePrefix::compile("%m [%p] ")), None);
    assert_eq!(users(&mut parser, log), [Some("shop".to_owned())]);
}

#[test]
fn what_the_server_says_wins_over_what_lines_look_like_from_the_next_line_on() {
    let (swapped, zone) = (LinePrefix::compile("%m [%p] %d@%u "), "America/New_York");
    let mut parser = Parser::new(ParserOptions::default(), 0);
    assert_eq!(users(&mut parser, LINE), [Some("bob".to_owned())]);
    parser.tell(Some(&swapped), Some(&Clock::in_zone(zone).unwrap()));
    assert_eq!(users(&mut parser, LINE), [Some("shop".to_owned())]);
    // A line that does not fit is read with the prefix that was found.
    let of_server = b"2026-11-24 02:21:01.123 EST [1] LOG:  x\n";
    let mut times = Vec::new();
    parser.push(of_server, &mut |found| times.extend(found.entry.timestamp));
    parser.finish(&mut |found| times.extend(found.entry.timestamp));
    assert_eq!(times.len(), 1);
    // The same where the log has not shown anything yet.
    let mut parser = Parser::new(ParserOptions::default(), 0);
    parser.tell(Some(&swapped), None);
    assert_eq!(users(&mut parser, LINE), [Some("shop".to_owned())]);
    let mut parser = Parser::new(ParserOptions::default(), 0);
    parser.tell(Some(&swapped), None);
    parser.learn(LINE);
    assert_eq!(users(&mut parser, LINE), [Some("shop".to_owned())]);
}

#[test]
fn log_behind_another_programs_first_words_is_found() {
    let mut parser = Parser::new(ParserOptions::default(), 0);
    let mut levels = Vec::new();
    let mut keep = |found: &Assembled<'_>| levels.push((found.start, found.entry.level));
    parser.push(b"cannot lock memory\n2026-11", &mut keep);
    parser.flush_before(1, &mut keep);
    assert_eq!((parser.kind(), parser.safe_position()), (Some(Kind::OtherText), 19));
    parser.push(&LINE[7..], &mut keep);
    parser.flush_before(u64::MAX, &mut keep);
    assert_eq!((parser.kind(), parser.format()), (Some(Kind::Log), Some(Format::Stderr)));
    assert_eq!(levels, [(0, None), (19, Some(Level::Log))]);
}

#[test]
fn text_that_is_no_log_is_read_as_unparsed_lines() {
    let mut parser = Parser::new(ParserOptions::default(), 0);
    let mut unparsed = 0;
    let mut count = |found: &Assembled<'_>| unparsed += usize::from(found.entry.unparsed);
    parser.push(b"Dear diary,\n\0\0\0\n", &mut count);
    parser.finish(&mut count);
    assert_eq!((unparsed, parser.kind()), (2, Some(Kind::OtherText)));
}

#[test]
fn log_that_begins_within_a_long_statement_is_known() {
    let sql = b"\tSELECT 1,\n".repeat(1000);
    let csv = b"2026-11-24 02:21:01.123 UTC,,,7,,6b04f48d.17ee,3,,2026-11-24 02:21:00 UTC,,0,\
                LOG,00000,\"hello\",,,,,,,,,\"\",\"checkpointer\",,0\n";
    for (log, format) in [
        ([&sql, &LINE.repeat(300)[..]].concat(), Format::Stderr),
        (
            [&sql, &b"\",,,,,,,,\"\",\"client backend\",,0\n"[..], &csv.repeat(300)].concat(),
            Format::Csvlog,
        ),
    ] {
        for chunk in [999, 100_000] {
            let mut parser = Parser::new(ParserOptions::default(), 0);
            let (mut entries, mut end) = (0, 0);
            let mut count = |found: &Assembled<'_>| {
                entries += usize::from(!found.entry.unparsed);
                end = found.end;
            };
            log.chunks(chunk).for_each(|bytes| parser.push(bytes, &mut count));
            parser.finish(&mut count);
            assert_eq!((parser.format(), entries), (Some(format), 300));
            assert_eq!(end, log.len() as u64);
        }
    }
}

#[test]
fn binary_file_is_not_read() {
    let mut parser = Parser::new(ParserOptions::default(), 0);
    let binary: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    parser.push(&binary, &mut |_| panic!("nothing of it is an entry"));
    parser.finish(&mut |_| panic!("nothing of it is an entry"));
    assert_eq!((parser.kind(), parser.safe_position()), (Some(Kind::Binary), 10_000));
}

#[test]
fn labels_in_the_encoding_of_a_system_are_read() {
    let line = |label: &[u8]| {
        [b"2026-11-24 02:21:01.123 UTC [1] ", label, b":  \xe7\xe0\xef\xf3\xf1\xea\r\n"].concat()
    };
    let log = [
        line(b"\xd1\xce\xce\xc1\xd9\xc5\xcd\xc8\xc5"),
        line(b"\xce\xd8\xc8\xc1\xca\xc0"),
        line(b"\xce\xcf\xc5\xd0\xc0\xd2\xce\xd0"),
        line("СООБЩЕНИЕ".as_bytes()),
    ]
    .concat();
    let mut parser = Parser::new(ParserOptions::default(), 0);
    let mut found = Vec::new();
    let mut keep = |entry: &Assembled<'_>| {
        found.push((entry.entry.level, entry.entry.statement.is_some()));
    };
    parser.push(&log, &mut keep);
    parser.finish(&mut keep);
    let expected = [(Level::Log, false), (Level::Error, true), (Level::Log, false)];
    assert_eq!(found, expected.map(|(level, statement)| (Some(level), statement)));
}

#[test]
fn text_of_an_object_is_gone_on_with_from_every_safe_position() {
    let line = |text: &str| format!("2026-11-24 02:21:01.123 UTC [1] bob@shop LOG:  {text}");
    let object = |first: &str, last: &str| {
        let text = [line(first), line(last)].join("\\n");
        format!("{{\"LogFileData\":\"{text}\",\"Marker\":\"1:2\",\"More\":true}}\n")
    };
    let log = object("a", "b") + &object("c", "d");
    let read = |from: usize, to: usize| {
        let mut parser = Parser::new(ParserOptions::default(), from as u64);
        parser.learn(log.as_bytes());
        let mut found = Vec::new();
        let mut keep = |entry: &Assembled<'_>| {
            found.push((entry.entry.message.clone().into_owned(), entry.safe_position));
        };
        for byte in &log.as_bytes()[from..to] {
            parser.push(&[*byte], &mut keep);
        }
        parser.flush(&mut keep);
        (found, parser.safe_position())
    };
    let (all, _) = read(0, log.len());
    let messages = |found: &[(String, u64)]| -> Vec<String> {
        found.iter().map(|(message, _)| message.clone()).collect()
    };
    assert_eq!(messages(&all), ["a", "b", "c", "d"]);
    for (behind, (_, safe)) in (1..).zip(&all) {
        let (rest, _) = read(usize::try_from(*safe).unwrap(), log.len());
        assert_eq!(messages(&rest), messages(&all[behind..]), "from {safe}");
    }
    let end = object("a", "b").len();
    let (first, safe) = read(0, end);
    assert_eq!(messages(&first), ["a", "b"]);
    let (again, same) = read(usize::try_from(safe).unwrap(), end);
    assert_eq!((messages(&again), same), (vec![], safe));
    let (second, _) = read(usize::try_from(same).unwrap(), log.len());
    assert_eq!(messages(&second), ["c", "d"]);
}
