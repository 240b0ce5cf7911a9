//! Which language a text is in, by its script, its marks and its small words: enough to choose what an engine is told, and
//! to say it. No model, no list of all languages: what is not known for sure is not said.

mod latin;
mod script;

use script::Script;

/// A language.
#[derive(Debug, PartialEq, Eq)]
pub struct Language {
    /// As pages of the web have it (BCP 47): `de`.
    pub tag: &'static str,
    /// As Tesseract calls it: `deu`.
    pub code: &'static str,
    /// Its name in English.
    pub name: &'static str,
}

/// The languages that are told apart.
const LANGUAGES: &[Language] = &[
    Language { tag: "ar", code: "ara", name: "Arabic" },
    Language { tag: "be", code: "bel", name: "Belarusian" },
    Language { tag: "bg", code: "bul", name: "Bulgarian" },
    Language { tag: "cs", code: "ces", name: "Czech" },
    Language { tag: "da", code: "dan", name: "Danish" },
    Language { tag: "de", code: "deu", name: "German" },
    Language { tag: "el", code: "ell", name: "Greek" },
    Language { tag: "en", code: "eng", name: "English" },
    Language { tag: "es", code: "spa", name: "Spanish" },
    Language { tag: "fa", code: "fas", name: "Persian" },
    Language { tag: "fi", code: "fin", name: "Finnish" },
    Language { tag: "fr", code: "fra", name: "French" },
    Language { tag: "he", code: "heb", name: "Hebrew" },
    Language { tag: "hi", code: "hin", name: "Hindi" },
    Language { tag: "hr", code: "hrv", name: "Croatian" },
    Language { tag: "hu", code: "hun", name: "Hungarian" },
    Language { tag: "hy", code: "hye", name: "Armenian" },
    Language { tag: "it", code: "ita", name: "Italian" },
    Language { tag: "ja", code: "jpn", name: "Japanese" },
    Language { tag: "ka", code: "kat", name: "Georgian" },
    Language { tag: "ko", code: "kor", name: "Korean" },
    Language { tag: "mk", code: "mkd", name: "Macedonian" },
    Language { tag: "nb", code: "nor", name: "Norwegian" },
    Language { tag: "nl", code: "nld", name: "Dutch" },
    Language { tag: "pl", code: "pol", name: "Polish" },
    Language { tag: "pt", code: "por", name: "Portuguese" },
    Language { tag: "ro", code: "ron", name: "Romanian" },
    Language { tag: "ru", code: "rus", name: "Russian" },
    Language { tag: "sk", code: "slk", name: "Slovak" },
    Language { tag: "sl", code: "slv", name: "Slovenian" },
    Language { tag: "sr", code: "srp", name: "Serbian" },
    Language { tag: "sv", code: "swe", name: "Swedish" },
    Language { tag: "th", code: "tha", name: "Thai" },
    Language { tag: "tr", code: "tur", name: "Turkish" },
    Language { tag: "uk", code: "ukr", name: "Ukrainian" },
    Language { tag: "zh-Hans", code: "chi_sim", name: "Chinese (simplified)" },
    Language { tag: "zh-Hant", code: "chi_tra", name: "Chinese (traditional)" },
];

/// Letters of a text that are looked at.
const LETTERS_MAX: usize = 20_000;
/// Fewer letters say nothing; of a script that is written without spaces each says more.
const LETTERS_MIN: usize = 60;
const SIGNS_MIN: usize = 8;

/// The language of a text; `None` where it is too short, or a mixture.
pub fn detect(text: &str) -> Option<&'static Language> {
    let counted = script::count(text.chars().take(LETTERS_MAX));
    let (script, letters) = counted.most()?;
    let is_enough = match script {
        Script::Han | Script::Hangul => letters >= SIGNS_MIN,
        _ => letters >= LETTERS_MIN,
    };
    if !is_enough || letters * 2 < counted.all() {
        return None;
    }
    let code = match script {
        Script::Latin => latin::detect(&text.chars().take(LETTERS_MAX).collect::<String>())?,
        other => other.language(text)?,
    };
    by_code(code)
}

/// The language of a tag such as `de-AT`, as files have it.
pub fn by_tag(tag: &str) -> Option<&'static Language> {
    let lower = tag.trim().to_lowercase().replace('_', "-");
    let (first, rest) = lower.split_once('-').unwrap_or((&lower, ""));
    let tag = match first {
        "zh" if ["hant", "tw", "hk", "mo"].iter().any(|part| rest.contains(part)) => "zh-Hant",
        "zh" => "zh-Hans",
        "no" | "nn" => "nb",
        "bs" | "sh" => "hr",
        "iw" => "he",
        other => other,
    };
    LANGUAGES.iter().find(|language| language.tag == tag)
}

