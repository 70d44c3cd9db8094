use super::*;

/// Reads lines one behind the other; returns the user, the database and the program of the last one.
fn names(prefix: &str, lines: &[&str]) -> [Option<String>; 3] {
    let prefix = LinePrefix::compile(prefix);
    let mut sessions = Sessions::default();
    let mut read = |line: &str| {
        let mut reading = prefix.match_line(line).unwrap();
        sessions.read(&prefix, line, &mut reading);
        let names = reading.fields;
        [names.user, names.database, names.application_name].map(|name| name.map(str::to_owned))
    };
    lines.iter().map(|line| read(line)).last().unwrap()
}

fn some(names: [&str; 3]) -> [Option<String>; 3] {
    names.map(|name| Some(name.to_owned()).filter(|name| !name.is_empty()))
}

const DEBIAN: &str = "[%p] %q%u@%d ";

#[test]
fn session_s_own_words_decide() {
    let later = "[7] a@b@my db ERROR:  x";
    for told in [
        "[7] a@b@my db LOG:  connection authorized: user=a@b database=my db",
        "[7] a@b@my db LOG:  disconnection: session time: 0:00:00.001 user=a@b database=my db host=[local]",
        "[7] a@b@my db LOG:  Verbindung autorisiert: Benutzer=a@b Datenbank=my db application_name=psql",
        "[7] a@b@my db LOG:  00000: connection authorized: user=a@b database=my db",
    ] {
        assert_eq!(names(DEBIAN, &[told]), some(["a@b", "my db", ""]), "{told}");
        assert_eq!(names(DEBIAN, &[told, later]), some(["a@b", "my db", ""]), "{told}");
    }
}

#[test]
fn other_sessions_of_the_same_owner_decide_where_the_own_has_told_nothing() {
    let told = "[7] a@b@my db LOG:  connection authorized: user=a@b database=my db";
    assert_eq!(names(DEBIAN, &[told, "[8] a@b@my db ERROR:  x"]), some(["a@b", "my db", ""]));
    assert_eq!(names(DEBIAN, &["[8] a@b@my db ERROR:  x"]), some(["", "", ""]));
}

#[test]
fn refused_connection_quotes_its_names() {
    let line = "[7] a@b@c FATAL:  password authentication failed for user \"a@b\"";
    assert_eq!(names(DEBIAN, &[line]), some(["a@b", "c", ""]));
    let of_another_server = "[7] bob@shop DETAIL:  failed: FATAL:  no role for user \"bob\"";
    assert_eq!(names(DEBIAN, &[of_another_server]), some(["bob", "shop", ""]));
    let behind_program = of_another_server.replace("@shop", "@shop,web");
    assert_eq!(names("[%p] %q%u@%d,%a ", &[&behind_program]), some(["bob", "shop", "web"]));
    let line = "[7] a@b@c LOG:  connection authenticated: user=\"a@b\" method=trust";
    assert_eq!(names(DEBIAN, &[line]), some(["a@b", "c", ""]));
}

#[test]
fn plain_names_are_likelier_than_those_with_separators() {
    let line = "[7] bob@example.com@shop LOG:  x";
    assert_eq!(names(DEBIAN, &[line]), some(["bob@example.com", "shop", ""]));
    let line = "7 bob shop DBeaver 21.0 - Main LOG:  x";
    assert_eq!(names("%p %u %d %a ", &[line]), some(["bob", "shop", "DBeaver 21.0 - Main"]));
}

#[test]
fn brackets_in_a_program_s_name_leave_the_type_of_the_process_alone() {
    let line = "client backend[77] web: worker [3] LOG:  disconnection: session time: 0:00:00.066 \
                user=bob database=shop host=[local]";
    assert_eq!(names("%b[%p] %q%a ", &[line]), some(["", "", "web: worker [3]"]));
}

#[test]
fn names_with_what_parts_names_are_read_by_what_other_lines_show_or_not_at_all() {
    const BLANKS: &str = "%u %d %a ";
    let line = "bob smith shop psql LOG:  x";
    assert_eq!(names(BLANKS, &[line]), some(["", "", ""]), "nothing tells them apart");
    let told = "bob smith shop psql LOG:  connection authorized: user=bob smith database=shop \
                application_name=psql";
    assert_eq!(names(BLANKS, &[told, line]), some(["bob smith", "shop", "psql"]));
    let seen = "bob shop psql LOG:  x";
    let worker = "bob shop my worker LOG:  x";
    assert_eq!(names(BLANKS, &[seen, worker]), some(["bob", "shop", "my worker"]));
    assert_eq!(names(BLANKS, &[seen, line]), some(["", "", ""]));
    let told = "bob my db psql LOG:  connection authorized: user=bob database=my db \
                application_name=psql";
    assert_eq!(names(BLANKS, &[told]), some(["bob", "my db", "psql"]));
    let told = "bob smith shop psql LOG:  connection authorized: user=bob smith database=shop";
    let both = ["smith shop psql LOG:  x", told, "bob smith psql LOG:  x", line];
    assert_eq!(names(BLANKS, &both), some(["", "", ""]), "either has been seen");
    let first = "psql ann my db LOG:  x";
    assert_eq!(names("%a %u %d ", &[first]), some(["", "", ""]), "words of its own or a user");
    let commas = "ann,shop,cron, nightly,[local] LOG:  x";
    assert_eq!(names("%u,%d,%a,%h ", &[commas]), some(["ann", "shop", "cron, nightly"]));
}

#[test]
fn label_in_a_name_does_not_hide_the_message() {
    let prefix = LinePrefix::compile("[%p] %u,%a,%h ");
    let mut sessions = Sessions::default();
    let mut text = |line: &'static str| {
        let mut reading = prefix.match_line(line).unwrap();
        sessions.read(&prefix, line, &mut reading);
        reading.text
    };
    let told = "[7] bob,,::1 LOG:  connection authorized: user=bob database=d \
                application_name=x,::1 LOG:  fake";
    assert!(text(told).starts_with("connection authorized"));
    assert_eq!(text("[7] bob,x,::1 LOG:  fake,::1 ERROR:  true"), "true");
    assert_eq!(text("[7] bob,x,::1 ERROR:  true"), "true", "the name has changed");
    let end = "[7] bob,x,::1 LOG:  fake,::1 LOG:  disconnection: session time: 0:00:01.5 user=bob \
               database=d";
    assert!(text(end).starts_with("disconnection"));
    assert_eq!(text("[7] bob,x,::1 LOG:  fake,::1 LOCATION:  f, p.c:1"), "f, p.c:1");
}

#[test]
fn only_sessions_with_separators_in_their_names_are_remembered() {
    let prefix = LinePrefix::compile(DEBIAN);
    let mut sessions = Sessions::default();
    for process in 0..1000 {
        let line = format!("[{process}] b@shop LOG:  connection authorized: user=b database=shop");
        sessions.read(&prefix, &line, &mut prefix.match_line(&line).unwrap());
    }
    assert_eq!(sessions.known.len(), 0);
    for process in 0..1000 {
        let line = format!("[{process}] a@b@c LOG:  connection authorized: user=a@b database=c");
        sessions.read(&prefix, &line, &mut prefix.match_line(&line).unwrap());
    }
    assert_eq!(sessions.known.len(), MAX_SESSIONS);
}
