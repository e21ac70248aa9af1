//! The files of a Docker build context, as the Docker command line would send them: everything that .dockerignore
//! does not name. Its patterns are anchored at the context, unlike those of .gitignore, and the last match decides.

use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::bundle::{BundleError, BundleFile, FileKind, read_entry, read_error};

/// Sorted by path. Links are listed and not followed, as in a context.
pub(super) fn list(context: &Path) -> Result<Vec<BundleFile>, BundleError> {
    let ignored = rules(context)?;
    let mut files = Vec::new();
    let walk = ignore::WalkBuilder::new(context).standard_filters(false).build();
    for entry in walk {
        let entry = entry.map_err(|source| BundleError::Walk { folder: context.to_owned(), source })?;
        let path = entry.path();
        let is_dir = path.symlink_metadata().map_err(read_error(path))?.is_dir();
        if is_dir || ignored.matched_path_or_any_parents(path, false).is_ignore() {
            continue;
        }
        files.extend(context_entry(context, path)?);
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Docker sends a link as it is, wherever it leads, and leaves sockets and the like out.
fn context_entry(context: &Path, path: &Path) -> Result<Option<BundleFile>, BundleError> {
    match read_entry(context, path) {
        Err(BundleError::LinkLeadsOut { link, to }) => Ok(Some(BundleFile { path: link, kind: FileKind::Link { to } })),
        Err(BundleError::SpecialFile { .. }) => Ok(None),
        other => other,
    }
}

fn rules(context: &Path) -> Result<Gitignore, BundleError> {
    let path = context.join(".dockerignore");
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        other => other.map_err(read_error(&path))?,
    };
    let mut builder = GitignoreBuilder::new(context);
    for line in text.lines() {
        let walk_error = |source| BundleError::Walk { folder: context.to_owned(), source };
        builder.add_line(None, &anchored(line)).map_err(walk_error)?;
    }
    builder.build().map_err(|source| BundleError::Walk { folder: context.to_owned(), source })
}

/// A .dockerignore line as the .gitignore line that means the same.
fn anchored(line: &str) -> String {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return String::new();
    }
    let (sign, pattern) = line.strip_prefix('!').map_or(("", line), |pattern| ("!", pattern.trim()));
    let pattern = pattern.trim_start_matches("./").trim_matches('/');
    format!("{sign}/{pattern}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_anchored_and_the_last_match_decides() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write(".dockerignore", "# all but two\n*\n!dist\n!./a/keep\n/dist/old\n**/*.tmp\n");
        for path in ["dist/ingest", "dist/old", "dist/x.tmp", "src/main.rs", "a/keep/x", "a/dist/x", "top"] {
            write(path, "");
        }
        let names: Vec<_> =
            list(folder.path()).unwrap().into_iter().map(|file| file.path.display().to_string()).collect();
        assert_eq!(names, ["a/keep/x", "dist/ingest"]);
    }
}
