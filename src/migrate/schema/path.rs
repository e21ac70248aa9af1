//! Under which search_path things are made. pg_dump's statements run under an empty one, which is right as long as they name
//! everything; an operator that `IS DISTINCT FROM` or `USING` looks up by itself, and the text of a function, name nothing.
//! Pure: what needs another path is found out by the rehearsal.

use serde::{Deserialize, Serialize};

use super::archive::Item;
use super::disposition::described;
use super::entry::{Entry, Phase};
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
    /// Those of its roles, schemas that are called as roles, those of functions that run on rows, and of extensions.
    more: Vec<String>,
}

impl Paths {
    pub fn of(source: &Catalog) -> Self {
        let paths = || source.settings.iter().filter(|setting| setting.name == "search_path");
        let of_database = paths().find(|setting| setting.role.is_none() && setting.in_database);
        let own = of_database.map_or(vec!["public".to_owned()], |setting| names(&setting.value));
        let of_roles = paths().filter(|setting| setting.role.is_some()).flat_map(|setting| names(&setting.value));
        // What `$user` stands for.
        let of_users = source.roles.iter().filter(|role| has_schema(source, &role.name));
        let of_users = of_users.map(|role| quote_identifier(&role.name));
        let of_extensions = source.extensions.iter().map(|extension| quote_identifier(&extension.schema));
        let on_rows = source.routines.iter().filter(|routine| routine.is_guided());
        let of_functions = on_rows.map(|routine| quote_identifier(&routine.name.schema));
        Self { own, more: of_roles.chain(of_users).chain(of_functions).chain(of_extensions).collect() }
    }

    /// For sessions that read and write rows. The system's schema is first there, as where nobody names it: what infra says is
    /// not to be found among the user's objects.
    pub fn for_rows(&self) -> String {
        let all = self.own.iter().chain(&self.more);
        listed(all.filter(|name| name.trim_matches('"') != "pg_catalog"))
    }

    /// To be tried one after the other for something in this schema.
    pub fn candidates(&self, schema: Option<&str>) -> [String; 2] {
        let own = schema.map(quote_identifier);
        [listed(self.own.iter()), listed(self.own.iter().chain(&own).chain(&self.more))]
    }

    /// For a function of this schema.
    pub fn longest(&self, schema: Option<&str>) -> String {
        let [_, longest] = self.candidates(schema);
        longest
    }
}

fn has_schema(source: &Catalog, schema: &str) -> bool {
    let tables = source.tables.iter().map(|table| &table.name);
    tables.chain(source.routines.iter().map(|routine| &routine.name)).any(|name| name.schema == schema)
}

/// As the setting keeps them: quoted where somebody quoted them, and then with commas of their own, and quotes twice.
fn names(path: &str) -> Vec<String> {
    let mut quoted = false;
    let split = path.split(|c: char| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    let names = split.map(str::trim).filter(|name| !name.is_empty() && *name != "\"$user\"" && *name != "\"\"");
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
        if !routine.is_guided() {
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

    #[test]
    fn a_comma_within_quotes_is_part_of_a_name() {
        assert_eq!(names(r#""a, ""b"" c", d,, "$user", "e""#), [r#""a, ""b"" c""#, "d", "\"e\""]);
    }

    #[test]
    fn rows_are_read_with_the_systems_own_names_first() {
        let paths = Paths { own: names("app, pg_catalog"), more: vec!["\"Ext\"".into(), "\"app\"".into()] };
        assert_eq!(paths.for_rows(), "app, \"Ext\"");
        assert_eq!(Paths { own: names("\"\""), more: vec![] }.for_rows(), "''");
    }
}
