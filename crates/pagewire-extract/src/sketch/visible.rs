//! Filling fields from the page as it is seen: values, lists, objects, and lists of objects, which are filled from things
//! that repeat. The page is gathered when the first field asks for it.

use std::cell::{Cell, OnceCell};
use std::ops::Range;

use crate::dom::{Document, NodeRef};
use serde_json::{Map, Value};

use super::find::{Find, Finder, Found};
use super::lexicon::Lexicon;
use super::page::{At, Page, Valued, folded, groups_in};
use super::vocabulary::Kind;
use super::{Field, FieldType, Shape};
use crate::dom::Tag;
use crate::selectors::{SelectorField, SelectorScope};

/// Items of a list of objects, groups that are tried for one, and items of a group that it is judged by.
const ITEMS_MAX: usize = 1_000;
const GROUPS_TRIED_MAX: usize = 24;
const ITEMS_TRIED: usize = 3;
/// Elements that all fields together may look through again, for one page.
const ELEMENTS_AGAIN_MAX: usize = 800_000;
/// What a list of objects must have of what was asked.
const FILLED_MIN: f32 = 0.34;

/// A value that is seen.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(super) value: Value,
    pub(super) score: f32,
    pub(super) label: Option<String>,
    pub(super) selector: Option<String>,
}

impl From<Found> for Seen {
    fn from(found: Found) -> Self {
        Self { value: found.value, score: found.score, label: found.label, selector: found.selector }
    }
}

/// A document as it is seen.
pub(crate) struct Visible<'d, 'l> {
    document: &'d Document,
    lexicon: &'l Lexicon,
    page: OnceCell<Page<'d>>,
    language: Option<String>,
    title: Option<String>,
    scope: SelectorScope<'d>,
    left: Cell<usize>,
}

impl<'d, 'l> Visible<'d, 'l> {
    pub(crate) fn of(document: &'d Document, lexicon: &'l Lexicon) -> Self {
        let language = document
            .select_first("html[lang]")
            .and_then(|node| node.attr("lang"))
            .map(|lang| lang.trim().to_owned());
        let title = document.select_first("title").map(NodeRef::text).unwrap_or_default();
        Self {
            document,
            lexicon,
            page: OnceCell::new(),
            language: language.filter(|language| !language.is_empty()),
            title: Some(folded(&title)).filter(|title| !title.is_empty()),
            scope: SelectorScope::of(document),
            left: Cell::new(ELEMENTS_AGAIN_MAX),
        }
    }

