//! Rules on source files: length, header line, names, unsafe code, file access, white space.

use crate::code::{blanked, lines_with_word, without_tests};
use crate::tree::{Finding, SourceFile, Tree};

const LINES_TO_AIM_AT: usize = 400;
const MOST_LINES: usize = 600;

/// A file stays short enough to be read in one go.
pub fn check_length(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, text) in tree.rust() {
        let lines = text.lines().count();
        if lines > LINES_TO_AIM_AT {
            let finding = Finding::file(&file.path, format!("{lines} lines; split it (limit {MOST_LINES})"));
            findings.push(if lines > MOST_LINES { finding } else { finding.into_warning() });
        }
    }
    findings
}

/// A file begins by saying what it is.
pub fn check_headers(tree: &Tree) -> Vec<Finding> {
    let lacks = |(file, text): &(&SourceFile, &str)| !text.starts_with("//! ") && !is_test(&file.path);
    let finding = |(file, _): (&SourceFile, &str)| {
        Finding::line(&file.path, 1, "begin with a `//! ` line that says what this file is")
    };
    tree.rust().filter(lacks).map(finding).collect()
}

/// A file is named after what is in it, and drawers for odds and ends do not exist.
pub fn check_names(tree: &Tree) -> Vec<Finding> {
    const REFUSED: [&str; 8] =
        ["utils.rs", "util.rs", "common.rs", "base.rs", "helpers.rs", "helper.rs", "misc.rs", "shared.rs"];
    let refused = |file: &&SourceFile| REFUSED.contains(&file.name());
    let finding = |file: &SourceFile| Finding::file(&file.path, "name the file after what it holds");
    tree.files.iter().filter(refused).map(finding).collect()
}

/// Only `kernels`, and `files` for the one call it is made of, may say `unsafe`.
pub fn check_unsafe(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let may = ["crates/kernels/", "crates/files/"];
    for (file, text) in tree.rust().filter(|(file, _)| !may.iter().any(|at| file.path.starts_with(at))) {
        for line in lines_with_word(&blanked(text), "unsafe") {
            findings.push(Finding::line(&file.path, line, "unsafe code belongs into crates/kernels"));
        }
    }
    findings
}

/// The crates that only calculate touch no files (their tests may).
pub fn check_file_access(tree: &Tree) -> Vec<Finding> {
    const ONLY_CALCULATE: [&str; 7] = ["process", "kernels", "core", "figures", "nn", "sample", "restore"];
    let mut findings = Vec::new();
    for (file, text) in tree.rust() {
        let Some(folder) = file.crate_folder().filter(|folder| ONLY_CALCULATE.contains(folder)) else {
            continue;
        };
        let code = blanked(text);
        for word in ["std::fs", "File::open", "File::create"] {
            for line in lines_with_word(without_tests(&code), word) {
                let message =
                    format!("{word}: the crate {folder} only calculates; leave files to a higher crate");
                findings.push(Finding::line(&file.path, line, message));
            }
        }
    }
    findings
}

/// Jobs and commands evaluate a model through `Pipeline` alone: none puts a denoiser or a sampling run together by hand.
/// What times a bare network is no job.
pub fn check_pipeline(tree: &Tree) -> Vec<Finding> {
    const JOBS: [&str; 3] = ["crates/inference/src/", "crates/langevin/src/", "crates/cli/src/"];
    const PARTS: [&str; 6] = [
        "Run::new(",
        "Parallel::new(",
        "Windowed::new(",
        "Clipped::new(",
        "Thresholded::new(",
        "Guided::new(",
    ];
    let mut findings = Vec::new();
    for (file, text) in tree.rust() {
        let holds_jobs = JOBS.iter().any(|folder| file.path.starts_with(folder));
        if !holds_jobs || file.path.starts_with("crates/langevin/src/bench/networks") {
            continue;
        }
        let code = blanked(text);
        for (index, line) in without_tests(&code).lines().enumerate() {
            for part in PARTS.iter().filter(|part| line.contains(*part)) {
                let message = format!("{part}...): evaluate the model through langevin_model::Pipeline");
                findings.push(Finding::line(&file.path, index + 1, message));
            }
        }
    }
    findings
}

