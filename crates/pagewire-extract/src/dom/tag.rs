//! The kinds of elements, as small numbers: what an element is for is asked millions of times, its name once.

use html5ever::{LocalName, local_name};

macro_rules! tags {
    ($($tag:ident => $name:tt,)*) => {
        /// An element's kind; `Other` for names that mean nothing here.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Tag { $($tag,)* Other }

        impl Tag {
            pub(crate) fn of(name: &LocalName) -> Self {
                match *name {
                    $(local_name!($name) => Self::$tag,)*
                    _ => Self::Other,
                }
            }
        }
    };
}

tags! {
    A => "a", Address => "address", Annotation => "annotation", Article => "article", Aside => "aside",
    Audio => "audio", B => "b", Blockquote => "blockquote", Body => "body", Br => "br", Button => "button",
    Canvas => "canvas", Caption => "caption", Center => "center", Cite => "cite", Code => "code",
    Datalist => "datalist", Dd => "dd", Del => "del", Details => "details", Dfn => "dfn",
    Dialog => "dialog", Div => "div", Dl => "dl", Dt => "dt", Em => "em", Embed => "embed",
    Fieldset => "fieldset", Figcaption => "figcaption", Figure => "figure", Footer => "footer",
    Form => "form", H1 => "h1", H2 => "h2", H3 => "h3", H4 => "h4", H5 => "h5", H6 => "h6",
    Head => "head", Header => "header", Hr => "hr", I => "i", Iframe => "iframe", Img => "img",
    Input => "input", Kbd => "kbd", Label => "label", Li => "li", Link => "link", Main => "main",
    Math => "math", Menu => "menu", Meta => "meta", Nav => "nav", Noscript => "noscript",
    Object => "object", Ol => "ol", P => "p", Picture => "picture", Pre => "pre", Q => "q", S => "s",
    Samp => "samp", Script => "script", Section => "section", Select => "select", Source => "source",
    Span => "span", Strike => "strike", Strong => "strong", Style => "style", Sub => "sub",
    Summary => "summary", Sup => "sup", Svg => "svg", Table => "table", Tbody => "tbody", Td => "td",
    Template => "template", Textarea => "textarea", Tfoot => "tfoot", Th => "th", Thead => "thead",
    Time => "time", Tr => "tr", Tt => "tt", Ul => "ul", Video => "video", Wbr => "wbr",
}

impl Tag {
    /// Whether an element stands on lines of its own.
    pub(crate) const fn is_block(self) -> bool {
        matches!(
            self,
            Self::Address
                | Self::Article
                | Self::Aside
                | Self::Blockquote
                | Self::Body
                | Self::Br
                | Self::Caption
                | Self::Center
                | Self::Dd
                | Self::Details
                | Self::Div
                | Self::Dl
                | Self::Dt
                | Self::Fieldset
                | Self::Figcaption
                | Self::Figure
                | Self::Footer
                | Self::Form
                | Self::H1
                | Self::H2
                | Self::H3
                | Self::H4
                | Self::H5
                | Self::H6
                | Self::Header
                | Self::Hr
                | Self::Li
                | Self::Main
                | Self::Menu
                | Self::Nav
                | Self::Ol
                | Self::P
                | Self::Pre
                | Self::Section
                | Self::Summary
                | Self::Table
                | Self::Tr
                | Self::Ul
        )
    }

    pub(crate) const fn is_cell(self) -> bool {
        matches!(self, Self::Td | Self::Th)
    }

    pub(crate) const fn is_heading(self) -> bool {
        self.heading_level().is_some()
    }

    pub(crate) const fn heading_level(self) -> Option<usize> {
        match self {
            Self::H1 => Some(1),
            Self::H2 => Some(2),
            Self::H3 => Some(3),
            Self::H4 => Some(4),
            Self::H5 => Some(5),
            Self::H6 => Some(6),
            _ => None,
        }
    }

    /// Whether an element is a control, or nothing that is read.
    pub(crate) const fn is_never_read(self) -> bool {
        matches!(
            self,
            Self::Script
                | Self::Style
                | Self::Template
                | Self::Head
                | Self::Svg
                | Self::Iframe
                | Self::Object
                | Self::Embed
                | Self::Canvas
                | Self::Button
                | Self::Input
                | Self::Select
                | Self::Textarea
                | Self::Audio
                | Self::Video
                | Self::Dialog
                | Self::Datalist
                | Self::Link
                | Self::Meta
                | Self::Noscript
        )
    }

    /// Whether an element only groups others.
    pub(crate) const fn is_container(self) -> bool {
        matches!(
            self,
            Self::Div
                | Self::Section
                | Self::Article
                | Self::Main
                | Self::Form
                | Self::Td
                | Self::Table
                | Self::Tbody
                | Self::Tr
                | Self::Center
                | Self::Span
                | Self::Body
                | Self::Fieldset
                | Self::Details
                | Self::Figure
        )
    }
}