    fn page(&self) -> &Page<'d> {
        self.page.get_or_init(|| {
            Page::of(self.document.body().unwrap_or_else(|| self.document.root()), self.lexicon)
        })
    }

    /// What a selector finds in the whole document.
    pub(crate) fn selected(&self, selector: &SelectorField) -> Option<Value> {
        self.selected_within(selector, &self.document.root())
    }

    fn selected_within(&self, selector: &SelectorField, node: &NodeRef<'d>) -> Option<Value> {
        selector.fill(node, &self.scope, &mut |row, shape| self.row(row, shape))
    }

    /// The fields of a row that a selector has found.
    fn row(&self, node: &NodeRef<'d>, shape: &Shape) -> Value {
        let is_all_selectors = shape.fields.iter().all(|field| matches!(field.from, FieldType::Selector(_)));
        if is_all_selectors || self.left.get() == 0 {
            let fields = shape.fields.iter().map(|field| {
                let value = match &field.from {
                    FieldType::Selector(selector) => self.selected_within(selector, node),
                    _ => None,
                };
                (field.name.clone(), value.unwrap_or_default())
            });
            return Value::Object(fields.collect());
        }
        let page = Page::of(*node, self.lexicon);
        let part = page.all();
        self.spend(part.len());
        let (fields, _) = self.shape(&page, shape, part, true);
        Value::Object(fields)
    }

    fn spend(&self, elements: usize) {
        self.left.set(self.left.get().saturating_sub(elements.max(1)));
    }

    fn finder<'p>(&'p self, page: &'p Page<'d>, part: Range<At>, is_item: bool) -> Finder<'p, 'd> {
        self.spend(part.len());
        Finder::new(page, self.language.as_deref(), self.title.as_deref(), part, is_item, &self.left)
    }

    /// One field, in the whole page.
    pub(crate) fn find(&self, field: &Field) -> Option<Seen> {
        let page = self.page();
        if page.elements.is_empty() {
            return None;
        }
        self.field(&self.finder(page, page.all(), false), field, &[])
    }

    /// Several fields, by their places: the title first, so that nothing else is filled with it.
    pub(crate) fn find_all(&self, fields: &[(usize, &Field)]) -> Vec<(usize, Seen)> {
        let page = self.page();
        if page.elements.is_empty() {
            return Vec::new();
        }
        let finder = self.finder(page, page.all(), false);
        self.fields(&finder, fields)
    }

    fn fields(&self, finder: &Finder<'_, 'd>, fields: &[(usize, &Field)]) -> Vec<(usize, Seen)> {
        let mut order: Vec<&(usize, &Field)> = fields.iter().collect();
        order.sort_by_key(|(_, field)| field.meaning.kind != Kind::Title);
        let mut taken: Vec<At> = Vec::new();
        let mut all = Vec::new();
        for (at, field) in order {
            let not: &[At] = if field.meaning.kind == Kind::Short { &taken } else { &[] };
            match finder.find_scalar(field, not) {
                Find::Is(found) => {
                    if field.meaning.kind == Kind::Title {
                        taken.extend(found.at());
                    }
                    all.push((*at, Seen::from(found)));
                }
                Find::IsNot => {}
                Find::IsNoScalar => all.extend(self.field(finder, field, not).map(|seen| (*at, seen))),
            }
        }
        all
    }

    fn field(&self, finder: &Finder<'_, 'd>, field: &Field, taken: &[At]) -> Option<Seen> {
        match &field.from {
            FieldType::Object(shape) => self.object(finder, field, shape),
            FieldType::Record => self.record(finder, field),
            FieldType::Array(of) => match &**of {
                FieldType::Object(shape) => self.objects(finder, field, shape),
                _ => finder.find(field, taken).map(Seen::from),
            },
            FieldType::Selector(selector) => {
                let node = finder.page.node(finder.part.start);
                let value = self.selected_within(selector, &node)?;
                Some(Seen { value, score: 1.0, label: None, selector: Some(selector.told().to_owned()) })
            }
            _ => finder.find(field, taken).map(Seen::from),
        }
    }

    /// The fields of a shape in a part of the page, and how many there are of them.
    fn shape(
        &self,
        page: &Page<'d>,
        shape: &Shape,
        part: Range<At>,
        is_item: bool,
    ) -> (Map<String, Value>, usize) {
        let mut fields: Map<String, Value> =
            shape.fields.iter().map(|field| (field.name.clone(), Value::Null)).collect();
        if self.left.get() == 0 || part.is_empty() {
            return (fields, 0);
        }
        let finder = self.finder(page, part, is_item);
        let wanted: Vec<(usize, &Field)> = shape.fields.iter().enumerate().collect();
        let found = self.fields(&finder, &wanted);
        let count = found.len();
        for (at, seen) in found {
            fields.insert(shape.fields[at].name.clone(), seen.value);
        }
        (fields, count)
    }

    /// An object: in the part that is named or labelled as it, or else in all that there is.
    fn object(&self, finder: &Finder<'_, 'd>, field: &Field, shape: &Shape) -> Option<Seen> {
        let named = finder.holders(field);
        let parts = named.into_iter().take(6).map(|at| (finder.page.within(at), Some(at), 0.8));
        for (part, at, score) in parts.chain([(finder.part.clone(), None, 0.6)]) {
            let is_item = finder.is_item || at.is_some();
            let (fields, count) = self.shape(finder.page, shape, part, is_item);
            if count * 2 >= shape.fields.len() || at.is_none() && count > 0 {
                let share = count as f32 / shape.fields.len() as f32;
                let selector = at.map(|at| finder.page.told(at));
                return Some(Seen {
                    value: Value::Object(fields),
                    score: score * (0.6 + 0.4 * share),
                    label: None,
                    selector,
                });
            }
        }
        None
    }

    /// An object whose keys the page chooses: the labels of a table or a definition list and their values.
    fn record(&self, finder: &Finder<'_, 'd>, field: &Field) -> Option<Seen> {
        let page = finder.page;
        let holders = finder.holders(field);
        let parts = holders.into_iter().map(|at| page.within(at)).chain([finder.part.clone()]);
        for part in parts {
            let mut record = Map::new();
            for at in part {
                let element = page.element(at);
                let value = match element.tag {
                    Tag::Dt => page.next_sibling(at).filter(|next| page.element(*next).tag == Tag::Dd),
                    Tag::Th => page.next_sibling(at).filter(|next| page.element(*next).tag == Tag::Td),
                    Tag::Td => {
                        let cells: Vec<At> = page.children(element.parent).take(3).collect();
                        (cells.len() == 2 && cells[0] == at).then(|| cells[1])
                    }
                    _ => None,
                };
                if let Some(value) = value {
                    let key = page.text(at).trim_end_matches([':', '：', ' ']).to_owned();
                    let value = page.text(value);
                    if !key.is_empty() && key.chars().count() <= 80 && !value.is_empty() && record.len() < 200
                    {
                        record.entry(key).or_insert(Value::String(value));
                    }
                }
            }
            if !record.is_empty() {
                return Some(Seen { value: Value::Object(record), score: 0.6, label: None, selector: None });
            }
        }
        None
    }

    /// A list of objects: of all things that repeat those that say most of what is asked.
    fn objects(&self, finder: &Finder<'_, 'd>, field: &Field, shape: &Shape) -> Option<Seen> {
        let page = finder.page;
        let holders = finder.holders(field);
        let mut groups: Vec<(f32, Vec<At>)> = groups_in(page, &finder.part)
            .into_iter()
            .map(|group| {
                let first = group.items[0];
                let text: usize = group.items.iter().take(20).map(|item| page.len(*item).min(300)).sum();
                let is_named = holders.iter().any(|holder| page.within(*holder).contains(&first));
                let weight = finder.weight_of_list(first) * if is_named { 1.5 } else { 1.0 };
                (text as f32 * weight, group.items)
            })
            .collect();
        groups.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut best: Option<(f32, Vec<At>, Option<Columns>)> = None;
        for (_, items) in groups.into_iter().take(GROUPS_TRIED_MAX) {
            if self.left.get() == 0 {
                break;
            }
            let columns = self.columns(page, &items, shape);
            let rows = items.iter().filter(|item| !is_head(page, **item));
            let tried: Vec<usize> = rows
                .take(ITEMS_TRIED)
                .map(|item| self.item(page, *item, shape, columns.as_ref()).1)
                .collect();
            if tried.is_empty() {
                continue;
            }
            let filled = tried.iter().sum::<usize>() as f32 / (tried.len() * shape.fields.len()) as f32;
            let is_named = holders.iter().any(|holder| page.within(*holder).contains(&items[0]));
            let many = 0.75 + 0.25 * (items.len().min(10) as f32 / 10.0);
            let score = filled * many * finder.weight_of_list(items[0]) * if is_named { 1.25 } else { 1.0 };
            if filled >= FILLED_MIN && best.as_ref().is_none_or(|(other, ..)| score > *other) {
                best = Some((score, items, columns));
            }
        }
        let (score, items, columns) = best?;
        let selector = Some(page.told(items[0]));
        let objects: Vec<Value> = items
            .into_iter()
            .filter(|item| !is_head(page, *item))
            .take(ITEMS_MAX)
            .map(|item| self.item(page, item, shape, columns.as_ref()))
            .filter(|(_, count)| *count > 0)
            .map(|(fields, _)| Value::Object(fields))
            .collect();
        (!objects.is_empty()).then_some(Seen {
            value: Value::Array(objects),
            score: score.min(0.95),
            label: None,
            selector,
        })
    }

    fn item(
        &self,
        page: &Page<'d>,
        item: At,
        shape: &Shape,
        columns: Option<&Columns>,
    ) -> (Map<String, Value>, usize) {
        let (mut fields, mut count) = self.shape(page, shape, page.within(item), true);
        if let Some(columns) = columns {
            let finder = self.finder(page, page.within(item), true);
            let cells: Vec<At> =
                page.children(item).filter(|cell| page.element(*cell).tag.is_cell()).take(60).collect();
            for (field, column) in shape.fields.iter().zip(&columns.0) {
                let Some(cell) = column.and_then(|column| cells.get(column)) else { continue };
                let value = finder.read_labelled(field, &Valued::Element(*cell));
                let before = fields.insert(field.name.clone(), value.unwrap_or_default());
                let after = fields.get(&field.name).is_some_and(|value| !value.is_null());
                count =
                    count + usize::from(after) - usize::from(before.is_some_and(|value| !value.is_null()));
            }
        }
        (fields, count)
    }

    /// Which column of a table a field is, by the table's head.
    fn columns(&self, page: &Page<'d>, items: &[At], shape: &Shape) -> Option<Columns> {
        let first = *items.first()?;
        if page.element(first).tag != Tag::Tr {
            return None;
        }
        let head = if is_head(page, first) {
            first
        } else {
            let body = page.element(first).parent;
            let table = page.element(body).parent;
            page.children(table)
                .find(|child| page.element(*child).tag == Tag::Thead && *child != body)
                .and_then(|head| page.children(head).next())?
        };
        let names: Vec<Vec<(u16, f32)>> = page
            .children(head)
            .filter(|cell| page.element(*cell).tag.is_cell())
            .take(60)
            .map(|cell| {
                let words = super::page::words_of(page.raw_text(cell)).join(" ");
                self.lexicon.labelled(&words).map(|term| (term, 1.0)).collect()
            })
            .collect();
        let of = |field: &Field| {
            let weights = names.iter().map(|terms| {
                terms.iter().filter_map(|(term, _)| field.meaning.weight(*term)).fold(0.0, f32::max)
            });
            weights
                .enumerate()
                .filter(|(_, weight)| *weight > 0.0)
                .max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))
                .map(|(at, _)| at)
        };
        let columns: Vec<Option<usize>> = shape.fields.iter().map(of).collect();
        columns.iter().any(Option::is_some).then_some(Columns(columns))
    }
}

/// Of each field of a shape the column that it is.
struct Columns(Vec<Option<usize>>);

/// Whether a row is a table's head.
fn is_head(page: &Page<'_>, item: At) -> bool {
    let mut cells = page.children(item).filter(|cell| page.element(*cell).tag.is_cell()).peekable();
    page.element(item).tag == Tag::Tr
        && cells.peek().is_some()
        && cells.all(|cell| page.element(cell).tag == Tag::Th)
}
