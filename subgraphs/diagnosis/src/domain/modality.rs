/// How images are acquired: the codes of DICOM CID 29 (Acquisition Modality), and `OT` for what has none.
const MODALITIES: [&str; 51] = [
    "AR", "BDUS", "BI", "BMD", "CFM", "CR", "CT", "DMS", "DX", "ECG", "EEG", "EMG", "EOG", "EPS", "ES", "GM", "HD",
    "IO", "IVOCT", "IVUS", "KER", "LEN", "LS", "MG", "MR", "NM", "OAM", "OCT", "OP", "OPM", "OPR", "OPT", "OPTBSV",
    "OPTENF", "OPV", "OSS", "OT", "PA", "POS", "PT", "PX", "RESP", "RF", "RG", "SM", "SRF", "TG", "US", "VA", "XA",
    "XC",
];

/// Whether a text is a code of Modality (0008,0060) that an examination can be ordered by.
pub fn is_modality(code: &str) -> bool {
    MODALITIES.binary_search(&code).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_sorted_so_that_each_is_found() {
        assert!(MODALITIES.is_sorted() && MODALITIES.iter().all(|code| is_modality(code)));
    }

    #[test]
    fn what_is_no_code_is_no_modality() {
        for wrong in ["", "ct", " CT", "CT ", "XRAY", "RTPLAN", "C\0T"] {
            assert!(!is_modality(wrong), "{wrong:?}");
        }
    }
}
