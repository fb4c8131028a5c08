use std::{fmt::Write, time::Duration};

use chrono::{DateTime, Utc};
use healthbridge_graphql::ApiError;
use healthbridge_objectstore::Presigned;

use super::Service;
use crate::domain::{Image, ImageState};

/// Longest life of a URL for reading, in seconds.
const MAX_LIFETIME: i32 = 3600;

/// What a browser does with a file (RFC 6266).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disposition {
    Inline,
    Attachment,
}

impl Service {
    /// A URL that reads one image, whom the caller was shown. Made without asking anybody.
    pub(crate) async fn download_url(
        &self,
        image: &Image,
        seconds: i32,
        disposition: Disposition,
        now: DateTime<Utc>,
    ) -> Result<Option<Presigned>, ApiError> {
        let lifetime = u64::try_from(seconds).ok().filter(|_| (1..=MAX_LIFETIME).contains(&seconds));
        let Some(lifetime) = lifetime else {
            return Err(ApiError::BadInput(format!("`expiresInSeconds` is 1 to {MAX_LIFETIME}")));
        };
        if image.state != ImageState::Ready {
            return Ok(None);
        }
        let header = content_disposition(disposition, &image.file_name);
        let lifetime = Duration::from_secs(lifetime);
        let url = self.objects.presign_get(&image.object_key, image.content_type.into(), &header, lifetime, now).await;
        url.map(Some).map_err(ApiError::internal)
    }
}

/// The header's value: the name in plain ASCII for old clients, and whole in RFC 8187's encoding.
fn content_disposition(disposition: Disposition, file_name: &str) -> String {
    let kind = if disposition == Disposition::Inline { "inline" } else { "attachment" };
    let is_plain = |char: &char| char.is_ascii_alphanumeric() || matches!(char, '.' | '-' | '_');
    let plain: String = file_name.chars().map(|char| if is_plain(&char) { char } else { '_' }).collect();
    let mut encoded = String::new();
    for byte in file_name.bytes() {
        if is_plain(&char::from(byte)) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("writing to a String cannot fail");
        }
    }
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_cannot_break_out_of_the_header() {
        let header = content_disposition(Disposition::Attachment, "Röntgen \"1\"\r\nX: y.dcm");
        assert_eq!(
            header,
            "attachment; filename=\"R_ntgen__1___X__y.dcm\"; filename*=UTF-8''R%C3%B6ntgen%20%221%22%0D%0AX%3A%20y.dcm"
        );
    }
}
