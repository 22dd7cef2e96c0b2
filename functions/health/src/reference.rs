//! The API reference: the API document as a page for people.
//!
//! The page is plain HTML without scripts, so that the search of the browser finds everything, and it loads nothing but
//! its style sheet and icon from this platform. It is well-formed XML as well, which the tests check.

mod document;
mod example;
mod html;
mod operation;
mod schema;

use api::ProblemCode;

use document::{Document, Operation, text};
use html::{escape, inline, prose};

/// The page for the text of an API document.
pub(crate) fn page(openapi_json: &str) -> String {
    let document = Document::parse(openapi_json);
    let tags = document.tags();
    let info = document.at("/info");
    let version = escape(text(info, "version"));
    let description = prose(text(info, "description"));
    let contents: String = tags.iter().map(|(tag, operations)| contents_of(tag, operations)).collect();
    let sections: String = tags.iter().map(|(tag, operations)| section(&document, tag, operations)).collect();
    format!(
        r##"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<title>Sextant API reference</title>
<link rel="icon" href="/docs/icon.svg" type="image/svg+xml" />
<link rel="stylesheet" href="/docs/style.css" />
</head>
<body class="reference">
<div class="page">
<header>
<h1>Sextant API reference</h1>
<p class="quiet">Version {version} · <a href="/">Home</a> · <a href="/openapi.json">OpenAPI document</a> · <a href="/docs/README.md">README</a></p>
{description}
<p>In the examples, <code>$URL</code> is the address of the platform, and <code>$TOKEN</code> is the token from
<a href="#sign_in"><code>POST /sessions</code></a>.</p>
</header>
<nav aria-label="Contents">
{contents}<ul><li class="group"><a href="#schemas">Schemas</a></li><li class="group"><a href="#problems">Problem codes</a></li></ul>
</nav>
<main>
{sections}{schemas}{problems}</main>
</div>
</body>
</html>
"##,
        schemas = schemas(&document),
        problems = problems(),
    )
}

fn contents_of(tag: &str, operations: &[Operation<'_>]) -> String {
    let tag = escape(tag);
    let link = |operation: &Operation<'_>| {
        format!("<li><a href=\"#{}\">{}</a></li>\n", escape(operation.id()), operation.title())
    };
    let links: String = operations.iter().map(link).collect();
    format!("<ul><li class=\"group\"><a href=\"#tag-{tag}\">{tag}</a></li>\n{links}</ul>\n")
}

fn section(document: &Document, tag: &str, operations: &[Operation<'_>]) -> String {
    let articles: String = operations.iter().map(|operation| operation::article(document, operation)).collect();
    let description = prose(document.tag_description(tag));
    let tag = escape(tag);
    format!("<section id=\"tag-{tag}\">\n<h2>{tag}</h2>\n{description}{articles}</section>\n")
}

fn schemas(document: &Document) -> String {
    let schemas = document.at("/components/schemas").as_object();
    let articles: String = schemas.into_iter().flatten().map(|(name, schema)| schema::article(name, schema)).collect();
    format!("<section id=\"schemas\">\n<h2>Schemas</h2>\n{articles}</section>\n")
}

fn problem(code: ProblemCode) -> String {
    let (name, status) = (code.as_str(), code.status().as_u16());
    let (meaning, remedy) = (inline(code.meaning()), inline(code.remedy()));
    format!("<dt id=\"problem-{name}\"><code>{name}</code> {status}</dt><dd><p>{meaning} {remedy}</p></dd>\n")
}

fn problems() -> String {
    let codes: String = ProblemCode::ALL.iter().copied().map(problem).collect();
    format!(
        "<section id=\"problems\">\n<h2>Problem codes</h2>\n<p>The <code>code</code> of a \
         <a href=\"#schema-Problem\">Problem</a>, with its status and what a client does about it.</p>\n<dl>\n{codes}</dl>\n\
         </section>\n"
    )
}
