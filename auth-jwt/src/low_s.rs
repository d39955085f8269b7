//! The choice of one of the two signatures that ECDSA allows.
//!
//! If (r, s) is a signature, so is (r, n − s), and anyone can compute it, so a token would have a second valid string.
//! For tokens of this process, only the signature with the smaller s is valid.

/// n, the order of P-256 (SP 800-186 §3.2.1.3), big-endian.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// Half of n, rounded down.
const HALF: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xde,
    0x73, 0x7d, 0x56, 0xd3, 0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8,
];

/// True if an ES256 signature (r and s of 32 bytes each, RFC 7518 §3.4) has the smaller s.
pub(crate) fn is_low(signature: &[u8]) -> bool {
    signature.get(ORDER.len()..).is_some_and(|s| s <= &HALF[..])
}

/// The same signature with the smaller s.
pub(crate) fn lowered(mut signature: Vec<u8>) -> Vec<u8> {
    if !is_low(&signature)
        && let Some(s) = signature.get_mut(ORDER.len()..)
    {
        negate(s);
    }
    signature
}

/// n − s. It need not take constant time, because a signature is public.
fn negate(s: &mut [u8]) {
    let mut borrowed = false;
    for (digit, order) in s.iter_mut().zip(ORDER).rev() {
        let (difference, under) = order.overflowing_sub(*digit);
        let (difference, again) = difference.overflowing_sub(u8::from(borrowed));
        (*digit, borrowed) = (difference, under || again);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A signature with any r.
    fn signature(s: [u8; 32]) -> Vec<u8> {
        [[7; 32], s].concat()
    }

    fn plus_one(mut number: [u8; 32]) -> [u8; 32] {
        for digit in number.iter_mut().rev() {
            *digit = digit.wrapping_add(1);
            if *digit != 0 {
                break;
            }
        }
        number
    }

    #[test]
    fn t2_of_s_and_its_negative_exactly_the_smaller_is_low() {
        assert_eq!(lowered(signature(HALF)), signature(HALF));
        // n is odd, so that its half rounded up is what the half rounded down is the negative of.
        let above = signature(plus_one(HALF));
        assert!(is_low(&signature(HALF)) && !is_low(&above));
        assert_eq!(lowered(above), signature(HALF));

        let mut one = [0; 32];
        one[31] = 1;
        let mut minus_one = ORDER;
        minus_one[31] -= 1;
        assert!(is_low(&signature(one)) && !is_low(&signature(minus_one)));
        assert_eq!(lowered(signature(minus_one)), signature(one));
    }

    #[test]
    fn what_is_no_signature_is_not_low() {
        assert!(!is_low(&[]) && !is_low(&[0; 31]));
        assert_eq!(lowered(vec![1, 2, 3]), [1, 2, 3]);
    }
}
