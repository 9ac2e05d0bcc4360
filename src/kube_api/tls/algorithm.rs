//! Readable names for the algorithms that certificates use.

/// Object identifiers in DER, without their header, and what people call them.
const NAMES: [(&[u8], &str); 22] = [
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01], "ECDSA with SHA-1"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x01], "ECDSA with SHA-224"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02], "ECDSA with SHA-256"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03], "ECDSA with SHA-384"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04], "ECDSA with SHA-512"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01], "RSA"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04], "RSA with MD5"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05], "RSA with SHA-1"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a], "RSA-PSS"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0e], "RSA with SHA-224"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07], "P-256"),
    (&[0x2b, 0x81, 0x04, 0x00, 0x0a], "secp256k1"),
    (&[0x2b, 0x81, 0x04, 0x00, 0x21], "P-224"),
    (&[0x2b, 0x81, 0x04, 0x00, 0x22], "P-384"),
    (&[0x2b, 0x81, 0x04, 0x00, 0x23], "P-521"),
    (&[0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07], "brainpoolP256r1"),
    (&[0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x0b], "brainpoolP384r1"),
    (&[0x2b, 0x65, 0x70], "Ed25519"),
    (&[0x2b, 0x65, 0x71], "Ed448"),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x11], "ML-DSA-44"),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x12], "ML-DSA-65"),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x13], "ML-DSA-87"),
];

/// `id-ecPublicKey`: the curve follows it, and is more specific.
const ELLIPTIC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

/// Returns the name of the algorithm in the content of an `AlgorithmIdentifier`, or its numbers if
/// it has none here.
pub(super) fn name(identifier: &[u8]) -> String {
    let Some((oid, parameters)) = split_oid(identifier) else {
        return "an unknown algorithm".into();
    };
    if oid == ELLIPTIC {
        return split_oid(parameters)
            .map_or_else(|| "an elliptic curve without a name".into(), |(curve, _)| called(curve));
    }
    called(oid)
}

fn called(oid: &[u8]) -> String {
    let known = NAMES.iter().find(|(known, _)| *known == oid);
    known.map_or_else(|| format!("algorithm {}", dotted(oid)), |(_, name)| (*name).to_owned())
}

/// Splits an object identifier off the beginning.
fn split_oid(der: &[u8]) -> Option<(&[u8], &[u8])> {
    const OBJECT_IDENTIFIER: u8 = 0x06;
    let (header, rest) = der.split_at_checked(2)?;
    let oid = rest.get(..usize::from(header[1]))?;
    (header[0] == OBJECT_IDENTIFIER && !oid.is_empty()).then(|| (oid, &rest[oid.len()..]))
}

/// Returns the numbers of an object identifier. The last byte of each is below 0x80.
fn dotted(oid: &[u8]) -> String {
    let mut numbers = Vec::new();
    let mut number: u64 = 0;
    for byte in oid {
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            numbers.push(std::mem::take(&mut number));
        }
    }
    let both = numbers.first().copied().unwrap_or_default();
    let first = (both / 40).min(2);
    let others = numbers.iter().skip(1).map(|number| format!(".{number}"));
    format!("{first}.{}{}", both - 40 * first, others.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithms_have_readable_names() {
        const P521_KEY: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23";
        for (identifier, expected) in [
            (&b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04"[..], "ECDSA with SHA-512"),
            (b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05\x05\x00", "RSA with SHA-1"),
            (P521_KEY, "P-521"),
            (&P521_KEY[..9], "an elliptic curve without a name"),
            (b"\x06\x03\x2b\x65\x71", "Ed448"),
            (b"\x06\x07\x2a\x86\x48\xce\x38\x04\x03", "algorithm 1.2.840.10040.4.3"),
            (b"\x06\x03\x88\x37\x03", "algorithm 2.999.3"),
            (b"\x06\x09\x2a", "an unknown algorithm"),
            (b"\x06\x00", "an unknown algorithm"),
            (b"", "an unknown algorithm"),
        ] {
            assert_eq!(name(identifier), expected);
        }
    }
}