/// The language that Tesseract calls so.
pub fn by_code(code: &str) -> Option<&'static Language> {
    LANGUAGES.iter().find(|language| language.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> Option<&'static str> {
        detect(text).map(|language| language.tag)
    }

    #[test]
    fn languages_are_told_by_a_sentence_or_two() {
        let texts = [
            (
                "en",
                "The amount is due within thirty days of the date of this invoice, and we thank you for your order.",
            ),
            (
                "de",
                "Der Betrag ist innerhalb von dreißig Tagen nach dem Datum der Rechnung fällig, und wir danken für den Auftrag.",
            ),
            (
                "fr",
                "Le montant est dû dans les trente jours suivant la date de la facture, et nous vous remercions pour votre commande.",
            ),
            (
                "es",
                "El importe debe pagarse en los treinta días siguientes a la fecha de la factura, y le damos las gracias por su pedido.",
            ),
            (
                "it",
                "L'importo è dovuto entro trenta giorni dalla data della fattura, e la ringraziamo per il suo ordine che abbiamo ricevuto.",
            ),
            (
                "pt",
                "O montante deve ser pago no prazo de trinta dias a contar da data da fatura, e não se esqueça de que agradecemos a sua encomenda.",
            ),
            (
                "nl",
                "Het bedrag moet binnen dertig dagen na de datum van de factuur worden betaald, en wij danken u voor uw bestelling.",
            ),
            (
                "hr",
                "Iznos se plaća u roku od trideset dana od dana izdavanja računa, a zahvaljujemo vam što ste naručili i da je sve u redu.",
            ),
            (
                "sl",
                "Znesek je treba plačati v tridesetih dneh od datuma računa, in zahvaljujemo se vam za naročilo, ki smo ga prejeli.",
            ),
            (
                "cs",
                "Částka je splatná do třiceti dnů od data vystavení faktury a děkujeme vám za objednávku, která je pro nás důležitá.",
            ),
            (
                "pl",
                "Kwota jest płatna w ciągu trzydziestu dni od daty wystawienia faktury i dziękujemy za zamówienie, które się u nas znalazło.",
            ),
            (
                "hu",
                "Az összeg a számla keltétől számított harminc napon belül esedékes, és köszönjük a megrendelést, hogy minket választott.",
            ),
            (
                "sv",
                "Beloppet ska betalas inom trettio dagar från fakturans datum, och vi tackar för din beställning som vi har fått.",
            ),
            (
                "fi",
                "Summa on maksettava kolmenkymmenen päivän kuluessa laskun päiväyksestä, ja kiitämme tilauksesta, joka on meille tärkeä.",
            ),
            (
                "tr",
                "Tutar, fatura tarihinden itibaren otuz gün içinde ödenmelidir ve siparişiniz için teşekkür ederiz, bu bir bilgidir.",
            ),
            (
                "ro",
                "Suma trebuie plătită în termen de treizeci de zile de la data facturii, și vă mulțumim pentru comanda pe care ați făcut-o.",
            ),
            (
                "ru",
                "Сумма подлежит оплате в течение тридцати дней с даты выставления счёта, и мы благодарим вас за заказ, который получили.",
            ),
            (
                "uk",
                "Сума підлягає сплаті протягом тридцяти днів від дати рахунку, і ми дякуємо вам за замовлення, яке ми отримали.",
            ),
            (
                "el",
                "Το ποσό πρέπει να καταβληθεί εντός τριάντα ημερών από την ημερομηνία του τιμολογίου, και σας ευχαριστούμε.",
            ),
            ("ja", "請求書の日付から三十日以内にお支払いください。ご注文ありがとうございます。"),
            ("zh-Hans", "请在发票日期后三十天内付款，感谢您的订单。我们会尽快为您发货。"),
            ("zh-Hant", "請在發票日期後三十天內付款，感謝您的訂單。我們會盡快為您發貨。"),
            ("ko", "청구서 날짜로부터 삼십일 이내에 지불해 주십시오. 주문해 주셔서 감사합니다."),
            ("he", "יש לשלם את הסכום בתוך שלושים יום מתאריך החשבונית, ואנו מודים לכם על ההזמנה שקיבלנו מכם."),
        ];
        for (wanted, text) in texts {
            assert_eq!(tag(text), Some(wanted), "{text}");
        }
        for text in [
            "",
            "12.50 EUR",
            "x1 y2 z3 qwrt",
            "Lorem",
            "BX-12 AB-77 CC-90 QX-11 ZZ-45 PP-67 KL-01 MM-88 RT-54 HJ-21 GG-09",
        ] {
            assert_eq!(tag(text), None, "{text}");
        }
    }

    #[test]
    fn tags_of_files_are_understood() {
        let code = |tag: &str| by_tag(tag).map(|language| language.code);
        assert_eq!((code("de-AT"), code("EN_us"), code("zh-TW")), (Some("deu"), Some("eng"), Some("chi_tra")));
        assert_eq!((code("x-klingon"), code("")), (None, None));
    }
}
