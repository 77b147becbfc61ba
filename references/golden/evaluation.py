"""Golden numbers for crates/eval: the metrics as other programs compute them.

    python references/golden/evaluation.py    # writes references/golden/evaluation.json

Features are multiples of 1/64, so that they are the same numbers in f32. Pictures are made from a formula that the test
has too.
"""

import json
import pathlib

import numpy as np
import scipy.linalg
import torch
from prdc import compute_prdc
from pytorch_msssim import ms_ssim, ssim
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torchmetrics.image.kid import poly_mmd


def features(seed, count, width, shift, scale):
    drawn = np.random.default_rng(seed).normal(shift, scale, (count, width))
    drawn[:, 1:] += 0.5 * drawn[:, :-1]
    return np.round(drawn * 64) / 64


def frechet(a, b):
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(first @ second).real
    apart = a.mean(0) - b.mean(0)
    return apart @ apart + np.trace(first) + np.trace(second) - 2 * np.trace(root)


def frechet_by_values(a, b):
    """The same where covariances are singular: tr (C1 C2)^(1/2) is a sum of singular values of the data."""
    left = (a - a.mean(0)) / np.sqrt(len(a) - 1)
    right = (b - b.mean(0)) / np.sqrt(len(b) - 1)
    apart = a.mean(0) - b.mean(0)
    total = (left**2).sum() + (right**2).sum()
    return apart @ apart + total - 2 * np.linalg.svd(left @ right.T, compute_uv=False).sum()


def picture(width, height, channels, salt):
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(channels), indexing="ij")
    grain = (x * 7919 + y * 10473 + c * 1299 + salt * 31) % 61
    return ((x * x // 7 + y * 3 + c * 40 + grain * salt // 4) % 256).astype(np.uint8)


def tensor(image):
    return torch.tensor(image, dtype=torch.float64).permute(2, 0, 1)[None]


def pair(width, height, channels):
    a, b = picture(width, height, channels, 4), picture(width, height, channels, 9)
    found = {
        "shape": [width, height, channels],
        "psnr": peak_signal_noise_ratio(a, b, data_range=255),
        "ssim": structural_similarity(
            a, b, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, channel_axis=2
        ),
        "ssim_of_pytorch_msssim": ssim(tensor(a), tensor(b), data_range=255).item(),
    }
    if min(width, height) > 160:
        found["ms_ssim"] = ms_ssim(tensor(a), tensor(b), data_range=255).item()
    return found


def sets(judged, reference):
    near = compute_prdc(reference, judged, 3)
    wide = compute_prdc(reference, judged, 5)
    a, b = (torch.tensor(rows, dtype=torch.float64) for rows in (judged, reference))
    width = judged.shape[1]
    kernel = lambda x, y: (x @ y.T / width + 1) ** 3
    xx, yy, xy = kernel(a, a), kernel(b, b), kernel(a, b)
    m, n = len(a), len(b)
    kid = (xx.sum() - xx.diag().sum()) / (m * (m - 1)) + (yy.sum() - yy.diag().sum()) / (n * (n - 1))
    kid -= 2 * xy.sum() / (m * n)
    found = {
        "judged": (judged * 64).astype(int).ravel().tolist(),
        "reference": (reference * 64).astype(int).ravel().tolist(),
        "width": width,
        "frechet": frechet_by_values(judged, reference),
        "kid": kid.item(),
        "precision": float(near["precision"]),
        "recall": float(near["recall"]),
        "density": float(wide["density"]),
        "coverage": float(wide["coverage"]),
    }
    if min(m, n) > width:
        direct = frechet(judged, reference)
        assert abs(direct - found["frechet"]) < 1e-9, (direct, found["frechet"])
    if m == n:
        theirs = poly_mmd(a, b).item()
        assert abs(theirs - found["kid"]) < 1e-9, (theirs, found["kid"])
    return found


golden = {
    "sets": [
        sets(features(0, 60, 6, 0.2, 1.1), features(1, 60, 6, 0.0, 1.0)),
        sets(features(2, 50, 4, 0.0, 0.6), features(3, 70, 4, 0.0, 1.0)),
        sets(features(4, 40, 48, 0.0, 1.0), features(5, 45, 48, 0.3, 1.0)),
    ],
    "pairs": [pair(40, 33, 3), pair(176, 192, 3), pair(181, 190, 1)],
}
path = pathlib.Path(__file__).parent / "evaluation.json"
path.write_text(json.dumps(golden) + "\n")
print(path.stat().st_size, "bytes")
for entry in golden["sets"]:
    print({key: value for key, value in entry.items() if not isinstance(value, list)})
print(*golden["pairs"], sep="\n")
