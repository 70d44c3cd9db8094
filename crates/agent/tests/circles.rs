#![cfg(test)]
//! No file imports one that imports it, be it by way of others.
//!
//! A module and those within it count as one here: what a folder hands out stands in the file beside it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// A file's module, from the crate on.
type Module = Vec<String>;

/// A log may be wrapped in another one, so what reads logs is made of what reads logs.
const RECURSIVE: [&str; 1] = ["pglog/parser"];

#[test]
fn no_files_import_each_other_in_a_circle() {
    for crate_name in ["agent", "listener", "pgcourier", "pglog", "wire"] {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(crate_name).join("src");
        let mut files = BTreeMap::new();
        add_files(&src, &Vec::new(), &mut files);
        assert!(files.len() > 2, "no files of {crate_name}");
        let imports = imports(&files);
        for module in files.keys() {
            let is_recursive = RECURSIVE.contains(&format!("{crate_name}/{}", module[0]).as_str());
            let found = circle(&imports, module);
            assert!(found.is_none() || is_recursive, "{crate_name}: {found:?}");
        }
    }
}

#[test]
fn circle_of_three_is_found() {
    let files =
        [("a", "use crate::b::B;"), ("b", "use crate::{x::Y, c::{C, D}};"), ("c", "use crate::a;")];
    let files = files.map(|(name, text)| (vec![name.to_owned()], text.to_owned())).into();
    let imports = imports(&files);
    assert_eq!(circle(&imports, &vec!["b".to_owned()]).map(|found| found.len()), Some(3));
}

fn add_files(folder: &Path, within: &Module, files: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if ["lib", "main", "tests"].contains(&name.as_str()) {
            continue;
        }
        let module: Module = within.iter().cloned().chain([name]).collect();
        if path.is_dir() {
            add_files(&path, &module, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let text = text.split("\n#[cfg(test)]\n").next().unwrap_or_default().to_owned();
            files.insert(module, text);
        }
    }
}

/// Which modules each one imports from.
fn imports(files: &BTreeMap<Module, String>) -> BTreeMap<&Module, BTreeSet<&Module>> {
    let found = files.iter().map(|(module, text)| {
        let paths = text
            .split("use crate::")
            .skip(1)
            .flat_map(|rest| paths_of(rest.split(';').next().unwrap_or_default()));
        let others = paths.filter_map(|path| {
            let parts: Module = path.split("::").map(str::to_owned).collect();
            let ends = (1..=parts.len()).rev();
            let (other, _) = ends.filter_map(|end| files.get_key_value(&parts[..end])).next()?;
            (!other.starts_with(module) && !module.starts_with(other)).then_some(other)
        });
        (module, others.collect())
    });
    found.collect()
}

/// Writes `a::{b, c::{d, e}}` out as `a::b`, `a::c::d`, `a::c::e`.
fn paths_of(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((before, group)) = tree.split_once('{') else { return vec![tree.to_owned()] };
    let group = group.trim_end().trim_end_matches('}');
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    // The bracket that was taken off too many is put back.
    let last = format!("{}{}", &group[start..], "}".repeat(depth));
    parts.push(&last);
    let parts = parts.into_iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(paths_of).map(|path| format!("{before}{path}")).collect()
}

/// Finds the way from a module back to itself.
fn circle<'m>(
    imports: &BTreeMap<&'m Module, BTreeSet<&'m Module>>,
    module: &'m Module,
) -> Option<Vec<&'m Module>> {
    let mut ways = vec![vec![module]];
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop() {
        for next in imports.get(way[way.len() - 1]).into_iter().flatten().copied() {
            if next == module {
                return Some(way);
            }
            if seen.insert(next) {
                ways.push(way.iter().copied().chain([next]).collect());
            }
        }
    }
    None
}
