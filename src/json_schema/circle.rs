//! Schemas that would never end: one that judges a value by itself, without going into it.

use super::node::{Check, Node, NodeId};

#[derive(Clone, Copy, PartialEq)]
enum Seen {
    No,
    /// On the way from the start to here.
    Open,
    Done,
}

/// A node that leads to itself through checks of the same value.
pub(super) fn circle(nodes: &[Option<Node>]) -> Option<NodeId> {
    let mut seen = vec![Seen::No; nodes.len()];
    let next = |node: NodeId| -> Vec<NodeId> {
        let Some(Node::Checks { checks, .. }) = &nodes[node] else { return Vec::new() };
        checks.iter().flat_map(Check::in_place).collect()
    };
    for start in 0..nodes.len() {
        if seen[start] != Seen::No {
            continue;
        }
        seen[start] = Seen::Open;
        let mut way = vec![(start, next(start))];
        while let Some((node, rest)) = way.last_mut() {
            let node = *node;
            match rest.pop() {
                None => {
                    seen[node] = Seen::Done;
                    way.pop();
                }
                Some(other) if seen[other] == Seen::Open => return Some(other),
                Some(other) if seen[other] == Seen::No => {
                    seen[other] = Seen::Open;
                    way.push((other, next(other)));
                }
                Some(_) => {}
            }
        }
    }
    None
}
