//! What is an expression by its grammar and can still not be: functions that there are none of, variables, prefixes;
//! and comparisons of many nodes with many, whose cost is the product of both.

use xpath_eval::{Axis, Expr, FilterExpr, LocationPath, NodeTest, PathExpr, PrimaryExpr, QName};

/// The functions of XPath 1.0, and how many arguments they take.
const FUNCTIONS: &[(&str, usize, usize)] = &[
    ("last", 0, 0),
    ("position", 0, 0),
    ("count", 1, 1),
    ("id", 1, 1),
    ("local-name", 0, 1),
    ("namespace-uri", 0, 1),
    ("name", 0, 1),
    ("string", 0, 1),
    ("concat", 2, usize::MAX),
    ("starts-with", 2, 2),
    ("contains", 2, 2),
    ("substring-before", 2, 2),
    ("substring-after", 2, 2),
    ("substring", 2, 3),
    ("string-length", 0, 1),
    ("normalize-space", 0, 1),
    ("translate", 3, 3),
    ("boolean", 1, 1),
    ("not", 1, 1),
    ("true", 0, 0),
    ("false", 0, 0),
    ("lang", 1, 1),
    ("number", 0, 1),
    ("sum", 1, 1),
    ("floor", 1, 1),
    ("ceiling", 1, 1),
    ("round", 1, 1),
];

/// Looks through a whole expression.
pub(super) fn what_cannot_be(expression: &Expr) -> Result<(), String> {
    match expression {
        Expr::Or(left, right)
        | Expr::And(left, right)
        | Expr::Additive(left, _, right)
        | Expr::Multiplicative(left, _, right)
        | Expr::Union(left, right) => {
            what_cannot_be(left)?;
            what_cannot_be(right)
        }
        Expr::Equality(left, _, right) | Expr::Relational(left, _, right) => {
            if may_be_many(left) && may_be_many(right) {
                return Err("compares many nodes with many; one side must be a value, an attribute, \
                            `.` or `[1]`"
                    .to_owned());
            }
            what_cannot_be(left)?;
            what_cannot_be(right)
        }
        Expr::Negate(of) => what_cannot_be(of),
        Expr::Path(PathExpr::Location(path)) => in_path(path),
        Expr::Path(PathExpr::Filter(filter)) => in_filter(filter),
        Expr::Path(PathExpr::FilterLocation(filter, path)) => {
            in_filter(filter)?;
            in_path(path)
        }
    }
}

fn in_path(path: &LocationPath) -> Result<(), String> {
    for step in &path.steps {
        match &step.node_test {
            NodeTest::QName(QName { prefix: Some(prefix), .. }) | NodeTest::NamespaceWildcard(prefix) => {
                return Err(format!("has the prefix `{prefix}`; names in HTML have none"));
            }
            _ => {}
        }
        step.predicates.iter().try_for_each(what_cannot_be)?;
    }
    Ok(())
}

fn in_filter(filter: &FilterExpr) -> Result<(), String> {
    match &filter.primary {
        PrimaryExpr::Variable(name) => {
            return Err(format!("has the variable `${}`; there are none", name.local));
        }
        PrimaryExpr::Parenthesized(inner) => what_cannot_be(inner)?,
        PrimaryExpr::Literal(_) | PrimaryExpr::Number(_) => {}
        PrimaryExpr::Function(call) => {
            let known =
                FUNCTIONS.iter().find(|(name, ..)| call.name.prefix.is_none() && *name == call.name.local);
            let Some((name, least, most)) = known else {
                return Err(format!("calls `{}`, which is no function of XPath 1.0", call.name.local));
            };
            if !(*least..=*most).contains(&call.args.len()) {
                return Err(format!("calls `{name}` with {} arguments", call.args.len()));
            }
            call.args.iter().try_for_each(what_cannot_be)?;
        }
    }
    filter.predicates.iter().try_for_each(what_cannot_be)
}

/// Whether an expression may come to more than a few nodes.
fn may_be_many(expression: &Expr) -> bool {
    match expression {
        Expr::Path(PathExpr::Location(path)) => {
            let is_one = |step: &xpath_eval::Step| match step.axis {
                Axis::SelfAxis | Axis::Parent => true,
                Axis::Attribute => !matches!(step.node_test, NodeTest::AnyName | NodeTest::Node),
                _ => matches!(step.predicates.as_slice(), [only] if is_a_number(only)),
            };
            path.steps.iter().any(|step| !is_one(step))
                && !path.steps.split_last().is_some_and(|(last, before)| {
                    // `../b`: as many as one element has children.
                    !path.is_absolute && last.axis == Axis::Child && before.iter().all(is_one)
                })
                || path.steps.iter().any(|step| step.axis == Axis::DescendantOrSelf) && !path.is_absolute
        }
        Expr::Path(PathExpr::Filter(filter)) => match &filter.primary {
            PrimaryExpr::Parenthesized(inner) => {
                !matches!(filter.predicates.as_slice(), [only] if is_a_number(only)) && may_be_many(inner)
            }
            PrimaryExpr::Function(call) => call.name.local == "id",
            PrimaryExpr::Variable(_) | PrimaryExpr::Literal(_) | PrimaryExpr::Number(_) => false,
        },
        Expr::Path(PathExpr::FilterLocation(..)) | Expr::Union(..) => true,
        _ => false,
    }
}

fn is_a_number(expression: &Expr) -> bool {
    matches!(
        expression,
        Expr::Path(PathExpr::Filter(FilterExpr { primary: PrimaryExpr::Number(_), predicates })) if predicates.is_empty()
    )
}
