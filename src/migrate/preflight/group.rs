//! Findings of one kind as one entry: what is the matter and what to do about it once, and then all that it is about. Pure.

use super::finding::{Finding, Severity};
use crate::migrate::prose::{counted, few, wrapped};

/// In place of an object, in a text that is said of several.
const ANY: &str = "…";

/// Findings that have a code, a consequence and a remedy in common, but for their object's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group<'a> {
    pub code: &'a str,
    pub severity: Severity,
    /// None: it differs, and is said of each.
    pub what: Option<String>,
    pub consequence: String,
    pub remedy: String,
    /// One at least.
    pub members: Vec<&'a Finding>,
}

/// In the order of their first findings. What is found twice counts once.
pub fn groups<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = vec![];
    for finding in findings {
        let [what, consequence, remedy] =
            [&finding.what, &finding.consequence, &finding.remedy].map(|text| general(text, &finding.object));
        let fits = |group: &&mut Group<'_>| {
            (group.code, group.severity) == (&finding.code, finding.severity)
                && (&group.consequence, &group.remedy) == (&consequence, &remedy)
        };
        match groups.iter_mut().find(fits) {
            Some(group) if group.members.contains(&finding) => {}
            Some(group) => {
                group.what = group.what.take().filter(|shared| *shared == what);
                group.members.push(finding);
            }
            None => {
                let (code, severity, members) = (finding.code.as_str(), finding.severity, vec![finding]);
                groups.push(Group { code, severity, what: Some(what), consequence, remedy, members });
            }
        }
    }
    groups
}

impl Group<'_> {
    /// With `most` objects at the most.
    pub fn told(&self, most: usize) -> String {
        let mut lines = match self.members.as_slice() {
            [one] => vec![self.head(&format!("{}: {}", one.object, one.what)), with_it(4, one, most)],
            _ => self.objects(most),
        };
        let [consequence, remedy] = match self.members.as_slice() {
            [one] => [&one.consequence, &one.remedy],
            _ => [&self.consequence, &self.remedy],
        };
        lines.extend((!consequence.is_empty()).then(|| wrapped("    so ", 4, consequence)));
        let is_to_do = !remedy.is_empty() && remedy != "nothing";
        lines.extend(is_to_do.then(|| wrapped("    remedy: ", 4, remedy)));
        lines.retain(|line| !line.is_empty());
        lines.join("\n")
    }

    /// What it is about, in a few words.
    pub fn subject(&self) -> String {
        match self.members.as_slice() {
            [one] => one.object.clone(),
            all => self.kind().map_or_else(|| counted(all.len(), "object"), |kind| counted(all.len(), kind)),
        }
    }

    fn head(&self, text: &str) -> String {
        wrapped(&format!("  [{}] ", self.code), 4, text)
    }

    fn objects(&self, most: usize) -> Vec<String> {
        let is_plain = self.what.is_some() && self.members.iter().all(|member| with_it(0, member, most).is_empty());
        let what = self.what.as_ref().map(|what| format!(", each: {what}")).unwrap_or_default();
        let mut lines = vec![self.head(&format!("{}{what}", self.subject()))];
        if is_plain {
            let names: Vec<_> = self.members.iter().map(|member| self.name(member)).collect();
            lines.push(wrapped("    ", 4, &few(&names, most)));
            return lines;
        }
        for member in self.members.iter().take(most) {
            let what = if self.what.is_none() { format!(": {}", member.what) } else { String::new() };
            lines.push(wrapped("    ", 6, &format!("{}{what}", self.name(member))));
            lines.push(with_it(6, member, most));
        }
        let more = self.members.len().saturating_sub(most);
        lines.extend((more > 0).then(|| format!("    and {more} more")));
        lines
    }

    /// That all have in common.
    fn kind(&self) -> Option<&str> {
        let kind = |member: &&&Finding| split(&member.object).0.to_owned();
        let first = self.members.first().map(|member| split(&member.object).0)?;
        let same = !first.is_empty() && self.members.iter().all(|member| kind(&member) == first);
        same.then_some(first)
    }

    /// Its kind is said already where all have the same.
    fn name(&self, member: &Finding) -> String {
        let (kind, name) = split(&member.object);
        if self.kind() == Some(kind) { name.to_owned() } else { member.object.clone() }
    }
}

/// What goes with something, because it cannot exist without; and what fails then.
fn with_it(indent: usize, finding: &Finding, most: usize) -> String {
    let lists = [("with it: ", &finding.takes), ("called by its name in: ", &finding.callers)];
    let told = lists.into_iter().filter(|(_, names)| !names.is_empty()).map(|(title, names)| {
        let first = format!("{}{title}", " ".repeat(indent));
        wrapped(&first, indent, &few(names, most))
    });
    told.collect::<Vec<_>>().join("\n")
}

