//! The part before the `@`.

use icu_casemap::CaseMapper;
use icu_normalizer::{ComposingNormalizer, DecomposingNormalizer};

use super::character::{is_invisible, is_mark};

/// Case folding can leave text that is not in NFKC, and the reverse. No character needs more rounds.
const ROUNDS: usize = 4;

/// `local` in NFKC and case-folded. Local parts have the same form if Unicode calls them a compatibility caseless match
/// (definition D146 of the standard). `None` if `local` is empty, or has an invisible character or another `@`.
pub(super) fn fold(local: &str) -> Option<String> {
    let (decomposer, composer) = (DecomposingNormalizer::new_nfd(), ComposingNormalizer::new_nfkc());
    let mut folded = local.to_owned();
    for _ in 0..ROUNDS {
        // Decompose first: folding makes U+0345 a letter, and by then it must come after the marks of its base.
        let next = CaseMapper::new()
            .fold_string(&decomposer.normalize(&folded))
            .into_owned();
        let next = composer.normalize(&next).into_owned();
        if next == folded {
            let is_good = !folded.is_empty() && !folded.contains(|c| c == '@' || is_invisible(c));
            return is_good.then_some(folded);
        }
        folded = next;
    }
    None
}

/// A dot-atom of RFC 5322 §3.2.3, widened to Unicode by RFC 6531 §3.3.
pub(super) fn is_dot_atom(local: &str) -> bool {
    local
        .split('.')
        .all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
        && !local.starts_with(is_mark)
}

fn is_atext(c: char) -> bool {
    !c.is_ascii() || c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
}
