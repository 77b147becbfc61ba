//! Rules on the size of what is committed: a clone stays small.

use crate::tree::{Finding, Tree};

const KIB: u64 = 1024;

/// (where, the largest file there in bytes); the first row that fits a path counts.
const LIMITS: &[(&str, u64)] = &[("models/", 8 * KIB * KIB), ("/golden/", 200 * KIB), ("", KIB * KIB)];

/// Committed files stay under the limit of the place they lie in.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        let fits = |(place, _): &&(&str, u64)| file.path.starts_with(place) || file.path.contains(place);
        let limit = LIMITS.iter().find(fits).map_or(KIB * KIB, |(_, limit)| *limit);
        if file.size > limit {
            let (size, limit) = (file.size.div_ceil(KIB), limit / KIB);
            findings.push(Finding::file(&file.path, format!("{size} KiB; the limit here is {limit} KiB")));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::SourceFile;

    #[test]
    fn limits_depend_on_the_place() {
        let cases = [
            ("docs/image.png", 1024, true),
            ("docs/image.png", 1025, false),
            ("models/builtin.safetensors", 8 * 1024, true),
            ("models/builtin.safetensors", 8 * 1024 + 1, false),
            ("crates/nn/tests/golden/unet.json", 200, true),
            ("crates/nn/tests/golden/unet.json", 201, false),
        ];
        for (path, kib, passes) in cases {
            let file = SourceFile { path: path.to_owned(), size: kib * KIB, text: None };
            assert_eq!(check(&Tree { files: vec![file] }).is_empty(), passes, "{path} {kib}");
        }
    }
}
