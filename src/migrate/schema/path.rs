//! Under which search_path things are made. pg_dump's statements run under an empty one, which is right as long as they name
//! everything; an operator that `IS DISTINCT FROM` or `USING` looks up by itself, and the text of a function, name nothing.
//! Pure: what needs another path is found out by the rehearsal.

use serde::{Deserialize, Serialize};

use super::archive::Item;
use super::entry::{Entry, Phase};
use super::fate::described;
use super::loss::Loss;
use super::owner;
use super::target::Target;
use crate::migrate::catalog::{Catalog, Routine, quote_identifier};

/// From here on indexes are built and materialized views filled under a path of the system's schemas alone.
const RESTRICTED: u32 = 17;

/// Of the source.
#[derive(Debug, Clone, Default)]
pub struct Paths {
    /// What sessions of the database have, `$user` left out.
    own: Vec<String>,
    /// Those of its roles, then the schemas of extensions.
    more: Vec<String>,
}

impl Paths {
    pub fn of(source: &Catalog) -> Self {
        let paths = || source.settings.iter().filter(|setting| setting.name == "search_path");
        let of_database = paths().find(|setting| setting.role.is_none() && setting.in_database);
        let own = of_database.map_or(vec!["public".to_owned()], |setting| names(&setting.value));
        let of_roles = paths().filter(|setting| setting.role.is_some()).flat_map(|setting| names(&setting.value));
        let of_extensions = source.extensions.iter().map(|extension| quote_identifier(&extension.schema));
        Self { own, more: of_roles.chain(of_extensions).collect() }
    }

    /// To be tried one after the other for something in this schema.
    pub fn candidates(&self, schema: Option<&str>) -> [String; 2] {
        let own = schema.map(quote_identifier);
        [listed(self.own.iter()), listed(self.own.iter().chain(&own).chain(&self.more))]
    }

    fn longest(&self, schema: Option<&str>) -> String {
        let [_, longest] = self.candidates(schema);
        longest
    }
}

/// As the setting keeps them: quoted where somebody quoted them.
fn names(path: &str) -> Vec<String> {
    let names =
        path.split(',').map(str::trim).filter(|name| !name.is_empty() && *name != "\"$user\"" && *name != "\"\"");
    names.map(str::to_owned).collect()
}

/// Each once.
fn listed<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let mut seen: Vec<&str> = Vec::new();
    for name in names.map(String::as_str) {
        if !seen.iter().any(|one| one.trim_matches('"') == name.trim_matches('"')) {
            seen.push(name);
        }
    }
    if seen.is_empty() { "''".to_owned() } else { seen.join(", ") }
}

/// Its statements under this path, and what follows under the empty one again.
pub fn under(entry: Entry, path: &str) -> Entry {
    let before = std::iter::once(format!("SET LOCAL search_path TO {path}"));
    let after = std::iter::once("SET LOCAL search_path TO ''".to_owned());
    Entry { statements: before.chain(entry.statements).chain(after).collect(), ..entry }
}

/// A function that runs on rows while they are brought, when no session's path is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guided {
    pub subject: String,
    /// `FUNCTION app.key_of(t text)`
    pub signature: String,
    pub name: String,
    pub path: String,
    /// Of a check, a domain or a generated column.
    pub on_rows: bool,
    /// Whether it can do without while indexes are built is for the rehearsal to say.
    pub tried_without: bool,
    /// It keeps the path: the target builds and fills under no other.
    pub lasting: bool,
}

impl Guided {
    /// None: it is not run, names what it uses by itself, or has a path of its own.
    pub fn of(item: &Item, routine: &Routine, target: &Target, paths: &Paths) -> Option<Self> {
        let by_text = !routine.parsed && !matches!(routine.language.as_str(), "c" | "internal");
        let has_own = routine.settings.iter().any(|setting| setting.starts_with("search_path="));
        if !by_text || has_own || !(routine.on_rows || routine.in_builds) {
            return None;
        }
        let subject = described(item);
        let lasting = target.tried.lasting_paths.contains(&subject);
        Some(Self {
            signature: owner::signature(item)?,
            name: routine.name.name.clone(),
            path: paths.longest(item.schema.as_deref()),
            on_rows: routine.on_rows,
            tried_without: routine.in_builds && target.version.major() >= RESTRICTED && !lasting,
            subject,
            lasting,
        })
    }

    pub fn set(&self) -> String {
        format!("ALTER {} SET search_path TO {}", self.signature, self.path)
    }

    pub fn reset(&self) -> String {
        format!("ALTER {} RESET search_path", self.signature)
    }

    /// It has the path as soon as it is there.
    pub fn is_set(&self) -> bool {
        self.lasting || self.on_rows || !self.tried_without
    }

    /// Taken back when the clients, who have the path themselves, are about to come.
    pub fn given_back(&self) -> Option<Entry> {
        let entry =
            || Entry::new(Phase::HandOver, "FUNCTION PATH", self.signature.clone(), vec![format!("{};", self.reset())]);
        (self.is_set() && !self.lasting).then(|| entry().undone_by(format!("{};", self.set())))
    }

    pub fn loss(&self, item: &Item) -> Option<Loss> {
        let object = described(item);
        let qualify = "nothing, or name the schemas in its text, or ALTER FUNCTION … SET search_path at the source";
        if self.lasting {
            let what = format!(
                "keeps SET search_path TO {}: the target builds indexes and fills materialized views under no other",
                self.path
            );
            return Some(Loss::new("function-path-kept", object, what, qualify));
        }
        let what = format!("has SET search_path TO {} until the clients are switched", self.path);
        self.is_set().then(|| Loss::note("function-path", object, what, qualify))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_what_sessions_have_then_everything_that_might_be_meant() {
        let paths = Paths { own: names("\"$user\", app, \"B c\""), more: vec!["\"public\"".into(), "\"app\"".into()] };
        assert_eq!(paths.candidates(Some("x")), ["app, \"B c\"", "app, \"B c\", \"x\", \"public\""]);
    }
}
