//! Things whose positions lie close together.

/// Groups `items` by position: sorted positions whose neighbours differ by at most `tolerance` belong together. The
/// groups come in the order of their positions, the items of a group in the order in which they were given.
pub fn clusters<T: Clone>(items: &[T], position: impl Fn(&T) -> f64, tolerance: f64) -> Vec<Vec<T>> {
    let positions: Vec<f64> = items.iter().map(position).collect();
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by(|&a, &b| positions[a].total_cmp(&positions[b]));
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut last = f64::NEG_INFINITY;
    for at in order {
        match groups.last_mut() {
            Some(group) if positions[at] <= last + tolerance => group.push(at),
            _ => groups.push(vec![at]),
        }
        last = positions[at];
    }
    let given = |mut group: Vec<usize>| {
        group.sort_unstable();
        group.into_iter().map(|at| items[at].clone()).collect()
    };
    groups.into_iter().map(given).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_of_close_positions_is_one_group_in_the_order_given() {
        let groups = clusters(&[5.0, 1.0, 3.0, 20.0], |&x| x, 2.0);
        assert_eq!(groups, vec![vec![5.0, 1.0, 3.0], vec![20.0]]);
        assert!(clusters(&[] as &[f64], |&x| x, 2.0).is_empty());
    }
}
