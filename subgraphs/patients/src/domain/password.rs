use healthbridge_outcome::{UserError, UserErrorCode};

/// The lowest zxcvbn score that is taken: "safely unguessable, moderate protection from an offline attack".
const LOWEST_SCORE: zxcvbn::Score = zxcvbn::Score::Three;

/// How many characters of a password are estimated. The time that this takes grows faster than the password: 120 of some
/// kinds take a second. What the first ones are worth the whole is worth at least.
const ESTIMATED: usize = 64;

/// Refuses a password that can be guessed; what the account is called counts as known.
pub(crate) fn check_strength(field: &str, password: &str, email: &str) -> Result<(), UserError> {
    // Longer ones would make the hash no stronger.
    if password.chars().count() > 128 {
        return Err(UserError::at(field, UserErrorCode::OutOfRange, "A password has at most 128 characters"));
    }
    let estimated: String = password.chars().take(ESTIMATED).collect();
    if zxcvbn::zxcvbn(&estimated, &[email, "healthbridge"]).score() < LOWEST_SCORE {
        let message = "The password can be guessed: take a longer one, such as four words that have nothing in common";
        return Err(UserError::at(field, UserErrorCode::OutOfRange, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guessable_password_is_refused() {
        for weak in ["password", "healthbridge1", "doctor@example.test", "qwertyuiop", "", &"a".repeat(128)] {
            assert!(check_strength("password", weak, "doctor@example.test").is_err(), "{weak}");
        }
        assert!(check_strength("password", "correct horse battery staple", "doctor@example.test").is_ok());
    }

    #[test]
    fn only_the_first_64_characters_are_estimated() {
        let padded = format!("{}correct horse battery staple", "a".repeat(64));
        assert!(check_strength("password", &padded, "a@b.test").is_err());
        assert!(check_strength("password", &"é".repeat(129), "a@b.test").is_err());
    }
}
