"""Golden trajectories for crates/sample: k-diffusion's and diffusers' samplers on a denoiser known in closed form.

    python references/golden/samplers.py    # writes references/golden/samplers.json

k-diffusion is installed without its dependencies, of which its sampling.py needs only torch and tqdm for the functions
used here: the others are replaced by empty modules. Everything is computed in float64. Where a sampler is stochastic its
noise is set to 0 or 1, which gives the mean and the standard deviation of its step.
"""

import importlib.metadata
import importlib.util
import json
import math
import pathlib
import sys
import types

import torch

torch.float32 = torch.float64
torch.set_default_dtype(torch.float64)

import diffusers  # noqa: E402  (after the precision is set)
from diffusers.schedulers import scheduling_ddim, scheduling_ddpm  # noqa: E402

WEIGHTS = torch.tensor([0.5, 0.3, 0.2])
MEANS = torch.tensor([[-0.6, 0.1], [0.5, 0.6], [0.4, -0.7]])
VARIANCES = torch.tensor([0.05, 0.08, 0.03])
START = torch.tensor([[0.3, -1.2], [-0.7, 0.4], [1.6, 0.9], [-0.1, -0.2]]).reshape(4, 2, 1, 1)


def denoise(x, alpha, sigma):
    """E[x0 | x] for the mixture, x of shape [n, 2, 1, 1]."""
    flat = x.reshape(-1, 1, 2)
    total = alpha**2 * VARIANCES + sigma**2
    distance = ((flat - alpha * MEANS) ** 2).sum(-1)
    share = torch.softmax(WEIGHTS.log() - torch.log(total) - distance / (2 * total), -1)
    means = MEANS + (alpha * VARIANCES / total)[:, None] * (flat - alpha * MEANS)
    return (share[..., None] * means).sum(1).reshape(x.shape)


def k_diffusion():
    def module(name, **members):
        made = types.ModuleType(name)
        made.__dict__.update(members)
        sys.modules[name] = made
        return made

    module("scipy", integrate=module("scipy.integrate"))
    module("torchdiffeq", odeint=None)
    module("torchsde")
    append_dims = lambda x, dims: x[(...,) + (None,) * (dims - x.ndim)]
    module("kd", __path__=[], utils=module("kd.utils", append_dims=append_dims))
    folder = pathlib.Path(importlib.metadata.distribution("k-diffusion").locate_file("k_diffusion"))
    spec = importlib.util.spec_from_file_location("kd.sampling", folder / "sampling.py")
    sampling = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sampling)
    for name in ["scipy", "scipy.integrate", "torchdiffeq", "torchsde"]:
        del sys.modules[name]
    return sampling


def trajectories_of_k_diffusion():
    sampling = k_diffusion()
    model = lambda x, sigma, **_: denoise(x, 1.0, float(sigma[0]))
    churn = {"s_churn": 20.0, "s_tmin": 0.05, "s_tmax": 50.0, "s_noise": 0.0}
    churned = "s_churn=20,s_tmin=0.05,s_tmax=50,s_noise=0"
    cases = [
        ("euler", sampling.sample_euler, {}),
        (f"euler:{churned}", sampling.sample_euler, churn),
        ("heun", sampling.sample_heun, {}),
        (f"heun:{churned}", sampling.sample_heun, churn),
        ("dpmpp_2m", sampling.sample_dpmpp_2m, {}),
    ]
    paths = {
        "karras": sampling.get_sigmas_karras(18, 0.002, 80.0),
        "exponential": sampling.get_sigmas_exponential(12, 0.02, 20.0),
    }
    rows = []
    for spacing, sigmas in paths.items():
        for sampler, function, options in cases:
            steps = []
            keep = lambda at: steps.append(at["x"].flatten().tolist())
            end = function(model, START * sigmas[0], sigmas, callback=keep, disable=True, **options)
            levels = [[1.0, float(sigma)] for sigma in sigmas]
            rows.append({
                "source": f"k-diffusion, {spacing}",
                "sampler": sampler,
                "levels": levels,
                "states": steps + [end.flatten().tolist()],
            })
    return rows


