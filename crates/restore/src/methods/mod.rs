//! The methods, one file each. A new one is a file here and a line in [`METHODS`].

mod blended;
mod consistency;
mod daps;
mod ddnm;
mod ddnm_plus;
mod ddrm;
mod diffpir;
mod dpir;
mod dps;
mod exact;
mod pigdm;
mod reddiff;
mod repaint;
mod replacement;
mod sdedit;

use langevin_core::registry::Registry;

use crate::method::Method;

/// Every method by name.
pub const METHODS: Registry<dyn Method> = Registry {
    kind: "method",
    entries: &[
        exact::ENTRY,
        replacement::ENTRY,
        repaint::ENTRY,
        blended::ENTRY,
        ddrm::ENTRY,
        ddnm::ENTRY,
        ddnm_plus::ENTRY,
        dps::ENTRY,
        pigdm::ENTRY,
        diffpir::ENTRY,
        dpir::ENTRY,
        reddiff::ENTRY,
        daps::ENTRY,
        consistency::ENTRY,
        sdedit::ENTRY,
    ],
};

/// The methods that a comparison tries where nothing is said, in the order of [`METHODS`].
pub fn compared() -> impl Iterator<Item = &'static str> {
    METHODS.entries.iter().filter(|entry| !entry.candidates.is_empty()).map(|entry| entry.name)
}

/// The specs that a comparison tries for `method`: as it is where it has options, else its entry's candidates.
pub fn candidates(method: &str) -> Vec<String> {
    let own =
        METHODS.entries.iter().find(|entry| entry.name == method).map_or(&[][..], |entry| entry.candidates);
    match own {
        [] => vec![method.to_owned()],
        specs => specs.iter().map(|spec| (*spec).to_owned()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_compared_with_its_candidates_and_a_spec_as_it_is() {
        let names: Vec<&str> = compared().collect();
        assert_eq!(names.len(), METHODS.entries.len() - 1);
        for name in names {
            assert!(candidates(name).iter().all(|spec| spec.starts_with(name)), "{name}");
        }
        assert_eq!(candidates("ddnm")[3], "ddnm:travel=2,repeat=3");
        for spec in ["ddnm:eta=0.5", "sdedit", "nothing"] {
            assert_eq!(candidates(spec), [spec]);
        }
    }
}
