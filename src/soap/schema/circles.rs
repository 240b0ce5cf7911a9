//! Groups that refer to each other in a circle, which XML Schema forbids: whoever follows them would never come to an end.

use std::collections::HashSet;
use std::sync::Arc;

use super::super::xml::Name;
use super::types::{Particle, Schemas};

/// Groups inside groups, at the most.
const LEVELS_MAX: usize = 16;

impl Schemas {
    /// Leaves out every reference by which a group comes to itself, or to more levels of groups than there may be.
    pub(super) fn cut_circles(&mut self) {
        let mut sound: HashSet<Name> = HashSet::new();
        for _ in 0..LEVELS_MAX {
            let is_sound = |group: &Particle| all_references(group, &|name| self.is_sound(name, &sound));
            let fresh = self.groups.iter().filter(|(name, group)| !sound.contains(name) && is_sound(group));
            let fresh: Vec<Name> = fresh.map(|(name, _)| name.clone()).collect();
            if fresh.is_empty() {
                break;
            }
            sound.extend(fresh);
        }
        let circular: Vec<Name> = self.groups.keys().filter(|name| !sound.contains(name)).cloned().collect();
        for name in circular {
            log::warn!("the group {name} is defined by itself; what it refers to is left out");
            let cut = self.groups.get(&name).and_then(|group| without(group, &|name| self.is_sound(name, &sound)));
            match cut {
                Some(cut) => drop(self.groups.insert(name, cut)),
                None => drop(self.groups.remove(&name)),
            }
        }
    }

    /// A group that is not declared holds nothing.
    fn is_sound(&self, name: &Name, sound: &HashSet<Name>) -> bool {
        sound.contains(name) || !self.groups.contains_key(name)
    }
}

fn all_references(particle: &Particle, is_sound: &impl Fn(&Name) -> bool) -> bool {
    match particle {
        Particle::Named(name, _) => is_sound(name),
        Particle::Group(_, members, _) => members.iter().all(|member| all_references(member, is_sound)),
        Particle::Element(..) | Particle::Any(_) => true,
    }
}

/// The particle without the references that are not sound.
fn without(particle: &Particle, is_sound: &impl Fn(&Name) -> bool) -> Option<Particle> {
    match particle {
        Particle::Named(name, _) => is_sound(name).then(|| particle.clone()),
        Particle::Group(kind, members, occurs) => {
            let members = members.iter().filter_map(|member| without(member, is_sound)).collect();
            Some(Particle::Group(*kind, Arc::new(members), *occurs))
        }
        Particle::Element(..) | Particle::Any(_) => Some(particle.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::types::{Group, Occurs};
    use super::*;

    #[test]
    fn only_the_references_of_a_circle_are_left_out() {
        let name = |local: &str| Name::new("u", local);
        let group = |names: &[&str]| {
            let members = names.iter().map(|it| Particle::Named(name(it), Occurs::ONCE)).collect();
            Particle::Group(Group::Choice, Arc::new(members), Occurs::ONCE)
        };
        let mut schemas = Schemas::default();
        for (of, references) in [
            ("plain", &["nowhere"][..]),
            ("outer", &["plain"]),
            ("self", &["self", "outer"]),
            ("a", &["b"]),
            ("b", &["a"]),
        ] {
            schemas.groups.insert(name(of), group(references));
        }
        schemas.cut_circles();
        let left = |of: &str| format!("{:?}", schemas.groups[&name(of)]).matches("Named").count();
        assert_eq!(["plain", "outer", "self", "a", "b"].map(left), [1, 1, 1, 0, 0]);
    }
}
