//! Phrases that say a thing by themselves: whether something can be had, how somebody is employed, what is paid, how many
//! stars there are.

use super::{Finder, How, Lead};
use crate::dom::Tag;
use crate::sketch::coerce::{Price, rating};
use crate::sketch::page::{At, Valued, flag, words_of};
use crate::sketch::shape::Field;
use crate::sketch::vocabulary::{Kind, VOCABULARY};

/// Short texts that are looked at for a phrase: it stands near the title.
const LOOKED_AT_MAX: usize = 3_000;
/// Phrases for what cannot be had; looked for before the others, which some of them hold.
const OUT: &[&str] = &[
    "out of stock",
    "sold out",
    "not available",
    "unavailable",
    "currently unavailable",
    "no longer available",
    "discontinued",
    "not in stock",
    "out of print",
    "nicht auf lager",
    "ausverkauft",
    "nicht verfügbar",
    "nicht lieferbar",
    "vergriffen",
    "rupture de stock",
    "en rupture",
    "épuisé",
    "indisponible",
    "agotado",
    "sin existencias",
    "no disponible",
    "esaurito",
    "non disponibile",
    "esgotado",
    "indisponível",
    "slutsåld",
    "slut i lager",
    "ej i lager",
    "slutsolgt",
    "udsolgt",
    "utsolgt",
    "ikke på lager",
    "uitverkocht",
    "niet op voorraad",
    "niet leverbaar",
    "wyprzedany",
    "niedostępny",
    "brak w magazynie",
    "brak towaru",
    "vyprodáno",
    "není skladem",
    "loppuunmyyty",
    "loppu varastosta",
    "ei varastossa",
    "нет в наличии",
    "распродано",
    "tükendi",
    "stokta yok",
    "在庫切れ",
    "品切れ",
    "売り切れ",
    "缺货",
    "售罄",
    "已售罄",
    "품절",
    "elfogyott",
    "stoc epuizat",
    "backordered",
];
/// Phrases for what can.
const IN: &[&str] = &[
    "in stock",
    "available now",
    "available",
    "instock",
    "ready to ship",
    "ships today",
    "ships within",
    "left in stock",
    "low stock",
    "add to cart",
    "add to basket",
    "add to bag",
    "buy now",
    "auf lager",
    "sofort lieferbar",
    "lieferbar",
    "verfügbar",
    "vorrätig",
    "in den warenkorb",
    "en stock",
    "disponible",
    "ajouter au panier",
    "añadir al carrito",
    "disponibile",
    "aggiungi al carrello",
    "em estoque",
    "em stock",
    "disponível",
    "i lager",
    "finns i lager",
    "lägg i varukorg",
    "på lager",
    "tilgængelig",
    "legg i handlekurv",
    "læg i kurv",
    "op voorraad",
    "leverbaar",
    "in winkelwagen",
    "dostępny",
    "w magazynie",
    "na stanie",
    "do koszyka",
    "skladem",
    "do košíku",
    "varastossa",
    "saatavilla",
    "lisää ostoskoriin",
    "в наличии",
    "есть в наличии",
    "в корзину",
    "stokta",
    "stokta var",
    "sepete ekle",
    "在庫あり",
    "カートに入れる",
    "有货",
    "现货",
    "加入购物车",
    "재고 있음",
    "raktáron",
    "în stoc",
    "disponibil",
    "pre order",
    "preorder",
    "vorbestellbar",
    "limited availability",
    "på lagret",
];
const BUTTONS: &[&str] = &[
    "add to cart",
    "add to basket",
    "add to bag",
    "buy now",
    "in den warenkorb",
    "ajouter au panier",
    "añadir al carrito",
    "aggiungi al carrello",
    "lägg i varukorg",
    "legg i handlekurv",
    "læg i kurv",
    "in winkelwagen",
    "do koszyka",
    "do košíku",
    "lisää ostoskoriin",
    "в корзину",
    "sepete ekle",
    "カートに入れる",
    "加入购物车",
];
/// How people are employed.
const EMPLOYMENTS: &[&str] = &[
    "full time",
    "fulltime",
    "part time",
    "parttime",
    "contract",
    "contractor",
    "temporary",
    "permanent",
    "internship",
    "intern",
    "freelance",
    "apprenticeship",
    "seasonal",
    "casual",
    "fixed term",
    "per diem",
    "volunteer",
    "vollzeit",
    "teilzeit",
    "festanstellung",
    "unbefristet",
    "befristet",
    "minijob",
    "praktikum",
    "ausbildung",
    "werkstudent",
    "werkstudentin",
    "cdi",
    "cdd",
    "temps plein",
    "temps partiel",
    "intérim",
    "stage",
    "alternance",
    "tiempo completo",
    "jornada completa",
    "tiempo parcial",
    "media jornada",
    "indefinido",
    "temporal",
    "prácticas",
    "tempo pieno",
    "tempo indeterminato",
    "tempo determinato",
    "part time verticale",
    "tirocinio",
    "tempo integral",
    "meio período",
    "estágio",
    "heltid",
    "deltid",
    "tillsvidare",
    "vikariat",
    "fast stilling",
    "heltidsstilling",
    "fuldtid",
    "deltidsstilling",
    "voltijd",
    "deeltijd",
    "vast",
    "tijdelijk",
    "pełny etat",
    "część etatu",
    "umowa o pracę",
    "umowa zlecenie",
    "plný úvazek",
    "částečný úvazek",
    "kokopäiväinen",
    "osa aikainen",
    "vakituinen",
    "полная занятость",
    "частичная занятость",
    "tam zamanlı",
    "yarı zamanlı",
    "正社員",
    "契約社員",
    "アルバイト",
    "パート",
    "全职",
    "兼职",
    "实习",
    "teljes munkaidő",
    "정규직",
];
/// What is paid for a span of time.
const SPANS: &[&str] = &[
    "per year",
    "a year",
    "/year",
    "/yr",
    "per annum",
    "p.a.",
    "annually",
    "annual",
    "per hour",
    "an hour",
    "/hour",
    "/hr",
    "/h",
    "hourly",
    "per month",
    "/month",
    "a month",
    "monthly",
    "per week",
    "a week",
    "pro jahr",
    "im jahr",
    "jährlich",
    "pro monat",
    "monatlich",
    "brutto",
    "par an",
    "/an",
    "par mois",
    "/mois",
    "brut",
    "al año",
    "anuales",
    "brutos",
    "al mes",
    "all'anno",
    "lordi",
    "annui",
    "por mês",
    "mensais",
    "kr/mån",
    "per månad",
    "i månaden",
    "pr. år",
    "per år",
    "per maand",
    "bruto",
    "miesięcznie",
    "rocznie",
    "netto",
    "kč/měsíc",
    "měsíčně",
    "kuukaudessa",
    "€/kk",
    "в месяц",
    "yıllık",
    "aylık",
    "/年",
    "/月",
    "年収",
    "月給",
    "时薪",
    "ote",
    "dkk/md",
    "/mo",
];

