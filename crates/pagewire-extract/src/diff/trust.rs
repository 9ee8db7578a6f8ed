//! Whether a page is to be believed: what came may be a login, a challenge or an error page that was answered with 200,
//! or a page of which nearly nothing is left. None of them is news.
//!
//! A phrase alone proves nothing, since pages are about logins and outages as well: it counts where most of what was there
//! is gone, or, before anything is kept, where it is what the page is called.

use std::fmt;

use url::Url;

use super::baseline::{Baseline, Other};
use super::compare::Matching;
use super::snapshot::{Part, Snapshot};
use crate::challenge::{PHRASES as CHALLENGE, has_words as has_word};

/// Share of what was there, in thousandths, below which a wall may stand in front of it.
const WALL_THOUSANDTHS: u64 = 500;
/// Share of it, in thousandths, up to which it is gone.
const GONE_THOUSANDTHS: u64 = 333;
/// Characters, or blocks, from which on a page has enough to lose: of less, each change is most of it.
const CHARACTERS_MIN: u64 = 200;
const BLOCKS_MIN: usize = 6;
/// Characters of a page that may be a wall, and of one that is nothing else.
const WALL_CHARACTERS_MAX: usize = 2_500;
const BARE_CHARACTERS_MAX: usize = 600;
/// How often, and over how many seconds, another page must be found before it is taken for what is there now.
const OTHER_POLLS: u32 = 5;
const OTHER_SECONDS: i64 = 6 * 60 * 60;

const LOGIN: &[&str] = &[
    "log in",
    "login",
    "log on",
    "logon",
    "sign in",
    "signin",
    "sign on",
    "log in or sign up",
    "please log in",
    "please sign in",
    "authentication required",
    "session expired",
    "your session has expired",
    "logga in",
    "inloggning",
    "anmelden",
    "anmeldung",
    "einloggen",
    "se connecter",
    "connexion",
    "identifiez-vous",
    "iniciar sesión",
    "accedi",
    "inloggen",
    "logg inn",
    "log ind",
    "kirjaudu",
    "zaloguj się",
    "entrar",
    "войти",
];
/// What no page says of the thing that it is about.
const ERROR: &[&str] = &[
    "not found",
    "page not found",
    "page doesn't exist",
    "page does not exist",
    "no longer available",
    "sidan hittades inte",
    "sidan kunde inte hittas",
    "sidan finns inte",
    "seite nicht gefunden",
    "page introuvable",
    "página no encontrada",
    "pagina non trovata",
    "pagina niet gevonden",
    "siden ble ikke funnet",
    "internal server error",
    "server error",
    "bad gateway",
    "gateway timeout",
    "gateway time-out",
    "something went wrong",
    "an error occurred",
    "an error has occurred",
    "database error",
    "error establishing a database connection",
    "too many requests",
    "rate limit exceeded",
    "ett fel har uppstått",
    "ein fehler ist aufgetreten",
    "application error",
];
/// The same as a title, where the rest is "error" or nothing.
const CODES: &[&str] = &["403", "404", "410", "500", "502", "503", "504"];
/// What a page about a service may say of it as well.
const CLOSED: &[&str] = &[
    "maintenance",
    "be right back",
    "be back soon",
    "temporarily unavailable",
    "service unavailable",
    "temporarily down",
    "underhåll",
    "wartung",
    "wartungsarbeiten",
    "en mantenimiento",
    "manutenzione",
    "site offline",
    "coming soon",
];
/// What a login is called in addresses.
const LOGIN_SEGMENTS: &[&str] = &[
    "login",
    "log-in",
    "log_in",
    "logon",
    "signin",
    "sign-in",
    "sign_in",
    "sso",
    "saml",
    "oauth",
    "oauth2",
    "auth",
    "authenticate",
    "wp-login.php",
    "login.php",
    "login.html",
    "login.aspx",
    "inloggning",
    "logga-in",
    "anmelden",
    "connexion",
    "iniciar-sesion",
];

