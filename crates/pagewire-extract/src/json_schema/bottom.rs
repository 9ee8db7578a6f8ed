//! Whether a schema has a bottom: no value needs itself within itself, and no schema is asked of the same value again
//! while it is being asked.

use pagewire_types::fields::Faults;

use super::node::{Kind, Node, NodeId};

/// How many schemas may speak of one value through one another.
const BESIDE_MAX: usize = 40;

/// Tells the schemas that recurse without end.
pub(super) fn check(nodes: &[Node], faults: &mut Faults) {
    if let Some(node) = circle_in_place(nodes) {
        faults.add(
            &nodes[node].pointer,
            format!("refers to itself for the same value, or through more than {BESIDE_MAX} others"),
        );
        return;
    }
    let finite = finite_nodes(nodes);
    for (node, _) in nodes.iter().zip(finite).filter(|(node, finite)| !finite && node.reference.is_some()) {
        faults.add(
            format!("{}/$ref", node.pointer),
            "recurses without end: each value would need another one inside it; let it be null, left out or an empty list",
        );
    }
}

/// A node whose schemas beside it, at any remove, are too many in a row or come back to it.
fn circle_in_place(nodes: &[Node]) -> Option<NodeId> {
    let mut heights: Vec<Option<usize>> = vec![None; nodes.len()];
    for start in 0..nodes.len() {
        // Each entry: a node, and the neighbours that are still to be looked at.
        let mut open: Vec<(NodeId, Vec<NodeId>, usize)> = vec![(start, nodes[start].beside().collect(), 0)];
        while let Some((node, waiting, height)) = open.last_mut() {
            let node = *node;
            if let Some(next) = waiting.pop() {
                match heights[next] {
                    Some(known) => *height = (*height).max(known + 1),
                    None if open.iter().any(|(on_the_way, ..)| *on_the_way == next) => return Some(next),
                    None => open.push((next, nodes[next].beside().collect(), 0)),
                }
                if open.len() > BESIDE_MAX {
                    return Some(node);
                }
                continue;
            }
            let height = *height;
            if height > BESIDE_MAX {
                return Some(node);
            }
            heights[node] = Some(height);
            open.pop();
            if let Some((_, _, above)) = open.last_mut() {
                *above = (*above).max(height + 1);
            }
        }
    }
    None
}

/// For each node, whether some value of finite size may satisfy it: grown from those that surely do until nothing comes
/// to it any more.
fn finite_nodes(nodes: &[Node]) -> Vec<bool> {
    let mut finite = vec![false; nodes.len()];
    loop {
        let mut grew = false;
        for (at, node) in nodes.iter().enumerate() {
            if !finite[at] && is_finite(node, &finite) {
                finite[at] = true;
                grew = true;
            }
        }
        if !grew {
            return finite;
        }
    }
}

fn is_finite(node: &Node, finite: &[bool]) -> bool {
    let all = |of: &[NodeId]| of.iter().all(|at| finite[*at]);
    let any = |of: &[NodeId]| of.is_empty() || of.iter().any(|at| finite[*at]);
    let beside = node.reference.is_none_or(|at| finite[at])
        && all(&node.all_of)
        && any(&node.any_of)
        && any(&node.one_of);
    beside && (!node.is_container_only() || is_finite_inside(node, finite))
}

fn is_finite_inside(node: &Node, finite: &[bool]) -> bool {
    let may_be = |kind| node.kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind));
    let object = may_be(Kind::Object)
        && node.required.iter().all(|name| match node.properties.get(name) {
            Some(at) => finite[*at],
            None => node.additional_properties.is_none_or(|at| finite[at]),
        });
    let needed = usize::try_from(node.count.min.unwrap_or(0)).unwrap_or(usize::MAX);
    let array = may_be(Kind::Array)
        && node.prefix_items.iter().take(needed).all(|at| finite[*at])
        && (needed <= node.prefix_items.len() || node.items.is_none_or(|at| finite[at]));
    object || array
}