impl Finder<'_, '_> {
    pub(super) fn stocks(&self, push: &mut dyn FnMut(At, f32)) {
        let mut rank = 0;
        for at in self.short_elements(80).take(LOOKED_AT_MAX) {
            if rank > 12 || self.page.is(at, flag::NAV | flag::FOOTER) {
                continue;
            }
            let words = phrase_of(self.page.raw_text(at));
            let Some((_, phrase)) = stock_in(&words) else { continue };
            let is_button = BUTTONS.contains(&phrase);
            // A word in a sentence says less than one by itself.
            let share = phrase.len() as f32 / words.len().max(1) as f32;
            let score = if is_button { 0.5 } else { 0.52 + 0.24 * share };
            push(at, score - 0.01 * rank as f32);
            rank += 1;
        }
    }

    /// The text that says whether a thing can be had. A button is no such text.
    pub(super) fn availability(&self, lead: &Lead, text: &str) -> Option<(String, f32)> {
        if text.chars().count() > 120 {
            return None;
        }
        let words = phrase_of(text);
        match stock_in(&words) {
            Some((_, phrase)) if BUTTONS.contains(&phrase) => None,
            Some(_) => Some((text.trim_matches(|c: char| !c.is_alphanumeric() && c != ')').to_owned(), 1.0)),
            None if matches!(lead.how, How::Label(_)) => Some((text.to_owned(), 0.75)),
            None if matches!(lead.how, How::Name(_)) && text.chars().count() <= 60 => {
                Some((text.to_owned(), 0.6))
            }
            None => None,
        }
    }

    pub(super) fn in_stock(&self, lead: &Lead, text: &str) -> Option<(bool, f32)> {
        let words = phrase_of(text);
        if let Some((truth, _)) = stock_in(&words) {
            return Some((truth, 1.0));
        }
        if let Some(truth) = crate::sketch::coerce::boolean(&serde_json::Value::String(text.to_owned())) {
            return Some((truth, 1.0));
        }
        // `12 left`, in what is named for it.
        let counts = crate::sketch::coerce::number::only(text).and_then(|number| number.as_f64());
        (!matches!(lead.how, How::Look(_))).then(|| counts.map(|count| (count > 0.0, 0.7))).flatten()
    }

