"""Golden steps for crates/sample/src/methods/pc.rs: diffusers' ScoreSdeVeScheduler on a mixture known in closed form.

    python references/score_sde.py    # writes references/golden/score_sde.json

Predictor and corrector are given recorded noise; the picture is a batch of one, since the corrector's step is a mean over
the batch.
"""

import json
import pathlib

import torch

torch.set_default_dtype(torch.float64)

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
path = pathlib.Path(__file__).parent / "golden" / "score_sde.json"
path.write_text(json.dumps(golden, indent=1) + "\n")
