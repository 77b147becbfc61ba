"""Golden steps and walks for crates/sample/src/methods/pc.rs and crates/hub: diffusers' ScoreSdeVeScheduler on a mixture
known in closed form.

    python references/golden/score_sde.py    # writes references/golden/score_sde.json

Single steps of predictor and corrector are given recorded noise. Whole walks follow the loop of ScoreSdeVePipeline on data in
[0, 1], with langevin's noise (references/golden/parity_samplers.py); their states are given in [-1, 1]. The picture is a batch of
one, since the corrector's step is a mean over the batch.
"""

import json
import pathlib

import torch

torch.set_default_dtype(torch.float64)

from parity_samplers import normal  # noqa: E402  (after the precision is set)

import diffusers  # noqa: E402  (after the precision is set)
from diffusers.schedulers import scheduling_sde_ve  # noqa: E402

WEIGHTS = torch.tensor([0.5, 0.3, 0.2])
MEANS = torch.tensor([[-0.6, 0.1], [0.5, 0.6], [0.4, -0.7]])
VARIANCES = torch.tensor([0.05, 0.08, 0.03])


def score(x, sigma):
    flat = x.reshape(-1, 1, 2)
    total = VARIANCES + sigma**2
    distance = ((flat - MEANS) ** 2).sum(-1)
    share = torch.softmax(WEIGHTS.log() - torch.log(total) - distance / (2 * total), -1)
    means = MEANS + (VARIANCES / total)[:, None] * (flat - MEANS)
    return (((share[..., None] * means).sum(1) - flat[:, 0]) / sigma**2).reshape(x.shape)


generator = torch.Generator().manual_seed(0)
noises = []


def recorded(shape, **_):
    noises.append(torch.randn(shape, generator=generator))
    return noises[-1]


scheduling_sde_ve.randn_tensor = recorded
scheduler = scheduling_sde_ve.ScoreSdeVeScheduler(snr=0.16, sigma_min=0.01, sigma_max=10.0, num_train_timesteps=12)
scheduler.set_timesteps(12)
scheduler.set_sigmas(12)
# Its ladder is kept in single precision.
ladder = [float(sigma) for sigma in scheduler.discrete_sigmas.flip(0)]
x = torch.tensor([[3.0, -5.0]]).reshape(1, 2, 1, 1)
start, states = x.flatten().tolist(), []
for i, t in enumerate(scheduler.timesteps):
    x = scheduler.step_correct(score(x, ladder[i]), x).prev_sample
    states.append(x.flatten().tolist())
    x = scheduler.step_pred(score(x, ladder[i]), t, x).prev_sample
    states.append(x.flatten().tolist())
golden = {
    "diffusers": diffusers.__version__,
    "snr": 0.16,
    "sigmas": ladder,
    "start": start,
    "noises": [noise.flatten().tolist() for noise in noises],
    "states": states,
}


def walk(steps, snr, correct_steps, sampling_eps):
    config = {"snr": snr, "sigma_min": 0.01, "sigma_max": 50.0, "correct_steps": correct_steps}
    config["sampling_eps"] = sampling_eps
    scheduler = scheduling_sde_ve.ScoreSdeVeScheduler(num_train_timesteps=steps, **config)
    scheduler.set_timesteps(steps)
    scheduler.set_sigmas(steps)
    noise = iter(())
    scheduling_sde_ve.randn_tensor = lambda shape, **_: next(noise)
    of_unit = lambda x, sigma: 2 * score(2 * x - 1, 2 * sigma)
    # langevin's pictures start around 0 of [-1, 1], the pipeline's around 0 of [0, 1].
    x = normal(0, purpose=1)[:1] * scheduler.init_noise_sigma + 0.5
    states = []
    for i, t in enumerate(scheduler.timesteps):
        first = i * (correct_steps + 1)
        noise = iter([normal(first + k)[:1] for k in [*range(1, correct_steps + 1), 0]])
        sigma = scheduler.sigmas[i]
        for _ in range(correct_steps):
            x = scheduler.step_correct(of_unit(x, sigma), x).prev_sample
        step = scheduler.step_pred(of_unit(x, sigma), t, x)
        x = step.prev_sample
        states.append((2 * x - 1).flatten().tolist())
    states[-1] = (2 * step.prev_sample_mean - 1).flatten().tolist()
    return {"config": config, "steps": steps, "states": states}


# The network is asked at levels that differ from those of the steps by sampling_eps; the first walks have none to speak of.
golden["walks"] = [walk(steps, snr, n, 1e-9) for steps in [5, 10, 20, 50] for snr, n in [(0.15, 1), (0.1, 2)]]
golden["walks"].append(walk(20, 0.15, 1, 1e-5))
path = pathlib.Path(__file__).parent / "score_sde.json"
path.write_text(json.dumps(golden, indent=1) + "\n")
