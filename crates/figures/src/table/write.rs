//! A table as Markdown, CSV and LaTeX.
//!
//! Names come from users and from links, so every format escapes its special characters.

use super::{Cell, Table};
use crate::number;

impl Table {
    /// GitHub-flavoured Markdown with right-aligned numbers.
    #[must_use]
    pub fn markdown(&self) -> String {
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let mut out = line(self.columns.iter().map(|column| markdown(&column.heading())).collect());
        let rule = |at| if self.is_numeric(at) { "---:" } else { "---" };
        out += &line((0..self.columns.len()).map(|at| rule(at).to_owned()).collect());
        for row in &self.rows {
            out += &line(row.iter().map(|cell| markdown(&cell.display())).collect());
        }
        out
    }

    /// Comma-separated values (RFC 4180): numbers with all digits, missing cells empty.
    ///
    /// Text that a spreadsheet would run as a formula gets a leading apostrophe.
    #[must_use]
    pub fn csv(&self) -> String {
        let line = |cells: Vec<String>| cells.join(",") + "\r\n";
        let mut out = line(self.columns.iter().map(|column| csv_text(&column.heading())).collect());
        for row in &self.rows {
            out += &line(row.iter().map(csv).collect());
        }
        out
    }

    /// A LaTeX `tabular` with the rules of the `booktabs` package.
    #[must_use]
    pub fn latex(&self) -> String {
        let align: String =
            (0..self.columns.len()).map(|at| if self.is_numeric(at) { 'r' } else { 'l' }).collect();
        let line = |cells: Vec<String>| format!("  {} \\\\\n", cells.join(" & "));
        let mut out =
            format!("% needs \\usepackage{{booktabs}}\n\\begin{{tabular}}{{{align}}}\n  \\toprule\n");
        out += &line(self.columns.iter().map(|column| latex_text(&column.heading())).collect());
        out += "  \\midrule\n";
        for row in &self.rows {
            out += &line(row.iter().map(latex).collect());
        }
        out + "  \\bottomrule\n\\end{tabular}\n"
    }
}

fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '~' | '#' | '!' | '$' => out.extend(['\\', character]),
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '&' => out += "&amp;",
            // A control character, a line break among them, would end the row.
            _ if character.is_control() => out.push(' '),
            _ => out.push(character),
        }
    }
    out
}

fn csv(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => csv_text(text),
        // The debug form is the shortest that reads back as the same number, with an exponent where that is shorter.
        Cell::Number(value, _) if value.is_finite() => format!("{value:?}"),
        Cell::Integer(value) => value.to_string(),
        Cell::Number(..) | Cell::Missing => String::new(),
    }
}

fn csv_text(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) || text != text.trim() {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

fn latex(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => latex_text(text),
        Cell::Missing => "--".into(),
        Cell::Number(..) | Cell::Integer(_) => {
            let text = cell.display();
            if text == number::MISSING {
                "--".into()
            } else {
                format!("${}$", text.replace('−', "-").replace(',', "{,}"))
            }
        }
    }
}

fn latex_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => out.extend(['\\', character]),
            '\\' => out += "\\textbackslash{}",
            '~' => out += "\\textasciitilde{}",
            '^' => out += "\\textasciicircum{}",
            '<' => out += "\\textless{}",
            '>' => out += "\\textgreater{}",
            '−' => out += "$-$",
            '–' => out += "--",
            '≤' => out += "$\\leq$",
            '≥' => out += "$\\geq$",
            '×' => out += "$\\times$",
            'τ' => out += "$\\tau$",
            _ if character.is_control() => out.push(' '),
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::Column;
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(vec![Column::new("Do|main"), Column::with_unit("Distance", "sym_bols")]);
        table.push(vec![Cell::text("=cmd|' /C calc'!A0"), Cell::Number(-1234.5, 1)]);
        table.push(vec![
            Cell::text("a \"b\",\n<script>alert(1)</script> \\end{tabular} 5 % $x^2$"),
            Cell::Missing,
        ]);
        table.push(vec![Cell::text("short")]);
        table
    }

    #[test]
    fn markdown_keeps_every_text_inside_its_cell() {
        assert_eq!(
            table().markdown(),
            "| Do\\|main | Distance (sym\\_bols) |\n| --- | ---: |\n| =cmd\\|' /C calc'\\!A0 | −1,234.5 |\n\
             | a \"b\", &lt;script&gt;alert(1)&lt;/script&gt; \\\\end{tabular} 5 % \\$x^2\\$ | – |\n| short | – |\n"
        );
    }

    #[test]
    fn csv_quotes_and_runs_nothing() {
        assert_eq!(
            table().csv(),
            "Do|main,Distance (sym_bols)\r\n'=cmd|' /C calc'!A0,-1234.5\r\n\
             \"a \"\"b\"\",\n<script>alert(1)</script> \\end{tabular} 5 % $x^2$\",\r\nshort,\r\n"
        );
    }

    #[test]
    fn csv_numbers_read_back_exactly() {
        let mut table = Table::new(vec![Column::new("x")]);
        for value in [0.1 + 0.2, 1e-300, f64::MAX, -0.0, f64::NAN] {
            table.push(vec![Cell::Number(value, 2)]);
        }
        let text = table.csv();
        let back: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(back[0].parse::<f64>().unwrap().to_bits(), (0.1_f64 + 0.2).to_bits());
        assert_eq!(back[1].parse::<f64>().unwrap().to_bits(), 1e-300_f64.to_bits());
        assert_eq!(back[2].parse::<f64>().unwrap().to_bits(), f64::MAX.to_bits());
        assert_eq!(back[4], "");
    }

    #[test]
    fn latex_escapes_commands() {
        let text = table().latex();
        assert!(text.contains("Do|main & Distance (sym\\_bols) \\\\"), "{text}");
        assert!(text.contains("$-1{,}234.5$"), "{text}");
        assert!(
            text.contains("\\textbackslash{}end\\{tabular\\} 5 \\% \\$x\\textasciicircum{}2\\$ & --"),
            "{text}"
        );
        assert!(text.starts_with("% needs \\usepackage{booktabs}\n\\begin{tabular}{lr}\n"), "{text}");
        assert_eq!(text.matches("\\end{tabular}").count(), 1);
    }
}
