//! Where fields are found in schema.org's vocabulary: data, not code. A field's words are looked up as a whole, then
//! the paths are tried in order.

/// Words of a field, joined by a space, and the paths that may hold it.
const SYNONYMS: &[(&str, &[&str])] = &[
    ("name", &["name", "headline", "title"]),
    ("title", &["headline", "name", "title"]),
    ("product name", &["name"]),
    ("headline", &["headline", "name"]),
    ("price", &["offers.price", "offers.lowPrice", "offers.priceSpecification.price", "price"]),
    ("amount", &["offers.price", "price", "amount"]),
    ("cost", &["offers.price", "price"]),
    (
        "currency",
        &["offers.priceCurrency", "offers.priceSpecification.priceCurrency", "priceCurrency", "currency"],
    ),
    ("price currency", &["offers.priceCurrency", "offers.priceSpecification.priceCurrency"]),
    ("availability", &["offers.availability", "availability"]),
    ("in stock", &["offers.availability", "availability"]),
    ("available", &["offers.availability", "availability"]),
    ("condition", &["offers.itemCondition", "itemCondition"]),
    ("seller", &["offers.seller", "seller"]),
    ("brand", &["brand", "manufacturer"]),
    ("rating", &["aggregateRating.ratingValue", "reviewRating.ratingValue", "ratingValue"]),
    ("rating value", &["aggregateRating.ratingValue"]),
    ("rating count", &["aggregateRating.ratingCount", "aggregateRating.reviewCount"]),
    ("review count", &["aggregateRating.reviewCount", "aggregateRating.ratingCount"]),
    ("reviews", &["aggregateRating.reviewCount", "review"]),
    ("image", &["image", "thumbnailUrl", "photo"]),
    ("image url", &["image", "thumbnailUrl"]),
    ("images", &["image"]),
    ("url", &["url", "mainEntityOfPage"]),
    ("link", &["url", "mainEntityOfPage"]),
    ("author", &["author", "creator"]),
    ("author name", &["author.name", "author"]),
    ("published", &["datePublished", "dateCreated", "uploadDate"]),
    ("published at", &["datePublished", "dateCreated", "uploadDate"]),
    ("publish date", &["datePublished", "dateCreated"]),
    ("date", &["datePublished", "startDate", "dateCreated", "datePosted"]),
    ("modified", &["dateModified"]),
    ("updated at", &["dateModified"]),
    ("summary", &["description", "abstract"]),
    ("description", &["description", "abstract"]),
    ("body", &["articleBody", "text", "description"]),
    ("tags", &["keywords", "about"]),
    ("category", &["category", "articleSection", "recipeCategory"]),
    ("section", &["articleSection"]),
    ("publisher", &["publisher"]),
    ("ingredients", &["recipeIngredient", "ingredients"]),
    ("instructions", &["recipeInstructions"]),
    ("servings", &["recipeYield"]),
    ("calories", &["nutrition.calories"]),
    ("company", &["hiringOrganization", "worksFor", "publisher"]),
    ("employer", &["hiringOrganization"]),
    ("salary", &["baseSalary.value.value", "baseSalary.value", "baseSalary"]),
    ("start", &["startDate"]),
    ("starts at", &["startDate"]),
    ("end", &["endDate"]),
    ("venue", &["location"]),
    ("location", &["location", "jobLocation.address.addressLocality", "jobLocation", "address"]),
    (
        "city",
        &[
            "address.addressLocality",
            "location.address.addressLocality",
            "jobLocation.address.addressLocality",
        ],
    ),
    ("isbn", &["isbn", "workExample.isbn"]),
    ("phone", &["telephone"]),
    ("gtin", &["gtin13", "gtin", "gtin12", "gtin14", "gtin8"]),
    ("ean", &["gtin13", "gtin"]),
    ("part number", &["mpn"]),
];

/// Names that OpenGraph and its like use for a field.
const META_NAMES: &[(&str, &[&str])] = &[
    ("name", &["og:title", "twitter:title"]),
    ("title", &["og:title", "twitter:title"]),
    ("headline", &["og:title", "twitter:title"]),
    ("product name", &["og:title"]),
    ("price", &["product:price:amount", "og:price:amount"]),
    ("amount", &["product:price:amount", "og:price:amount"]),
    ("currency", &["product:price:currency", "og:price:currency"]),
    ("price currency", &["product:price:currency", "og:price:currency"]),
    ("availability", &["product:availability", "og:availability"]),
    ("in stock", &["product:availability", "og:availability"]),
    ("brand", &["product:brand", "og:brand"]),
    ("image", &["og:image", "twitter:image"]),
    ("image url", &["og:image", "twitter:image"]),
    ("url", &["og:url"]),
    ("link", &["og:url"]),
    ("description", &["og:description", "description", "twitter:description"]),
    ("summary", &["og:description", "description"]),
    ("author", &["article:author", "author"]),
    ("published", &["article:published_time"]),
    ("published at", &["article:published_time"]),
    ("publish date", &["article:published_time"]),
    ("date", &["article:published_time"]),
    ("modified", &["article:modified_time"]),
    ("updated at", &["article:modified_time"]),
    ("section", &["article:section"]),
    ("category", &["article:section", "product:category"]),
    ("tags", &["keywords", "article:tag"]),
    ("site name", &["og:site_name"]),
    ("publisher", &["og:site_name"]),
];

fn look_up<'t>(table: &[(&str, &'t [&'t str])], words: &str) -> &'t [&'t str] {
    table.iter().find(|(name, _)| *name == words).map_or(&[], |(_, found)| found)
}

/// The paths of schema.org that may hold a field.
pub(crate) fn paths(words: &str) -> &'static [&'static str] {
    look_up(SYNONYMS, words)
}

/// The `<meta>` names that may hold a field.
pub(crate) fn meta_names(words: &str) -> &'static [&'static str] {
    look_up(META_NAMES, words)
}

/// Types that say what a page is about come before those that say where it stands.
pub(crate) fn is_about_the_site(node_type: &str) -> bool {
    matches!(
        node_type,
        "WebSite"
            | "Organization"
            | "BreadcrumbList"
            | "WebPage"
            | "SearchAction"
            | "ImageObject"
            | "SiteNavigationElement"
            | "Corporation"
            | "OnlineStore"
            | "CollectionPage"
            | "Person"
            | "WPHeader"
            | "WPFooter"
            | "ListItem"
    )
}
