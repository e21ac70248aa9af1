//! As much XML as MiniStack's answers need: elements without attributes, found by name. Not a parser: an element that
//! contains one of its own name is not told apart.

/// What stands in the first element of that name.
pub fn text<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    elements(xml, name).next()
}

/// What stands in each element of that name.
pub fn elements<'a>(xml: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = xml;
    std::iter::from_fn(move || {
        let (_, inside) = rest.split_once(&open)?;
        let (content, after) = inside.split_once(&close)?;
        rest = after;
        Some(content)
    })
}

/// The text with the content of each element of that name replaced.
pub fn map(xml: &str, name: &str, mut change: impl FnMut(&str) -> String) -> String {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut changed = String::with_capacity(xml.len());
    let mut rest = xml;
    while let Some((before, inside)) = rest.split_once(&open) {
        let Some((content, after)) = inside.split_once(&close) else { break };
        changed.extend([before, &open, &change(content), &close]);
        rest = after;
    }
    changed + rest
}

/// The text without the elements of that name.
pub fn without(xml: &str, name: &str) -> String {
    let marked = map(xml, name, |_| String::new());
    marked.replace(&format!("<{name}></{name}>"), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    const XML: &str = "<L><I><N>a</N><E>1</E></I>\n<I><N>b</N></I></L>";

    #[test]
    fn elements_are_found_in_order() {
        assert_eq!(elements(XML, "N").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(text(XML, "E"), Some("1"));
        assert_eq!(text(XML, "X"), None);
    }

    #[test]
    fn contents_are_replaced_and_elements_removed() {
        assert_eq!(map(XML, "N", str::to_uppercase), "<L><I><N>A</N><E>1</E></I>\n<I><N>B</N></I></L>");
        assert_eq!(without(XML, "E"), "<L><I><N>a</N></I>\n<I><N>b</N></I></L>");
    }
}
