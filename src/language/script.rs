//! Scripts, and the languages that a script or its rare letters tell.

/// A script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    Latin,
    Greek,
    Cyrillic,
    Hebrew,
    Arabic,
    Armenian,
    Georgian,
    Devanagari,
    Thai,
    /// Chinese characters, with the syllables that Japanese has beside them.
    Han,
    Hangul,
}

const ALL: [Script; 11] = [
    Script::Latin,
    Script::Greek,
    Script::Cyrillic,
    Script::Hebrew,
    Script::Arabic,
    Script::Armenian,
    Script::Georgian,
    Script::Devanagari,
    Script::Thai,
    Script::Han,
    Script::Hangul,
];

/// The share of syllables among Chinese characters from which on a text is Japanese.
const KANA_MIN: f64 = 0.05;
/// Frequent characters that are written one way in China, and another one in Taiwan and Hong Kong.
const SIMPLE: &str = "们这说国对时会个为来后发们过还现开动关机电车东书长门问间见让请谢订单货内尽";
const FULL: &str = "們這說國對時會個為來後發們過還現開動關機電車東書長門問間見讓請謝訂單貨內盡";

/// How many letters of each script.
pub(super) struct Counted([usize; ALL.len()]);

impl Counted {
    /// The script of most letters, and how many these are.
    pub(super) fn most(&self) -> Option<(Script, usize)> {
        ALL.into_iter().zip(self.0).filter(|(_, count)| *count > 0).max_by_key(|(_, count)| *count)
    }

    pub(super) fn all(&self) -> usize {
        self.0.iter().sum()
    }
}

pub(super) fn count(letters: impl Iterator<Item = char>) -> Counted {
    let mut counts = [0; ALL.len()];
    for letter in letters {
        if let Some(at) = of(letter).and_then(|script| ALL.iter().position(|known| *known == script)) {
            counts[at] += 1;
        }
    }
    Counted(counts)
}

fn of(letter: char) -> Option<Script> {
    Some(match letter {
        'A'..='Z' | 'a'..='z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => Script::Latin,
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Script::Greek,
        '\u{400}'..='\u{52f}' => Script::Cyrillic,
        '\u{530}'..='\u{58f}' => Script::Armenian,
        '\u{590}'..='\u{5ff}' | '\u{fb1d}'..='\u{fb4f}' => Script::Hebrew,
        '\u{600}'..='\u{6ff}' | '\u{750}'..='\u{77f}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' => {
            Script::Arabic
        }
        '\u{900}'..='\u{97f}' => Script::Devanagari,
        '\u{e00}'..='\u{e7f}' => Script::Thai,
        '\u{10a0}'..='\u{10ff}' => Script::Georgian,
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' => Script::Han,
        '\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7af}' => Script::Hangul,
        _ => return None,
    })
}

impl Script {
    /// The language that is written in it, as Tesseract calls it; Latin tells none.
    pub(super) fn language(self, text: &str) -> Option<&'static str> {
        let has = |letters: &str| text.chars().filter(|letter| letters.contains(*letter)).count();
        Some(match self {
            Self::Latin => return None,
            Self::Greek => "ell",
            Self::Hebrew => "heb",
            Self::Armenian => "hye",
            Self::Georgian => "kat",
            Self::Devanagari => "hin",
            Self::Thai => "tha",
            Self::Hangul => "kor",
            Self::Arabic if has("پچژگ") > 0 => "fas",
            Self::Arabic => "ara",
            Self::Cyrillic if has("ўЎ") > 0 => "bel",
            Self::Cyrillic if has("їєґЇЄҐ") > 0 => "ukr",
            Self::Cyrillic if has("ѓќѕЃЌЅ") > 0 => "mkd",
            Self::Cyrillic if has("ђћљњџјЂЋЉЊЏЈ") > 0 => "srp",
            Self::Cyrillic if has("ыэёЫЭЁ") > 0 => "rus",
            Self::Cyrillic if has("ъЪ") > 0 => "bul",
            Self::Cyrillic => "rus",
            Self::Han => {
                let kana = text.chars().filter(|letter| matches!(letter, '\u{3040}'..='\u{30ff}')).count();
                let signs = text.chars().filter(|letter| of(*letter) == Some(Self::Han)).count();
                match kana as f64 >= signs as f64 * KANA_MIN {
                    true => "jpn",
                    false if has(FULL) > has(SIMPLE) => "chi_tra",
                    false => "chi_sim",
                }
            }
        })
    }
}
