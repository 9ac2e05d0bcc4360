//! Bundles of CA certificates. One bad block does not cost the trust in the others.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// A message names this many bad blocks, and counts the others.
const NAMED: usize = 3;

/// The certificates of one file in PEM form.
#[derive(Debug, Default)]
pub(super) struct CaBundle {
    certificates: Vec<Vec<u8>>,
    /// The position of each block that cannot be used, and the reason.
    skipped: Vec<String>,
}

impl CaBundle {
    /// Reads every block that can be read. Text between the blocks, such as a byte order mark, does
    /// not matter.
    pub(super) fn parse(pem: &[u8]) -> Self {
        let text = String::from_utf8_lossy(pem);
        let mut bundle = Self::default();
        let mut line = 1;
        for (number, block) in text.split(BEGIN).enumerate() {
            let certificate = if number == 0 { None } else { Some(certificate(block)) };
            match certificate {
                Some(Ok(certificate)) => bundle.certificates.push(certificate),
                Some(Err(why)) => {
                    bundle.skipped.push(format!("certificate {number} (line {line}): {why}"))
                }
                None => {}
            }
            bundle.skip_stray_ends(block, number, line);
            line += block.matches('\n').count();
        }
        bundle
    }

    /// Each block may have one END line. Further ones belong to blocks whose BEGIN line is damaged.
    fn skip_stray_ends(&mut self, block: &str, number: usize, line: usize) {
        let ends = block.match_indices(END).skip(usize::from(number > 0));
        for (at, _) in ends {
            let line = line + block[..at].matches('\n').count();
            self.skipped.push(format!(
                "the certificate that ends at line {line}: its BEGIN line is missing"
            ));
        }
    }

    /// The certificates that can be used.
    pub(super) fn into_certificates(self) -> Vec<Vec<u8>> {
        self.certificates
    }

    pub(super) fn is_empty(&self) -> bool {
        self.certificates.is_empty()
    }

    /// The blocks that cannot be used and why, if there are any.
    pub(super) fn skipped(&self) -> Option<String> {
        let others = self.skipped.len().saturating_sub(NAMED);
        let named = self.skipped.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
        match others {
            _ if named.is_empty() => None,
            0 => Some(named),
            _ => Some(format!("{named}; and {others} more")),
        }
    }

    /// The certificates that can be used, in PEM form.
    pub(super) fn to_pem(&self) -> String {
        let block = |der: &Vec<u8>| format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(der));
        self.certificates.iter().map(block).collect()
    }
}

/// Reads what follows a BEGIN line.
fn certificate(block: &str) -> Result<Vec<u8>, &'static str> {
    let (base64, _) = block.split_once(END).ok_or("its END line is missing")?;
    let base64: String = base64.split_whitespace().collect();
    let der = STANDARD.decode(base64).map_err(|_| "it is not base64")?;
    let readable = RootCertStore::empty().add(CertificateDer::from(der.as_slice()));
    readable.map_err(|_| "it is not an X.509 certificate")?;
    Ok(der)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the PEM form of a certificate.
    fn pem() -> String {
        let der = rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap().cert.der().to_vec();
        CaBundle { certificates: vec![der], skipped: vec![] }.to_pem()
    }

    #[test]
    fn bundle_uses_what_parses_and_names_the_rest() {
        let good = pem();
        let end = good.find(END).unwrap();
        for (bundle, usable, skipped) in [
            (format!("{good}{good}"), 2, None),
            (good.trim_end().to_owned(), 1, None),
            (good.replace('\n', "\r\n"), 1, None),
            (format!("{}{}", good.trim_end(), good.trim_end()), 2, None),
            (format!("\u{feff}{good}\u{feff}{good}"), 2, None),
            (
                format!("# comment\n{BEGIN}\n?\n{END}\n{good}"),
                1,
                Some("certificate 1 (line 2): it is not base64"),
            ),
            (
                format!("{good}{BEGIN}\nAAAA\n{END}\n{good}"),
                2,
                Some("certificate 2 (line 4): it is not an X.509 certificate"),
            ),
            (
                format!("{good}{}", &good[..end]),
                1,
                Some("certificate 2 (line 4): its END line is missing"),
            ),
            (
                format!("{}{good}", &good[..end]),
                1,
                Some("certificate 1 (line 1): its END line is missing"),
            ),
            (
                format!("{good}{}", &good[1..]),
                1,
                Some("the certificate that ends at line 6: its BEGIN line is missing"),
            ),
            (
                good[1..].to_owned(),
                0,
                Some("the certificate that ends at line 3: its BEGIN line is missing"),
            ),
            ("no PEM".to_owned(), 0, None),
        ] {
            let parsed = CaBundle::parse(bundle.as_bytes());
            assert_eq!(
                (parsed.certificates.len(), parsed.skipped().as_deref()),
                (usable, skipped),
                "{bundle}"
            );
        }
    }

    #[test]
    fn bundle_names_only_the_first_bad_blocks() {
        let skipped = CaBundle::parse(BEGIN.repeat(10).as_bytes()).skipped().unwrap();
        assert!(skipped.contains("certificate 3") && skipped.ends_with("and 7 more"), "{skipped}");
        assert!(!skipped.contains("certificate 4"), "{skipped}");
    }
}
