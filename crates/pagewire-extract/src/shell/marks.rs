//! What in a page stands for what scripts will put there: the names, words and attributes by which it is known.

use memchr::{memchr, memmem};

/// Ids of the elements that frameworks fill.
const ROOTS: &[&str] = &[
    "__layout",
    "__next",
    "__nuxt",
    "___gatsby",
    "app",
    "app-container",
    "app-mount",
    "app-root",
    "application",
    "ember-application",
    "main-app",
    "mount",
    "page-root",
    "q-app",
    "react-app",
    "react-root",
    "reactroot",
    "root",
    "root-container",
    "single-spa-application",
    "spa-root",
    "svelte",
    "vue-app",
    "wrapper-app",
];
/// Elements that are empty roots by their own names, beside those whose names end in `-app` or begin with `app-`.
const ROOT_ELEMENTS: &[&str] = &["flt-glass-pane"];
/// Attributes that frameworks give their roots.
const ROOT_ATTRIBUTES: &[&[u8]] = &[b"ng-version", b"data-reactroot", b"data-server-rendered"];
/// Words in the ids and classes of elements that hold what a page is about.
const FILLED: &[&[u8]] = &[
    b"app",
    b"articles",
    b"board",
    b"cards",
    b"catalog",
    b"catalogue",
    b"container",
    b"content",
    b"contents",
    b"dashboard",
    b"data",
    b"entries",
    b"feed",
    b"gallery",
    b"grid",
    b"items",
    b"list",
    b"listing",
    b"main",
    b"news",
    b"output",
    b"page",
    b"posts",
    b"products",
    b"results",
    b"rows",
    b"stories",
    b"table",
    b"timeline",
    b"view",
    b"wrapper",
];
/// Attributes of elements that scripts fill from data, or that are fetched once they are shown.
const BINDINGS: &[&[u8]] =
    &[b"*ngfor", b"data-bind", b"hx-trigger=\"load", b"ng-repeat", b"v-cloak", b"v-for", b"x-for"];
/// Kinds of scripts that are templates.
const TEMPLATES: &[&[u8]] = &[b"handlebars", b"mustache", b"ng-template", b"text/template", b"x-template"];
/// Words that say that something will be there.
const LOADING: &[&str] = &[
    "loading",
    "please wait",
    "one moment",
    "just a moment",
    "starting",
    "laddar",
    "vänta",
    "lädt",
    "laden",
    "bitte warten",
    "chargement",
    "patientez",
    "cargando",
    "caricamento",
    "carregando",
    "ladataan",
    "indlæser",
    "laster",
    "wczytywanie",
    "ładowanie",
    "загрузка",
    "読み込み",
    "加载",
    "로딩",
];
/// Marks of elements that stand for others.
const PLACEHOLDERS: &[&[u8]] =
    &[b"skeleton", b"placeholder-glow", b"shimmer", b"spinner", b"loader", b"aria-busy=\"true\""];
/// Words by which `noscript` asks for scripts.
const ASKS: &[&str] = &["javascript", "java script", "scripting", "enable js", "http-equiv=\"refresh\""];
/// Words by which it asks for them for the sake of something beside the page: what readers have said of it.
const ASKS_FOR_LESS: &[&str] = &[
    "comment",
    "kommenta",
    "comenta",
    "commenti",
    "reacties",
    "комментари",
    "komentarz",
    "评论",
    "評論",
    "コメント",
    "댓글",
];
/// What scripts build pages with.
const BUILDS: &[&[u8]] =
    &[b"innerHTML", b"appendChild", b"insertAdjacent", b"replaceChildren", b".append(", b".html("];

/// Whether frameworks fill an element. The tag is in small letters, as all tags here.
pub(super) fn is_root(name: &[u8], tag: &[u8]) -> bool {
    let by_name = name.ends_with(b"-app") || name.starts_with(b"app-") || is_one_of(name, ROOT_ELEMENTS);
    let by_attribute =
        || attribute(tag, b"id").is_some_and(|id| is_one_of(id, ROOTS)) || has_one_of(tag, ROOT_ATTRIBUTES);
    name != b"body" && name != b"html" && (by_name || by_attribute())
}

