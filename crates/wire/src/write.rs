//! Writes JSON without building a tree: [`json!`](crate::json) makes one string of all constants at
//! compile time, with gaps for values.

use crate::number;

/// Marks a gap; this character never occurs in JSON, not even in strings.
const GAP: char = '\0';

/// A value as JSON text.
#[derive(Clone, Debug, PartialEq)]
pub struct Json(String);

impl Json {
    /// Fills the gaps of a text; [`json!`](crate::json) expands to this.
    #[must_use]
    pub fn fill(text: &str, gaps: &[&dyn Written]) -> Self {
        let mut out = String::with_capacity(text.len() + 16 * gaps.len());
        let mut gaps = gaps.iter();
        for (at, part) in text.split(GAP).enumerate() {
            if at > 0
                && let Some(gap) = gaps.next()
            {
                gap.write(&mut out);
            }
            out.push_str(part);
        }
        Self(out)
    }

    /// Adds a field to an object.
    pub fn set(&mut self, name: &str, value: impl Written) {
        self.reopen();
        name.write(&mut self.0);
        self.0.push(':');
        value.write(&mut self.0);
        self.0.push('}');
    }

    /// Adds the fields of another, non-empty object to an object.
    pub fn extend(&mut self, other: &Self) {
        self.reopen();
        self.0.push_str(other.0.trim_start_matches('{'));
    }

    /// The text.
    #[must_use]
    pub fn into_text(self) -> String {
        self.0
    }

    /// Removes the last brace and adds a comma if needed.
    fn reopen(&mut self) {
        self.0.pop();
        if self.0.len() > 1 {
            self.0.push(',');
        }
    }
}

/// A value that can be written as JSON.
pub trait Written {
    /// Appends the value as JSON.
    fn write(&self, out: &mut String);
}

impl Written for Json {
    fn write(&self, out: &mut String) {
        out.push_str(&self.0);
    }
}

impl Written for str {
    fn write(&self, out: &mut String) {
        out.push('"');
        for letter in self.chars() {
            match letter {
                '"' | '\\' => out.extend(['\\', letter]),
                '\0'..' ' => {
                    const DIGITS: [char; 16] =
                        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
                    let code = letter as usize;
                    out.push_str("\\u00");
                    out.extend([DIGITS[code >> 4], DIGITS[code & 15]]);
                }
                _ => out.push(letter),
            }
        }
        out.push('"');
    }
}

impl Written for String {
    fn write(&self, out: &mut String) {
        self.as_str().write(out);
    }
}

impl Written for bool {
    fn write(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }
}

impl Written for f64 {
    /// JSON has only finite numbers; others become `null`.
    fn write(&self, out: &mut String) {
        if self.is_finite() {
            out.push_str(&number::text(*self));
        } else {
            out.push_str("null");
        }
    }
}

macro_rules! whole_numbers {
    ($($number:ty),*) => {$(
        impl Written for $number {
            fn write(&self, out: &mut String) {
                out.push_str(&self.to_string());
            }
        }
    )*};
}

whole_numbers!(u16, u32, u64, usize, i32, i64);

impl<T: Written> Written for Option<T> {
    fn write(&self, out: &mut String) {
        match self {
            Some(value) => value.write(out),
            None => out.push_str("null"),
        }
    }
}

impl<T: Written> Written for [T] {
    fn write(&self, out: &mut String) {
        out.push('[');
        for (at, value) in self.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            value.write(out);
        }
        out.push(']');
    }
}

impl<T: Written> Written for Vec<T> {
    fn write(&self, out: &mut String) {
        self.as_slice().write(out);
    }
}

impl<T: Written, const N: usize> Written for [T; N] {
    fn write(&self, out: &mut String) {
        self.as_slice().write(out);
    }
}

impl<T: Written + ?Sized> Written for &T {
    fn write(&self, out: &mut String) {
        (**self).write(out);
    }
}

