//! The written form of pathways as symbols of a small alphabet.

/// Symbol of the comma between two experts of a layer.
pub(crate) const COMMA: u16 = 10;

/// Symbol of the hyphen between two layers.
pub(crate) const HYPHEN: u16 = 11;

/// Calls `push` with each character of one written pathway; digits are 0 to 9.
pub(crate) fn push_characters<Layer>(layers: impl Iterator<Item = Layer>, mut push: impl FnMut(u16))
where
    Layer: Iterator<Item = u16>,
{
    for (place, layer) in layers.enumerate() {
        if place > 0 {
            push(HYPHEN);
        }
        for (place, expert) in layer.enumerate() {
            if place > 0 {
                push(COMMA);
            }
            let mut divisor = 10_000;
            while divisor > 1 && expert < divisor {
                divisor /= 10;
            }
            while divisor > 0 {
                push(expert / divisor % 10);
                divisor /= 10;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_spell_the_ids() {
        let layers = [vec![0, 9, 10], vec![65_535, 100]];
        let mut spelled = String::new();
        push_characters(layers.into_iter().map(Vec::into_iter), |character| {
            spelled.push(match character {
                COMMA => ',',
                HYPHEN => '-',
                digit => char::from_digit(u32::from(digit), 10).unwrap(),
            });
        });
        assert_eq!(spelled, "0,9,10-65535,100");
    }
}