    pub(super) fn employments(&self, push: &mut dyn FnMut(At, f32)) {
        let mut rank = 0;
        for at in self.short_elements(60) {
            if rank > 8
                || self.page.is(at, flag::NAV | flag::FOOTER | flag::HEADING)
                || !self.is_near_title(at)
            {
                continue;
            }
            let words = phrase_of(self.page.raw_text(at));
            let Some(phrase) = EMPLOYMENTS.iter().find(|phrase| holds(&words, phrase)) else { continue };
            let share = phrase.len() as f32 / words.len().max(1) as f32;
            push(at, 0.48 + 0.24 * share.min(1.0) - 0.01 * rank as f32);
            rank += 1;
        }
    }

    pub(super) fn employment(&self, lead: &Lead, text: &str) -> Option<(String, f32)> {
        let text = text.trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '(' | ')' | '%'));
        let length = text.chars().count();
        if length > 90 || length == 0 {
            return None;
        }
        let words = phrase_of(text);
        let is_known = EMPLOYMENTS.iter().any(|phrase| holds(&words, phrase));
        // Of a line in which other things stand too, the part that says it.
        let parts = text.split(['|', '·', '•', '/', '–', '—', ';']).map(str::trim);
        let part = parts
            .filter(|part| EMPLOYMENTS.iter().any(|phrase| holds(&phrase_of(part), phrase)))
            .collect::<Vec<_>>();
        match part.as_slice() {
            [one] if !matches!(lead.how, How::Label(_)) => Some(((*one).to_owned(), 1.0)),
            _ if is_known => Some((text.to_owned(), 1.0)),
            _ => (!matches!(lead.how, How::Look(_))).then(|| (text.to_owned(), 0.72)),
        }
    }

    pub(super) fn salaries(&self, push: &mut dyn FnMut(At, f32)) {
        let mut rank = 0;
        for at in self.short_elements(120).take(LOOKED_AT_MAX) {
            if rank > 4 || self.page.is(at, flag::NAV | flag::FOOTER | flag::STRUCK) {
                continue;
            }
            let text = self.page.raw_text(at).to_lowercase();
            if !text.contains(|c: char| c.is_numeric()) || !SPANS.iter().any(|span| text.contains(span)) {
                continue;
            }
            if Price::read_in(&text, self.language).is_some_and(|price| price.sign.is_some()) {
                let words = text.split_whitespace().count() as f32;
                push(at, 0.72 - 0.01 * rank as f32 - 0.008 * words);
                rank += 1;
            }
        }
    }

    /// What says how many stars there are.
    pub(super) fn stars(&self, push: &mut dyn FnMut(At, f32)) {
        let mut rank = 0;
        for at in self.part.clone() {
            if rank > 10 {
                break;
            }
            let element = self.page.element(at);
            if element.tag.is_heading() || self.page.len(at) > 60 {
                continue;
            }
            let text = self.page.raw_text(at);
            let told = self.page.attribute(at, "aria-label").or_else(|| self.page.attribute(at, "title"));
            let is_one = rating::is_sure(text)
                || text.contains('★')
                || told.as_deref().is_some_and(|told| {
                    rating::is_sure(told)
                        || told.to_lowercase().contains("star") && rating::read(told).is_some()
                });
            if is_one {
                push(at, 0.78 - 0.01 * rank as f32);
                rank += 1;
            }
        }
    }

    pub(super) fn looks_of_short(&self, field: &Field, push: &mut dyn FnMut(At, f32)) {
        let first = field.meaning.terms.first().map(|(term, _)| *term);
        let is = |name: &str| first.is_some() && first == VOCABULARY.named(&[name.to_owned()]);
        if is("category")
            && let Some(crumb) = self.last_crumb()
        {
            push(crumb, 1.9);
        }
        if (is("address") || is("location"))
            && let Some(at) = self.part.clone().find(|at| {
                self.page.element(*at).tag == Tag::Address && (5..=250).contains(&self.page.len(*at))
            })
        {
            push(at, if is("address") { 0.75 } else { 0.55 });
        }
        if is("company") {
            self.company_of_title(push);
        }
        if is("position") {
            self.lines_beside_title(push);
            // Of a page about work the title is what the work is called.
            if let Some(title) = self.title {
                push(title, 0.58);
            }
        }
    }

    /// `Welder at Acme` in the page's title, where the page says `Acme` by itself too.
    fn company_of_title(&self, push: &mut dyn FnMut(At, f32)) {
        let said = self.page_title.unwrap_or_default();
        let after = [" at ", " @ ", " bei ", " chez ", " hos ", " presso "]
            .iter()
            .find_map(|word| said.split_once(word));
        let Some((_, after)) = after else { return };
        let name = after.split(" - ").next().unwrap_or_default();
        let name = name.split(['|', '–', '—', '·', ',']).next().unwrap_or_default().trim();
        if name.chars().count() < 2 {
            return;
        }
        if let Some(at) = self.short_elements(80).find(|at| self.page.raw_text(*at).trim() == name) {
            // Mostly it is the site's own name in its header.
            push(at, 0.65 / self.standing(at, Kind::Short));
        }
    }

    /// What stands in the line after a person's name, where nothing says what it is.
    fn lines_beside_title(&self, push: &mut dyn FnMut(At, f32)) {
        let Some(title) = self.title else { return };
        let mut next = self.page.next_sibling(title);
        for _ in 0..2 {
            let Some(at) = next else { return };
            let is_label = !VOCABULARY.labelled(&words_of(self.page.raw_text(at)).join(" ")).is_empty()
                && self.page.element(at).tag.is_heading();
            let is_line = !is_label
                && (3..=90).contains(&self.page.len(at))
                && !self.page.raw_text(at).trim().contains('\n');
            let is_words =
                !self.page.raw_text(at).contains(|c: char| c.is_numeric() || matches!(c, '@' | ':'));
            if is_line && is_words && self.page.element(at).tag != Tag::Img {
                push(at, 0.62);
                return;
            }
            next = self.page.next_sibling(at);
        }
    }

    /// The crumb before the page itself.
    fn last_crumb(&self) -> Option<At> {
        let trail =
            self.part.clone().find(|at| self.page.is(*at, flag::BREADCRUMB) && self.page.len(*at) > 0)?;
        let title = self.title.map(|title| words_of(self.page.raw_text(title)));
        let links: Vec<At> = self
            .page
            .within(trail)
            .take(60)
            .filter(|at| self.page.element(*at).tag == Tag::A && self.page.len(*at) > 0)
            .collect();
        let is_page =
            |at: &At| title.as_ref().is_some_and(|title| words_of(self.page.raw_text(*at)) == *title);
        links.into_iter().skip(1).rev().find(|at| !is_page(at))
    }

    /// The crumbs of a trail, without marks between them.
    pub(super) fn crumbs(&self, lead: &Lead) -> Option<Vec<String>> {
        let Valued::Element(at) = lead.value else { return None };
        let text = self.page.raw_text(at);
        let crumbs: Vec<String> = text
            .split(['\n', '>', '›', '»', '/', '→', '|', '·'])
            .map(crate::sketch::page::folded)
            .filter(|crumb| !crumb.is_empty())
            .take(20)
            .collect();
        let links =
            self.page.within(at).take(80).filter(|inner| self.page.element(*inner).tag == Tag::A).count();
        if crumbs.len() < links && links > 1 {
            let of_links =
                self.page.within(at).take(80).filter(|inner| self.page.element(*inner).tag == Tag::A);
            return Some(of_links.map(|link| self.page.text(link)).filter(|text| !text.is_empty()).collect());
        }
        (!crumbs.is_empty()).then_some(crumbs)
    }
}

fn phrase_of(text: &str) -> String {
    words_of(text).join(" ")
}

/// Whether words hold a phrase; in scripts without spaces as a part of a word.
fn holds(words: &str, phrase: &str) -> bool {
    if phrase.chars().next().is_some_and(|c| c as u32 >= 0x2e80) {
        return words.contains(phrase);
    }
    words.match_indices(phrase).any(|(at, _)| {
        let before = words[..at].chars().next_back();
        let after = words[at + phrase.len()..].chars().next();
        before.is_none_or(|c| c == ' ') && after.is_none_or(|c| c == ' ')
    })
}

/// Whether words say that a thing can be had or not, and the phrase that does.
pub(super) fn stock_in(words: &str) -> Option<(bool, &'static str)> {
    let longest = |phrases: &'static [&'static str]| {
        phrases.iter().filter(|phrase| holds(words, phrase)).max_by_key(|phrase| phrase.len())
    };
    longest(OUT).map(|phrase| (false, *phrase)).or_else(|| longest(IN).map(|phrase| (true, *phrase)))
}
