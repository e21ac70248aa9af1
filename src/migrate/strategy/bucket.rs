//! `time_bucket` in a query becomes what PostgreSQL has: `date_bin`, or `date_trunc` where buckets are months or years.
//! Works on text as the server writes it, where names are qualified and constants have their types.

use std::collections::BTreeMap;

use crate::migrate::catalog::{QualifiedName, quote_identifier};
use crate::migrate::timescale::Time;

/// A query without the extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten {
    pub sql: String,
    /// Calls that were replaced.
    pub buckets: usize,
}

/// What a query is rewritten with.
pub struct Rewriter<'a> {
    /// Where the extension's functions are.
    pub schema: &'a str,
    /// Their names.
    pub functions: &'a [String],
    /// Relations that have time columns, as the server writes their names.
    pub relations: Vec<NamedRelation>,
}

pub struct NamedRelation {
    pub name: QualifiedName,
    pub columns: Vec<(String, Option<Time>)>,
}

/// Where buckets of days and less begin, and of everything in between; those of months begin with the year 2000.
const ORIGIN: &str = "2000-01-03 00:00:00";

impl Rewriter<'_> {
    /// Otherwise, the names of functions that have no counterpart.
    pub fn rewrite(&self, sql: &str) -> Result<Rewritten, Vec<String>> {
        let mut out = String::new();
        let mut rest = sql;
        let mut buckets = 0;
        let times = self.times(sql);
        while let Some((at, end)) = self.call(rest, "time_bucket") {
            let call = &rest[end..];
            let replaced = arguments(call).and_then(|(arguments, end)| Some((bucket(&arguments, &times)?, end)));
            let Some((bucket, end)) = replaced else { return Err(vec!["time_bucket".to_owned()]) };
            out.push_str(&rest[..at]);
            out.push_str(&bucket);
            rest = &call[end..];
            buckets += 1;
        }
        out.push_str(rest);
        let left: Vec<String> = self.functions.iter().filter(|name| self.call(&out, name).is_some()).cloned().collect();
        if left.is_empty() { Ok(Rewritten { sql: out, buckets }) } else { Err(left) }
    }

    /// Where the first call of the function begins, and its arguments. A server quotes a name where it must.
    fn call(&self, sql: &str, function: &str) -> Option<(usize, usize)> {
        let forms = [self.schema.to_owned(), quote_identifier(self.schema)];
        let needles = forms.into_iter().map(|schema| format!("{schema}.{function}("));
        let found = needles.filter_map(|needle| find(sql, &needle).map(|at| (at, at + needle.len())));
        found.min()
    }

    /// Columns of the relations that a query names. A name that stands for different types is none of them.
    fn times(&self, sql: &str) -> BTreeMap<String, Time> {
        let mut known: BTreeMap<String, Option<Time>> = BTreeMap::new();
        let bare = |text: &str| text.replace('"', "");
        let sql = bare(sql);
        let named = self.relations.iter().filter(|relation| sql.contains(&bare(&relation.name.plain())));
        for (name, time) in named.flat_map(|relation| relation.columns.iter().cloned()) {
            known
                .entry(name)
                .and_modify(|before| *before = before.filter(|before| Some(*before) == time))
                .or_insert(time);
        }
        known.into_iter().filter_map(|(name, time)| Some((name, time?))).collect()
    }
}

