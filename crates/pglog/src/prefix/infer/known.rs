//! Prefixes that servers are shipped or set up with.

/// Where two fit a log equally well the earlier one is taken, so what reads more lines stands before what
/// reads fewer of the same.
pub(super) const KNOWN: [&str; 14] = [
    // Debian, Ubuntu. Reads the default prefix as well, which differs in sessions only.
    "%m [%p] %q%u@%d ",
    // PostgreSQL 10 and later.
    "%m [%p] ",
    // pgBadger's advice, and its shorter form.
    "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: [%l-1] user=%u,db=%d ",
    "%t [%p]: user=%u,db=%d,app=%a,client=%h ",
    "%m [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    // Amazon RDS and Aurora, and their longer form.
    "%t:%r:%u@%d:[%p]:",
    "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a:",
    // Google Cloud SQL.
    "%m [%p]: [%l-1] db=%d,user=%u ",
    // Azure Database.
    "%t-%c-",
    // Spilo and other Patroni images.
    "%t [%p]: [%l-1] %c %x %d %u %a %h ",
    // Packages before PostgreSQL 10.
    "< %m > ",
    "%t ",
    "",
];
