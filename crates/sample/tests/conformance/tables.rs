//! The tables in the documents that tests make: `cargo test --release -p langevin-sample -- --ignored write`.

use std::fmt::Write as _;
use std::path::Path;

use langevin_process::PROCESSES;
use langevin_testkit::samplers::OrderProblem;

use super::{SPECS, sampler};

const BEGIN: &str = "<!-- made by: cargo test --release -p langevin-sample -- --ignored write -->\n";
const END: &str = "<!-- end -->\n";

/// Puts `table` between the marks of a document of the repository.
pub(super) fn replace(document: &str, table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(document);
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the document has a mark");
    let (_, after) = rest.split_once(END).expect("the document has a second mark");
    std::fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
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
fn every_method_with_an_order_is_in_the_document() {
    let document = include_str!("../../../../docs/samplers.md");
    for spec in SPECS.iter().filter(|spec| sampler(spec).order().is_some()) {
        assert!(document.contains(&format!("| `{spec}` |")), "{spec} is missing: see {BEGIN}");
    }
}

#[test]
#[ignore = "writes docs/samplers.md"]
fn write_orders() {
    replace("docs/samplers.md", &orders());
}
