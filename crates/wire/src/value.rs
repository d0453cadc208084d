//! What can be read, and the lists by which plain data becomes readable.

use std::collections::BTreeMap;

use crate::{
    number,
    read::{Reader, Slot, Wrong},
};

/// What can be read from JSON.
pub trait Read: Sized {
    /// Reads the next value.
    ///
    /// # Errors
    /// It is none of this kind.
    fn read(reader: &mut Reader<'_>) -> Result<Self, Wrong>;

    /// What stands for a field that is absent.
    #[must_use]
    fn absent() -> Option<Self> {
        None
    }
}

/// Reads a text that is one value.
///
/// # Errors
/// What does not fit, with line and column.
pub fn from_text<T: Read>(text: &str) -> Result<T, Wrong> {
    let mut reader = Reader::new(text);
    let value = T::read(&mut reader)?;
    reader.end()?;
    Ok(value)
}

impl<T: Read> Slot for Option<T> {
    fn fill(&mut self, reader: &mut Reader<'_>) -> Result<(), Wrong> {
        *self = Some(T::read(reader)?);
        Ok(())
    }

    fn go_without(&mut self) -> bool {
        if self.is_none() {
            *self = T::absent();
        }
        self.is_some()
    }
}

impl Read for bool {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Wrong> {
        if reader.is("true") {
            Ok(true)
        } else if reader.is("false") {
            Ok(false)
        } else {
            Err(reader.wrong("expected `true` or `false`"))
        }
    }
}

impl Read for String {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Wrong> {
        Ok(reader.string()?.into_owned())
    }
}

impl Read for f64 {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Wrong> {
        let text = reader.number()?;
        number::parse(text).ok_or_else(|| reader.wrong("the number is out of range"))
    }
}

macro_rules! whole_numbers {
    ($($number:ty: $expected:literal),*) => {$(
        impl Read for $number {
            fn read(reader: &mut Reader<'_>) -> Result<Self, Wrong> {
                let text = reader.number()?;
                // Rust takes -0 for a whole number; JSON's other readers do not.
                let whole = if text == "-0" { None } else { text.parse().ok() };
                whole.ok_or_else(|| reader.wrong($expected))
            }
        }
    )*};
}

whole_numbers!(
    u8: "expected a whole number below 256",
    u16: "expected a whole number below 65536",
    u32: "expected a whole number below 2^32",
    u64: "expected a whole number of 0 or more",
    usize: "expected a whole number of 0 or more",
    i64: "expected a whole number"
);

impl<T: Read> Read for Option<T> {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Wrong> {
        if reader.is("null") { Ok(None) } else { T::read(reader).map(Some) }
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Wrong> {
        let mut list = Self::new();
        reader.array(&mut |reader| {
            list.push(T::read(reader)?);
            Ok(())
        })?;
        Ok(list)
    }
}

impl<T: Read> Read for BTreeMap<String, T> {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Wrong> {
        let mut map = Self::new();
        reader.map(&mut |reader, name| {
            map.insert(name.into_owned(), T::read(reader)?);
            Ok(())
        })?;
        Ok(map)
    }
}

impl<T: Read> Read for Box<T> {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Wrong> {
        T::read(reader).map(Self::new)
    }
}

/// Makes a struct readable from an object with its fields. All must be there but those that may be null; others are passed
/// over.
///
/// With `or` and a value, what is absent is as it is there, and other fields are refused.
///
/// ```
/// # #[derive(Debug, PartialEq)]
/// struct Point { x: f64, name: Option<String> }
/// wire::object!(Point { x, name });
/// assert_eq!(wire::from_text::<Point>(r#"{ "x": 1.5, "z": [] }"#), Ok(Point { x: 1.5, name: None }));
/// assert_eq!(wire::from_text::<Point>("{}").unwrap_err().to_string(), "missing field `x`, at line 1 column 2");
/// ```
#[macro_export]
macro_rules! object {
    ($type:ident { $($field:ident),* $(,)? }) => {
        impl $crate::Read for $type {
            fn read(reader: &mut $crate::Reader<'_>) -> ::core::result::Result<Self, $crate::Wrong> {
                $(let mut $field = ::core::option::Option::None;)*
                reader.object(&mut [$((stringify!($field), &mut $field)),*], false)?;
                match ($($field,)*) {
                    ($(::core::option::Option::Some($field),)*) => ::core::result::Result::Ok(Self { $($field),* }),
                    _ => ::core::result::Result::Err(reader.wrong("a field is missing")),
                }
            }
        }
    };
    ($type:ident { $($field:ident),* $(,)? } or $default:expr) => {
        impl $crate::Read for $type {
            fn read(reader: &mut $crate::Reader<'_>) -> ::core::result::Result<Self, $crate::Wrong> {
                let Self { $($field),* } = $default;
                $(let mut $field = ::core::option::Option::Some($field);)*
                reader.object(&mut [$((stringify!($field), &mut $field)),*], true)?;
                match ($($field,)*) {
                    ($(::core::option::Option::Some($field),)*) => ::core::result::Result::Ok(Self { $($field),* }),
                    _ => ::core::result::Result::Err(reader.wrong("a field is missing")),
                }
            }
        }
    };
}

/// Makes an enum without content readable from the names of its variants.
///
/// ```
/// # #[derive(Clone, Copy, Debug, PartialEq)]
/// enum Ground { Light, Dark }
/// wire::words!(Ground { "light" => Light, "dark" => Dark });
/// assert_eq!(wire::from_text::<Ground>(r#""dark""#), Ok(Ground::Dark));
/// ```
#[macro_export]
macro_rules! words {
    ($type:ident { $($word:literal => $variant:ident),* $(,)? }) => {
        impl $crate::Read for $type {
            fn read(reader: &mut $crate::Reader<'_>) -> ::core::result::Result<Self, $crate::Wrong> {
                let place = reader.word(&[$($word),*])?;
                let found = [$(Self::$variant),*].into_iter().nth(place);
                found.ok_or_else(|| reader.wrong("no such word"))
            }
        }
    };
}
