//! A source file as the rules see it: its text, and its code without comments, texts and test modules. A scanner of
//! characters, no parser: enough for rustfmt's output, and it cannot be outdated by the language.

use std::path::{Path, PathBuf};

pub struct Source {
    pub path: PathBuf,
    pub text: String,
    /// As long as the text, line by line; what is no code is blank.
    pub code: String,
}

impl Source {
    pub fn new(path: &Path, text: &str) -> Self {
        let code = without_test_modules(&without_comments_and_texts(text));
        Self { path: path.to_owned(), text: text.to_owned(), code }
    }

    pub fn is_in(&self, folders: &[&str]) -> bool {
        folders.iter().any(|folder| self.path.starts_with(folder) || self.path == Path::new(&format!("{folder}.rs")))
    }

    /// All of it is for tests: an integration test, or a file of tests beside what it tests.
    pub fn is_test(&self) -> bool {
        let path = self.path.to_string_lossy();
        let part_of_the_lab = path.starts_with("tests/lab/src/");
        let beside = path.ends_with("/tests.rs") || path.ends_with("_tests.rs") || path.contains("/tests/");
        (path.starts_with("tests/") && !part_of_the_lab) || beside || path.contains("/examples/")
    }

    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

/// What stands at a place of the text.
enum Token {
    Blank(usize),
    Code(usize),
}

fn without_comments_and_texts(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (taken, keep) = match token(rest, code.chars().last()) {
            Token::Blank(length) => (length, false),
            Token::Code(length) => (length, true),
        };
        let (part, after) = rest.split_at(taken);
        code.extend(part.chars().map(|c| if keep || c == '\n' { c } else { ' ' }));
        rest = after;
    }
    code
}

fn token(rest: &str, before: Option<char>) -> Token {
    let first = rest.chars().next().map_or(1, char::len_utf8);
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if rest.starts_with("//") {
        return Token::Blank(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Token::Blank(rest.find("*/").map_or(rest.len(), |at| at + 2));
    }
    if !in_word && let Some(length) = raw_text(rest) {
        return Token::Blank(length);
    }
    if let Some(text) = rest.strip_prefix('"') {
        return Token::Blank(1 + closing(text, '"'));
    }
    // A character, not a lifetime: '"' and '\'' would open or close a text.
    if let Some(text) = rest.strip_prefix('\'')
        && (text.starts_with('\\') || text.chars().nth(1) == Some('\''))
    {
        return Token::Blank(1 + closing(text, '\''));
    }
    Token::Code(first)
}

/// Up to and with the closing mark.
fn closing(text: &str, mark: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == mark => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// The length of `r"…"`, `r#"…"#`, `br"…"` if it begins here.
fn raw_text(rest: &str) -> Option<usize> {
    let after = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let hashes = after.chars().take_while(|c| *c == '#').count();
    let body = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let opened = rest.len() - body.len();
    Some(body.find(&end).map_or(rest.len(), |at| opened + at + end.len()))
}

/// Blanks every item under `#[cfg(test)]`: up to the brace that closes it, or the semicolon.
fn without_test_modules(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut kept = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find(MARK) {
        let (before, from) = rest.split_at(at);
        let (item, after) = from.split_at(MARK.len() + item_length(&from[MARK.len()..]));
        kept.push_str(before);
        kept.extend(item.chars().map(|c| if c == '\n' { c } else { ' ' }));
        rest = after;
    }
    kept + rest
}

fn item_length(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in code.char_indices() {
        match c {
            ';' if depth == 0 => return at + 1,
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        Source::new(Path::new("src/x.rs"), text).code
    }

    #[test]
    fn comments_and_texts_are_no_code() {
        assert_eq!(code("a // b\nc").split_whitespace().collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(code(r#"f("x \" y", '"', b)"#).split_whitespace().collect::<String>(), "f(,,b)");
        assert_eq!(code("f(r#\"tokio \" {\"#, 'a', &'a T)").split_whitespace().collect::<String>(), "f(,,&'aT)");
        assert_eq!(code("var\"x\"").trim(), "var");
    }

    #[test]
    fn test_modules_are_no_code_and_lines_stay_where_they_are() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n  fn b() { x.unwrap() }\n}\nfn c() {}\n#[cfg(test)]\nmod more;\nfn d() {}";
        let source = Source::new(Path::new("src/x.rs"), text);
        let words: Vec<_> = source.lines().filter(|(_, line)| !line.trim().is_empty()).map(|(n, _)| n).collect();
        assert_eq!(words, [1, 6, 9]);
    }

    #[test]
    fn tests_are_known_by_their_place() {
        let is_test = |path: &str| Source::new(Path::new(path), "").is_test();
        assert!(
            is_test("tests/host/main.rs") && is_test("src/diff/tests.rs") && is_test("tests/lab/tests/api/main.rs")
        );
        assert!(!is_test("tests/lab/src/main.rs") && !is_test("src/diff/host.rs"));
    }
}
