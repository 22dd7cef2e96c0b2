//! Text as HTML.

/// The text with the characters that have a meaning in HTML escaped, also inside quotes.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A text of the document: what is in backticks is code.
pub(super) fn inline(text: &str) -> String {
    let parts: Vec<_> = text.split('`').collect();
    let last = parts.len().saturating_sub(1);
    let part = |(place, part): (usize, &&str)| match (place % 2 == 1, place == last) {
        (true, false) => code(part),
        // A backtick without its second.
        (true, true) => format!("`{}", escape(part)),
        (false, _) => escape(part),
    };
    parts.iter().enumerate().map(part).collect()
}

/// Paragraphs of a text of the document.
pub(super) fn prose(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty());
    paragraphs.flat_map(|paragraph| ["<p>".to_owned(), inline(paragraph), "</p>\n".to_owned()]).collect()
}

pub(super) fn code(text: &str) -> String {
    format!("<code>{}</code>", escape(text))
}

/// A smaller line; nothing if there is nothing to say.
pub(super) fn quiet(html: &str) -> String {
    if html.is_empty() { String::new() } else { format!("<p class=\"quiet\">{html}</p>\n") }
}

/// A name with what kind of thing it is, and its description.
pub(super) fn definition(name: &str, kind: &str, description: &str) -> String {
    format!("<dt>{} <span class=\"quiet\">{kind}</span></dt><dd>{description}</dd>\n", code(name))
}

/// A list of definitions under a heading; nothing if there are none.
pub(super) fn definitions(heading: &str, definitions: &str) -> String {
    if definitions.is_empty() { String::new() } else { format!("<h4>{heading}</h4>\n<dl>\n{definitions}</dl>\n") }
}
