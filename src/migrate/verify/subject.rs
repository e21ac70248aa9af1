//! Which loss explains that an object is not there, or not as it was: the one that names it, or something that it belongs
//! to. By whole names, as both sides write them. Pure.

use super::object::ObjectKey;
use crate::migrate::schema::Loss;

/// A kind, as far as names are told apart by it, and a name without quotes, in which words are joined by dots.
type Subject = (&'static str, String);

/// The code of the loss that names this object, or something that it is part of. Owners, grants, columns and comments of
/// what is lost are lost with it.
pub fn explained(key: &ObjectKey, losses: &[Loss]) -> Option<String> {
    let subjects = subjects(key);
    // What is said about roles in general explains no object.
    // Nor does what is said of hypertables: what follows from their conversion is expected, and nothing else.
    let general = |loss: &Loss| {
        ["hypertable", "timescaledb-call", "timescaledb-job"].iter().any(|code| loss.code.starts_with(code))
    };
    let whole = plain(&format!("{} {}", key.kind, key.name));
    let concerns = |named: &String| {
        if plain(named) == whole {
            return true;
        }
        let named = named_by_loss(named);
        subjects.iter().any(|(kind, name)| *name == named.1 && (*kind == named.0 || named.0.is_empty()))
    };
    let telling =
        losses.iter().filter(|loss| !general(loss) && (!loss.code.starts_with("role-") || key.kind == "ROLE"));
    let found = telling.into_iter().find(|loss| concerns(&loss.object) || loss.takes.iter().any(concerns));
    found.map(|loss| loss.code.clone())
}

/// `FK CONSTRAINT public.t t_fk` → constraint, `public.t.t_fk`. Without a kind, as `a in b`, it is none.
fn named_by_loss(named: &str) -> Subject {
    let is_kind = |word: &str| word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase());
    let kinds: Vec<&str> = named.split(' ').take_while(|word| is_kind(word)).collect();
    let kind = kinds.join(" ");
    let name = named[kind.len()..].trim_start();
    // All of it may be upper case.
    if name.is_empty() { ("", plain(named)) } else { (class(&kind), plain(name)) }
}

fn class(kind: &str) -> &'static str {
    match kind {
        "TABLE" | "FOREIGN TABLE" | "VIEW" | "MATERIALIZED VIEW" | "SEQUENCE" | "INDEX" | "SEQUENCE VALUE" => {
            "relation"
        }
        "FUNCTION" | "PROCEDURE" | "AGGREGATE" => "function",
        "TYPE" | "DOMAIN" | "SHELL TYPE" | "COMPOSITE TYPE" => "type",
        "CONSTRAINT" | "CHECK CONSTRAINT" | "FK CONSTRAINT" | "TABLE CONSTRAINT" | "DOMAIN CONSTRAINT" => "constraint",
        "COLUMN" | "DEFAULT" | "TABLE COLUMN" | "VIEW COLUMN" => "column",
        "STATISTICS" | "STATISTICS OBJECT" => "statistics",
        "TRIGGER" => "trigger",
        "RULE" => "rule",
        "POLICY" => "policy",
        "SCHEMA" => "schema",
        "EXTENSION" => "extension",
        "ROLE" => "role",
        "SETTING" => "setting",
        "MEMBERSHIP" => "membership",
        "EVENT TRIGGER" => "event trigger",
        "OPERATOR" => "operator",
        "OPERATOR CLASS" => "operator class",
        "OPERATOR FAMILY" => "operator family",
        "CAST" => "cast",
        "COLLATION" => "collation",
        "CONVERSION" => "conversion",
        "TEXT SEARCH CONFIGURATION" => "text search configuration",
        "TEXT SEARCH DICTIONARY" => "text search dictionary",
        "TEXT SEARCH PARSER" => "text search parser",
        "TEXT SEARCH TEMPLATE" => "text search template",
        "SERVER" | "FOREIGN SERVER" => "server",
        "FOREIGN DATA WRAPPER" | "FOREIGN-DATA WRAPPER" => "foreign data wrapper",
        "USER MAPPING" => "user mapping",
        "LANGUAGE" | "PROCEDURAL LANGUAGE" => "language",
        "ACCESS METHOD" => "access method",
        "PUBLICATION" => "publication",
        _ => "",
    }
}

