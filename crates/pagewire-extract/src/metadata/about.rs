//! What JSON-LD says of the page: of the node that the page is about, and of the site.

use serde_json::{Map, Value};

/// Values of one property that are looked at.
const VALUES_MAX: usize = 50;

/// The nodes of a page's JSON-LD.
pub(super) struct About<'n> {
    nodes: &'n [Map<String, Value>],
    main: Option<&'n Map<String, Value>>,
}

impl<'n> About<'n> {
    /// The main node is the first piece of writing; else the first thing that is not about the site; else the page itself.
    pub(super) fn of(nodes: &'n [Map<String, Value>]) -> Self {
        let main = nodes.iter().enumerate().filter_map(|(at, node)| Some((rank(node)?, at, node)));
        Self { nodes, main: main.min_by_key(|(rank, at, _)| (*rank, *at)).map(|(.., node)| node) }
    }

    /// The text of the first of some properties of the main node.
    pub(super) fn text(&self, properties: &[&str]) -> Option<String> {
        let main = self.main?;
        properties.iter().find_map(|property| texts(main.get(*property)?).into_iter().next())
    }

    /// The names of those whom the main node names as its authors.
    pub(super) fn authors(&self) -> Vec<String> {
        let found = self.main.and_then(|main| main.get("author").or_else(|| main.get("creator")));
        let Some(found) = found else { return Vec::new() };
        members(found).filter_map(|author| self.name_of(author)).collect()
    }

    /// The name of the site: its own, or that of who publishes the page.
    pub(super) fn site_name(&self) -> Option<String> {
        let site =
            self.nodes.iter().find(|node| is_of_type(node, &["WebSite"])).and_then(|site| site.get("name"));
        let site = site.and_then(|name| texts(name).into_iter().next());
        site.or_else(|| self.name_of(members(self.main?.get("publisher")?).next()?))
    }

    /// Who is named only by `@id` is looked up among the nodes.
    fn name_of(&self, value: &Value) -> Option<String> {
        let Value::Object(map) = value else { return value.as_str().map(str::to_owned) };
        let own = map.get("name").and_then(|name| texts(name).into_iter().next());
        own.or_else(|| {
            let id = map.get("@id")?.as_str()?;
            let node = self.nodes.iter().find(|node| node.get("@id").and_then(Value::as_str) == Some(id))?;
            texts(node.get("name")?).into_iter().next()
        })
    }
}

/// Writing before things, things before the page that they stand on. What is about the site is none of these.
fn rank(node: &Map<String, Value>) -> Option<u8> {
    let types = members(node.get("@type")?).filter_map(Value::as_str);
    types
        .filter_map(|name| {
            let name = name.rsplit(['/', '#', ':']).next().unwrap_or_default();
            match name {
                "WebSite"
                | "Organization"
                | "NewsMediaOrganization"
                | "Corporation"
                | "OnlineStore"
                | "Person"
                | "BreadcrumbList"
                | "ImageObject"
                | "SearchAction"
                | "SiteNavigationElement"
                | "ListItem"
                | "WPHeader"
                | "WPFooter"
                | "ItemList"
                | "Brand" => None,
                "WebPage" | "CollectionPage" | "ItemPage" | "AboutPage" | "ContactPage" | "FAQPage" => {
                    Some(2)
                }
                name if name.ends_with("Article") || name.ends_with("Posting") => Some(0),
                "Report" | "Recipe" | "VideoObject" | "HowTo" | "Review" => Some(0),
                _ => Some(1),
            }
        })
        .min()
}

fn is_of_type(node: &Map<String, Value>, names: &[&str]) -> bool {
    node.get("@type")
        .is_some_and(|types| members(types).filter_map(Value::as_str).any(|name| names.contains(&name)))
}

fn members(value: &Value) -> impl Iterator<Item = &Value> {
    let members = match value {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    members.iter().take(VALUES_MAX)
}

/// The texts of a value: of an object its `@value`, `url` or name.
fn texts(value: &Value) -> Vec<String> {
    members(value)
        .filter_map(|member| match member {
            Value::String(text) => Some(text.clone()),
            Value::Object(map) => {
                let stand_in =
                    ["@value", "url", "name", "@id"].iter().find_map(|name| map.get(*name)?.as_str());
                stand_in.map(str::to_owned)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
        })
        .filter(|text| !text.trim().is_empty())
        .collect()
}
