//! Users and databases that lines have shown as wholes.

use std::collections::BTreeSet;

use crate::prefix::ParsedLine;

/// The most of either kind that are remembered.
const MAX_NAMES: usize = 64;

/// Names of lines that can be read in one way only, and of those that tell their names.
#[derive(Debug, Default)]
pub(super) struct Names {
    users: BTreeSet<String>,
    databases: BTreeSet<String>,
}

impl Names {
    pub(super) fn add(&mut self, line: &ParsedLine<'_>) {
        add_to(&mut self.users, line.fields.user);
        add_to(&mut self.databases, line.fields.database);
    }

    /// Tells whether other lines have shown the user and the database of a reading.
    pub(super) fn know(&self, reading: &ParsedLine<'_>) -> bool {
        let fields = &reading.fields;
        let is_known = |names: &BTreeSet<String>, name: &str| names.contains(name);
        fields.user.is_some_and(|user| is_known(&self.users, user))
            && fields.database.is_none_or(|database| is_known(&self.databases, database))
    }
}

fn add_to(names: &mut BTreeSet<String>, name: Option<&str>) {
    if let Some(name) = name
        && names.len() < MAX_NAMES
        && !names.contains(name)
    {
        names.insert(name.to_owned());
    }
}
