"""Golden numbers for crates/process: betas, running products, time steps and sigmas of diffusers' schedulers.

    python references/golden/process_schedules.py    # writes references/golden/process_schedules.json

diffusers computes its tables in float32. Here torch.float32 stands for float64 while a scheduler is made, so that the
numbers are those of the formula and not of the rounding. (The sigmas still pass through numpy's float32.)
"""

import json
import pathlib

import numpy
import torch

torch.float32 = torch.float64
torch.set_default_dtype(torch.float64)

import diffusers  # noqa: E402  (after the precision is set)

INDICES = [0, 1, 2, 10, 100, 250, 500, 750, 900, 990, 997, 998, 999]
STEPS = [2, 3, 7, 10, 20, 50, 333, 1000]


def table(**options):
    scheduler = diffusers.DDPMScheduler(num_train_timesteps=1000, **options)
    pick = lambda values: [float(values[i]) for i in INDICES]
    return {"betas": pick(scheduler.betas), "alphas_cumprod": pick(scheduler.alphas_cumprod)}


def time_steps(spacing, steps, offset=0):
    scheduler = diffusers.DDIMScheduler(timestep_spacing=spacing, steps_offset=offset)
    scheduler.set_timesteps(steps)
    return [int(t) for t in scheduler.timesteps]


def sigmas(scheduler, *args, **options):
    scheduler.set_timesteps(*args, **options)
    return [float(sigma) for sigma in scheduler.sigmas]


def euler(schedule, steps, **options):
    ends = {"linear": (1e-4, 0.02), "scaled_linear": (0.00085, 0.012)}[schedule]
    scheduler = diffusers.EulerDiscreteScheduler(
        beta_schedule=schedule, beta_start=ends[0], beta_end=ends[1], timestep_spacing="linspace", **options
    )
    return sigmas(scheduler, steps)


def edm(steps, schedule):
    return sigmas(diffusers.EDMEulerScheduler(sigma_min=0.002, sigma_max=80.0, sigma_schedule=schedule), steps)


def flow(steps, **options):
    return sigmas(diffusers.FlowMatchEulerDiscreteScheduler(**options), steps)


def flow_trailing(steps, shift):
    """As the pipelines of SD3 and FLUX call it: sigmas from 1 to 1 / steps, then shifted."""
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler(shift=shift)
    return sigmas(scheduler, sigmas=numpy.linspace(1.0, 1.0 / steps, steps))


golden = {
    "versions": {"diffusers": diffusers.__version__, "torch": torch.__version__},
    "indices": INDICES,
    "tables": {
        "linear": table(beta_schedule="linear"),
        "scaled_linear": table(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012),
        "cosine": table(beta_schedule="squaredcos_cap_v2"),
        "sigmoid": table(beta_schedule="sigmoid"),
        "rescaled:base=linear": table(beta_schedule="linear", rescale_betas_zero_snr=True),
        "rescaled:base=scaled_linear": table(
            beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, rescale_betas_zero_snr=True
        ),
    },
    "time_steps": {
        "leading": {str(n): time_steps("leading", n) for n in STEPS if n <= 50},
        "leading:offset=1": {str(n): time_steps("leading", n, 1) for n in STEPS if n <= 50},
        "trailing": {str(n): time_steps("trailing", n) for n in [1, *STEPS] if n <= 50},
        "linspace": {str(n): time_steps("linspace", n) for n in STEPS if n <= 50},
    },
    "sigmas": [
        {"schedule": schedule, "process": "vp", "spacing": spacing, "sigmas": euler(schedule, steps, **options)}
        for schedule in ["linear", "scaled_linear"]
        for spacing, options in [
            ("karras", {"use_karras_sigmas": True}),
            ("exponential", {"use_exponential_sigmas": True}),
        ]
        for steps in [2, 5, 20]
    ]
    + [
        {"schedule": "edm", "process": "edm", "spacing": spacing, "sigmas": edm(steps, spacing)}
        for spacing in ["karras", "exponential"]
        for steps in [2, 18]
    ]
    + [
        {"schedule": "flow", "process": "flow", "spacing": "linspace", "sigmas": flow(20)},
        {"schedule": "flow", "process": "flow", "spacing": "beta", "sigmas": flow(20, use_beta_sigmas=True)},
    ]
    + [
        {
            "schedule": f"shifted:base=flow,shift={shift}",
            "process": "flow",
            "spacing": "trailing",
            "sigmas": flow_trailing(steps, shift),
        }
        for shift in [1.5, 3.0]
        for steps in [1, 10]
    ],
}

path = pathlib.Path(__file__).parent / "process_schedules.json"
path.parent.mkdir(exist_ok=True)
path.write_text(json.dumps(golden, indent=1) + "\n")
print(path, path.stat().st_size, "bytes")
