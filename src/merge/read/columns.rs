//! What the columns of CSV hold, which no single field tells.

use std::ops::ControlFlow;

use super::pass::{self, Chunk, Work};
use super::reader::Reader;
use super::source::Source;
use super::survey::Survey;
use crate::error::Result;
use crate::merge::plan::description::Merge;
use crate::merge::plan::format::Format;

/// Looks through the CSV sources, and others whose values are texts, for what their columns hold, which the hash depends on. JSON says it by itself.
pub(crate) fn survey_csv(merge: &Merge, sources: &[Source]) -> Result<Survey> {
    let mut survey = Survey::default();
    if !sources.iter().any(|source| matches!(source.format, Format::Csv { .. }) || source.is_untyped()) {
        return Ok(survey);
    }
    let reader = Reader::new(merge, sources, None, &survey)?;
    for place in 0..sources.len() {
        reader.header(place).for_each(|name| survey.see(name, None));
    }
    let work = |chunk: Chunk| {
        let mut part = Survey::default();
        if let Format::Csv { delimiter } = sources[chunk.source].format {
            reader.survey_rows(&chunk, delimiter, &mut part);
        } else if sources[chunk.source].is_untyped() {
            reader.survey_texts(&chunk, &mut part);
        }
        part
    };
    pass::run(sources, Work::of(merge), work, |part| {
        survey.add(part);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(survey)
}
