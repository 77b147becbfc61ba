"""Records what diffusers' rescale_noise_cfg and normalized_guidance answer.

    python references/golden/guidance.py    # writes references/golden/guidance.json
"""

import json
from pathlib import Path

import torch
from diffusers.guiders.adaptive_projected_guidance import MomentumBuffer, normalized_guidance
from diffusers.guiders.guider_utils import rescale_noise_cfg

SHAPE = (2, 2, 3, 3)
generator = torch.Generator().manual_seed(20240)


def draw(scale=1.0):
    # Numbers that float32 holds exactly, so that both sides begin with the same.
    return (scale * torch.randn(SHAPE, generator=generator)).float().double()


def flat(tensor):
    return [float(f"{value:.12g}") for value in tensor.flatten().tolist()]


def rescaled():
    rows = []
    for of, alpha, sigma, phi, scale in [
        ("v", 0.8, 0.6, 0.7, 7.5),
        ("v", 0.0, 1.0, 0.7, 7.5),
        ("v", 1.0, 3.0, 0.5, 4.0),
        ("eps", 0.6, 0.8, 0.7, 7.5),
        ("eps", 1.0, 2.0, 1.0, 3.0),
        ("x0", 0.3, 0.9, 0.3, 5.0),
    ]:
        x, told, free = draw(), draw(0.5), draw(0.5)
        # Outputs of the network that mean these clean pictures, and back.
        square = alpha**2 + sigma**2
        if of == "v":
            to = lambda d: alpha * (x - alpha * d) / sigma - sigma * d
            back = lambda v: (alpha * x - sigma * v) / square
        elif of == "eps":
            to = lambda d: (x - alpha * d) / sigma
            back = lambda e: (x - sigma * e) / alpha
        else:
            to = back = lambda d: d
        guided = to(free) + scale * (to(told) - to(free))
        guided = back(rescale_noise_cfg(guided, to(told), phi))
        row = {"of": of, "alpha": alpha, "sigma": sigma, "phi": phi, "scale": scale}
        rows.append(row | {"x": flat(x), "told": flat(told), "free": flat(free), "guided": flat(guided)})
    return rows


def apg():
    rows = []
    for momentum, norm, eta, scale in [(-0.5, 2.5, 0.0, 6.0), (-0.75, 0.0, 0.3, 4.0), (0.0, 1.0, 1.0, 8.0), (0.4, 50.0, 0.5, 2.0)]:
        buffer = MomentumBuffer(momentum) if momentum else None
        calls = []
        for _ in range(3):
            told, free = draw(0.5), draw(0.5)
            # The paper's strength is 1 for no guidance, the function's 0.
            guided = normalized_guidance(told, free, scale - 1, buffer, eta, norm, use_original_formulation=True)
            calls.append({"told": flat(told), "free": flat(free), "guided": flat(guided)})
        rows.append({"momentum": momentum, "norm": norm, "eta": eta, "scale": scale, "calls": calls})
    return rows


if __name__ == "__main__":
    path = Path(__file__).parent / "guidance.json"
    path.write_text(json.dumps({"rescaled": rescaled(), "apg": apg()}) + "\n")
    print(path)