/// Quotes and case aside, as people name things; arguments without spaces between them.
fn plain(name: &str) -> String {
    name.replace('"', "").to_lowercase().replace(", ", ",").replace(" (", "(").replace(' ', ".")
}

fn subjects(key: &ObjectKey) -> Vec<Subject> {
    match key.kind.as_str() {
        "OWNER" => told_of(&key.name, key.name.len()),
        "GRANT" | "REVOKE" => {
            let word = if key.kind == "GRANT" { " to " } else { " from " };
            told_of(&key.name, key.name.find(word).unwrap_or(key.name.len()))
        }
        "COMMENT" => {
            let (class, name) = split_kind(&key.name);
            // `c on public.t`
            let name = name.rsplit_once(" on ").map_or(name.to_owned(), |(part, of)| format!("{of}.{part}"));
            with_parent(class, &name)
        }
        // What a foreign key becomes at partitions.
        "CONSTRAINT" if key.name.contains(": of ") => {
            let (table, rest) = key.name.split_once(": of ").unwrap_or((&key.name, ""));
            let original = rest.split_once(" at ").map(|(name, rest)| {
                let of = rest.split_once(" to ").map_or(rest, |(of, _)| of);
                ("constraint", plain(&format!("{of}.{name}")))
            });
            original.into_iter().chain([("relation", plain(table))]).collect()
        }
        kind => with_parent(class(kind), &key.name),
    }
}

/// `TABLE public.t …`, `text search dictionary public.d …`
fn told_of(text: &str, end: usize) -> Vec<Subject> {
    let (class, name) = split_kind(&text[..end]);
    with_parent(class, name)
}

/// Kinds have up to three words. What has none that is known is all name.
fn split_kind(text: &str) -> (&'static str, &str) {
    let ends: Vec<usize> = text.match_indices(' ').take(3).map(|(at, _)| at).collect();
    let mut known = ends.into_iter().rev().map(|end| (class(&text[..end].to_uppercase()), text[end..].trim_start()));
    known.find(|(class, _)| !class.is_empty()).unwrap_or(("", text))
}

/// With the table that a column, a constraint, a trigger, a rule or a policy belongs to, and the schema of the rest.
fn with_parent(class: &'static str, name: &str) -> Vec<Subject> {
    let mut subjects = vec![(class, plain(name))];
    if let Some(at) = last_dot(name).filter(|_| PARTS.contains(&class)) {
        subjects.extend(["relation", "type"].map(|of| (of, plain(&name[..at]))));
    }
    subjects
}

const PARTS: [&str; 5] = ["column", "constraint", "trigger", "rule", "policy"];

/// Outside of quotes.
fn last_dot(name: &str) -> Option<usize> {
    let mut quoted = false;
    let mut last = None;
    for (at, c) in name.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '.' if !quoted => last = Some(at),
            _ => {}
        }
    }
    last
}

