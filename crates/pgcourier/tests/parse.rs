#![cfg(test)]
//! `pgcourier parse` as it is used on the command line.

use std::{
    fs,
    io::{BufRead as _, BufReader, Lines, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio},
};

const LOG: &str = "\
2026-11-24 02:21:01.123 UTC [1] bob@shop LOG:  duration: 12.500 ms  statement: SELECT 1
2026-11-24 02:21:02.123 UTC [2] amy@shop ERROR:  division by zero
2026-11-24 02:21:02.123 UTC [2] amy@shop STATEMENT:  SELECT 1 / 0
2026-11-24 02:21:03.123 UTC [3] LOG:  checkpoint starting: time
2026-11-24 02:21:04.123 UTC [2] amy@shop ERROR:  division by zero
";

fn parse(args: &[&str], log: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.log");
    fs::write(&file, log).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgcourier"));
    command.arg("parse").args(args).arg(&file).output().unwrap()
}

fn lines(args: &[&str]) -> Vec<String> {
    let output = parse(args, LOG);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn every_file_is_read_whatever_the_others_are() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let run = |files: &[std::path::PathBuf]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgcourier"));
        let output = command.arg("parse").args(files).output().unwrap();
        let entries = String::from_utf8(output.stdout).unwrap().lines().count();
        (entries, output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (good, empty, blank) = (file("a.log", LOG), file("b.log", ""), file("c.log", "\n\n"));
    assert_eq!(run(&[empty.clone(), good.clone(), blank]), (4, Some(0), String::new()));
    assert_eq!(run(&[empty]), (0, Some(0), String::new()));

    let missing = folder.path().join("missing.log");
    let diary = file("diary.txt", "Dear diary,\n");
    let (entries, code, errors) = run(&[good.clone(), missing, diary, good]);
    assert_eq!((entries, code), (8, Some(1)));
    assert!(errors.contains("missing.log") && errors.contains("diary.txt"), "{errors}");
}

#[test]
fn conditions_and_times_choose_entries() {
    assert_eq!(lines(&[]).len(), 4);
    assert_eq!(lines(&["--where", "level>=ERROR"]).len(), 2);
    assert_eq!(lines(&["--where", "level>=ERROR", "--since", "2026-11-24 02:21:03"]).len(), 1);
    assert_eq!(lines(&["--until", "2026-11-24T02:21:02Z"]).len(), 1);
    assert_eq!(lines(&["--where", "duration_ms>10", "--where", "user=bob"]).len(), 1);
    assert_eq!(lines(&["--since", "-1h"]).len(), 0);
    let berlin = ["--log-timezone", "Europe/Berlin", "--until", "2026-11-24 03:21:02"];
    assert_eq!(lines(&berlin).len(), 1, "times are those of the log's zone");
}

#[test]
fn conditions_are_joined_and_wrong_ones_are_told() {
    assert_eq!(lines(&["--where", "event=error.* and not user=bob"]).len(), 2);
    assert_eq!(
        lines(&["--where", "(duration>=12ms or event=checkpoint.*) and level=LOG"]).len(),
        2
    );
    let output = parse(&["--where", "levle=ERROR"], LOG);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && told.contains("did you mean level?"), "{told}");
}

#[test]
fn prefix_that_fits_no_line_is_told_and_replaced() {
    let output = parse(&["--log-line-prefix", "%t nothing %c "], LOG);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("fits --log-line-prefix '%t nothing %c '"), "{told}");
    assert!(told.contains("read with '%m [%p] %q%u@%d '"), "{told}");
    assert_eq!(
        (output.status.code(), String::from_utf8(output.stdout).unwrap().lines().count()),
        (Some(0), 4)
    );

    let output = parse(&["--log-line-prefix", "%m [%p] "], "Dear diary,\n");
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && told.contains("fits --log-line-prefix"), "{told}");
}

#[test]
fn folder_stands_for_its_logs() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.log", "b.log"] {
        fs::write(folder.path().join(name), LOG).unwrap();
    }
    let run = |path: &std::path::Path| {
        let output = Command::new(env!("CARGO_BIN_EXE_pgcourier")).arg("parse").arg(path).output();
        let output = output.unwrap();
        (String::from_utf8(output.stdout).unwrap().lines().count(), output.status.code())
    };
    assert_eq!(run(folder.path()), (8, Some(0)));
    assert_eq!(run(&folder.path().join("*.log")), (8, Some(0)));
    assert_eq!(run(&folder.path().join("*.csv")), (0, Some(1)));
}

