//! Renders the codes of errors and the reasons of refused inputs, from the code: `docs/errors.md`.

use std::fmt::Write;

use healthbridge_codes::ErrorCode;
use healthbridge_outcome::UserErrorCode;
use healthbridge_terms::Coded;

const HEAD: &str = r"# Errors

Rendered by `./dev schema` from the code; do not edit.

## What an error has

| where | what |
|---|---|
| `message` | For people, in English. It may change. |
| `path` | The field that failed, with the client's own aliases and the places in its lists. Left out where the request was refused as a whole. A field that is null without an error at its path, or at one above it, is empty. |
| `locations` | Where in the document the mistake is, where it is the document's. |
| `extensions.code` | For programs: one of the table below. It does not change. |
| `extensions.service` | The part that failed or refused: `patients`, `imaging`, `diagnosis` or `billing`. |
| `extensions.requestId` | The name of the request in our logs, the header `X-Request-Id` of the answer, too. One that the client sends is kept, if it is up to 128 letters, digits and `-_.+/=`. |

An answer names some 1000 places of failed fields at the most, and one of each failure at the least. `data` is left out where nothing ran. What a mutation refuses for
reasons of its input is data, not an error: see the second table.

## Codes

| `extensions.code` | what it means | what to do |
|---|---|---|
";

const REFUSALS: &str = r"
## Refusals of mutations

Each mutation's payload has `userErrors`; with any in it nothing was changed, and `extensions.userErrors` of the answer counts
them.

| `userErrors.code` | what it means |
|---|---|
";

/// The document.
pub fn render() -> String {
    let mut text = HEAD.to_owned();
    for code in ErrorCode::ALL {
        writeln!(text, "| `{code}` | {} | {} |", code.meaning().trim(), code.remedy())
            .expect("writing to a String cannot fail");
    }
    text.push_str(REFUSALS);
    for (code, meaning) in UserErrorCode::ALL {
        writeln!(text, "| `{}` | {meaning} |", code.text()).expect("writing to a String cannot fail");
    }
    text
}
