//! libpq's password file: lines of `host:port:database:user:password`, where `*` fits anything and a
//! backslash stands before a colon or backslash that belongs to a field. The first line that fits counts.
//! See <https://www.postgresql.org/docs/current/libpq-pgpass.html>.

use secrecy::SecretString;

use crate::database::Settings;

/// Where the packages have their socket. A connection there is `localhost` in a password file.
const USUAL_SOCKETS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

/// Finds the password for a connection.
pub(super) fn find(text: &str, settings: &Settings) -> Option<SecretString> {
    let is_usual = USUAL_SOCKETS.contains(&settings.host.as_str());
    let host = if is_usual { "localhost" } else { &settings.host };
    let port = settings.port.to_string();
    let wanted = [host, &port, &settings.name, &settings.user];
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut fields = fields(line).into_iter();
        let fits = wanted
            .iter()
            .all(|wanted| fields.next().is_some_and(|field| field == "*" || field == *wanted));
        fits.then(|| fields.next()).flatten().map(SecretString::from)
    })
}

/// The five fields of a line. Colons of the password may stand without a backslash.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        let is_last = fields.len() == 5;
        let literal = match letter {
            ':' if !is_last => {
                fields.push(String::new());
                continue;
            }
            '\\' => letters.next().unwrap_or('\\'),
            other => other,
        };
        if let Some(field) = fields.last_mut() {
            field.push(literal);
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use crate::database::tests::settings;

    use super::*;

    #[test]
    fn first_line_that_fits_has_the_password() {
        let text = "# a comment\nother:5432:*:*:no\nlocalhost:*:postgres:pgcourier:a\\:b\\\\c:d\n*:*:*:*:x\n";
        let found = |settings: &Settings| {
            find(text, settings).map(|password| password.expose_secret().to_owned())
        };
        assert_eq!(found(&settings()).as_deref(), Some("a:b\\c:d"));
        let socket = Settings { host: "/var/run/postgresql".to_owned(), ..settings() };
        assert_eq!(found(&socket).as_deref(), Some("a:b\\c:d"));
        let elsewhere = Settings { host: "db".to_owned(), ..settings() };
        assert_eq!(found(&elsewhere).as_deref(), Some("x"));
        assert!(find("localhost:5433:*:*:no\nnonsense\n", &settings()).is_none());
    }
}
