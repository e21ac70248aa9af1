//! From bytes to text that is safe to parse: bounded size, valid UTF-8, bounded nesting.

use super::finding::Finding;

/// A plan has a few kilobytes; what is larger was not written by a person.
pub const MAX_BYTES: usize = 1024 * 1024;

/// Brackets inside brackets. The format needs 4; the parser and its values recurse.
const MAX_NESTING: usize = 16;

/// Reads the bytes as text. With findings, the text is what they point into and must not be parsed.
pub fn read(bytes: &[u8]) -> (String, Vec<Finding>) {
    if bytes.len() > MAX_BYTES {
        let start = String::from_utf8_lossy(&bytes[..MAX_BYTES]);
        return (start.into_owned(), vec![too_large(bytes.len())]);
    }
    let (text, mut findings) = decode_utf8(bytes);
    if findings.is_empty() {
        findings.extend(too_deep(&text));
    }
    (text, findings)
}

fn too_large(size: usize) -> Finding {
    Finding::error("too-large", format!("the file has {size} bytes, a plan at most {MAX_BYTES}"))
        .at(0..0, "this file")
        .remedy("check that this is the plan: data belongs into the bundle's folder")
}

/// Invalid sequences become U+FFFD, and each is a finding at that character.
fn decode_utf8(bytes: &[u8]) -> (String, Vec<Finding>) {
    let mut text = String::with_capacity(bytes.len());
    let mut findings = Vec::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            let start = text.len();
            text.push(char::REPLACEMENT_CHARACTER);
            findings.push(invalid_utf8(chunk.invalid(), start..text.len()));
        }
    }
    (text, findings)
}

fn invalid_utf8(bytes: &[u8], span: std::ops::Range<usize>) -> Finding {
    let hex: Vec<String> = bytes.iter().map(|byte| format!("0x{byte:02x}")).collect();
    Finding::error("invalid-utf8", "the file is not UTF-8")
        .at(span, format!("the byte {} stands here", hex.join(" ")))
        .reason("TOML is UTF-8 only")
        .remedy("save the file as UTF-8")
}

/// Finds the bracket that nests too deep, skipping strings and comments.
fn too_deep(text: &str) -> Option<Finding> {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_NESTING {
            return Some(
                Finding::error("too-deep", format!("brackets nest deeper than {MAX_NESTING}"))
                    .at(at..at + 1, "one too many")
                    .reason("nothing in a plan nests deeper than four")
                    .remedy("look for a bracket that is not closed before this place"),
            );
        }
        at += skipped(&bytes[at..]);
    }
    None
}

/// How many bytes to go on: over a whole string or comment, or by one.
fn skipped(rest: &[u8]) -> usize {
    match rest {
        [b'#', ..] => rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()),
        [b'"', b'"', b'"', ..] => 3 + end_of_string(&rest[3..], b"\"\"\"", true),
        [b'\'', b'\'', b'\'', ..] => 3 + end_of_string(&rest[3..], b"'''", false),
        [b'"', ..] => 1 + end_of_string(&rest[1..], b"\"", true),
        [b'\'', ..] => 1 + end_of_string(&rest[1..], b"'", false),
        _ => 1,
    }
}

/// The length of a string's content and closing quotes. One that is open ends with its line, or with the file when it
/// may have many lines: the parser will say so.
fn end_of_string(content: &[u8], quotes: &[u8], escapes: bool) -> usize {
    let mut at = 0;
    while at < content.len() {
        if content[at..].starts_with(quotes) {
            return at + quotes.len();
        }
        if content[at] == b'\n' && quotes.len() == 1 {
            return at;
        }
        at += if escapes && content[at] == b'\\' { 2 } else { 1 };
    }
    content.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_strings_and_comments_do_not_nest() {
        let many = "[".repeat(100);
        for text in
            [format!("a = \"{many}\""), format!("# {many}"), format!("a = '''\n{many}'''"), format!("a = '{many}'")]
        {
            assert!(read(text.as_bytes()).1.is_empty(), "{text}");
        }
        assert_eq!(read(format!("a = {many}").as_bytes()).1[0].code, "too-deep");
        assert_eq!(read(format!("a = \"\\\"\"\nb = {many}").as_bytes()).1[0].code, "too-deep");
    }

    #[test]
    fn each_invalid_sequence_is_found() {
        let (text, findings) = read(b"a = \"\xff\"\nb = \"\xc3\x28\"");
        assert_eq!(findings.len(), 2);
        assert_eq!(&text[findings[1].span.clone()], "\u{fffd}");
    }
}
