//! levenshtein
