use std::{fmt, str::FromStr};

/// A medical record number: nine digits, the last one a check digit by the Luhn formula (ISO/IEC 7812-1), which finds
/// every single wrong digit and most swapped neighbours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mrn(String);

/// The text is no medical record number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a medical record number has nine digits, the last one a Luhn check digit")]
pub struct InvalidMrn;

impl Mrn {
    /// The record number with this serial number of eight digits.
    pub fn from_serial(serial: u32) -> Result<Self, InvalidMrn> {
        let serial = format!("{serial:08}");
        if serial.len() != 8 {
            return Err(InvalidMrn);
        }
        let check = (10 - weigh(&serial, 0) % 10) % 10;
        Ok(Self(format!("{serial}{check}")))
    }

    /// The nine digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Mrn {
    type Err = InvalidMrn;

    fn from_str(text: &str) -> Result<Self, InvalidMrn> {
        let has_form = text.len() == 9 && text.bytes().all(|byte| byte.is_ascii_digit());
        if has_form && weigh(text, 1).is_multiple_of(10) { Ok(Self(text.to_owned())) } else { Err(InvalidMrn) }
    }
}

impl fmt::Display for Mrn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The Luhn sum; from the right, every second digit counts double, beginning after `plain` digits.
fn weigh(digits: &str, plain: usize) -> u32 {
    let from_right = digits.chars().rev().filter_map(|char| char.to_digit(10)).enumerate();
    from_right
        .map(|(place, digit)| {
            let doubled = if (place + plain).is_multiple_of(2) { digit * 2 } else { digit };
            if doubled > 9 { doubled - 9 } else { doubled }
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_known_luhn_number_is_read() {
        assert!("123456782".parse::<Mrn>().is_ok());
        assert_eq!(Mrn::from_serial(12_345_678).map(|mrn| mrn.to_string()), Ok("123456782".to_owned()));
    }

    proptest! {
        #[test]
        fn any_single_wrong_digit_is_found(serial in 0_u32..100_000_000, place in 0_usize..9, shift in 1_u8..10) {
            let mrn = Mrn::from_serial(serial).expect("eight digits").to_string();
            prop_assert!(mrn.parse::<Mrn>().is_ok());
            let mut digits = mrn.into_bytes();
            digits[place] = b'0' + (digits[place] - b'0' + shift) % 10;
            prop_assert!(String::from_utf8(digits).expect("digits").parse::<Mrn>().is_err());
        }
    }
}
