use healthbridge_terms::Coding;

/// The systems of ICD-10 and of its national modifications, as FHIR names them.
const SYSTEMS: [&str; 6] = [
    "http://hl7.org/fhir/sid/icd-10",
    "http://hl7.org/fhir/sid/icd-10-cm",
    "http://hl7.org/fhir/sid/icd-10-de",
    "http://hl7.org/fhir/sid/icd-10-uk",
    "http://fhir.de/CodeSystem/bfarm/icd-10-gm",
    "http://hl7.org/fhir/sid/icd-10-am",
];

/// Whether a coding names a code of ICD-10 in its form: a letter, a digit, a digit or letter, and up to four signs behind a
/// dot. Whether the code exists is its system's to say.
pub fn is_icd10(coding: &Coding) -> bool {
    SYSTEMS.contains(&coding.system.as_str()) && is_code(&coding.code)
}

fn is_code(code: &str) -> bool {
    let is_sign = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
    let (category, detail) = code.split_once('.').map_or((code, None), |(category, detail)| (category, Some(detail)));
    let is_category = match category.as_bytes() {
        [first, second, third] => first.is_ascii_uppercase() && second.is_ascii_digit() && is_sign(third),
        _ => false,
    };
    is_category && detail.is_none_or(|detail| (1..=4).contains(&detail.len()) && detail.as_bytes().iter().all(is_sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_of_icd_10_is_known_by_its_system_and_its_form() {
        let coding = |system: &str, code: &str| Coding {
            system: system.to_owned(),
            code: code.to_owned(),
            display: None,
            version: None,
        };
        for right in ["R05", "R07.4", "C34.1", "S72.001A", "C7A.00", "U07.1"] {
            assert!(is_icd10(&coding("http://hl7.org/fhir/sid/icd-10-cm", right)), "{right}");
            assert!(!is_icd10(&coding("http://snomed.info/sct", right)), "{right}");
        }
        for wrong in ["", "R", "R5", "r05", "R05.", "R0512", "R05.12345", "R05.1a", "Ä05", "R05 "] {
            assert!(!is_icd10(&coding("http://hl7.org/fhir/sid/icd-10", wrong)), "{wrong:?}");
        }
    }
}
