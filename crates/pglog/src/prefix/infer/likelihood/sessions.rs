//! What only sessions print: all of it, or nothing.

use crate::prefix::{
    escape::Escape,
    infer::{
        likelihood::{MOST, count},
        table::{Column, Table},
    },
};

/// Tells whether an escape prints nothing outside of sessions, and always something in them.
fn is_of_sessions(escape: Option<Escape>) -> bool {
    // A session has no command yet when it begins.
    escape.is_some_and(|escape| escape.is_of_sessions() && escape != Escape::Ps)
}

/// Returns how unlikely it is that lines of sessions lack some of what sessions print, or others have it.
pub(in crate::prefix::infer) fn sessions(table: &Table<'_, '_>) -> f64 {
    let columns: Vec<&Column<'_>> =
        table.columns.iter().filter(|column| is_of_sessions(column.escape)).collect();
    if columns.is_empty() {
        return 0.0;
    }
    let (mut mixed, mut contradicted) = (0, 0);
    for (at, note) in table.notes.iter().enumerate() {
        if table.fits.get(at) != Some(&true) {
            continue;
        }
        let printed =
            columns.iter().filter(|column| column.get(at).is_some_and(|v| !v.is_empty())).count();
        mixed += usize::from(printed > 0 && printed < columns.len());
        // Behind `%q` sessions print all, and others not even what stands between the values.
        let is_bare = printed == 0
            && columns.iter().any(|column| column.of_sessions && column.get(at).is_some());
        mixed += usize::from(is_bare);
        let is_contradicted = match note.in_session {
            Some(true) => printed == 0,
            Some(false) => printed > 0,
            None => false,
        };
        contradicted += usize::from(is_contradicted);
    }
    (count(mixed) * 4.0).min(MOST) + (count(contradicted) * 2.0).min(MOST)
}
