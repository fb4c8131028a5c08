use secrecy::{ExposeSecret, SecretString};

/// The `Authorization` of a request whose token was found valid: by it another part is asked in the name of the caller, who
/// gets no more there than anywhere. It does not print.
#[derive(Clone, Debug)]
pub struct Bearer(SecretString);

impl Bearer {
    /// What a request was sent with.
    pub fn new(authorization: &str) -> Self {
        Self(authorization.into())
    }

    /// What a request is sent with.
    pub fn authorization(&self) -> &str {
        self.0.expose_secret()
    }
}
