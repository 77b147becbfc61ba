//! The constants that are tried for each method, on training images.

/// What is tried for `method` where nothing is said; a method without constants has itself alone.
pub(crate) fn of(method: &str) -> Vec<String> {
    let tried: &[&str] = match method {
        "exact" => &["exact"],
        "replacement" => &["replacement:corrector=0", "replacement:snr=0.05", "replacement:snr=0.16"],
        "repaint" => &[
            "repaint:jump=1,repeat=2",
            "repaint:jump=1,repeat=4",
            "repaint:jump=2,repeat=3",
            "repaint:jump=5,repeat=3",
        ],
        "blended" => {
            &["blended", "blended:sampler=ddim", "blended:sampler=ddim:eta=1", "blended:sampler=euler"]
        }
        "ddrm" => &["ddrm:eta=0", "ddrm:eta=0.85", "ddrm:eta=1", "ddrm:eta=0.85,eta_b=0.7"],
        "ddnm" => &["ddnm:eta=0", "ddnm:eta=0.85", "ddnm:eta=1", "ddnm:travel=2,repeat=3"],
        "ddnm_plus" => {
            &["ddnm_plus:eta=0", "ddnm_plus:eta=0.85", "ddnm_plus:eta=1", "ddnm_plus:travel=2,repeat=3"]
        }
        "dps" => &["dps:zeta=0.3", "dps:zeta=1", "dps:zeta=3", "dps:zeta=10"],
        "pigdm" => {
            &["pigdm:eta=0", "pigdm", "pigdm:weight=score,data=0.5", "pigdm:weight=score,data=0.5,eta=0"]
        }
        "diffpir" => &[
            "diffpir:zeta=0.1",
            "diffpir:zeta=1",
            "diffpir:lambda=0.3,zeta=0.3",
            "diffpir:lambda=3,zeta=0.3",
        ],
        "reddiff" => {
            &["reddiff:lr=0.1", "reddiff:lr=0.25", "reddiff:lr=0.25,lambda=1", "reddiff:lr=0.5,lambda=0.5"]
        }
        "daps" => &[
            "daps:langevin=30",
            "daps:langevin=30,ode=2",
            "daps:langevin=30,ode=1",
            "daps:inner=exact,ode=1",
        ],
        "consistency" => &[
            "consistency",
            "consistency:sampler=ddim",
            "consistency:sampler=ddim:eta=1",
            "consistency:lambda=0.3",
        ],
        other => return vec![other.to_owned()],
    };
    tried.iter().map(|spec| (*spec).to_owned()).collect()
}

/// The methods of the comparison: all that restore, in the order of the list.
pub(crate) const METHODS: &[&str] = &[
    "exact",
    "replacement",
    "repaint",
    "blended",
    "ddrm",
    "ddnm",
    "ddnm_plus",
    "dps",
    "pigdm",
    "diffpir",
    "reddiff",
    "daps",
    "consistency",
];

#[cfg(test)]
mod tests {
    #[test]
    fn every_candidate_is_a_method() {
        for method in super::METHODS {
            let specs = super::of(method);
            assert!(!specs.is_empty());
            for spec in specs {
                assert!(spec.starts_with(method), "{spec}");
                langevin_restore::METHODS.build(&spec).unwrap();
            }
        }
    }
}