/// Why a page is not to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// It leads to a login.
    RedirectToLogin,
    /// It asks to log in.
    Login,
    /// It asks whether somebody is there.
    Challenge,
    /// It says that something is wrong.
    Error,
    /// It has no text.
    Empty,
    /// Nothing that was asked for by selectors is there.
    NothingSelected,
    /// Of what was there, nearly nothing is left.
    Gone,
    /// All that is watched is another with every fetch.
    NothingLasts,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RedirectToLogin => "the page redirects to a login",
            Self::Login => "a login stands where the page was; it may need a header or a cookie",
            Self::Challenge => "a captcha or a check for robots stands where the page was",
            Self::Error => "the page is an error page, although it was answered with 200",
            Self::Empty => "the page has no text; it may be made by scripts",
            Self::NothingSelected => "nothing on the page matches the selectors; they may be out of date",
            Self::Gone => {
                "more than two thirds of what was watched is gone; what is there now is taken for the page once it has \
                 been there for some polls and hours"
            }
            Self::NothingLasts => "all that is watched is another with every fetch; exclude what changes",
        })
    }
}

/// A page, and where it was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) page: &'a Snapshot,
    /// Where it was asked for, and where it was in the end.
    pub(super) asked: &'a Url,
    pub(super) at: &'a Url,
}

impl Found<'_> {
    /// Why it is not to be believed, if it is not.
    pub(super) fn doubt(&self, baseline: Option<&Baseline>) -> Option<Doubt> {
        if leads_to_login(self.at) && !leads_to_login(self.asked) {
            return Some(Doubt::RedirectToLogin);
        }
        let page = self.page;
        let Some(baseline) = baseline else {
            return doubt_of_first(page).or_else(|| is_empty(page));
        };
        let matching = Matching::of(baseline, page);
        let kept = matching.kept_thousandths(baseline, page);
        if (kept < WALL_THOUSANDTHS || page.blocks.is_empty())
            && let Some(wall) = wall(page, baseline)
        {
            return Some(wall);
        }
        is_empty(page).or_else(|| is_gone(page, baseline, kept).then_some(Doubt::Gone))
    }
}

/// Before anything is known of a page, only what it calls itself counts.
fn doubt_of_first(page: &Snapshot) -> Option<Doubt> {
    let signs = &page.signs;
    if signs.characters > WALL_CHARACTERS_MAX {
        return None;
    }
    let is_called = |phrases: &[&str]| {
        [&signs.title, &signs.heading]
            .into_iter()
            .any(|name| parts_of(name).any(|part| phrases.contains(&&*part)))
    };
    let begins = |phrases: &[&str]| {
        let names = [&signs.title, &signs.heading].map(|name| name.to_lowercase());
        names.iter().any(|name| phrases.iter().any(|phrase| starts_with_word(name, phrase)))
    };
    let is_bare = signs.characters <= BARE_CHARACTERS_MAX;
    match () {
        () if begins(CHALLENGE) || is_bare && signs.holds_challenge => Some(Doubt::Challenge),
        () if is_bare && (is_called(LOGIN) || signs.asks_password) => Some(Doubt::Login),
        () if is_called(LOGIN) && signs.asks_password => Some(Doubt::Login),
        () if begins(ERROR) || is_called_by_code(page) || is_bare && is_called(CLOSED) => Some(Doubt::Error),
        () => None,
    }
}

