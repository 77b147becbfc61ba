//! The tables in the documents that tests make and compare: `cargo xtask docs` writes them.

use std::fmt::Write as _;

use langevin_process::PROCESSES;
use langevin_testkit::samplers::OrderProblem;

use super::{SPECS, sampler};

/// Marks in a document, around what `cargo xtask docs` puts there.
const BEGIN: &str = "<!-- made by: cargo xtask docs -->\n";
const END: &str = "<!-- end -->\n";

/// The table between the marks of a document.
pub(super) fn documented(document: &str) -> &str {
    let (_, rest) = document.split_once(BEGIN).expect("the document has a mark");
    rest.split_once(END).expect("the document has a second mark").0
}

/// Says what `cargo xtask docs` reads: the table for the document of this name.
pub(super) fn print(document: &str, table: &str) {
    println!("table of {document}\n{table}end of the table");
}

/// Checks that a table is the documented one: texts to the letter, numbers to one in the last digit that is shown.
fn same(made: &str, documented: &str) {
    assert_eq!(made.lines().count(), documented.lines().count(), "rows");
    for (made, documented) in made.lines().zip(documented.lines()) {
        assert_eq!(made.matches('|').count(), documented.matches('|').count(), "{made}\n{documented}");
        for (a, b) in made.split('|').zip(documented.split('|')) {
            assert!(agree(a.trim(), b.trim()), "{made}\n{documented}\nrun: cargo xtask docs");
        }
    }
}

fn agree(a: &str, b: &str) -> bool {
    let number = |text: &str| -> Option<(f64, f64)> {
        let (digits, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let places = digits.split_once('.')?.1.len() as i32;
        Some((text.parse().ok()?, 10_f64.powi(exponent.parse::<i32>().ok()? - places)))
    };
    match (number(a), number(b)) {
        (Some((a, of_a)), Some((b, of_b))) => (a - b).abs() <= 1.01 * f64::max(of_a, of_b),
        _ => a == b,
    }
}

#[test]
fn numbers_agree_to_one_in_the_last_digit() {
    assert!(
        agree("4.3e-2", "4.4e-2") && agree("9.9e-3", "1.0e-2") && agree("1.99", "2.00") && agree("54", "54")
    );
    assert!(
        !agree("4.3e-2", "4.5e-2") && !agree("1.98", "2.00") && !agree("54", "55") && !agree("`a`", "`b`")
    );
}

/// The orders of every deterministic method, claimed and measured, and its errors on the mixture.
fn orders() -> String {
    let problem = OrderProblem::new(PROCESSES.build("vp").unwrap());
    let mut out = String::from(
        "| sampler | claimed | on a Gaussian | on a mixture | calls at 54 steps | error at 24 steps | 54 | 122 |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for spec in SPECS.iter() {
        let method = sampler(spec);
        let Some(claimed) = method.order() else { continue };
        let [gaussian, mixture] = problem.converge(&*method);
        let error = |steps: usize| mixture.errors.iter().find(|(at, _)| *at == steps).unwrap().1;
        let calls = method.calls(&problem.path(54));
        writeln!(
            out,
            "| `{spec}` | {claimed} | {:.2} | {:.2} | {calls} | {:.1e} | {:.1e} | {:.1e} |",
            gaussian.order(),
            mixture.order(),
            error(24),
            error(54),
            error(122)
        )
        .unwrap();
    }
    out
}

#[test]
fn the_document_has_the_orders_that_are_measured() {
    same(&orders(), documented(include_str!("../../../../docs/samplers.md")));
}

#[test]
#[ignore = "prints a table for docs/samplers.md: cargo xtask docs"]
fn table_of_orders() {
    print("docs/samplers.md", &orders());
}
