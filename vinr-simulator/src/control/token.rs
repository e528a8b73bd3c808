//! What opens the control port.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use zeroize::Zeroizing;

use super::ControlError;

/// 256 random bits in hexadecimal.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

impl Token {
    pub(super) fn draw() -> Result<Self, ControlError> {
        let mut random = [0u8; 32];
        aws_lc_rs::rand::fill(&mut random).map_err(|_| ControlError::Random)?;
        let digits: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self(Zeroizing::new(digits)))
    }

    /// The text of the token.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Is this the value of an `Authorization` header that names it? Takes as long for a near miss as for a far
    /// one.
    pub(super) fn is_in(&self, authorization: &[u8]) -> bool {
        let bearer = authorization.split_at_checked(7);
        bearer.is_some_and(|(scheme, token)| {
            scheme.eq_ignore_ascii_case(b"Bearer ")
                && verify_slices_are_equal(token, self.0.as_bytes()).is_ok()
        })
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_itself_opens() {
        let token = Token::draw().unwrap();
        let text = token.reveal();
        assert!(token.is_in(format!("Bearer {text}").as_bytes()));
        for wrong in [
            "",
            "Bearer ",
            text,
            &format!("Bearer {text}0"),
            &format!("Bearer {}", &text[1..]),
        ] {
            assert!(!token.is_in(wrong.as_bytes()), "{wrong}");
        }
    }

    #[test]
    fn a_token_is_not_shown_by_debug() {
        let token = Token::draw().unwrap();
        assert!(!format!("{token:?}").contains(token.reveal()));
    }
}
