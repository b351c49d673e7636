//! Keys and values that are stored in another form than the program sees them in (ADR-54).

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::bucket::KeyValue;
use crate::client::message::Message;
use crate::error::{Code, Error, Result};

/// What [`PathCodec`] stores in place of the slash that a path begins with.
const ROOT: &str = "_root_";

/// The form in which keys are stored.
pub trait KeyCodec: Send + Sync {
    /// The key as it is stored, which has to be a valid one.
    ///
    /// # Errors
    /// Why it has none.
    fn encode(&self, key: &str) -> Result<String>;

    /// The key of one that is stored.
    ///
    /// # Errors
    /// It is none that this codec has made.
    fn decode(&self, stored: &str) -> Result<String>;

    /// A filter with wildcards as the stored keys need it.
    ///
    /// # Errors
    /// [`Code::Unsupported`], unless the codec knows a way.
    fn encode_filter(&self, filter: &str) -> Result<String> {
        let _ = filter;
        Err(Error::new(Code::Unsupported, "the codec of the keys has no wildcards"))
    }
}

/// The form in which values are stored.
pub trait ValueCodec: Send + Sync {
    /// The value as it is stored.
    ///
    /// # Errors
    /// Why it has none.
    fn encode(&self, value: &[u8]) -> Result<Vec<u8>>;

    /// The value of one that is stored.
    ///
    /// # Errors
    /// It is none that this codec has made.
    fn decode(&self, stored: &[u8]) -> Result<Vec<u8>>;
}

/// Keys word by word, and values, in base64 with the alphabet of URLs and without padding.
#[derive(Clone, Copy, Debug, Default)]
pub struct Base64Codec;

/// Keys that are paths: slashes are stored as dots, one at the beginning as `_root_`; one at the end is
/// left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct PathCodec;

/// Codecs one after the other: the first one encodes first, and decodes last.
pub struct Chain<C: ?Sized>(pub Vec<Arc<C>>);

/// What a bucket's handle encodes with.
#[derive(Clone, Default)]
pub(super) struct Codecs {
    pub(super) keys: Option<Arc<dyn KeyCodec>>,
    pub(super) values: Option<Arc<dyn ValueCodec>>,
}

impl KeyCodec for Base64Codec {
    fn encode(&self, key: &str) -> Result<String> {
        Ok(by_word(key, |word| URL_SAFE_NO_PAD.encode(word)))
    }

    fn decode(&self, stored: &str) -> Result<String> {
        let words = stored.split('.').map(|word| {
            let bytes = URL_SAFE_NO_PAD.decode(word).map_err(|error| undecodable("key", &error))?;
            String::from_utf8(bytes).map_err(|error| undecodable("key", &error))
        });
        Ok(words.collect::<Result<Vec<_>>>()?.join("."))
    }

    fn encode_filter(&self, filter: &str) -> Result<String> {
        Ok(by_word(filter, |word| match word {
            "*" | ">" => word.to_owned(),
            plain => URL_SAFE_NO_PAD.encode(plain),
        }))
    }
}

impl ValueCodec for Base64Codec {
    fn encode(&self, value: &[u8]) -> Result<Vec<u8>> {
        Ok(URL_SAFE_NO_PAD.encode(value).into_bytes())
    }

    fn decode(&self, stored: &[u8]) -> Result<Vec<u8>> {
        URL_SAFE_NO_PAD.decode(stored).map_err(|error| undecodable("value", &error))
    }
}

impl KeyCodec for PathCodec {
    fn encode(&self, key: &str) -> Result<String> {
        let path = key.strip_suffix('/').unwrap_or(key);
        let words = match (key, path.strip_prefix('/')) {
            ("/", _) => ROOT.to_owned(),
            (_, Some(rest)) => format!("{ROOT}/{rest}"),
            (_, None) => path.to_owned(),
        };
        Ok(words.replace('/', "."))
    }

    fn decode(&self, stored: &str) -> Result<String> {
        let path = stored.replace('.', "/");
        Ok(match path.strip_prefix(ROOT) {
            Some("") => "/".to_owned(),
            Some(rest) if rest.starts_with('/') => rest.to_owned(),
            _ => path,
        })
    }

    fn encode_filter(&self, filter: &str) -> Result<String> {
        self.encode(filter)
    }
}

impl KeyCodec for Chain<dyn KeyCodec> {
    fn encode(&self, key: &str) -> Result<String> {
        self.0.iter().try_fold(key.to_owned(), |key, codec| codec.encode(&key))
    }

    fn decode(&self, stored: &str) -> Result<String> {
        self.0.iter().rev().try_fold(stored.to_owned(), |key, codec| codec.decode(&key))
    }

    fn encode_filter(&self, filter: &str) -> Result<String> {
        self.0.iter().try_fold(filter.to_owned(), |filter, codec| codec.encode_filter(&filter))
    }
}

impl ValueCodec for Chain<dyn ValueCodec> {
    fn encode(&self, value: &[u8]) -> Result<Vec<u8>> {
        self.0.iter().try_fold(value.to_vec(), |value, codec| codec.encode(&value))
    }