/// `FOREIGN TABLE public.t` → `FOREIGN TABLE`, `public.t`.
fn split(object: &str) -> (&str, &str) {
    let is_kind = |word: &str| word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase());
    let mut at = 0;
    while let Some((word, _)) = object[at..].split_once(' ').filter(|(word, _)| is_kind(word)) {
        at += word.len() + 1;
    }
    (object[..at].trim_end(), &object[at..])
}

/// The text without its object's name, and without the numbers that are part of that.
fn general(text: &str, object: &str) -> String {
    let (_, name) = split(object);
    let is_end = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '.');
    let is_number = |word: &&str| !word.is_empty() && word.chars().all(|c| c.is_ascii_digit());
    let numbers = name.split(|c: char| !c.is_alphanumeric() && c != '_').filter(is_number);
    let mut general = text.to_owned();
    for part in std::iter::once(name).chain(numbers).filter(|part| !part.is_empty()) {
        let mut done = String::new();
        let mut rest = general.as_str();
        while let Some(at) = rest.find(part) {
            let (before, after) = (&rest[..at], &rest[at + part.len()..]);
            let whole = is_end(before.chars().next_back().or(done.chars().next_back()))
                && is_end(after.chars().next().filter(|c| *c != '.'));
            done.push_str(before);
            done.push_str(if whole { ANY } else { part });
            rest = after;
        }
        general = done + rest;
    }
    general
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyless(table: &str) -> Finding {
        Finding::warning("no-key", format!("TABLE {table}"), "has no key")
            .so("UPDATE fails")
            .remedy(format!("ALTER TABLE {table} REPLICA IDENTITY FULL, or copy {table}."))
    }

    #[test]
    fn one_kind_is_one_entry_with_the_first_objects_or_all() {
        let findings: Vec<_> = (0..500).map(|n| keyless(&format!("public.t{n}"))).collect();
        let groups = groups(&findings);
        assert_eq!((groups.len(), groups[0].members.len()), (1, 500));
        assert_eq!(
            groups[0].told(5),
            "  [no-key] 500 tables, each: has no key\n    \
             public.t0, public.t1, public.t2, public.t3, public.t4 and 495 more\n    \
             so UPDATE fails\n    remedy: ALTER TABLE … REPLICA IDENTITY FULL, or copy …."
        );
        let all = groups[0].told(usize::MAX);
        assert!(findings.iter().all(|finding| all.contains(&finding.object["TABLE ".len()..])), "{all}");
    }

    #[test]
    fn what_differs_is_said_of_each() {
        let rows = |key: &str, rows| {
            Finding::blocker("orphans", format!("FOREIGN KEY {key} of t"), format!("{rows} rows point to nothing"))
                .remedy("delete them")
        };
        let process =
            |n| Finding::warning("long", format!("TRANSACTION of x, process {n}"), "runs").remedy(format!("end({n})"));
        let findings = [rows("a", 3), rows("b", 4), rows("b", 4), process(1), process(23), keyless("t"), keyless("t")];
        let told: Vec<_> = groups(&findings).iter().map(|group| group.told(1)).collect();
        assert_eq!(
            told[0],
            "  [orphans] 2 foreign keys\n    a of t: 3 rows point to nothing\n    and 1 more\n    remedy: delete them"
        );
        assert!(
            told[1].contains("[long] 2 transactions, each: runs") && told[1].ends_with("remedy: end(…)"),
            "{}",
            told[1]
        );
        assert!(told[2].ends_with("remedy: ALTER TABLE t REPLICA IDENTITY FULL, or copy t."), "{}", told[2]);
    }

    #[test]
    fn what_goes_with_an_object_is_told_with_it() {
        let takes = (0..9).map(|n| format!("FUNCTION f{n}()")).collect();
        let lost = Finding { takes, ..Finding::warning("extension-missing", "EXTENSION a", "is not there") };
        let other = Finding::warning("extension-missing", "EXTENSION b", "is not there");
        let (one, two) = ([lost.clone()], [lost, other]);
        let with = "with it: FUNCTION f0(), FUNCTION f1() and 7 more";
        assert_eq!(groups(&one)[0].told(2), format!("  [extension-missing] EXTENSION a: is not there\n    {with}"));
        let told = groups(&two)[0].told(2);
        assert_eq!(told, format!("  [extension-missing] 2 extensions, each: is not there\n    a\n      {with}\n    b"));
    }

    #[test]
    fn callers_by_text_are_named_too() {
        let callers = vec!["FUNCTION g()".to_owned(), "FUNCTION h()".to_owned()];
        let lost = [Finding { callers, ..Finding::warning("function-language", "FUNCTION f()", "goes") }];
        let told = groups(&lost)[0].told(1);
        assert!(told.ends_with("\n    called by its name in: FUNCTION g() and 1 more"), "{told}");
    }

    #[test]
    fn names_within_other_names_stay() {
        assert_eq!(general("ALTER TABLE a.t, a.t2, xa.t, a.t.c", "TABLE a.t"), "ALTER TABLE …, a.t2, xa.t, ….c");
        assert_eq!(general("nothing", "SOURCE"), "nothing");
    }
}
