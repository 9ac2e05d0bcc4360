//! Reads protobuf in place: <https://protobuf.dev/programming-guides/encoding/>. A field is copied
//! only if its reader keeps it.

/// The fields of one message in the order of the bytes.
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

/// The value of a field.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    /// An integer or a boolean.
    Number(u64),
    /// A text, some bytes, or a message.
    Bytes(&'a [u8]),
    /// A number of four or eight bytes. No field that is read has this type.
    Fixed,
}

/// Why bytes are not a message of the expected form.
pub(crate) type Malformed = &'static str;

const CUT: Malformed = "it is cut short";
const OTHER_TYPE: Malformed = "a field has a value of another type";

impl<'a> Fields<'a> {
    pub(crate) fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn read(&mut self) -> Result<(u64, Value<'a>), Malformed> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Number(self.varint()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(usize::try_from(length).map_err(|_| CUT)?)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            _ => return Err("a field has an unknown wire type"),
        };
        if key >> 3 == 0 { Err("a field has the number 0") } else { Ok((key >> 3, value)) }
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let (number, length) = varint(self.rest)?.ok_or(CUT)?;
        self.rest = &self.rest[length..];
        Ok(number)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (value, rest) = self.rest.split_at_checked(length).ok_or(CUT)?;
        self.rest = rest;
        Ok(value)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.read();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

impl<'a> Value<'a> {
    pub(crate) fn number(self) -> Result<u64, Malformed> {
        if let Self::Number(number) = self { Ok(number) } else { Err(OTHER_TYPE) }
    }

    pub(crate) fn bytes(self) -> Result<&'a [u8], Malformed> {
        if let Self::Bytes(bytes) = self { Ok(bytes) } else { Err(OTHER_TYPE) }
    }

    pub(crate) fn text(self) -> Result<&'a str, Malformed> {
        str::from_utf8(self.bytes()?).map_err(|_| "a text is not UTF-8")
    }

    /// Returns the fields of an embedded message.
    pub(crate) fn fields(self) -> Result<Fields<'a>, Malformed> {
        self.bytes().map(Fields::of)
    }
}

/// Reads a number with seven bits per byte. Returns it and its length, or `None` if more bytes are
/// needed.
pub(crate) fn varint(bytes: &[u8]) -> Result<Option<(u64, usize)>, Malformed> {
    const LONGEST: usize = 10;
    let mut number = 0;
    for (at, &byte) in bytes.iter().take(LONGEST).enumerate() {
        let bits = u64::from(byte & 0x7f);
        // The tenth byte has only one bit of the number.
        if at == LONGEST - 1 && bits > 1 {
            break;
        }
        number |= bits << (7 * at);
        if byte < 0x80 {
            return Ok(Some((number, at + 1)));
        }
    }
    if bytes.len() < LONGEST { Ok(None) } else { Err("a number has more than 64 bits") }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Encodes a field whose value is some bytes.
    pub(crate) fn field(number: u64, value: &[u8]) -> Vec<u8> {
        [encoded(number << 3 | 2), encoded(value.len() as u64), value.to_vec()].concat()
    }

    pub(crate) fn encoded(mut number: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while number >= 0x80 {
            bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
        bytes
    }

    #[test]
    fn varint_reads_every_length() {
        for number in (0..64).map(|bits| 1 << bits).chain([0, 127, 128, 300, u64::MAX]) {
            let bytes = encoded(number);
            assert_eq!(varint(&bytes), Ok(Some((number, bytes.len()))));
            assert_eq!(varint(&bytes[..bytes.len() - 1]), Ok(None));
        }
        assert!(varint(&[0xff; 10]).is_err() && varint(&[0xff; 11]).is_err());
        assert!(varint(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02").is_err());
    }

    #[test]
    fn fields_reads_every_wire_type() {
        let message =
            [&field(1, b"text")[..], b"\x10\x07", b"\x19\0\0\0\0\0\0\0\0", b"\x25\0\0\0\0"]
                .concat();
        let fields: Vec<_> = Fields::of(&message).map(Result::unwrap).collect();
        assert_eq!(fields.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!((fields[0].1.text(), fields[1].1.number()), (Ok("text"), Ok(7)));
        assert!(
            fields[1].1.text().is_err()
                && fields[0].1.number().is_err()
                && fields[2].1.bytes().is_err()
        );
    }

    #[test]
    fn fields_ends_at_the_first_error() {
        for message in
            [&b"\x0a\x05abcd"[..], b"\x0b", b"\x02\x00", b"\x08", b"\x0a\xff", b"\x19\0", b"\x80"]
        {
            let fields: Vec<_> = Fields::of(message).collect();
            assert!(fields.len() == 1 && fields[0].is_err(), "{message:?}");
        }
    }
}
