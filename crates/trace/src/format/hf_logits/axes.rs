//! What the axes of one tensor with all layers count, by the other tensors of the dump.

/// Where the rows of each layer lie in a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrangement {
    /// Layers, `L`.
    pub layers: usize,
    /// Rows of each layer, including padding.
    pub rows: usize,
    /// Experts, `E`.
    pub experts: usize,
    /// `[samples, positions]`, if the tensor has these axes.
    pub batch: Option<[usize; 2]>,
    /// Values between the starts of two layers.
    pub layer_stride: usize,
    /// Values between neighbouring rows of a sample.
    pub row_stride: usize,
    /// Rows that lie `row_stride` apart, and the values between the starts of two such runs.
    pub runs: (usize, usize),
}

/// Information on the axes from other tensors and the metadata.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known {
    /// Samples and positions, of the mask or the ids.
    pub grid: Option<[usize; 2]>,
    /// Layers.
    pub layers: Option<usize>,
}

/// The only arrangement of a tensor of this shape that agrees with what is known; `None` where there are several or none.
#[must_use]
pub fn arrange(axes: &[usize], known: Known) -> Option<Arrangement> {
    let mut fitting = possible(axes, known).into_iter().flatten().filter(|found| fits(found, known));
    let first = fitting.next()?;
    // Without anything to compare with, every arrangement fits.
    (fitting.next().is_none() && (known.grid.is_some() || known.layers.is_some())).then_some(first)
}

/// How many arrangements agree with what is known.
#[must_use]
pub fn fitting(axes: &[usize], known: Known) -> usize {
    possible(axes, known).into_iter().flatten().filter(|found| fits(found, known)).count()
}

fn fits(found: &Arrangement, known: Known) -> bool {
    let grid = known.grid.is_none_or(|grid| match found.batch {
        Some(batch) => batch == grid,
        None => grid.iter().product::<usize>() == found.rows,
    });
    grid && known.layers.is_none_or(|layers| layers == found.layers)
}

fn possible(axes: &[usize], known: Known) -> [Option<Arrangement>; 3] {
    match *axes {
        [all, experts] => {
            let rows = match (known.grid, known.layers) {
                (Some([count, positions]), _) => count.checked_mul(positions),
                (None, Some(layers)) => all.checked_div(layers),
                (None, None) => None,
            };
            let rows = rows.filter(|&rows| rows > 0 && all.is_multiple_of(rows));
            [rows.map(|rows| layers_first(all / rows, rows, experts, None)), None, None]
        }
        [a, b, experts] => [
            Some(layers_first(a, b, experts, None)),
            Some(Arrangement {
                layers: b,
                rows: a,
                experts,
                batch: None,
                layer_stride: experts,
                row_stride: b * experts,
                runs: (a, 0),
            }),
            None,
        ],
        [a, b, c, experts] => [
            Some(layers_first(a, b.saturating_mul(c), experts, Some([b, c]))),
            // [samples, layers, positions, experts]
            Some(Arrangement {
                layers: b,
                rows: a.saturating_mul(c),
                experts,
                batch: Some([a, c]),
                layer_stride: c * experts,
                row_stride: experts,
                runs: (c, b * c * experts),
            }),
            // [samples, positions, layers, experts]
            Some(Arrangement {
                layers: c,
                rows: a.saturating_mul(b),
                experts,
                batch: Some([a, b]),
                layer_stride: experts,
                row_stride: c * experts,
                runs: (a.saturating_mul(b), 0),
            }),
        ],
        _ => [None, None, None],
    }
}

/// `[L, rows, E]`, `[L, samples, positions, E]`, or the layers concatenated, `[L * rows, E]`.
#[must_use]
pub fn layers_first(layers: usize, rows: usize, experts: usize, batch: Option<[usize; 2]>) -> Arrangement {
    let layer_stride = rows.saturating_mul(experts);
    Arrangement { layers, rows, experts, batch, layer_stride, row_stride: experts, runs: (rows, 0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(axes: &[usize], grid: Option<[usize; 2]>, layers: Option<usize>) -> Option<(usize, usize)> {
        arrange(axes, Known { grid, layers }).map(|found| (found.layers, found.row_stride))
    }

    #[test]
    fn the_mask_tells_the_axes() {
        assert_eq!(order(&[4, 72, 8], Some([6, 12]), None), Some((4, 8)));
        assert_eq!(order(&[72, 4, 8], Some([6, 12]), None), Some((4, 32)));
        assert_eq!(order(&[4, 6, 12, 8], Some([6, 12]), None), Some((4, 8)));
        assert_eq!(order(&[6, 4, 12, 8], Some([6, 12]), None), Some((4, 8)));
        assert_eq!(order(&[6, 12, 4, 8], Some([6, 12]), None), Some((4, 32)));
        assert_eq!(order(&[288, 8], Some([6, 12]), None), Some((4, 8)));
    }

    #[test]
    fn the_number_of_layers_tells_the_axes() {
        assert_eq!(order(&[4, 72, 8], None, Some(4)), Some((4, 8)));
        assert_eq!(order(&[72, 4, 8], None, Some(4)), Some((4, 32)));
        assert_eq!(order(&[4, 4, 8], None, Some(4)), None);
    }

    #[test]
    fn what_nothing_tells_is_asked() {
        assert_eq!(order(&[6, 4, 9, 8], None, None), None);
        assert_eq!(order(&[72, 4, 8], None, None), None);
        assert_eq!(order(&[72, 8], None, None), None);
        // As many samples as layers, and the mask fits both.
        assert_eq!(order(&[6, 6, 9, 8], Some([6, 9]), None), None);
        assert_eq!(order(&[], Some([6, 9]), None), None);
    }
}
