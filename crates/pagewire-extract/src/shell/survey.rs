//! One pass over the bytes of a page: how much text there is, how many scripts, and what stands for what scripts will put
//! there. No tree is made; what is broken is counted as it stands.

use memchr::memchr;

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
/// Elements that frameworks name after themselves, or that are empty roots by their own names.
const ROOT_ELEMENTS: &[&str] = &["app-root", "my-app", "flt-glass-pane", "ion-app", "shell-app"];
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
const ASKS: &[&str] = &["javascript", "java script", "scripting"];
/// Bytes of text that are kept to be looked at.
const SAMPLE_BYTES_MAX: usize = 512;
/// Bytes of one tag that are looked at.
const TAG_BYTES_MAX: usize = 4_096;
/// Roots that may be open within each other.
const OPEN_ROOTS_MAX: usize = 8;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Characters of text that is shown, white space counted once.
    pub(super) text: usize,
    /// Scripts that would run.
    pub(super) scripts: usize,
    /// Images, inputs, videos and the like.
    pub(super) content: usize,
    /// Elements that stand for what will be there.
    pub(super) placeholders: usize,
    /// Whether an element that frameworks fill has no text and no content.
    pub(super) has_empty_root: bool,
    /// Whether `noscript` says that scripts are needed.
    pub(super) asks_for_scripts: bool,
    sample: String,
}

/// A root that is open: what had been found when it began, and how deep it is.
struct OpenRoot {
    name: Vec<u8>,
    nested: usize,
    text: usize,
    content: usize,
}

impl Survey {
    /// Stops where there is as much text as is enough.
    pub(super) fn of(page: &[u8], text_enough: usize) -> Self {
        let mut survey = Self::default();
        let mut roots: Vec<OpenRoot> = Vec::new();
        let mut rest = page;
        while let Some(at) = memchr(b'<', rest) {
            survey.take_text(&rest[..at]);
            rest = survey.take_tag(&rest[at..], &mut roots);
            if survey.text >= text_enough {
                return survey;
            }
        }
        survey.take_text(rest);
        // A root that is never closed holds what follows it.
        for root in roots {
            survey.close(&root);
        }
        survey
    }

    /// Whether what little text there is only says that more will come.
    pub(super) fn is_placeholder(&self) -> bool {
        let sample = self.sample.to_lowercase();
        let says_so = LOADING.iter().any(|word| sample.contains(word));
        (says_so || (self.placeholders > 0 && self.text == 0)) && self.content == 0
    }

