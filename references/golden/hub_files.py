"""Golden PyTorch checkpoints, and pickles that would run something.

    python references/golden/hub_files.py    # writes references/golden/hub/*.pt, *.ckpt and files.json
"""

import io
import json
import os
import pathlib
import pickle
import subprocess

import torch

FOLDER = pathlib.Path(__file__).parent / "hub"


def tensors():
    torch.manual_seed(0)
    base = torch.randn(3, 4)
    return {
        "plain.weight": base,
        "transposed": base.t(),
        "slice": base[1:, 1:3],
        "stepped": torch.arange(10.0)[1::3],
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 3),
        "parameter": torch.nn.Parameter(torch.tensor([1.0, -2.0])),
        "half": torch.tensor([1.5, -0.25]).half(),
        "brain": torch.tensor([1.5, -3.0]).bfloat16(),
        "double": torch.tensor([0.1, 1e-3], dtype=torch.float64),
        "long": torch.tensor([7, -9]),
        "int": torch.tensor([70000, -1], dtype=torch.int32),
        "short": torch.tensor([300, -300], dtype=torch.int16),
        "char": torch.tensor([-5, 5], dtype=torch.int8),
        "byte": torch.tensor([200, 3], dtype=torch.uint8),
        "bool": torch.tensor([True, False, True]),
    }


class Runs:
    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def hostile():
    evil = {
        "system": Runs(os.system, "touch owned"),
        "eval": Runs(eval, "1 + 1"),
        "exec": Runs(exec, "import os"),
        "popen": Runs(subprocess.Popen, ["touch", "owned"]),
        "getattr": Runs(getattr, "x", "upper"),
        "import": Runs(__import__, "os"),
        "load": Runs(torch.load, "/etc/passwd"),
        "load_from_bytes": Runs(torch.storage._load_from_bytes, b"x"),
        "nested": {"state_dict": {"weight": [Runs(os.system, "touch owned")]}},
        "open": Runs(open, "owned", "w"),
        "module": torch.nn.Linear(2, 2),
        "complex": Runs(complex, 1.0, 2.0),
    }
    files = {}
    for name, value in evil.items():
        for protocol in [2, 4]:
            whole = io.BytesIO()
            torch.save(value, whole, pickle_protocol=protocol)
            files[f"{name}_{protocol}"] = whole.getvalue().hex() if name != "module" or protocol == 2 else None
            files[f"{name}_{protocol}_bare"] = pickle.dumps(value, protocol).hex() if name != "module" else None
    return {name: text for name, text in files.items() if text is not None}


def main():
    FOLDER.mkdir(exist_ok=True)
    state = tensors()
    torch.save(state, FOLDER / "zip.pt")
    torch.save(state, FOLDER / "legacy.pt", _use_new_zipfile_serialization=False)
    network = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn_like(parameter))
    wrapped = {"epoch": 3, "lr": 1e-4, "big": 2**70, "names": ["a", None, True], "state_dict": network.state_dict()}
    torch.save(wrapped, FOLDER / "wrapped.ckpt")
    values = lambda entries: {
        name: {"shape": list(t.shape), "values": t.detach().double().flatten().tolist()} for name, t in entries.items()
    }
    golden = {"tensors": values(state), "wrapped": values(network.state_dict()), "hostile": hostile()}
    (FOLDER / "files.json").write_text(json.dumps(golden, indent=0) + "\n")
    for file in sorted(FOLDER.iterdir()):
        print(file, file.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
