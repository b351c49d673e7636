//! The documents of JetStream, in the server's own JSON. What a newer server adds is kept in `extra`
//! and sent back.

pub(crate) mod cluster;
pub(crate) mod consumer;
pub(crate) mod nanos;
pub(crate) mod source;
pub(crate) mod stream;

/// Members that this version does not know.
pub(crate) type Extra = serde_json::Map<String, serde_json::Value>;

/// Whether a member has the value that the server takes when it is left out.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// An enumeration of words; words of newer servers are kept.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $(#[$first_doc:meta])* $first:ident = $first_word:literal, $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
        pub enum $name {
            $(#[$first_doc])*
            #[default]
            $first,
            $($(#[$variant_doc])* $variant,)*
            /// A word that this version does not know.
            Other(String),
        }

        impl $name {
            /// The word in the server's JSON.
            pub fn word(&self) -> &str {
                match self {
                    $name::$first => $first_word,
                    $($name::$variant => $word,)*
                    $name::Other(word) => word,
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.word())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Ok(match &*word {
                    $first_word => $name::$first,
                    $($word => $name::$variant,)*
                    _ => $name::Other(word.into_owned()),
                })
            }
        }
    };
}
pub(crate) use words;
