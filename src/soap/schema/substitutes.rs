//! Substitution groups: what may come in the place of an element. A reference to such an element is read as a choice
//! between it and those.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::super::xml::Name;
use super::types::{ElementDecl, Group, Occurs, Particle, Schemas, TypeRef};

/// Substitutes of substitutes, at the most.
const LEVELS_MAX: usize = 64;

impl Schemas {
    /// To be called when everything is read and before anything is looked up: who may stand for an element is known only
    /// then.
    pub(in crate::soap) fn settle(&mut self) {
        self.cut_circles();
        if self.substitutes.is_empty() {
            return;
        }
        self.inherit_types();
        self.choices = self.substitutes.keys().map(|head| (head.clone(), self.choice(head))).collect();
        let groups = self.groups.iter().map(|(name, group)| (name.clone(), self.with_choices(group)));
        self.groups = groups.collect();
    }

    /// A content in which every reference to an element with substitutes is a choice.
    pub(super) fn with_choices(&self, particle: &Particle) -> Particle {
        match particle {
            Particle::Element(declared, occurs) if declared.is_reference => match self.choices.get(&declared.name) {
                Some(choice) => Particle::Group(Group::Choice, Arc::clone(choice), *occurs),
                None => particle.clone(),
            },
            Particle::Group(kind, members, occurs) if !self.choices.is_empty() => {
                let members = members.iter().map(|member| self.with_choices(member)).collect();
                Particle::Group(*kind, Arc::new(members), *occurs)
            }
            _ => particle.clone(),
        }
    }

    /// The element itself and all that may come in its place, without those that never come themselves.
    fn choice(&self, head: &Name) -> Arc<Vec<Particle>> {
        let (mut seen, mut found, mut level) = (HashSet::from([head]), vec![head], vec![head]);
        for _ in 0..LEVELS_MAX {
            level = level.into_iter().filter_map(|name| self.substitutes.get(name)).flatten().collect();
            level.retain(|name| seen.insert(name));
            found.extend(&level);
        }
        found.retain(|name| self.elements.get(name).is_some_and(|declared| !declared.is_abstract));
        let member = |name: &Name| Particle::Element(Arc::new(ElementDecl::reference(name.clone())), Occurs::ONCE);
        Arc::new(found.into_iter().map(member).collect())
    }

    /// An element without a type of its own has that of the element whose place it takes.
    fn inherit_types(&mut self) {
        let heads = self.substitutes.iter().flat_map(|(head, names)| names.iter().map(move |name| (name, head)));
        let heads: HashMap<&Name, &Name> = heads.collect();
        let of = |name: &Name| self.elements.get(name).map(|declared| declared.of.clone());
        let mut inherited = Vec::new();
        for (name, head) in &heads {
            if !matches!(of(name), Some(TypeRef::Any)) {
                continue;
            }
            let line = std::iter::successors(Some(*head), |name| heads.get(name).copied()).take(LEVELS_MAX);
            let of = line.filter_map(of).find(|of| !matches!(of, TypeRef::Any));
            inherited.extend(of.map(|of| ((*name).clone(), of)));
        }
        for (name, of) in inherited {
            if let Some(declared) = self.elements.get_mut(&name) {
                *declared = Arc::new(ElementDecl { of, ..ElementDecl::clone(declared) });
            }
        }
    }
}
