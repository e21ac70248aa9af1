//! Text for a person on a terminal of eighty columns. Pure.

/// Wider than this no line is read with ease, and some terminals are not.
pub const WIDTH: usize = 80;
/// So many of a kind show what is meant; all of them are in a file.
pub const FEW: usize = 5;

/// Breaks a text between words. `first` comes before its first line, and the others are indented by `rest`. Lines that it
/// has already stay. A word that is longer than a line is not broken: it may be a command.
pub fn wrapped(first: &str, rest: usize, text: &str) -> String {
    let mut lines = vec![];
    let mut begin = first.to_owned();
    for paragraph in text.lines() {
        let mut line = begin;
        let mut is_empty = true;
        for word in paragraph.split_whitespace() {
            if !is_empty && length(&line) + 1 + length(word) > WIDTH {
                lines.push(std::mem::replace(&mut line, " ".repeat(rest)));
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
            }
            line.push_str(word);
            is_empty = false;
        }
        lines.push(line);
        begin = " ".repeat(rest);
    }
    lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// `a, b, c and 495 more`.
pub fn few<T: AsRef<str>>(items: &[T], most: usize) -> String {
    let shown: Vec<_> = items.iter().take(most).map(AsRef::as_ref).collect();
    match items.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// `1 table`, `500 tables`, `3 policies`.
pub fn counted(count: usize, kind: &str) -> String {
    let kind = kind.to_lowercase();
    if count == 1 {
        return format!("1 {kind}");
    }
    let vowel = |stem: &&str| stem.ends_with(['a', 'e', 'i', 'o', 'u']);
    match kind.strip_suffix('y').filter(|stem| !vowel(stem)) {
        Some(stem) => format!("{count} {stem}ies"),
        None if kind.ends_with(['x', 's']) => format!("{count} {kind}es"),
        None => format!("{count} {kind}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_between_words_and_what_is_a_command_stays_whole() {
        let text = wrapped("  so ", 4, &"it cannot be followed; ".repeat(6));
        assert!(text.lines().all(|line| line.len() <= WIDTH && line.len() > 60), "{text}");
        assert!(
            text.starts_with("  so it") && text.lines().nth(1).is_some_and(|line| line.starts_with("    ")),
            "{text}"
        );
        assert_eq!(text.split_whitespace().count(), 1 + 6 * 4);
        let long = "x".repeat(100);
        assert_eq!(wrapped("", 2, &format!("a {long} b")), format!("a\n  {long}\n  b"));
        assert_eq!(wrapped("- ", 2, "one\ntwo"), "- one\n  two");
    }

    #[test]
    fn lists_say_how_much_they_leave_out() {
        let all = ["a", "b", "c"];
        assert_eq!([few(&all, 5), few(&all, 3), few(&all, 1)], ["a, b, c", "a, b, c", "a and 2 more"]);
        let kinds = [(1, "TABLE"), (2, "FOREIGN TABLE"), (3, "POLICY"), (2, "INDEX"), (2, "FOREIGN KEY")];
        let said = kinds.map(|(count, kind)| counted(count, kind));
        assert_eq!(said, ["1 table", "2 foreign tables", "3 policies", "2 indexes", "2 foreign keys"]);
    }
}
