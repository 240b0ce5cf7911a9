//! A DataSet of .NET: rows as records, by their tables. The answer says itself what the tables are, by a schema before the
//! rows, unless the WSDL does; so each table is a list and each column a key, also where nothing came.

use serde_json::{Map, Value};

use super::super::columns;
use super::super::schema::{DIFFGRAM, Found, MSDATA, Particle, Schemas, Type, TypeRef, XSD, read_schema};
use super::super::xml::{Element, Name};
use super::Decoder;
use super::anything::{add_attribute, is_data, put};
use crate::error::Result;

/// What an attribute is named by which a hidden column comes.
const HIDDEN: &str = "hidden";

/// The tables that a schema declares.
type Tables = Vec<(Name, TypeRef)>;

impl Decoder<'_> {
    /// The rows within an element, if it holds a DataSet.
    ///
    /// # Errors
    /// Not found, for a type that the answer's own schema uses and does not declare.
    pub(super) fn dataset(&self, element: &Element) -> Result<Option<Value>> {
        let is_diffgram = |it: &Element| it.name.is(DIFFGRAM, "diffgram");
        let is_schema = |it: &Element| &*it.name.local == "schema" && XSD.contains(&&*it.name.namespace);
        let described = element.elements().filter(|it| is_schema(it)).find_map(set_of);
        if described.is_none() && !element.elements().any(is_diffgram) {
            return Ok(None);
        }
        let mut own = Schemas::default();
        element.elements().filter(|it| is_schema(it)).for_each(|it| read_schema(&mut own, it, None));
        own.settle();
        let is_own = !own.elements.is_empty();
        let decoder = Decoder { schemas: if is_own { &own } else { self.schemas } };
        let mut found = Map::new();
        let mut tables = described.as_ref().map(|set| decoder.tables(set)).transpose()?.unwrap_or_default();
        for part in element.elements().filter(|it| !is_schema(it)) {
            if is_diffgram(part) {
                for set in part.elements() {
                    match set.name.is(DIFFGRAM, "before") || set.name.is(DIFFGRAM, "errors") {
                        // what was before a change, and what is wrong with a row
                        true if set.elements().next().is_none() => {}
                        true => {
                            let mut rows = Map::new();
                            decoder.rows(set, &tables, &mut rows)?;
                            found.insert(format!("@{}", set.name.local), Value::Object(rows));
                        }
                        false => {
                            if tables.is_empty() {
                                tables = decoder.tables(&set.name)?;
                            }
                            decoder.rows(set, &tables, &mut found)?;
                        }
                    }
                }
            } else if described.as_ref().is_some_and(|set| set.local == part.name.local) {
                decoder.rows(part, &tables, &mut found)?;
            } else {
                put(&mut found, &part.name.local, self.by_its_name(part));
            }
        }
        let mut object = Map::new();
        for (name, _) in &tables {
            let key = columns::decoded(&name.local);
            let rows = found.remove(&key).unwrap_or_else(|| Value::Array(Vec::new()));
            object.insert(key, rows);
        }
        object.extend(found);
        let foreign = element.attributes.iter().filter(|(name, _)| is_data(name));
        foreign.for_each(|(name, value)| add_attribute(&mut object, name, value));
        Ok(Some(Value::Object(object)))
    }

    /// The tables of a DataSet.
    fn tables(&self, set: &Name) -> Result<Tables> {
        let mut tables = Tables::new();
        let Some(declared) = self.schemas.elements.get(set) else { return Ok(tables) };
        let Found::Declared(of) = self.schemas.find(&declared.of)? else { return Ok(tables) };
        let Type::Complex(complex) = &*of else { return Ok(tables) };
        for particle in &self.schemas.shape(complex)?.particles {
            self.gather_tables(particle, &mut tables)?;
        }
        Ok(tables)
    }

    fn gather_tables(&self, particle: &Particle, tables: &mut Tables) -> Result<()> {
        match particle {
            Particle::Element(declared, _) => {
                let behind = self.schemas.behind(declared)?;
                tables.push((behind.name.clone(), behind.of.clone()));
                Ok(())
            }
            Particle::Group(_, members, _) => members.iter().try_for_each(|it| self.gather_tables(it, tables)),
            Particle::Named(..) | Particle::Any(_) => Ok(()),
        }
    }

    /// Adds the rows of a DataSet to the lists of their tables.
    fn rows(&self, set: &Element, tables: &Tables, found: &mut Map<String, Value>) -> Result<()> {
        for row in set.elements() {
            let of = tables.iter().find(|(name, _)| name.local == row.name.local).map(|(_, of)| of);
            let value = match of {
                Some(of) => self.content(of, row)?,
                None => self.by_its_name(row),
            };
            let mut value = match value {
                // a row in which nothing is known
                Value::String(text) if text.trim().is_empty() => Value::Object(Map::new()),
                value => named(value),
            };
            if let Value::Object(record) = &mut value {
                let hidden = row.attributes.iter().filter(|(name, _)| &*name.namespace == MSDATA);
                let hidden = hidden.filter_map(|(name, value)| Some((name.local.strip_prefix(HIDDEN)?, value)));
                record.extend(hidden.map(|(name, value)| (columns::decoded(name), Value::String(value.clone()))));
            }
            let list = found.entry(columns::decoded(&row.name.local)).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(list) = list {
                list.push(value);
            }
        }
        Ok(())
    }
}

/// The element that a schema marks as a DataSet.
fn set_of(schema: &Element) -> Option<Name> {
    let is_set = |it: &&Element| matches!(it.attribute_in(MSDATA, "IsDataSet"), Some("true" | "1"));
    let local = schema.elements().find(is_set)?.attribute("name")?;
    Some(Name::new(schema.attribute("targetNamespace").unwrap_or_default(), local))
}

/// With the columns' own names, in rows within rows too.
fn named(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut fresh = Map::new();
            for (key, value) in object {
                let name = columns::decoded(&key);
                // what stands for another name already keeps its own
                let key = if fresh.contains_key(&name) { key } else { name };
                fresh.insert(key, named(value));
            }
            Value::Object(fresh)
        }
        Value::Array(items) => Value::Array(items.into_iter().map(named).collect()),
        value => value,
    }
}
