//! The name that somebody most likely meant.

/// The nearest of the names that are known, if one is near.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = known.iter().map(|known| (strsim::osa_distance(&known.to_lowercase(), &name.to_lowercase()), *known));
    let near = near.min_by_key(|(distance, _)| *distance);
    near.filter(|(distance, known)| *distance <= 2.max(known.chars().count() / 3)).map(|(_, known)| known)
}