/// Whether an element is where a page has what it is about.
pub(super) fn is_of_content(name: &[u8], tag: &[u8]) -> bool {
    let says_so = |attribute: Option<&[u8]>| {
        let words = attribute.unwrap_or_default().split(|byte| !byte.is_ascii_alphanumeric());
        words.into_iter().any(|word| FILLED.contains(&word))
    };
    match name {
        b"main" | b"tbody" => true,
        b"article" | b"div" | b"ol" | b"section" | b"ul" => {
            says_so(attribute(tag, b"id")) || says_so(attribute(tag, b"class"))
        }
        _ => false,
    }
}

/// Whether an element is one that scripts may fill, if they name it.
pub(super) fn may_be_filled(name: &[u8]) -> bool {
    matches!(name, b"article" | b"div" | b"main" | b"ol" | b"section" | b"tbody" | b"ul")
}

/// Whether scripts fill an element from data.
pub(super) fn is_bound(tag: &[u8]) -> bool {
    has_one_of(tag, BINDINGS)
}

/// Whether an element stands for another.
pub(super) fn is_placeholder(tag: &[u8]) -> bool {
    has_one_of(tag, PLACEHOLDERS)
}

/// What a script is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    /// To run.
    Runs,
    /// To be filled by one that runs.
    Template,
    /// Data.
    Data,
}

/// What a script is for, by its `type`.
pub(super) fn script(tag: &[u8]) -> Script {
    match attribute(tag, b"type") {
        None | Some(b"" | b"module") => Script::Runs,
        Some(kind) if contains(kind, b"javascript") || contains(kind, b"ecmascript") => Script::Runs,
        Some(kind) if has_one_of(kind, TEMPLATES) => Script::Template,
        Some(_) => Script::Data,
    }
}

/// Whether a script makes elements.
pub(super) fn builds(script: &[u8]) -> bool {
    has_one_of(script, BUILDS)
}

/// Whether a script has an id, as it is written in scripts.
pub(super) fn names(script: &[u8], id: &[u8]) -> bool {
    memmem::find_iter(script, id).any(|at| {
        let before = at.checked_sub(1).map(|at| script[at]);
        let after = script.get(at + id.len());
        matches!(before, Some(b'"' | b'\'' | b'`' | b'#'))
            && matches!(after, Some(b'"' | b'\'' | b'`' | b' '))
    })
}

/// Whether what stands in a `noscript` asks for scripts.
pub(super) fn asks_for_scripts(noscript: &str) -> bool {
    let has = |words: &[&str]| words.iter().any(|word| noscript.contains(word));
    has(ASKS) && !has(ASKS_FOR_LESS)
}

/// Whether a text only holds a place.
pub(super) fn is_dash(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    !text.is_empty()
        && text.len() <= 12
        && str::from_utf8(text).is_ok_and(|text| text.chars().all(|c| matches!(c, '-' | '–' | '—' | '…')))
}

/// Whether a text says that something will be there.
pub(super) fn says_that_it_loads(text: &str) -> bool {
    let text = text.to_lowercase();
    LOADING.iter().any(|word| text.contains(word))
}

/// The value of an attribute of a tag.
pub(super) fn attribute<'t>(tag: &'t [u8], name: &[u8]) -> Option<&'t [u8]> {
    let mut rest = tag;
    loop {
        let at = memmem::find(rest, name)?;
        let before_is_space = at > 0 && rest[at - 1].is_ascii_whitespace();
        let value = rest[at + name.len()..].trim_ascii_start();
        if let (true, Some(value)) = (before_is_space, value.strip_prefix(b"=")) {
            let value = value.trim_ascii_start();
            return Some(match value.first() {
                Some(quote @ (b'"' | b'\'')) => {
                    let inner = &value[1..];
                    &inner[..memchr(*quote, inner).unwrap_or(inner.len())]
                }
                _ => {
                    let end = value.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'>');
                    &value[..end.unwrap_or(value.len())]
                }
            });
        }
        rest = &rest[at + name.len()..];
    }
}

fn is_one_of(text: &[u8], names: &[&str]) -> bool {
    names.iter().any(|name| name.as_bytes() == text)
}

fn has_one_of(text: &[u8], parts: &[&[u8]]) -> bool {
    parts.iter().any(|part| contains(text, part))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    memmem::find(text, part).is_some()
}
