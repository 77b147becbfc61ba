"""Golden paths of diffusers' schedulers: the timesteps and noise levels of each class, with its odd defaults.

    python references/golden/parity_paths.py    # writes references/golden/scheduler_paths.json
"""

import json
import pathlib
import warnings

import diffusers

warnings.filterwarnings("ignore")
SD1 = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1)
COSINE = dict(beta_schedule="squaredcos_cap_v2")

CASES = [
    ("DDPMScheduler", {}),
    ("DDPMScheduler", dict(timestep_spacing="trailing", **COSINE)),
    ("DDPMScheduler", dict(timestep_spacing="linspace", num_train_timesteps=400)),
    ("DDPMScheduler", dict(trained_betas=[0.01, 0.02, 0.03, 0.05, 0.08, 0.1, 0.12, 0.15, 0.2, 0.25, 0.3, 0.4], num_train_timesteps=12,
                           timestep_spacing="trailing")),
    ("DDIMScheduler", {}),
    ("DDIMScheduler", dict(set_alpha_to_one=False, **SD1)),
    ("DDIMScheduler", dict(timestep_spacing="trailing", rescale_betas_zero_snr=True, prediction_type="v_prediction")),
    ("EulerDiscreteScheduler", {}),
    ("EulerDiscreteScheduler", dict(timestep_spacing="leading", **SD1)),
    ("EulerDiscreteScheduler", dict(timestep_spacing="trailing", final_sigmas_type="sigma_min", beta_schedule="scaled_linear")),
    ("EulerDiscreteScheduler", dict(use_karras_sigmas=True)),
    ("EulerDiscreteScheduler", dict(use_exponential_sigmas=True)),
    ("EulerAncestralDiscreteScheduler", {}),
    ("LMSDiscreteScheduler", dict(use_karras_sigmas=True)),
    ("HeunDiscreteScheduler", {}),
    ("HeunDiscreteScheduler", dict(beta_schedule="exp")),
    ("DPMSolverMultistepScheduler", {}),
    ("DPMSolverMultistepScheduler", dict(timestep_spacing="leading", **SD1)),
    ("DPMSolverMultistepScheduler", dict(timestep_spacing="trailing", **COSINE)),
    ("DPMSolverMultistepScheduler", dict(use_karras_sigmas=True)),
    ("DPMSolverMultistepScheduler", dict(final_sigmas_type="sigma_min")),
    ("DPMSolverMultistepScheduler", dict(use_flow_sigmas=True, flow_shift=3.0, prediction_type="flow_prediction")),
    ("DPMSolverSinglestepScheduler", {}),
    ("UniPCMultistepScheduler", {}),
    ("UniPCMultistepScheduler", dict(use_flow_sigmas=True, flow_shift=2.0, prediction_type="flow_prediction")),
    ("DEISMultistepScheduler", {}),
    ("EDMEulerScheduler", {}),
    ("EDMDPMSolverMultistepScheduler", dict(sigma_min=0.01, sigma_max=50.0, rho=5.0)),
    ("PNDMScheduler", {}),
    ("PNDMScheduler", dict(set_alpha_to_one=False, skip_prk_steps=True, **SD1)),
    ("LCMScheduler", {}),
    ("TCDScheduler", {}),
    ("KDPM2DiscreteScheduler", {}),
    ("KDPM2AncestralDiscreteScheduler", {}),
    ("DPMSolverSDEScheduler", {}),
    ("SASolverScheduler", {}),
    ("FlowMatchEulerDiscreteScheduler", {}),
    ("FlowMatchEulerDiscreteScheduler", dict(shift=3.0)),
]


def path(scheduler, steps):
    """Timesteps, and the levels sigma / alpha, the end included."""
    scheduler.set_timesteps(steps)
    times = [float(t) for t in scheduler.timesteps]
    name = type(scheduler).__name__
    if name.startswith("PNDM"):
        # Without the calls inside the first steps.
        times = [float(t) for t in scheduler._timesteps[::-1]]
    if not hasattr(scheduler, "sigmas"):
        of = scheduler.alphas_cumprod
        # LCM's last step ends on the clean picture, TCD's at the first entry, whatever set_alpha_to_one says.
        if name.startswith("TCD"):
            final = of[0]
        elif name.startswith("LCM"):
            final = of[0] / of[0]
        else:
            final = scheduler.final_alpha_cumprod if hasattr(scheduler, "final_alpha_cumprod") else scheduler.one
        levels = [of[int(t)] for t in times] + [final]
        return times, [float(((1 - a) / a) ** 0.5) if a > 0 else None for a in levels]
    sigmas = [float(sigma) for sigma in scheduler.sigmas]
    if name.startswith("Heun"):
        # Stored twice, the ends once.
        times, sigmas = times[:1] + times[1::2], sigmas[:1] + sigmas[1::2]
    if name.startswith("DPMSolverSDE"):
        # Between two timesteps lies that of the second call.
        times, sigmas = times[::2], sigmas[:1] + sigmas[1::2]
    if name.startswith("KDPM2"):
        # Likewise, and the end is stored three times.
        times, sigmas = times[::2], sigmas[:1] + sigmas[1:-1:2]
    if name.startswith("FlowMatch") or scheduler.config.get("use_flow_sigmas"):
        sigmas = [s / (1 - s) if s < 1 - 1e-5 else None for s in sigmas]
    return times, sigmas


def main():
    rows = []
    for name, options in CASES:
        made = getattr(diffusers, name)(**options)
        steps = [5, 10, 20, 50] if made.config.num_train_timesteps > 12 else [3, 12]
        paths = []
        for count in steps:
            scheduler = getattr(diffusers, name)(**options)
            times, ratios = path(scheduler, count)
            init = float(getattr(scheduler, "init_noise_sigma", 1.0))
            paths.append({"steps": count, "timesteps": times, "ratios": ratios, "init": init})
        rows.append({"class": name, "config": json.loads(made.to_json_string()), "paths": paths})

    def rounded(value):
        if isinstance(value, float):
            return float(f"{value:.8g}")
        if isinstance(value, dict):
            return {key: rounded(inner) for key, inner in value.items()}
        return [rounded(inner) for inner in value] if isinstance(value, list) else value

    target = pathlib.Path(__file__).parent / "scheduler_paths.json"
    target.write_text(json.dumps(rounded(rows), separators=(",", ":")).replace('{"class"', '\n{"class"') + "\n")
    print(target, target.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