    fn decode(&self, stored: &[u8]) -> Result<Vec<u8>> {
        self.0.iter().rev().try_fold(stored.to_vec(), |value, codec| codec.decode(&value))
    }
}

impl KeyValue {
    /// The same bucket with keys and values in another form; None leaves them as they are. What was
    /// stored in another way cannot be got any more, and is left out of watches, keys and histories.
    pub fn with_codecs(
        &self,
        keys: Option<Arc<dyn KeyCodec>>,
        values: Option<Arc<dyn ValueCodec>>,
    ) -> KeyValue {
        KeyValue { codecs: Codecs { keys, values }, ..self.clone() }
    }

    pub(super) fn has_codecs(&self) -> bool {
        self.codecs.keys.is_some() || self.codecs.values.is_some()
    }

    /// The message of an entry with key and value as the program knows them.
    ///
    /// # Errors
    /// What the codecs say.
    pub(super) fn decoded(&self, message: Message) -> Result<Message> {
        if !self.has_codecs() {
            return Ok(message);
        }
        let Codecs { keys, values } = &self.codecs;
        let Some(entry) = self.read(message.as_ref())? else { return Ok(message) };
        let key = match keys {
            Some(codec) => codec.decode(entry.key)?,
            None => entry.key.to_owned(),
        };
        // A marker has no value, nor has an entry without its payload.
        let value = match values.as_ref().filter(|_| !entry.value.is_empty()) {
            Some(codec) => codec.decode(entry.value)?,
            None => entry.value.to_vec(),
        };
        let subject = format!("{}{key}", self.place.stored);
        if u16::try_from(subject.len()).is_err() {
            return Err(Error::new(Code::InvalidName, "key: it is too long once it is decoded"));
        }
        let headers = message.headers().map_or(&[][..], |block| block.raw());
        Ok(Message::made(&subject, message.reply(), headers, &value))
    }
}

impl fmt::Debug for Codecs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Codecs { keys, values } = self;
        f.debug_struct("Codecs")
            .field("keys", &keys.is_some())
            .field("values", &values.is_some())
            .finish()
    }
}

fn by_word(key: &str, encode: impl Fn(&str) -> String) -> String {
    key.split('.').map(encode).collect::<Vec<_>>().join(".")
}

fn undecodable(what: &str, why: &dyn fmt::Display) -> Error {
    Error::new(Code::InvalidArgument, format!("{what}: it cannot be decoded: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_base64_keep_their_words() {
        let codec: &dyn KeyCodec = &Base64Codec;
        let stored = codec.encode("Acme Inc.contact").unwrap();
        assert_eq!(stored, "QWNtZSBJbmM.Y29udGFjdA");
        assert_eq!(codec.decode(&stored).unwrap(), "Acme Inc.contact");
        assert_eq!(codec.encode_filter("Acme Inc.*.>").unwrap(), "QWNtZSBJbmM.*.>");
        for bad in ["a", "QQ==", "_w"] {
            assert_eq!(codec.decode(bad).unwrap_err().code(), Code::InvalidArgument, "{bad}");
        }
    }

    #[test]
    fn values_in_base64_are_any_bytes() {
        let codec: &dyn ValueCodec = &Base64Codec;
        let stored = codec.encode(&[0xff, 0, 0xfe]).unwrap();
        assert_eq!(
            (stored.as_slice(), codec.decode(&stored).unwrap()),
            (&b"_wD-"[..], vec![255, 0, 254])
        );
        assert!(codec.decode(b"*").is_err());
    }

    #[test]
    fn paths_are_words() {
        for (path, stored, back) in [
            ("a/b/c", "a.b.c", "a/b/c"),
            ("/a/b", "_root_.a.b", "/a/b"),
            ("a/b/", "a.b", "a/b"),
            ("/", "_root_", "/"),
            ("a", "a", "a"),
            ("_root_x/a", "_root_x.a", "_root_x/a"),
        ] {
            assert_eq!(PathCodec.encode(path).unwrap(), stored, "{path}");
            assert_eq!(PathCodec.decode(stored).unwrap(), back, "{path}");
        }
        assert_eq!(PathCodec.encode_filter("/a/*/>").unwrap(), "_root_.a.*.>");
    }

    #[test]
    fn a_chain_decodes_the_other_way_round() {
        let keys: Chain<dyn KeyCodec> = Chain(vec![Arc::new(PathCodec), Arc::new(Base64Codec)]);
        let stored = keys.encode("/a b/c").unwrap();
        assert_eq!(stored, "X3Jvb3Rf.YSBi.Yw");
        assert_eq!(keys.decode(&stored).unwrap(), "/a b/c");
        assert_eq!(keys.encode_filter("a b/*").unwrap(), "YSBi.*");
        let twice: Chain<dyn ValueCodec> =
            Chain(vec![Arc::new(Base64Codec), Arc::new(Base64Codec)]);
        let stored = twice.encode(b"value").unwrap();
        assert_eq!(twice.decode(&stored).unwrap(), b"value");
    }
}
