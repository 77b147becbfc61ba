//! Draws the tables of `docs/sampler-shape.md` as `docs/sampler-shape-1.svg`, `-2.svg`...: a row is a curve, a column a number of
//! calls.
//!
//! ```sh
//! cargo run --release -p langevin --example sampler_shape
//! ```

use std::path::Path;

use langevin::figures::plot::{Plot, Scale, Series};

/// A table of the document under its heading.
#[derive(Debug, Default)]
struct Table {
    heading: String,
    calls: Vec<f64>,
    series: Vec<Series>,
}

fn main() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let text = std::fs::read_to_string(docs.join("sampler-shape.md")).expect("the document is there");
    let tables = tables(&text);
    assert!(!tables.is_empty(), "no table with calls is in the document");
    for (index, table) in tables.into_iter().enumerate() {
        let plot = Plot {
            title: table.heading,
            x_label: "calls of the network".to_owned(),
            y_label: "Frechet distance".to_owned(),
            x_scale: Scale::Log,
            y_scale: Scale::Log,
            y_range: None,
            series: table.series,
        };
        let file = docs.join(format!("sampler-shape-{}.svg", index + 1));
        std::fs::write(&file, plot.to_svg()).expect("the plot can be written");
        println!("{}", file.display());
    }
}

/// The tables whose columns are numbers of calls and whose values are above 0, by the headings above them.
fn tables(text: &str) -> Vec<Table> {
    let (mut tables, mut heading) = (Vec::<Table>::new(), String::new());
    let mut open = false;
    for line in text.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        if let Some(text) = line.strip_prefix("## ") {
            text.clone_into(&mut heading);
            open = false;
        } else if line.starts_with("| sampler |") && heading.contains("Frechet") {
            let calls =
                cells[1..].iter().map(|cell| first_number(cell).expect("a column is a number of calls"));
            tables.push(Table { heading: heading.clone(), calls: calls.collect(), series: Vec::new() });
            open = true;
        } else if open && line.starts_with("| `") {
            let table = tables.last_mut().expect("a table is open");
            let mut series = Series { name: cells[0].trim_matches('`').to_owned(), ..Series::default() };
            for (calls, cell) in table.calls.iter().zip(&cells[1..]) {
                // A dash is what was not measured.
                let Some((value, error)) = cell.split_once('±') else { continue };
                series.points.push((*calls, first_number(value).expect("a value is a number")));
                series.errors.push(first_number(error).expect("an error is a number"));
            }
            table.series.push(series);
        }
    }
    tables
}

fn first_number(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok()
}
