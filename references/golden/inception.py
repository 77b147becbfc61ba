"""Golden features for crates/langevin's Inception: pytorch-fid's network with weights and pictures made from a formula that
the test has too, since the real weights are a download.

    python references/golden/inception.py    # writes references/golden/inception.json
"""

import json
import pathlib

import numpy as np
import torch
from pytorch_fid import inception


def drawn(count, salt):
    with np.errstate(over="ignore"):
        x = np.arange(count, dtype=np.uint32) * np.uint32(2654435761)
        x = x + np.uint32((salt * 40503 + 12345) % 2**32)
        x = (x ^ (x >> np.uint32(16))) * np.uint32(0x045D9F3B)
        x = (x ^ (x >> np.uint32(16))) * np.uint32(0x045D9F3B)
        x ^= x >> np.uint32(16)
    return (x.astype(np.float64) / 2147483648 - 1).astype(np.float32)


def with_drawn_weights(_url, progress):
    network = inception._inception_v3(num_classes=1008, aux_logits=False, weights=None)
    state = network.state_dict()
    names = [name[: -len(".conv.weight")] for name in state if name.endswith(".conv.weight")]
    for index, name in enumerate(names):
        weight = state[f"{name}.conv.weight"]
        size = np.float32(np.sqrt(np.float32(6 / np.float32(weight[0].numel()))))
        state[f"{name}.conv.weight"] = torch.tensor(drawn(weight.numel(), 10 * index) * size).reshape(weight.shape)
        for salt, key, scale, base in [
            (1, "weight", 0.1, 1),
            (2, "bias", 0.1, 0),
            (3, "running_mean", 0.1, 0),
            (4, "running_var", 0.3, 1),
        ]:
            values = np.float32(base) + np.float32(scale) * drawn(len(weight), 10 * index + salt)
            state[f"{name}.bn.{key}"] = torch.tensor(values)
    print(len(names), "convolutions")
    return state


inception.load_state_dict_from_url = with_drawn_weights
network = inception.InceptionV3().eval()
cases = []
for width, height, salt in [(32, 32, 7), (320, 310, 8)]:
    pixels = (drawn(width * height * 3, salt) * 127 + 128).astype(np.uint8).reshape(height, width, 3)
    x = torch.tensor(pixels).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        features = network(x)[0].flatten()
    print(features[:4], features.abs().max(), features.std())
    cases.append({"width": width, "height": height, "salt": salt, "features": features[::8].double().tolist()})
path = pathlib.Path(__file__).parent / "inception.json"
path.write_text(json.dumps(cases) + "\n")
print(path.stat().st_size, "bytes")