/// No tabs, no blanks at the end of a line, one newline at the end of a file, no carriage returns.
pub fn check_white_space(tree: &Tree) -> Vec<Finding> {
    const CHECKED: [&str; 8] = [".rs", ".toml", ".md", ".py", ".sh", ".yml", ".ci/run", ".ci/weekly"];
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| CHECKED.iter().any(|end| file.path.ends_with(end))) {
        let Some(text) = &file.text else {
            findings.push(Finding::file(&file.path, "is not UTF-8"));
            continue;
        };
        for (index, line) in text.split('\n').enumerate() {
            if line.contains('\t') {
                findings.push(Finding::line(&file.path, index + 1, "has a tab"));
            }
            if line.ends_with(char::is_whitespace) {
                findings.push(Finding::line(&file.path, index + 1, "ends in white space"));
            }
        }
        if !text.is_empty() && (!text.ends_with('\n') || text.ends_with("\n\n")) {
            findings.push(Finding::file(&file.path, "end the file with exactly one newline"));
        }
    }
    findings
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(rule: fn(&Tree) -> Vec<Finding>, path: &str, text: &str) -> Vec<usize> {
        rule(&Tree::of(&[(path, text)])).iter().filter(|f| !f.warning).map(|f| f.line).collect()
    }

    #[test]
    fn long_files_warn_and_then_fail() {
        let lengths = |lines| check_length(&Tree::of(&[("a.rs", "x\n".repeat(lines).as_str())]));
        assert!(lengths(400).is_empty());
        assert!(lengths(401)[0].warning && lengths(600)[0].warning);
        assert!(!lengths(601)[0].warning);
    }

    #[test]
    fn jobs_put_no_denoiser_together() {
        let code =
            "let x = 1;\nlet d = Clipped::new(inner, 1.0);\n#[cfg(test)]\nmod tests { Clipped::new() }\n";
        assert_eq!(found(check_pipeline, "crates/langevin/src/x.rs", code), [2]);
        assert_eq!(found(check_pipeline, "crates/model/src/x.rs", code), [0; 0]);
    }

    #[test]
    fn headers_are_asked_of_all_but_tests() {
        assert_eq!(found(check_headers, "crates/a/src/x.rs", "use y;\n"), [1]);
        assert_eq!(found(check_headers, "crates/a/src/x.rs", "//! What it is.\n"), [0; 0]);
        assert_eq!(found(check_headers, "crates/a/tests/x.rs", "use y;\n"), [0; 0]);
        assert_eq!(found(check_headers, "script.py", "import y\n"), [0; 0]);
    }

    #[test]
    fn drawers_for_odds_and_ends_are_refused() {
        assert_eq!(found(check_names, "crates/a/src/utils.rs", ""), [0]);
        assert_eq!(found(check_names, "crates/a/src/level.rs", ""), [0; 0]);
    }

    #[test]
    fn unsafe_is_for_kernels() {
        let text = "// unsafe\n#![forbid(unsafe_code)]\nunsafe { x }\n";
        assert_eq!(found(check_unsafe, "crates/core/src/x.rs", text), [3]);
        assert_eq!(found(check_unsafe, "crates/kernels/src/x.rs", text), [0; 0]);
    }

    #[test]
    fn calculating_crates_touch_no_files() {
        let text = "use std::fs;\n#[cfg(test)]\nmod tests { use std::fs; }\n";
        assert_eq!(found(check_file_access, "crates/core/src/x.rs", text), [1]);
        assert_eq!(found(check_file_access, "crates/data/src/x.rs", text), [0; 0]);
        assert_eq!(found(check_file_access, "crates/core/tests/x.rs", text), [0; 0]);
    }

    #[test]
    fn white_space_is_plain() {
        assert_eq!(found(check_white_space, "a.rs", "x\n"), [0; 0]);
        assert_eq!(found(check_white_space, "a.rs", ""), [0; 0]);
        assert_eq!(found(check_white_space, "a.rs", "x \ny\n"), [1]);
        assert_eq!(found(check_white_space, "a.rs", "x\n\ty\n"), [2]);
        assert_eq!(found(check_white_space, "a.rs", "x\r\n"), [1]);
        assert_eq!(found(check_white_space, "a.rs", "x"), [0]);
        assert_eq!(found(check_white_space, "a.rs", "x\n\n"), [0]);
        assert_eq!(found(check_white_space, "golden.csv", "x \n"), [0; 0]);
    }
}
