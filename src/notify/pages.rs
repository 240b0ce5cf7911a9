//! A text that is longer than a service takes at once: it goes in several letters, and nothing of it is lost.

/// More letters at once would be a flood. What is left then stands in the database.
const PAGES_MAX: usize = 10;
/// What the last page says of that.
const REST: &str = "\n(the rest is in the table outbox)";

/// The text in pages of which none is heavier than `max`, parted between lines where that is possible. `weight` is what a
/// character takes of it.
pub(super) fn pages(text: &str, max: usize, weight: impl Fn(char) -> usize) -> Vec<String> {
    let weigh = |text: &str| text.chars().map(&weight).sum::<usize>();
    if weigh(text) <= max {
        return vec![text.to_owned()];
    }
    let note = if weigh(REST) * 2 < max { REST } else { "\u{2026}" };
    let mut pages = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let is_last = pages.len() + 1 == PAGES_MAX;
        let room = if is_last && weigh(rest) > max { max.saturating_sub(weigh(note)) } else { max };
        let end = end_of_page(rest, room, &weight);
        let (page, after) = rest.split_at(end);
        rest = after.strip_prefix('\n').unwrap_or(after);
        let page = page.trim_end_matches('\n').to_owned();
        if is_last && !rest.is_empty() {
            pages.push(page + note);
            break;
        }
        if !page.is_empty() {
            pages.push(page);
        }
    }
    pages
}

/// The text, cut where it is heavier than `max`.
pub(super) fn cut_to(text: &str, max: usize, weight: impl Fn(char) -> usize) -> String {
    let (mut used, mut end) = (0, 0);
    for (place, character) in text.char_indices() {
        used += weight(character);
        if used > max {
            return format!("{}\u{2026}", &text[..end]);
        }
        // room for the sign that it was cut
        if used + weight('\u{2026}') <= max {
            end = place + character.len_utf8();
        }
    }
    text.to_owned()
}

/// Where the page ends that begins here: behind a line, else behind a word, else behind a character.
fn end_of_page(text: &str, room: usize, weight: &impl Fn(char) -> usize) -> usize {
    let (mut used, mut end) = (0, text.len());
    for (place, character) in text.char_indices() {
        used += weight(character);
        if used > room {
            end = place;
            break;
        }
    }
    if end == text.len() {
        return end;
    }
    // a first character that is too heavy goes alone
    let end = if end == 0 { text.chars().next().map_or(0, char::len_utf8) } else { end };
    if text[end..].starts_with('\n') {
        return end;
    }
    let page = &text[..end];
    let half = page.len() / 2;
    let line = page.rfind('\n').filter(|place| *place > 0);
    let word = page.rfind(' ').map(|place| place + 1).filter(|place| *place > half);
    line.filter(|place| *place > half).or(word).or(line).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_between_pages() {
        assert_eq!(pages("short", 100, |_| 1), ["short"]);
        let lines: Vec<String> = (0..40).map(|number| format!("line {number} č")).collect();
        let text = lines.join("\n");
        let found = pages(&text, 60, |_| 1);
        assert!(found.len() > 3 && found.iter().all(|page| page.chars().count() <= 60), "{found:?}");
        assert_eq!(found.join("\n"), text);
        // one line without end, by words and by characters
        let words = "word ".repeat(50);
        assert_eq!(pages(&words, 64, |_| 1).concat(), words);
        let long = "č".repeat(300);
        assert_eq!(pages(&long, 64, |_| 1).concat(), long);
        assert!(pages(&long, 64, |_| 2).iter().all(|page| page.chars().count() <= 32));
    }

    #[test]
    fn a_text_is_cut_where_that_is_wanted() {
        assert_eq!(cut_to("čćž", 3, |_| 1), "čćž");
        assert_eq!(cut_to("čćžš", 3, |_| 1), "čć\u{2026}");
    }

    #[test]
    fn a_flood_ends_and_says_so() {
        let text = "0123456789\n".repeat(1_000);
        let found = pages(&text, 100, |_| 1);
        assert_eq!(found.len(), PAGES_MAX);
        assert!(found[9].ends_with(REST) && found.iter().all(|page| page.len() <= 100), "{found:?}");
    }
}
