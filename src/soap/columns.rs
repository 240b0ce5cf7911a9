//! Names of columns and tables as .NET writes them into XML: what may not stand in a name is `_x0020_`, its code point in
//! hexadecimal digits.

/// The name behind one of XML.
pub(super) fn decoded(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find("_x") {
        name.push_str(&rest[..place]);
        rest = &rest[place..];
        match [4, 8].into_iter().find_map(|digits| letter(rest, digits)) {
            Some((letter, length)) => {
                name.push(letter);
                rest = &rest[length..];
            }
            None => {
                name.push_str("_x");
                rest = &rest["_x".len()..];
            }
        }
    }
    name + rest
}

/// The letter that stands as `_x` with so many digits at the start, and the length of that.
fn letter(text: &str, digits: usize) -> Option<(char, usize)> {
    let (start, length) = ("_x".len(), "_x".len() + digits + 1);
    let hexadecimal = text.get(start..start + digits).filter(|it| it.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let is_closed = text.get(start + digits..length) == Some("_");
    let code = u32::from_str_radix(hexadecimal, 16).ok().filter(|_| is_closed)?;
    Some((char::from_u32(code)?, length))
}

/// A name as XML can have it.
pub(super) fn encoded(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for (place, here) in name.char_indices() {
        let is_first = place == 0;
        let is_mark = here == '_' && [4, 8].iter().any(|digits| letter(&name[place..], *digits).is_some());
        let fits =
            here.is_alphabetic() || here == '_' || (!is_first && (here.is_alphanumeric() || "-.".contains(here)));
        match (fits && !is_mark, u32::from(here)) {
            (true, _) => text.push(here),
            (false, code @ 0..=0xFFFF) => text.push_str(&format!("_x{code:04X}_")),
            (false, code) => text.push_str(&format!("_x{code:08X}_")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        for (name, text) in [
            ("Order ID", "Order_x0020_ID"),
            ("1st", "_x0031_st"),
            ("_x0020_", "_x005F_x0020_"),
            ("\u{1f600}", "_x0001F600_"),
            ("\u{17d}upanija", "\u{17d}upanija"),
            ("_xy", "_xy"),
        ] {
            assert_eq!(encoded(name), text, "{name}");
            assert_eq!(decoded(text), name, "{text}");
        }
        assert_eq!(decoded("a_x00_x0041_"), "a_x00A");
        assert_eq!(decoded("_x"), "_x");
    }
}
