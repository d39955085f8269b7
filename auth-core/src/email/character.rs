//! Which characters an address may have, by their properties in Unicode.

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{DefaultIgnorableCodePoint, Emoji, ExtendedPictographic, GeneralCategory, GeneralCategoryGroup},
};

/// What is not seen, turns text around, or means something in a later version of Unicode or to one application alone: two
/// addresses that look alike must not be two users, and the form that is compared must not change under a stored user.
pub(super) fn is_invisible(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || GeneralCategoryGroup::Other
            .union(GeneralCategoryGroup::Separator)
            .contains(category(c))
}

/// Of the symbols (`So`) only pictographs are let through. RFC 8264 §4.2.3 admits none of them to an identifier; among
/// the others are blank ones, which no property tells.
pub(super) fn is_symbol_but_no_pictograph(c: char) -> bool {
    category(c) == GeneralCategory::OtherSymbol
        && !CodePointSetData::new::<Emoji>().contains(c)
        && !CodePointSetData::new::<ExtendedPictographic>().contains(c)
}

/// Whether `c` is drawn onto what stands before it.
pub(super) fn is_mark(c: char) -> bool {
    GeneralCategoryGroup::Mark.contains(category(c))
}

fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}
