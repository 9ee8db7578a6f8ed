//! Whether a page, as it is served, is an empty shell that scripts fill in a browser: a decision made of the bytes alone,
//! in one pass.
//!
//! It is made in this order; the first row that holds decides.
//!
//! | what is there | verdict |
//! |---|---|
//! | no HTML | as served: not HTML |
//! | no script | as served: no scripts |
//! | an empty element that frameworks fill, and less than 400 characters of text that is not of the frame | shell: empty root |
//! | text of 1,200 characters or more | as served: it has its text |
//! | `noscript` that asks for scripts, and less than 400 characters | shell: asks for scripts |
//! | nothing but a word that something loads, placeholders, or what scripts fill from data | shell: placeholder |
//! | an empty element for what the page is about, and less than 400 characters and no pictures beside it | shell: empty root |
//! | no text, image or form of its own, but scripts | shell: only scripts |
//! | anything else | as served: little text, but its own |
//!
//! The frame is headers, footers and navigation.

mod marks;
mod survey;

use survey::Survey;

use crate::Input;

/// So many characters of text are a page, whatever else there is.
const TEXT_OF_A_PAGE: usize = 1_200;
/// A header and a footer around an empty root have fewer than this.
const TEXT_OF_A_FRAME: usize = 400;
/// What a page says that waits for its scripts has fewer than this.
const TEXT_OF_A_PLACEHOLDER: usize = 80;

/// So many grey boxes are what a page will be, not a decoration.
const BOXES_OF_A_PLACEHOLDER: usize = 3;

/// Why a page is taken for a shell, or is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ShellReason {
    /// It is no HTML.
    NotHtml,
    /// Nothing would run.
    NoScripts,
    /// There is enough text.
    HasText,
    /// There is little, but it is the page's own.
    LittleText,
    /// The element that a framework fills is empty.
    EmptyRoot,
    /// It says that it needs scripts.
    AsksForScripts,
    /// It says that it loads, or shows where something will be.
    Placeholder,
    /// There is nothing but scripts.
    OnlyScripts,
}

impl ShellReason {
    /// The reason's name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotHtml => "not_html",
            Self::NoScripts => "no_scripts",
            Self::HasText => "has_text",
            Self::LittleText => "little_text",
            Self::EmptyRoot => "empty_root",
            Self::AsksForScripts => "asks_for_scripts",
            Self::Placeholder => "placeholder",
            Self::OnlyScripts => "only_scripts",
        }
    }

    /// Whether a browser would show more.
    #[must_use]
    pub fn is_of_a_shell(self) -> bool {
        match self {
            Self::NotHtml | Self::NoScripts | Self::HasText | Self::LittleText => false,
            Self::EmptyRoot | Self::AsksForScripts | Self::Placeholder | Self::OnlyScripts => true,
        }
    }
}

/// Whether the page is a shell, and why that is thought.
#[must_use]
pub fn judge(input: &Input<'_>) -> ShellReason {
    if !is_html(input) {
        return ShellReason::NotHtml;
    }
    let survey = Survey::of(input.body, TEXT_OF_A_PAGE);
    let is_small = survey.own_text < TEXT_OF_A_FRAME;
    if survey.own_text >= TEXT_OF_A_PAGE {
        ShellReason::HasText
    } else if survey.scripts == 0 {
        ShellReason::NoScripts
    } else if survey.has_empty_root && is_small {
        ShellReason::EmptyRoot
    } else if survey.text >= TEXT_OF_A_PAGE {
        ShellReason::HasText
    } else if survey.asks_for_scripts && is_small {
        ShellReason::AsksForScripts
    } else if is_all_placeholders(&survey) {
        ShellReason::Placeholder
    } else if survey.has_content_to_come() && is_small {
        ShellReason::EmptyRoot
    } else if survey.text == 0 && survey.content() == 0 {
        ShellReason::OnlyScripts
    } else {
        ShellReason::LittleText
    }
}

/// Whether what is there only stands for what will be.
fn is_all_placeholders(survey: &Survey<'_>) -> bool {
    let is_a_word = survey.text < TEXT_OF_A_PLACEHOLDER && survey.is_placeholder();
    let is_of_boxes = survey.placeholders >= BOXES_OF_A_PLACEHOLDER && survey.content() == 0;
    let is_of_templates = survey.templates > 0 && survey.own_text < TEXT_OF_A_PLACEHOLDER;
    let is_small = survey.own_text < TEXT_OF_A_FRAME;
    is_a_word || is_of_templates || (is_small && (is_of_boxes || survey.bindings > 0))
}

/// By what it is said to be; where that says nothing, by how it begins.
fn is_html(input: &Input<'_>) -> bool {
    match input.content_type {
        Some(told) => {
            let told = told.to_ascii_lowercase();
            told.starts_with("text/html") || told.starts_with("application/xhtml+xml")
        }
        None => input.body.trim_ascii_start().starts_with(b"<"),
    }
}