def vp_model(scheduler):
    def epsilon(x, t):
        alpha = math.sqrt(scheduler.alphas_cumprod[int(t)])
        sigma = math.sqrt(1 - scheduler.alphas_cumprod[int(t)])
        return (x - alpha * denoise(x, alpha, sigma)) / sigma

    return epsilon


def vp_levels(scheduler):
    of = lambda t: float(scheduler.alphas_cumprod[int(t)])
    return [[math.sqrt(of(t)), math.sqrt(1 - of(t))] for t in scheduler.timesteps] + [[1.0, 0.0]]


TABLES = {
    "linear": {"beta_schedule": "linear"},
    "cosine": {"beta_schedule": "squaredcos_cap_v2"},
}


def trajectories_of_diffusers():
    rows = []
    for table, betas in TABLES.items():
        for sampler, made in [
            ("ddim", diffusers.DDIMScheduler(clip_sample=False, timestep_spacing="leading", **betas)),
            ("dpmpp_2m", diffusers.DPMSolverMultistepScheduler(final_sigmas_type="zero", **betas)),
        ]:
            made.set_timesteps(12)
            model, x, states = vp_model(made), START, []
            for t in made.timesteps:
                states.append(x.flatten().tolist())
                x = made.step(model(x, t), t, x).prev_sample
            states.append(x.flatten().tolist())
            rows.append({
                "source": f"diffusers, {table}",
                "sampler": sampler,
                "levels": vp_levels(made),
                "states": states,
            })
    return rows


def single_steps_of_diffusers():
    """Mean and standard deviation of stochastic steps: from each level of a path to the next, always from START."""
    ddpm, ddim = diffusers.DDPMScheduler, diffusers.DDIMScheduler
    rows = []
    for table, betas in TABLES.items():
        for sampler, made, options in [
            ("ddpm", ddpm(clip_sample=False, variance_type="fixed_small", **betas), {}),
            ("ddpm:variance=fixed_large", ddpm(clip_sample=False, variance_type="fixed_large", **betas), {}),
            ("ddim:eta=0.7", ddim(clip_sample=False, **betas), {"eta": 0.7}),
        ]:
            made.set_timesteps(8)
            model, means, deviations = vp_model(made), [], []
            for t in made.timesteps:
                ends = []
                for fill in (torch.zeros, torch.ones):
                    draw = lambda shape, **_: fill(tuple(shape))
                    scheduling_ddpm.randn_tensor = scheduling_ddim.randn_tensor = draw
                    ends.append(made.step(model(START, t), t, START, **options).prev_sample)
                means.append(ends[0].flatten().tolist())
                deviations.append(float((ends[1] - ends[0]).flatten()[0]))
            rows.append({
                "source": f"diffusers, {table}",
                "sampler": sampler,
                "levels": vp_levels(made),
                "means": means,
                "deviations": deviations,
            })
    return rows


if __name__ == "__main__":
    golden = {
        "made_by": "references/golden/samplers.py",
        "versions": {name: importlib.metadata.version(name) for name in ["torch", "diffusers", "k-diffusion"]},
        "start": START.flatten().tolist(),
        "trajectories": trajectories_of_k_diffusion() + trajectories_of_diffusers(),
        "single_steps": single_steps_of_diffusers(),
    }

    def rounded(value):
        if isinstance(value, float):
            return float(f"{value:.10g}")
        if isinstance(value, dict):
            return {key: rounded(inner) for key, inner in value.items()}
        return [rounded(inner) for inner in value] if isinstance(value, list) else value

    target = pathlib.Path(__file__).parent / "samplers.json"
    target.write_text(json.dumps(rounded(golden), separators=(",", ":")).replace('{"source"', '\n{"source"') + "\n")
    print(target, target.stat().st_size, "bytes")