#[test]
fn summary_counts_and_is_json_for_machines() {
    let text = lines(&["--summary"]).join("\n");
    assert!(text.contains("4 entries") && text.contains("2  ERROR"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&lines(&["--summary=json"])[0]).unwrap();
    assert_eq!(json["levels"]["ERROR"], 2);
    assert_eq!(json["slowest_statements"][0]["statement"], "SELECT ?");
}

#[test]
fn text_for_people_has_no_colour_in_a_pipe() {
    let text = lines(&["--pretty"]).join("\n");
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(text.contains("12.5 ms  SELECT 1"), "{text}");
    let colours = lines(&["--pretty", "--color", "always"]).join("\n");
    assert!(colours.contains("\u{1b}[31m"), "{colours}");
}

#[test]
fn wrong_conditions_and_times_are_told_with_a_hint() {
    for (args, told) in [
        (["--where", "levle>=ERROR"], "unknown field \"levle\""),
        (["--where", "level>=BAD"], "unknown level \"BAD\""),
        (["--since", "soon"], "--since: \"soon\" is no time"),
        (["--log-timezone", "Mars/Olympus"], "--log-timezone"),
    ] {
        let output = parse(&args, LOG);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(told), "{stderr}");
    }
}

/// Starts `parse -`. Returns it with its input and the lines that it shows.
fn parse_piped() -> (Child, ChildStdin, Lines<BufReader<ChildStdout>>) {
    let mut parse = Command::new(env!("CARGO_BIN_EXE_pgcourier"))
        .args(["parse", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (stdin, stdout) = (parse.stdin.take().unwrap(), parse.stdout.take().unwrap());
    (parse, stdin, BufReader::new(stdout).lines())
}

#[test]
fn entry_of_a_log_that_is_still_written_is_shown_without_waiting_for_the_next() {
    let (mut parse, mut stdin, mut shown) = parse_piped();
    stdin.write_all(LOG.as_bytes()).unwrap();
    assert_eq!(shown.by_ref().take(4).map_while(Result::ok).count(), 4, "stdin is still open");
    drop(stdin);
    assert!(parse.wait().unwrap().success());
}

#[test]
fn log_that_is_still_written_may_begin_with_another_program_s_words() {
    let (mut parse, mut stdin, mut shown) = parse_piped();
    stdin.write_all(b"archiver: ready\n").unwrap();
    let first = shown.next().unwrap().unwrap();
    assert!(first.contains(r#""unparsed":true"#), "{first}");
    stdin.write_all(LOG.as_bytes()).unwrap();
    assert_eq!(shown.by_ref().take(4).map_while(Result::ok).count(), 4, "stdin is still open");
    drop(stdin);
    assert!(parse.wait().unwrap().success());
}

#[test]
fn closed_pipe_ends_it_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.log");
    fs::write(&file, LOG.repeat(20_000)).unwrap();
    let mut parse = Command::new(env!("CARGO_BIN_EXE_pgcourier"))
        .arg("parse")
        .arg(&file)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(parse.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with('{'));
    let output = parse.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn explain_says_how_a_log_is_read_and_where_lines_break_off() {
    let strange = format!("{LOG}2026-11-24 02:21:05.123 UTC (9) LOG:  x\n");
    let output = parse(&["--explain"], &strange);
    let text = String::from_utf8(output.stdout).unwrap();
    for told in ["stderr", "'%m [%p] %q%u@%d '", "confidence", "en", "UTC", "1 without"] {
        assert!(text.contains(told), "{told} in {text}");
    }
    assert!(text.contains("\" [\" expected at byte 27"), "{text}");
}

#[test]
fn format_can_be_given() {
    let csv = "2026-11-24 02:21:01.123 UTC,\"bob\",\"shop\",1,\"[local]\",6b04f48d.1,1,\"SELECT\",\
               2026-11-24 02:21:01 UTC,3/1,0,ERROR,22012,\"division by zero\",,,,,,\"SELECT 1/0\",,,\
               \"psql\",\"client backend\",,0\n";
    for args in [&["--format", "csvlog"][..], &[]] {
        let output = parse(args, csv);
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(json["message"], "division by zero");
        assert_eq!(json["event"], "error.division_by_zero");
    }
    assert_eq!(parse(&["--format", "xml"], csv).status.code(), Some(2));
}

#[test]
fn audit_names_the_lines_that_are_missing() {
    let line = |number: u32| {
        format!("2026-11-24 02:21:01.{number:03} UTC [1] 6b04f48d.1 {number} LOG:  x\n")
    };
    let args = ["--audit", "--log-line-prefix", "%m [%p] %c %l "];
    let whole: String = (1..9).map(line).collect();
    let output = parse(&args, &whole);
    assert!(output.status.success());
    let holed: String = (1..4).chain(6..9).map(line).collect();
    let output = parse(&args, &holed);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("session 6b04f48d.1: 4 to 5 missing"), "{text}");
    let output = parse(&["--audit"], LOG);
    assert!(String::from_utf8_lossy(&output.stderr).contains("%c and %l"));
}
