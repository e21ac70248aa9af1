//! Splits what pg_dump wrote into statements: at semicolons outside of quotes. For definitions of indexes, constraints and
//! grants, which have quoted names and texts but no bodies.

/// Statements without their semicolons and without space around them.
pub fn statements(sql: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut quote: Option<char> = None;
    let mut escaped = false;
    let mut previous = ' ';
    let mut backslashes = false;
    for (at, c) in sql.char_indices() {
        match quote {
            Some('\'') if escaped => escaped = false,
            Some('\'') if backslashes && c == '\\' => escaped = true,
            // A doubled quote ends and begins again, which comes to the same.
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '\'' || c == '"' => {
                quote = Some(c);
                backslashes = c == '\'' && (previous == 'E' || previous == 'e');
            }
            None if c == ';' => {
                found.push(&sql[start..at]);
                start = at + 1;
            }
            None => {}
        }
        previous = c;
    }
    found.push(&sql[start..]);
    found.into_iter().map(str::trim).filter(|statement| !statement.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn semicolons_in_quotes_end_nothing() {
        let sql = "CREATE INDEX \"a;\n\"\"b\" ON t (f(';\n''', E'\\';'));\nALTER TABLE t CLUSTER ON x;\n\n";
        assert_eq!(
            statements(sql),
            ["CREATE INDEX \"a;\n\"\"b\" ON t (f(';\n''', E'\\';'))", "ALTER TABLE t CLUSTER ON x"]
        );
    }
}
