//! The names of months in the languages of the house, as dates have them.

/// A language whose months are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::fields) enum Language {
    /// Croatian.
    Croatian,
    /// German.
    German,
    /// English.
    English,
}

/// The months of each language: nominative, genitive and short forms, in lower case.
const MONTHS: [(Language, [&[&str]; 12]); 3] = [
    (
        Language::Croatian,
        [
            &["siječanj", "siječnja", "sij"],
            &["veljača", "veljače", "velj"],
            &["ožujak", "ožujka", "ožu"],
            &["travanj", "travnja", "tra"],
            &["svibanj", "svibnja", "svi"],
            &["lipanj", "lipnja", "lip"],
            &["srpanj", "srpnja", "srp"],
            &["kolovoz", "kolovoza", "kol"],
            &["rujan", "rujna", "ruj"],
            &["listopad", "listopada", "lis"],
            &["studeni", "studenoga", "studenog", "stu"],
            &["prosinac", "prosinca", "pro"],
        ],
    ),
    (
        Language::German,
        [
            &["januar", "jänner", "jan", "jän"],
            &["februar", "feber", "feb"],
            &["märz", "mär"],
            &["april", "apr"],
            &["mai"],
            &["juni", "jun"],
            &["juli", "jul"],
            &["august", "aug"],
            &["september", "sept", "sep"],
            &["oktober", "okt"],
            &["november", "nov"],
            &["dezember", "dez"],
        ],
    ),
    (
        Language::English,
        [
            &["january", "jan"],
            &["february", "feb"],
            &["march", "mar"],
            &["april", "apr"],
            &["may"],
            &["june", "jun"],
            &["july", "jul"],
            &["august", "aug"],
            &["september", "sept", "sep"],
            &["october", "oct"],
            &["november", "nov"],
            &["december", "dec"],
        ],
    ),
];

/// Names that are another month in a language that is not known here: October in Croatian, November in Czech and Polish;
/// June in Croatian, July in Polish (`lipiec`, genitive `lipca`, short `lip`).
const FOREIGN: &[&str] = &["listopad", "listopada", "lis", "lip"];

/// What a name of a month means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Month {
    /// This one, from 1 on.
    Known(u32),
    /// One of several.
    Several,
    /// None.
    Unknown,
}

/// The month of a name; where no language is given, the one that it is in every language.
pub(super) fn month(name: &str, language: Option<Language>) -> Month {
    let name = name.to_lowercase();
    let mut found = None;
    for (spoken, months) in &MONTHS {
        if language.is_some_and(|language| language != *spoken) {
            continue;
        }
        let Some(at) = months.iter().position(|names| names.contains(&name.as_str())) else { continue };
        if found.is_some_and(|found| found != at) {
            return Month::Several;
        }
        found = Some(at);
    }
    match found {
        None => Month::Unknown,
        Some(_) if language.is_none() && FOREIGN.contains(&name.as_str()) => Month::Several,
        // one of twelve
        Some(at) => Month::Known(at as u32 + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_of_two_meanings_needs_a_language() {
        assert_eq!(month("Studenoga", None), Month::Known(11));
        assert_eq!(month("März", None), Month::Known(3));
        assert_eq!(month("SEP", None), Month::Known(9));
        assert_eq!(month("listopada", None), Month::Several);
        assert_eq!(month("listopada", Some(Language::Croatian)), Month::Known(10));
        assert_eq!(month("may", Some(Language::German)), Month::Unknown);
        // no name is two months of the languages that are known
        for (_, months) in &MONTHS {
            for (at, names) in months.iter().enumerate() {
                for name in *names {
                    let is_one = month(name, None) == Month::Known(at as u32 + 1);
                    assert!(is_one || FOREIGN.contains(name), "{name}");
                }
            }
        }
    }
}