fn bucket(arguments: &[&str], times: &BTreeMap<String, Time>) -> Option<String> {
    let (width, source) = (*arguments.first()?, *arguments.get(1)?);
    let time = *times.get(&column(source)?)?;
    if time == Time::Number {
        return if arguments.len() == 2 { counted(width, source) } else { None };
    }
    let interval = width.strip_prefix('\'')?.strip_suffix("'::interval")?;
    let origin = match arguments.get(2..)? {
        [] => None,
        [origin] => Some(constant(origin)?),
        _ => return None,
    };
    if interval.contains("mon") || interval.contains("year") {
        return if origin.is_none() { truncated(interval, source, time) } else { None };
    }
    let origin = origin.unwrap_or_else(|| format!("'{ORIGIN}'"));
    Some(match time {
        Time::Zoned => {
            let zone = if origin.contains(ORIGIN) { origin.replace(ORIGIN, &format!("{ORIGIN}+00")) } else { origin };
            format!("date_bin({width}, {source}, {zone}::timestamp with time zone)")
        }
        Time::Local => format!("date_bin({width}, {source}, {origin}::timestamp without time zone)"),
        Time::Date => {
            let source = format!("({source})::timestamp without time zone");
            format!("(date_bin({width}, {source}, {origin}::timestamp without time zone))::date")
        }
        Time::Number => return None,
    })
}

/// The multiple of the width at or below the number; `%` has the sign of the number.
fn counted(width: &str, source: &str) -> Option<String> {
    let digits = match width.rsplit_once("::") {
        Some((digits, "bigint" | "integer" | "smallint")) => digits,
        Some(_) => return None,
        None => width,
    };
    let digits = digits.trim_matches(['\'', '(', ')']);
    let number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    number.then(|| format!("({source} - ((({source} % {width}) + {width}) % {width}))"))
}

/// Months that begin as calendars do; others have no counterpart.
fn truncated(interval: &str, source: &str, time: Time) -> Option<String> {
    let unit = match interval {
        "1 mon" => "month",
        "3 mons" => "quarter",
        "1 year" => "year",
        "10 years" => "decade",
        _ => return None,
    };
    Some(match time {
        Time::Zoned => format!("date_trunc('{unit}'::text, {source}, 'UTC'::text)"),
        Time::Local => format!("date_trunc('{unit}'::text, {source})"),
        Time::Date => format!("(date_trunc('{unit}'::text, ({source})::timestamp without time zone))::date"),
        Time::Number => return None,
    })
}

/// `'…'` of `'…'::timestamp with time zone`.
fn constant(argument: &str) -> Option<String> {
    let (text, of_type) = argument.rsplit_once("::")?;
    let known = ["timestamp with time zone", "timestamp without time zone", "date"].contains(&of_type);
    (known && text.starts_with('\'') && text.ends_with('\'')).then(|| text.to_owned())
}

/// The name of a column, with its table before it or not. None: it is another expression.
fn column(expression: &str) -> Option<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut chars = expression.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            // Doubled, it is part of a name.
            '"' if quoted && chars.next_if_eq(&'"').is_some() => parts.last_mut()?.push(c),
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            c if quoted || c.is_alphanumeric() || c == '_' || c == '$' => parts.last_mut()?.push(c),
            _ => return None,
        }
    }
    parts.pop().filter(|name| !name.is_empty())
}

/// Outside of texts and quoted names, and not in the middle of a name.
fn find(sql: &str, needle: &str) -> Option<usize> {
    let mut quote: Option<char> = None;
    let mut previous = ' ';
    for (at, c) in sql.char_indices() {
        let in_name = previous.is_alphanumeric() || previous == '_' || previous == '.' || previous == '"';
        if quote.is_none() && !in_name && sql[at..].starts_with(needle) {
            return Some(at);
        }
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '\'' || c == '"' => quote = Some(c),
            _ => {}
        }
        previous = c;
    }
    None
}

/// Of a call, from after its parenthesis on: the arguments, and where the call ends.
fn arguments(call: &str) -> Option<(Vec<&str>, usize)> {
    let mut quote: Option<char> = None;
    let (mut depth, mut start) = (0, 0);
    let mut found = vec![];
    for (at, c) in call.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[') => depth += 1,
            (None, ')') if depth == 0 => {
                found.push(call[start..at].trim());
                return Some((found, at + 1));
            }
            (None, ')' | ']') => depth -= 1,
            (None, ',') if depth == 0 => {
                found.push(call[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    None
}
