//! What can be a letter.

/// Whether a character can be what somebody wrote: no control, nothing of private use.
pub(super) fn is_letter(letter: char) -> bool {
    !letter.is_control() && !matches!(letter, '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..='\u{ffff}' | '\u{f0000}'..)
}
