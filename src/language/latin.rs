//! Languages of the Latin script, by the small words that every sentence has and the marks that no neighbour uses.

use std::collections::HashSet;

/// What a language is known by.
struct Known {
    code: &'static str,
    words: &'static str,
    marks: &'static str,
}

const KNOWN: &[Known] = &[
    Known {
        code: "eng",
        words: "the of and to in is that for it was on are as with be at by this have from or not which you we an our your will",
        marks: "",
    },
    Known {
        code: "deu",
        words: "der die das und in den von zu ist mit im dem für auf nicht ein eine des sich als auch wir werden nach bei oder bitte sie zum",
        marks: "ßäöü",
    },
    Known {
        code: "fra",
        words: "le la les de des et du en un une est que pour dans au aux sur par pas nous vous votre ne ce qui avec sont ou plus",
        marks: "éèêàçœù",
    },
    Known {
        code: "spa",
        words: "el la los las de del y en que un una es por con para su se al lo no como más o pero sus le ha fecha",
        marks: "ñ¿¡áíóú",
    },
    Known {
        code: "ita",
        words: "il la di che e un una è per in del della con non sono gli dei da al le si lo nel alla dalla entro più anche",
        marks: "àèìòù",
    },
    Known {
        code: "por",
        words: "o a os as de do da dos das e em que um uma não para com se no na por ao mais é ou sua seu como foi",
        marks: "ãõçáâê",
    },
    Known {
        code: "nld",
        words: "de het een en van in is dat op te voor met zijn niet aan er om ook als bij door worden uw wij naar over u na",
        marks: "",
    },
    Known {
        code: "swe",
        words: "och i att det som en på är av för med till den har de inte om ett vi från eller ska din kan var vid",
        marks: "åäö",
    },
    Known {
        code: "dan",
        words: "og i at det er en til af på med for den som har de ikke et vi fra eller skal din kan var ved bliver efter hvis",
        marks: "æøå",
    },
    Known {
        code: "nor",
        words: "og i å det er en til av på med for den som har de ikke et vi fra eller skal din kan var ved blir etter hvis",
        marks: "æøå",
    },
    Known {
        code: "fin",
        words: "ja on ei se että oli joka hän ovat mutta kun myös tai sen sekä kanssa jos mukaan voi olla ole tämä josta joita",
        marks: "äö",
    },
    Known {
        code: "pol",
        words: "i w na z do nie się że to jest o od za po jak oraz przez dla są które który przy lub może tym jego ze",
        marks: "łąęśźżćń",
    },
    Known {
        code: "ces",
        words: "a v se na je že s z do o k pro za by jsou od po jako ve který která nebo při není byl tak vám jsme",
        marks: "řěůčšžýáí",
    },
    Known {
        code: "slk",
        words: "a v sa na je že s z do o k pre za by sú od po ako vo ktorý ktorá alebo pri nie bol tak vám sme",
        marks: "ľĺŕôäčšžťď",
    },
    Known {
        code: "hrv",
        words: "i u je se na da za od su s o ne koji što kao iz po do te ili sa a nije bi ako što dana ste vam",
        marks: "čćšžđ",
    },
    Known {
        code: "slv",
        words: "in je v na za se da ki so z s od do po pri kot ne ali pa tudi bi ni ter smo ga vam iz",
        marks: "čšž",
    },
    Known {
        code: "hun",
        words: "a az és hogy nem is egy ez van meg de ha csak már mint még vagy volt el ki minden belül kell lesz",
        marks: "őűáéíóöü",
    },
    Known {
        code: "ron",
        words: "de și în a la cu pe din nu că este un o pentru sau mai care prin au sunt se al ai vă de le după",
        marks: "ășțâîşţ",
    },
    Known {
        code: "tur",
        words: "ve bir bu da de için ile olarak çok daha gibi en ne olan kadar sonra veya ancak her içinde göre ise",
        marks: "ğışçöü",
    },
];

/// Words of the text that must be of the language: so many, and this share of all.
const HITS_MIN: usize = 3;
const SHARE_MIN: f64 = 0.10;
/// What the best one must have more than the next.
const LEAD: f64 = 1.08;
/// What a word with a mark of the language counts, and one with a mark that it does not have.
const MARK: f64 = 0.35;
const FOREIGN: f64 = 0.5;

/// The language, as Tesseract calls it.
pub(super) fn detect(text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower
        .split(|letter: char| !letter.is_alphabetic())
        .filter(|word| !word.is_empty() && word.chars().count() <= 30)
        .collect();
    let mut scores: Vec<(f64, &'static str)> = KNOWN.iter().filter_map(|known| score(known, &words)).collect();
    scores.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (best, code) = *scores.first()?;
    let is_clear = scores.get(1).is_none_or(|(next, _)| best >= next * LEAD);
    is_clear.then_some(code)
}

fn score(known: &Known, words: &[&str]) -> Option<(f64, &'static str)> {
    let small: HashSet<&str> = known.words.split(' ').collect();
    let hits = words.iter().filter(|word| small.contains(**word)).count();
    if hits < HITS_MIN || (hits as f64) < words.len() as f64 * SHARE_MIN {
        return None;
    }
    // the more a word is of all languages, the less it says: longer ones say more
    let worth = |word: &&str| if word.chars().count() == 1 { 0.4 } else { 1.0 };
    let by_words: f64 = words.iter().filter(|word| small.contains(**word)).map(worth).sum();
    let is_marked = |word: &&&str, marks: &str| word.chars().any(|letter| marks.contains(letter));
    let by_marks = words.iter().filter(|word| is_marked(word, known.marks)).count() as f64 * MARK;
    let is_foreign = |word: &&&str| word.chars().any(|letter| !letter.is_ascii() && !known.marks.contains(letter));
    let foreign = words.iter().filter(is_foreign).count() as f64 * FOREIGN;
    Some((by_words + by_marks - foreign, known.code)).filter(|(score, _)| *score > 0.0)
}
