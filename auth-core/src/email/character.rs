//! The characters that an address may have, by their Unicode properties.

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{DefaultIgnorableCodePoint, Emoji, ExtendedPictographic, GeneralCategory, GeneralCategoryGroup},
};

/// Characters that are invisible or change the direction of text, and those that only a later version of Unicode or a
/// private agreement defines. Two addresses that look alike must not be two users, and the compared form of a stored
/// address must not change.
pub(super) fn is_invisible(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || GeneralCategoryGroup::Other
            .union(GeneralCategoryGroup::Separator)
            .contains(category(c))
}

/// Symbols (`So`) other than pictographs. RFC 8264 §4.2.3 admits no symbol to an identifier. Some are blank, and no
/// property tells which.
pub(super) fn is_symbol_but_no_pictograph(c: char) -> bool {
    category(c) == GeneralCategory::OtherSymbol
        && !CodePointSetData::new::<Emoji>().contains(c)
        && !CodePointSetData::new::<ExtendedPictographic>().contains(c)
}

/// True if `c` is drawn onto the character before it.
pub(super) fn is_mark(c: char) -> bool {
    GeneralCategoryGroup::Mark.contains(category(c))
}

fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}
