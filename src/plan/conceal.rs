//! Values of the bundle's variables, hidden in a plan's text: excerpts are shown and logged, and a variable may hold what is
//! nobody's business. Works on text that need not parse, keeps every byte's place, and hides rather too much.

/// The text with marks for the values in `vars`, in as many bytes.
pub(super) fn conceal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = Inside::Elsewhere;
    for line in text.split_inclusive('\n') {
        inside = line_of(line, inside, &mut out);
    }
    out
}

/// Where a line begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Elsewhere,
    /// A table of variables: every value is one.
    Table,
    /// A value of several lines, up to this quote; `true`: in a table of variables.
    Text(&'static str, bool),
    /// Braces of `vars = { … }` that a line left open.
    Braces,
}

const LONG_QUOTES: [&str; 2] = ["\"\"\"", "'''"];

fn line_of(line: &str, inside: Inside, out: &mut String) -> Inside {
    match inside {
        Inside::Text(quote, table) => {
            let after = if table { Inside::Table } else { Inside::Braces };
            let Some(end) = line.find(quote) else {
                hide(line, out);
                return inside;
            };
            hide(&line[..end], out);
            out.push_str(quote);
            values(&line[end + quote.len()..], after, out)
        }
        Inside::Braces => values(line, inside, out),
        Inside::Elsewhere | Inside::Table if line.trim_start().starts_with('[') => {
            out.push_str(line);
            let name: String = line.chars().filter(|c| !c.is_whitespace() && !"[]\"'".contains(*c)).collect();
            if name.split('#').next() == Some("bundle.vars") { Inside::Table } else { Inside::Elsewhere }
        }
        Inside::Table => assignment(line, Inside::Table, out),
        Inside::Elsewhere => match variables_at(line) {
            Some(at) => {
                out.push_str(&line[..at]);
                assignment(&line[at..], Inside::Elsewhere, out)
            }
            None => {
                out.push_str(line);
                inside
            }
        },
    }
}

/// Where `vars =`, `vars.X =` or `"vars" =` begins in a line, if it does.
fn variables_at(line: &str) -> Option<usize> {
    let word = |at: usize| {
        let before = line[..at].chars().next_back();
        let after = line[at + 4..].trim_start_matches(['"', '\'', ' ', '\t']);
        before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '-') && after.starts_with(['=', '.'])
    };
    line.match_indices("vars").map(|(at, _)| at).find(|at| word(*at))
}

/// A key and its value, or braces full of them.
fn assignment(line: &str, after: Inside, out: &mut String) -> Inside {
    let Some(equals) = line.find('=') else {
        // A line that goes on with something else: hidden unless it is a comment.
        if line.trim_start().starts_with('#') || after == Inside::Elsewhere {
            out.push_str(line)
        } else {
            hide(line, out)
        }
        return after;
    };
    let (key, value) = line.split_at(equals + 1);
    out.push_str(key);
    if value.trim_start().starts_with('{') {
        let open = value.len() - value.trim_start().len() + 1;
        out.push_str(&value[..open]);
        return match values(&value[open..], Inside::Braces, out) {
            Inside::Elsewhere => after,
            other => other,
        };
    }
    value_of(value, after, out)
}

/// Keys and values up to the brace that closes them.
fn values(text: &str, inside: Inside, out: &mut String) -> Inside {
    if inside == Inside::Table {
        hide(text, out);
        return inside;
    }
    let mut rest = text;
    loop {
        let Some(at) = rest.find(['=', '}']) else {
            out.push_str(rest);
            return Inside::Braces;
        };
        out.push_str(&rest[..=at]);
        if rest[at..].starts_with('}') {
            out.push_str(&rest[at + 1..]);
            return Inside::Elsewhere;
        }
        rest = &rest[at + 1..];
        if let Some(quote) = long_quote(rest) {
            return value_of_long(rest, quote, Inside::Braces, out);
        }
        let end = end_of_value(rest);
        hide(&rest[..end], out);
        rest = &rest[end..];
    }
}

fn value_of(value: &str, after: Inside, out: &mut String) -> Inside {
    match long_quote(value) {
        Some(quote) => value_of_long(value, quote, after, out),
        None => {
            hide(value, out);
            after
        }
    }
}

fn long_quote(value: &str) -> Option<&'static str> {
    LONG_QUOTES.into_iter().find(|quote| value.trim_start().starts_with(quote))
}

/// From the opening quote on; it may close on a later line.
fn value_of_long(value: &str, quote: &'static str, after: Inside, out: &mut String) -> Inside {
    hide(value, out);
    let opened = value.find(quote).map_or(0, |at| at + quote.len());
    if value[opened..].contains(quote) { after } else { Inside::Text(quote, after != Inside::Braces) }
}

/// Behind a value of one line: its closing quote, or what separates it from the next.
fn end_of_value(text: &str) -> usize {
    let start = text.len() - text.trim_start_matches([' ', '\t']).len();
    let value = &text[start..];
    let Some(quote) = value.chars().next().filter(|c| "\"'".contains(*c)) else {
        return value.find([',', '}', '\n', '\r', '#']).map_or(text.len(), |end| start + end);
    };
    let mut escaped = false;
    for (at, c) in value.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            c if c == quote => return start + at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A mark for each character, of as many bytes. Quotes, spaces and what ends a line stay.
fn hide(text: &str, out: &mut String) {
    out.extend(text.chars().map(|c| match c {
        '"' | '\'' | ' ' | '\t' | '\n' | '\r' => c,
        c => ['*', '·', '•', '\u{1f512}'][c.len_utf8() - 1],
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_variables_are_hidden_and_nothing_moves() {
        for (text, expected) in [
            ("vars = { A = 30, B = \"hunter2\", C = 'x y' }\n", "vars = { A = **, B = \"*******\", C = '* *' }\n"),
            ("vars = { A = \"a\\\"b}\", B = true } # end\n", "vars = { A = \"**\"**\", B = **** } # end\n"),
            (
                "[bundle.vars] # here\nA = \"é\"\n# B\n[x]\nA = 1\n",
                "[bundle.vars] # here\nA = \"·\"\n# B\n[x]\nA = 1\n",
            ),
            ("bundle.vars.A = 5\nname = \"p\"\n", "bundle.vars.A = *\nname = \"p\"\n"),
            ("bundle = { vars = { A = 1 }, host = \"h\" }", "bundle = { vars = { A = * }, host = \"h\" }"),
            ("vars = { A = \"never closed\nname = 1\n", "vars = { A = \"***** ******\nname = *\n"),
            ("vars = {\n  A = 1,\n  B = \"b\" }\nhost = \"h\"\n", "vars = {\n  A = *,\n  B = \"*\" }\nhost = \"h\"\n"),
            ("[bundle.vars]\nA = \"\"\"one\ntwo\"\"\"\nB = 1\n", "[bundle.vars]\nA = \"\"\"***\n***\"\"\"\nB = *\n"),
            ("servars = 1\nvarsity = 2\n", "servars = 1\nvarsity = 2\n"),
        ] {
            assert_eq!(conceal(text), expected);
            assert_eq!(conceal(text).len(), text.len());
        }
    }
}