/// Builds a [`Json`] from JSON syntax, like `serde_json::json!`.
///
/// Keys and constants are literals; other values are expressions, in parentheses if they begin with
/// a literal, a minus or a bracket. Literals may only use the escapes of JSON.
///
/// The macro processes the tokens once, from left to right: `[…]` are the parts of the text so far,
/// `(…)` the values of its gaps. The contents of an array or object are put before the rest,
/// followed by a semicolon and the closing bracket.
#[macro_export]
macro_rules! json {
    (@ [$($text:tt)*] ($($gap:expr,)*)) => {
        $crate::Json::fill(concat!($($text)*), &[$(&$gap as &dyn $crate::Written),*])
    };
    (@ [$($text:tt)*] $gaps:tt , ; $($rest:tt)*) => { $crate::json!(@ [$($text)*] $gaps ; $($rest)*) };
    (@ [$($text:tt)*] $gaps:tt ; $close:literal $($rest:tt)*) => { $crate::json!(@ [$($text)* $close,] $gaps $($rest)*) };
    (@ [$($text:tt)*] $gaps:tt , $($rest:tt)*) => { $crate::json!(@ [$($text)* ",",] $gaps $($rest)*) };
    (@ [$($text:tt)*] $gaps:tt $key:literal : $($rest:tt)*) => {
        $crate::json!(@ [$($text)* stringify!($key), ":",] $gaps $($rest)*)
    };
    (@ [$($text:tt)*] $gaps:tt null $($rest:tt)*) => { $crate::json!(@ [$($text)* "null",] $gaps $($rest)*) };
    (@ [$($text:tt)*] $gaps:tt { $($inner:tt)* } $($rest:tt)*) => {
        $crate::json!(@ [$($text)* "{",] $gaps $($inner)* ; "}" $($rest)*)
    };
    (@ [$($text:tt)*] $gaps:tt [ $($inner:tt)* ] $($rest:tt)*) => {
        $crate::json!(@ [$($text)* "[",] $gaps $($inner)* ; "]" $($rest)*)
    };
    (@ [$($text:tt)*] $gaps:tt $constant:literal $($rest:tt)*) => {
        $crate::json!(@ [$($text)* stringify!($constant),] $gaps $($rest)*)
    };
    (@ [$($text:tt)*] ($($gap:expr,)*) $value:expr, $($rest:tt)*) => {
        $crate::json!(@ [$($text)* "\0",] ($($gap,)* $value,) , $($rest)*)
    };
    (@ [$($text:tt)*] ($($gap:expr,)*) $value:expr; $($rest:tt)*) => {
        $crate::json!(@ [$($text)* "\0",] ($($gap,)* $value,) ; $($rest)*)
    };
    (@ [$($text:tt)*] ($($gap:expr,)*) $value:expr) => { $crate::json!(@ [$($text)* "\0",] ($($gap,)* $value,)) };
    (@ $($rest:tt)*) => {
        compile_error!("a value that begins with a literal, a minus or a bracket must stand in parentheses")
    };
    ($first:tt $($rest:tt)*) => { $crate::json!(@ [] () $first $($rest)*) };
}
#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn read(json: Json) -> Value {
        serde_json::from_str(&json.into_text()).unwrap()
    }

    #[test]
    fn what_is_written_reads_as_what_serde_json_makes_of_it() {
        let (name, none, inner) = ("a \"b\"\\\n", None::<f64>, json!({ "x": 1 }));
        let made = json!({
            "constants": [1, -1, 0.18, true, false, null, "datum.letter === 'M' … é \"\\", [], {}],
            "name": name, "half": (0.5 + 0.0), "nothing": none, "some": Some(1.5), "not": f64::NAN, "inner": inner,
            "list": vec![1_u64, 2], "pair": [name, "c"],
            "nested": { "deep": [{ "a": { "b": [inner, (name.len()),], }, }, name.len()] },
        });
        let expected = serde_json::json!({
            "constants": [1, -1, 0.18, true, false, null, "datum.letter === 'M' … é \"\\", [], {}],
            "name": name, "half": 0.5, "nothing": null, "some": 1.5, "not": null, "inner": { "x": 1 },
            "list": [1, 2], "pair": [name, "c"],
            "nested": { "deep": [{ "a": { "b": [{ "x": 1 }, 7] } }, 7] },
        });
        assert_eq!(read(made), expected);
    }

    #[test]
    fn objects_grow() {
        let mut grown = json!({});
        grown.set("a\"", 1_u32);
        grown.set("b", [true]);
        grown.extend(&json!({ "c": { "d": {} } }));
        assert_eq!(read(grown), serde_json::json!({ "a\"": 1, "b": [true], "c": { "d": {} } }));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_and_number_comes_back(text: String, number: f64, whole: u64) {
            let back = read(json!([text, number, whole]));
            prop_assert_eq!(back[0].as_str(), Some(text.as_str()));
            prop_assert_eq!(back[1].as_f64().map(f64::to_bits), number.is_finite().then_some(number.to_bits()));
            prop_assert_eq!(back[2].as_u64(), Some(whole));
        }
    }
}
