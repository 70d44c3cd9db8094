//! Prefixes that servers are shipped or set up with.

use crate::prefix::escape::{Escape, Padding, Token};

/// Returns the beginnings of prefixes that are known of nearly all, with something behind them: enough
/// to tell entries apart where nothing else can be told.
pub(super) fn beginnings() -> Vec<Vec<Token>> {
    let field = |escape| Token::Field(escape, Padding::None);
    let open = || Token::Unknown { like: None, padding: Padding::None };
    let times = [Escape::TimeMillis, Escape::Time, Escape::TimeEpoch];
    let first = times.into_iter().map(|time| vec![field(time), open()]);
    let later = [Escape::TimeMillis, Escape::Time].map(|time| vec![open(), field(time), open()]);
    let pid = |time| {
        let literal = |text: &str| Token::Literal(text.to_owned());
        vec![field(time), literal(" ["), field(Escape::Pid), literal("]"), open()]
    };
    times.into_iter().map(pid).chain(first).chain(later).collect()
}

/// How seldom a prefix is, as the negative logarithm of its share of all servers, and the prefix.
pub(super) type Known = (f64, &'static str);

/// On many servers.
const COMMON: f64 = 2.0;
/// Advice, services, images.
const USED: f64 = 4.0;
/// Variations of them.
pub(super) const SEEN: f64 = 5.5;
/// Names with nothing but blanks between them: it takes proof that they are names.
const BLANK: f64 = 7.0;

/// Where two fit a log equally well the earlier one is taken, so what reads more lines stands before what
/// reads fewer of the same.
pub(super) const KNOWN: &[Known] = &[
    // Debian, Ubuntu. Reads the default prefix as well, which differs in sessions only.
    (COMMON, "%m [%p] %q%u@%d "),
    // PostgreSQL 10 and later.
    (COMMON, "%m [%p] "),
    // pgBadger's advice, and its shorter form.
    (COMMON, "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h "),
    (USED, "%t [%p]: [%l-1] user=%u,db=%d "),
    (USED, "%t [%p]: user=%u,db=%d,app=%a,client=%h "),
    (USED, "%m [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h "),
    // Amazon RDS and Aurora, and their longer form.
    (COMMON, "%t:%r:%u@%d:[%p]:"),
    (USED, "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a:"),
    // Google Cloud SQL.
    (USED, "%m [%p]: [%l-1] db=%d,user=%u "),
    // Azure Database.
    (USED, "%t-%c-"),
    // Spilo and other Patroni images.
    (USED, "%t [%p]: [%l-1] %c %x %d %u %a %h "),
    // Services and the analysis of logs.
    (USED, "%m [%p] %q[user=%u,db=%d,app=%a] "),
    (USED, "pid=%p,user=%u,db=%d,app=%a,client=%h "),
    (USED, "user=%u,db=%d,app=%a,client=%h "),
    (USED, "%h %m [%p] %q%u@%d "),
    (USED, "%m [%p] %q%u@%d/%a "),
    (USED, "%t [%p-%l] %q%u@%d "),
    (SEEN, "%t [%p]: db=%d,user=%u,app=%a,client=%h "),
    (SEEN, "%t [%p]: [%l-1] db=%d,user=%u,app=%a,client=%h "),
    (SEEN, "%m [%p]: [%l-1] db=%d,user=%u,app=%a,client=%h "),
    (SEEN, "%t [%p]: [%l-1] app=%a,db=%d,client=%h,user=%u "),
    (SEEN, "%m [%p]: [%l-1] app=%a,db=%d,client=%h,user=%u "),
    (SEEN, "%t [%p]: [%l-1] db=%d,user=%u "),
    (SEEN, "%m [%p]: [%l-1] user=%u,db=%d "),
    (SEEN, "%m [%p]: [%l-1] %q%u@%d "),
    (SEEN, "%t [%p]: [%l-1] %quser=%u,db=%d,app=%a,client=%h "),
    (SEEN, "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%r "),
    (SEEN, "%t [%p]: [%l-1] user=%u,db=%d,client=%h "),
    (SEEN, "%t [%p]: [%l-1] user=%u,db=%d,remote=%r "),
    (SEEN, "%t [%p]: [%l-1] user=%u,db=%d - PG-%e "),
    (SEEN, "%t [%p]: [%l-1] [trx_id=%x] user=%u,db=%d "),
    (SEEN, "%t [%p]: [%l-1] xid=%x,user=%u,db=%d,app=%a,client=%h "),
    (SEEN, "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h,xid=%x,sqlstate=%e "),
    (SEEN, "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h"),
    (SEEN, "[%p]: [%l-1] db=%d,user=%u "),
    (SEEN, "user=%u,db=%d,app=%a,client=%h"),
    (SEEN, "user=%u,db=%d,app=%aclient=%h "),
    (SEEN, "user=%u,db=%d,client=%h "),
    (SEEN, "db=%d,user=%u,app=%a,client=%h "),
    (SEEN, "user=%u,db=%d "),
    (SEEN, "%m [%p]: user=%u,db=%d,app=%a,client=%h "),
    (SEEN, "%m [%p] user=%u,db=%d,app=%a,client=%h "),
    (SEEN, "%t [%p] [%a] user=%u,db=%d"),
    (SEEN, "%m [%p] %quser=%u,db=%d,app=%a,client=%h "),
    (SEEN, "%t [%p] user=%u,db=%d,app=%a,client=%h "),
    (SEEN, "%m [%p] [user=%u,db=%d,app=%a] "),
    (SEEN, "%m [%p] %q[user=%u,db=%d,app=%a,host=%h] "),
    (SEEN, "%m [%p] %q[user=%u,db=%d,app=%a,client=%h] "),
    (SEEN, "%m [%p][%v] : [%l-1] %q[app=%a] "),
    (SEEN, "%m [%p][%b][%v][%x] %q[user=%u,db=%d,app=%a] "),
    (SEEN, "%m %r %u %a [%c] [%p] "),
    (SEEN, "%p-%s-%c-%l-%h-%u-%d-%m "),
    (SEEN, "%t [%p]: [%l-1] %c %x %d %u %a "),
    (SEEN, "%t:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a:"),
    (SEEN, "%t:%r:%u@%d:[%p]: "),
    (SEEN, "%m:%r:%u@%d:[%p]:"),
    (SEEN, "%m:%r:%u@%d:[%p] %e"),
    (SEEN, "%t:%h:%u@%d:[%p]:"),
    (SEEN, "%m-%c-"),
    (SEEN, "%t-%c-user=%u,db=%d,app=%a,client=%h "),
    // Names around an @.
    (SEEN, "%m [%p] %u@%d "),
    (SEEN, "%m [%p] %q%u@%d: "),
    (SEEN, "%m [%p] %u@%d: "),
    (SEEN, "%m [%p] %q%u@%d %a "),
    (SEEN, "%m [%p] %q%u@%d %h "),
    (SEEN, "%m [%p] %q%u@%d %r "),
    (SEEN, "%m [%p] %q%r %u@%d "),
    (SEEN, "%m [%p] %q%h %u@%d "),
    (SEEN, "%m [%p] %r %q%u@%d "),
    (SEEN, "%m [%p] %q%u@%d %h %a "),
    (SEEN, "%m [%p] %q%u@%d [%a] "),
    (SEEN, "%m [%p] %q%u@%d %r %a "),
    (SEEN, "%m [%p] %q%u@%d app=%a qid=%Q "),
    (SEEN, "[%t] [%p] %q%u@%d "),
    (SEEN, "%m [%p] %q%u@%d (%a) "),
    (SEEN, "%m [%p] %q%u@%d/%L "),
    (SEEN, "%m [%p] %q%u@%d %e "),
    (SEEN, "%m [%p] %q%u@%d %i "),
    (SEEN, "%m [%p] %q%u@%d %Q "),
    (SEEN, "%m [%p] %b %q%u@%d "),
    (SEEN, "%m [%p] %q%u@%d from %h "),
    // The server's own tests.
    (SEEN, "%m %b[%p] %q%a "),
    (SEEN, "%m [%p]: %u@%d "),
    (SEEN, "%m [%p] %r %u@%d "),
    (SEEN, "%m [%p] %h %u@%d "),
    (SEEN, "%m [%p:%l] %u@%d "),
    (SEEN, "%m [%c:%l] %u@%d "),
    (SEEN, "%m [%p] [%c] %q%u@%d "),
    (SEEN, "%t [%p] %u@%d "),
    (SEEN, "%t [%p] %q%u@%d "),
    (SEEN, "%t [%p] %q%u@%d %h "),
    (SEEN, "%t [%p]: [%l-1] %u@%d "),
    (SEEN, "%m [%p]: [%l-1] %u@%d "),
    (SEEN, "%t [%p]: %u@%d %h "),
    (SEEN, "[%m] [%p] [%u@%d] "),
    (SEEN, "%m %u@%d [%p] "),
    (SEEN, "%u@%d %m [%p] "),
    (SEEN, "%m %q%u@%d "),
    (SEEN, "%m %u@%d "),
    (SEEN, "%t [%p] %u@%d/%a "),
    (SEEN, "%m [%p] %u@%d/%a "),
    (SEEN, "%m [%p] %u@%d %h "),
    (SEEN, "%m [%p] %u@%d from %h "),
    (SEEN, "%m [%p] %u@%d %r "),
    (SEEN, "%m [%p] %Q %u@%d "),
    (SEEN, "%m [%p] %q(%u@%d from %r) "),
    (SEEN, "%m [%p] %q%u@%d[%h] "),
    (SEEN, "%m %b[%p] [%v/%x] %q%u@%d "),
    (SEEN, "%m [%p]: [%l-1] [%c] %q[%u@%d] "),
    (SEEN, "%m [%p] user=%u db=%d app=%a client=%h "),
    (SEEN, "%t [%p]: [%l-1] user=%u db=%d app=%a client=%h "),
    (BLANK, "%t %d %u %h %p "),
    (BLANK, "%m [%p] %u %d "),
    (BLANK, "%m [%p] %q%u %d "),
    (BLANK, "%m [%p] %d %u "),
    (BLANK, "%m [%p] %q%u %d %a "),
    (BLANK, "%m [%p] %q%u %d %h "),
    (BLANK, "%m [%p] %u %d %h "),
    (BLANK, "%m [%p] %u %d %r "),
    (BLANK, "%t [%p] %u %d "),
    (BLANK, "%t [%p]: [%l-1] %u %d "),
    (BLANK, "%m %p %u %d "),
    (BLANK, "%t %p %u %d "),
    (BLANK, "%m %u %d %p "),
    (BLANK, "%m %u %d [%p] "),
    (BLANK, "%m %u %d %a "),
    (BLANK, "%m %u %d "),
    (BLANK, "%t %u %d "),
    (BLANK, "[%m] [%p] [%b] %q%u %d %a "),
    (BLANK, "< %m %p %u %d >"),
    (BLANK, "< %m %u %d %p %r %a >"),
    (BLANK, "< %m %a %u %d %r %p >"),
    (BLANK, "< %m %a %u %d %c %s %h >"),
    (BLANK, "<%t %r %a %d %u %p %c %i>"),
    (BLANK, "<%t [%x-%v] %r %a %d %u %p %c %i>"),
    (BLANK, "<%t %u %d>"),
    // Without names.
    (SEEN, "%t [%p]: [%l-1] "),
    (SEEN, "%m [%p]: [%l-1] "),
    (SEEN, "%t [%p-%l] "),
    (SEEN, "%t [%p] "),
    (SEEN, "%m [%p]: "),
    (SEEN, "%m [%p] %b "),
    (SEEN, "%m [%p] %i "),
    (SEEN, "%m [%c] "),
    (SEEN, "[%m] [%p] "),
    (SEEN, "%p [%m] [%x] "),
    (SEEN, "[%p] "),
    (SEEN, "%m %p "),
    (SEEN, "%t %p "),
    // Packages before PostgreSQL 10.
    (USED, "< %m > "),
    (SEEN, "< %t > "),
    (SEEN, "<%m> "),
    (SEEN, "<%t> "),
    (USED, "%m "),
    (USED, "%t "),
    (SEEN, "%s "),
    (SEEN, "%s %p "),
    (COMMON, ""),
];