/// What stands where most of a page was.
fn wall(page: &Snapshot, baseline: &Baseline) -> Option<Doubt> {
    let signs = &page.signs;
    if signs.characters > WALL_CHARACTERS_MAX {
        return None;
    }
    let names = [&signs.title, &signs.heading].map(|name| name.to_lowercase());
    let says = |phrases: &[&str]| {
        let is_short = signs.characters <= BARE_CHARACTERS_MAX;
        phrases.iter().any(|phrase| {
            names.iter().any(|name| has_word(name, phrase)) || is_short && has_word(&signs.lead, phrase)
        })
    };
    let is_called_as_before = !signs.title.is_empty() && signs.title == baseline.title;
    match () {
        () if says(CHALLENGE) || signs.holds_challenge && signs.characters <= BARE_CHARACTERS_MAX => {
            Some(Doubt::Challenge)
        }
        () if signs.asks_password && !baseline.asks_password => Some(Doubt::Login),
        // Links to a login stand on many pages; one that is called so is one.
        () if LOGIN.iter().any(|phrase| names.iter().any(|name| has_word(name, phrase))) => {
            Some(Doubt::Login)
        }
        () if says(ERROR) || is_called_by_code(page) => Some(Doubt::Error),
        () if says(CLOSED) && !is_called_as_before => Some(Doubt::Error),
        () => None,
    }
}

fn is_empty(page: &Snapshot) -> Option<Doubt> {
    let is_selected = page.part == Part::Selected && page.signs.characters > 0;
    page.blocks.is_empty().then_some(if is_selected { Doubt::NothingSelected } else { Doubt::Empty })
}

/// Whether so much is gone that a site was changed, or was not meant.
fn is_gone(page: &Snapshot, baseline: &Baseline, kept: u64) -> bool {
    let before = baseline.characters();
    if before < CHARACTERS_MIN && baseline.blocks.len() < BLOCKS_MIN {
        return false;
    }
    let is_less = page.characters() * 1_000 <= before * GONE_THOUSANDTHS && kept < WALL_THOUSANDTHS;
    // A list may turn over whole, and what is selected may be what is meant to change.
    let was_list = baseline.blocks.iter().any(|block| block.item.is_some());
    let may_turn_over = page.part == Part::Selected || was_list && !page.items.is_empty();
    let is_other = kept <= GONE_THOUSANDTHS && !may_turn_over;
    is_less || is_other
}

impl Baseline {
    /// Takes note of a page of which nearly nothing is left; whether that has been found so often, and for so long, that
    /// it is what is there now.
    pub(super) fn meet_other(&mut self, page: &Snapshot, now: i64) -> bool {
        let print = page.print();
        let other = match self.other.take().filter(|other| other.print == print) {
            Some(other) => Other { polls: other.polls.saturating_add(1), ..other },
            None => Other { print, polls: 1, since: now },
        };
        let is_there = other.polls >= OTHER_POLLS && now.saturating_sub(other.since) >= OTHER_SECONDS;
        self.other = Some(other);
        is_there
    }
}

fn leads_to_login(url: &Url) -> bool {
    url.path_segments().is_some_and(|mut segments| {
        segments.any(|segment| LOGIN_SEGMENTS.iter().any(|login| login.eq_ignore_ascii_case(segment)))
    })
}

/// A title's parts, in lower case: the site's name stands beside the page's.
fn parts_of(title: &str) -> impl Iterator<Item = String> + '_ {
    title
        .split(['|', '–', '—', '·', '•', ':', '»'])
        .flat_map(|part| part.split(" - "))
        .map(|part| part.trim().trim_end_matches(['.', '!', '…']).to_lowercase())
}

/// Whether a page is called `404`, or `Error 404`, or `404 Not Found`.
fn is_called_by_code(page: &Snapshot) -> bool {
    [&page.signs.title, &page.signs.heading].into_iter().flat_map(|name| parts_of(name)).any(|part| {
        let rest = part.trim_start_matches("http").trim_start().trim_start_matches("error").trim();
        CODES.iter().any(|code| {
            rest.strip_prefix(code).is_some_and(|rest| {
                let rest = rest.trim();
                rest.is_empty() || rest == "error" || ERROR.contains(&rest) || rest == "forbidden"
            })
        })
    })
}

fn starts_with_word(text: &str, phrase: &str) -> bool {
    text.strip_prefix(phrase).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
}
