//! Reads and writes text files, with errors that name the path.

use std::{fs, path::Path};

use crate::error::Error;

/// Reads a file as UTF-8.
pub(crate) fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| Error::File { path: path.into(), source })
}

/// Writes a file, replacing an existing one.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(|source| Error::File { path: path.into(), source })
}

/// Writes a file under another name first, so that readers never see half of it.
pub(crate) fn write_whole(path: &Path, text: &str) -> Result<(), Error> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".tmp");
    let unfinished = Path::new(&unfinished);
    write(unfinished, text)?;
    fs::rename(unfinished, path).map_err(|source| Error::File { path: path.into(), source })
}

/// Columns of a paragraph on the terminal.
const COLUMNS: usize = 100;

/// Paragraphs broken into lines between words, each paragraph followed by an empty line.
pub(crate) fn paragraphs(texts: &[String]) -> String {
    let mut all = String::new();
    for text in texts {
        let mut column = 0;
        for word in text.split(' ') {
            let length = word.chars().count();
            if column > 0 && column + 1 + length > COLUMNS {
                all.push('\n');
                column = 0;
            }
            if column > 0 {
                all.push(' ');
                column += 1;
            }
            all.push_str(word);
            column += length;
        }
        all.push_str("\n\n");
    }
    all
}

#[cfg(test)]
mod tests {
    use super::paragraphs;

    #[test]
    fn lines_are_broken_between_words() {
        let text = paragraphs(&["word ".repeat(25).trim().to_owned(), "last".to_owned()]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5, "{lines:?}");
        assert_eq!(lines[0].len(), 99);
        assert_eq!(lines[3..], ["last", ""]);
    }
}