/// The name of an object, or of something that belongs to it.
pub fn mentions(name: &str, object: &str) -> bool {
    let end = |rest: &str| rest.is_empty() || rest.starts_with([' ', '.', ':', '(']);
    name.match_indices(object).any(|(at, _)| {
        let begins = at == 0 || name[..at].ends_with(' ');
        begins && end(&name[at + object.len()..])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(kind: &str, name: &str, losses: &[Loss]) -> Option<String> {
        explained(&ObjectKey { kind: kind.into(), name: name.into() }, losses)
    }

    #[test]
    fn a_loss_explains_its_object_and_what_is_said_about_it() {
        let loss = Loss::for_tests("index-invalid", "INDEX public.Broken");
        let explained = |kind, name| code(kind, name, std::slice::from_ref(&loss)).is_some();
        assert!(explained("INDEX", "public.\"Broken\""));
        assert!(explained("COMMENT", "index public.\"Broken\""));
        assert!(!explained("INDEX", "public.broken_too"));
        assert!(!explained("TABLE", "other"));
        let taken = Loss {
            takes: vec!["FOREIGN TABLE public.far".into()],
            ..Loss::for_tests("extension-missing", "EXTENSION x")
        };
        let roles =
            Loss { takes: vec!["Mixed Case".into()], ..Loss::for_tests("role-password", "2 roles that log in") };
        let losses = [roles, taken];
        for (kind, name) in [
            ("COLUMN", "public.far.id"),
            ("OWNER", "TABLE public.far"),
            ("GRANT", "TABLE public.far to app: SELECT"),
            ("COMMENT", "table column public.far.id"),
            ("COMMENT", "trigger t on public.far"),
        ] {
            assert_eq!(code(kind, name, &losses).as_deref(), Some("extension-missing"), "{kind} {name}");
        }
        assert_eq!(code("GRANT", "DATABASE to Mixed Case: CONNECT", &losses), None);
        assert_eq!(code("SCHEMA", "x", &losses), None, "of the extension's name");
    }

    #[test]
    fn functions_are_named_with_and_without_spaces_between_their_arguments() {
        let loss = Loss::for_tests("function-language", "FUNCTION public.iu(regdictionary, text)");
        let losses = std::slice::from_ref(&loss);
        assert!(code("FUNCTION", "public.iu(regdictionary,text)", losses).is_some());
        assert!(code("OWNER", "FUNCTION public.iu(regdictionary,text)", losses).is_some());
        assert!(code("GRANT", "FUNCTION public.iu(regdictionary,text) to app: EXECUTE", losses).is_some());
        assert!(code("FUNCTION", "public.iu(text)", losses).is_none(), "another of the same name");
        assert!(code("FUNCTION", "public.u.iu(regdictionary,text)", losses).is_none());
    }

    #[test]
    fn kinds_of_several_words_are_told_apart_by_all_of_them() {
        let named = [
            ("OPERATOR", "public.=== (integer, integer)", "operator public.===(integer,integer)"),
            ("OPERATOR CLASS", "public.o USING btree", "operator class public.o USING btree"),
            ("CAST", "(integer AS public.level)", "cast (integer AS public.level)"),
            ("TEXT SEARCH DICTIONARY", "public.d", "text search dictionary public.d"),
            ("STATISTICS", "public.s", "statistics object public.s"),
        ];
        for (kind, name, said) in named {
            let losses = [Loss::for_tests("refused", &format!("{kind} {name}"))];
            assert!(code(kind, name, &losses).is_some(), "{kind} {name}");
            assert!(code("OWNER", &format!("{kind} {name}"), &losses).is_some(), "owner of {kind} {name}");
            assert!(code("COMMENT", said, &losses).is_some(), "{said}");
            assert!(code("TABLE", name, &losses).is_none(), "a table {name}");
        }
        let server = [Loss::for_tests("refused", "SERVER far")];
        assert!(code("GRANT", "FOREIGN SERVER far to app: USAGE", &server).is_some());
    }

    #[test]
    fn parts_of_tables_are_named_after_them() {
        let loss = Loss {
            takes: vec!["FK CONSTRAINT public.visit visit_town".into(), "POLICY public.visit own".into()],
            ..Loss::for_tests("refused", "TRIGGER public.visit touched")
        };
        let losses = std::slice::from_ref(&loss);
        assert!(code("TRIGGER", "public.visit.touched", losses).is_some());
        assert!(code("POLICY", "public.visit.own", losses).is_some());
        assert!(code("CONSTRAINT", "public.visit_2: of visit_town at public.visit to public.town", losses).is_some());
        assert!(code("TABLE", "public.visit", losses).is_none());
        let membership = Loss::for_tests("membership-refused", "postgres in app_owner");
        assert!(code("MEMBERSHIP", "postgres in app_owner", &[membership]).is_some());
    }
}