    /// Takes what begins with `<`, and gives what follows it.
    fn take_tag<'p>(&mut self, page: &'p [u8], roots: &mut Vec<OpenRoot>) -> &'p [u8] {
        if page.starts_with(b"<!--") {
            return after(page, b"-->");
        }
        let is_end = page.get(1) == Some(&b'/');
        let name_at = if is_end { 2 } else { 1 };
        let name_end =
            page[name_at..].iter().position(|byte| !is_of_name(*byte)).unwrap_or(page.len() - name_at);
        let name = page[name_at..name_at + name_end].to_ascii_lowercase();
        if name.is_empty() {
            // A declaration, or `<` in text.
            return if page.get(1) == Some(&b'!') { after(page, b">") } else { &page[1..] };
        }
        let tag_end = end_of_tag(page);
        let (tag, rest) = page.split_at(tag_end);
        let tag = &tag[..tag.len().min(TAG_BYTES_MAX)];
        if is_end {
            end_in(roots, &name).into_iter().for_each(|root| self.close(&root));
            return rest;
        }
        match name.as_slice() {
            b"script" => {
                self.scripts += usize::from(runs(tag));
                return after_element(rest, b"</script");
            }
            b"style" => return after_element(rest, b"</style"),
            b"template" => return after_element(rest, b"</template"),
            b"title" => return after_element(rest, b"</title"),
            b"textarea" => {
                self.content += 1;
                return after_element(rest, b"</textarea");
            }
            b"noscript" => {
                let after = after_element(rest, b"</noscript");
                self.take_noscript(&rest[..rest.len() - after.len()]);
                return after;
            }
            b"img" | b"picture" | b"video" | b"audio" | b"object" | b"embed" | b"iframe" | b"input"
            | b"select" | b"table" => self.content += 1,
            _ => {}
        }
        let lowered = tag.to_ascii_lowercase();
        self.placeholders += usize::from(PLACEHOLDERS.iter().any(|mark| contains(&lowered, mark)));
        self.open(&name, &lowered, roots);
        rest
    }

    fn open(&mut self, name: &[u8], tag: &[u8], roots: &mut Vec<OpenRoot>) {
        for root in roots.iter_mut().filter(|root| root.name == name) {
            root.nested += 1;
        }
        let is_root = ROOT_ELEMENTS.iter().any(|root| root.as_bytes() == name)
            || attribute(tag, b"id").is_some_and(|id| ROOTS.iter().any(|root| root.as_bytes() == id))
            || contains(tag, b"ng-version")
            || contains(tag, b"data-reactroot")
            || contains(tag, b"data-server-rendered");
        if is_root && name != b"body" && name != b"html" && roots.len() < OPEN_ROOTS_MAX {
            let (text, content) = (self.text, self.content);
            roots.push(OpenRoot { name: name.to_vec(), nested: 0, text, content });
        }
    }

    /// A root has ended: it is empty where it has nothing but a word that more will come.
    fn close(&mut self, root: &OpenRoot) {
        let text = self.text - root.text;
        let is_empty = text == 0 || (text < 60 && self.is_placeholder());
        if is_empty && self.content == root.content {
            self.has_empty_root = true;
        }
    }

    fn take_text(&mut self, text: &[u8]) {
        let mut characters = 0;
        for word in text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
            // A byte that goes on with a character begins none.
            characters += 1 + word.iter().filter(|byte| **byte & 0xC0 != 0x80).count();
        }
        self.text += characters;
        let room = SAMPLE_BYTES_MAX.saturating_sub(self.sample.len());
        if characters > 0 && room > 0 {
            let text = text.trim_ascii();
            self.sample.push_str(&String::from_utf8_lossy(&text[..text.len().min(room)]));
            self.sample.push(' ');
        }
    }

    fn take_noscript(&mut self, inner: &[u8]) {
        let text = String::from_utf8_lossy(&inner[..inner.len().min(TAG_BYTES_MAX)]).to_lowercase();
        self.asks_for_scripts |= ASKS.iter().any(|word| text.contains(word));
    }
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b':'
}

/// Whether the script is one that runs, and not data or a template.
fn runs(tag: &[u8]) -> bool {
    let tag = tag.to_ascii_lowercase();
    match attribute(&tag, b"type") {
        None | Some(b"" | b"module") => true,
        Some(kind) => contains(kind, b"javascript") || contains(kind, b"ecmascript"),
    }
}

/// The value of an attribute of a tag in small letters.
fn attribute<'t>(tag: &'t [u8], name: &[u8]) -> Option<&'t [u8]> {
    let mut rest = tag;
    loop {
        let at = find(rest, name)?;
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

/// Closes the innermost root of that name, if its end tag is this one.
fn end_in(roots: &mut Vec<OpenRoot>, name: &[u8]) -> Option<OpenRoot> {
    let mut closed = None;
    for (at, root) in roots.iter_mut().enumerate().rev().filter(|(_, root)| root.name == name) {
        if root.nested > 0 {
            root.nested -= 1;
        } else if closed.is_none() {
            closed = Some(at);
        }
    }
    closed.map(|at| roots.remove(at))
}

/// Behind the tag's `>`, quoted ones left aside.
fn end_of_tag(page: &[u8]) -> usize {
    let mut quote = None;
    for (at, byte) in page.iter().enumerate().take(16 * TAG_BYTES_MAX) {
        match (quote, byte) {
            (None, b'>') => return at + 1,
            (None, b'"' | b'\'') => quote = Some(*byte),
            (Some(open), byte) if open == *byte => quote = None,
            _ => {}
        }
    }
    page.len().min(16 * TAG_BYTES_MAX)
}

/// What follows the mark; nothing where it never comes.
fn after<'p>(page: &'p [u8], mark: &[u8]) -> &'p [u8] {
    find(page, mark).map_or(&[], |at| &page[at + mark.len()..])
}

/// What follows an element whose end tag begins so.
fn after_element<'p>(page: &'p [u8], end: &[u8]) -> &'p [u8] {
    let mut from = 0;
    while let Some(at) = memchr(b'<', &page[from..]) {
        let rest = &page[from + at..];
        if rest.len() >= end.len() && rest[..end.len()].eq_ignore_ascii_case(end) {
            return &rest[end_of_tag(rest)..];
        }
        from += at + 1;
    }
    &[]
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, part)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    find(text, part).is_some()
}
