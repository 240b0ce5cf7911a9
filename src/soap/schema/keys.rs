//! Keys for what has the same name in one content, so that none takes the place of another: `x`, `x__1` for elements,
//! `@x` for an attribute that is named as an element.

use std::collections::HashMap;
use std::sync::Arc;

use super::shape::Shape;
use super::types::{ElementDecl, Group, Particle, Schemas};

/// How often each name was seen so far.
#[derive(Default)]
struct Seen {
    counts: HashMap<Arc<str>, usize>,
    /// The names in the order in which they came, so that a branch of a choice can be taken back.
    log: Vec<Arc<str>>,
}

impl Seen {
    /// Notes a name; how often it came before.
    fn note(&mut self, name: &Arc<str>) -> usize {
        self.log.push(Arc::clone(name));
        let count = self.counts.entry(Arc::clone(name)).or_default();
        *count += 1;
        *count - 1
    }

    /// Takes back what came since the log had this length, and tells how often each came.
    fn take_back(&mut self, length: usize) -> HashMap<Arc<str>, usize> {
        let mut taken: HashMap<Arc<str>, usize> = HashMap::new();
        for name in self.log.drain(length..) {
            if let Some(count) = self.counts.get_mut(&name) {
                *count -= 1;
            }
            *taken.entry(name).or_default() += 1;
        }
        taken
    }
}

impl Schemas {
    /// Gives keys to all that would share one.
    pub(super) fn tell_apart(&self, shape: &mut Shape) {
        let mut seen = Seen::default();
        for particle in &mut shape.particles {
            if let Some(keyed) = self.keyed(particle, &mut seen) {
                *particle = keyed;
            }
        }
        let mut keys: Vec<String> = Vec::new();
        for attribute in &mut shape.attributes {
            let local = &attribute.name.local;
            let is_taken = |key: &str| seen.counts.contains_key(key) || keys.iter().any(|known| known == key);
            if is_taken(local) {
                let marked = format!("@{local}");
                let key = if is_taken(&marked) { format!("@{}", attribute.name) } else { marked };
                attribute.key = Some(key);
            }
            keys.push(attribute.key().to_owned());
        }
    }

    /// The particle with keys, if it needs any. The branches of a choice share theirs, since one of them comes.
    fn keyed(&self, particle: &Particle, seen: &mut Seen) -> Option<Particle> {
        match particle {
            Particle::Element(declared, occurs) => match seen.note(&declared.name.local) {
                0 => None,
                before => {
                    let key = Some(format!("{}__{before}", declared.name.local));
                    let declared = ElementDecl { key, ..ElementDecl::clone(declared) };
                    Some(Particle::Element(Arc::new(declared), *occurs))
                }
            },
            // its items are objects of their own
            Particle::Group(kind, members, occurs) if occurs.is_many() => {
                let members = self.keyed_members(*kind, members, &mut Seen::default())?;
                Some(Particle::Group(*kind, Arc::new(members), *occurs))
            }
            Particle::Group(kind, members, occurs) => {
                let members = self.keyed_members(*kind, members, seen)?;
                Some(Particle::Group(*kind, Arc::new(members), *occurs))
            }
            Particle::Named(name, occurs) => match self.groups.get(name) {
                Some(Particle::Group(kind, members, _)) => {
                    self.keyed(&Particle::Group(*kind, Arc::clone(members), *occurs), seen)
                }
                _ => None,
            },
            Particle::Any(_) => None,
        }
    }

    fn keyed_members(&self, kind: Group, members: &[Particle], seen: &mut Seen) -> Option<Vec<Particle>> {
        let mut changed: Option<Vec<Particle>> = None;
        let mut branches: HashMap<Arc<str>, usize> = HashMap::new();
        for (place, member) in members.iter().enumerate() {
            let length = seen.log.len();
            if let Some(keyed) = self.keyed(member, seen) {
                changed.get_or_insert_with(|| members.to_vec())[place] = keyed;
            }
            if kind == Group::Choice {
                for (name, count) in seen.take_back(length) {
                    let most = branches.entry(name).or_default();
                    *most = count.max(*most);
                }
            }
        }
        for (name, count) in branches {
            (0..count).for_each(|_| {
                seen.note(&name);
            });
        }
        changed
    }
}
