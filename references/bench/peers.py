"""The PyTorch side of `cargo xtask bench-peers`: four diffusers networks, timed on request.

Each line on stdin is a request; each answer is one line of JSON on stdout.
  build NAME FOLDER        makes the network (seed 0), writes weights, input and output to FOLDER/NAME.safetensors
  time NAME MODE WORK N    seconds of one run: MODE eager, channels_last, compile, bf16; WORK forward or step; N pictures
  pipeline NAME FOLDER     writes a DDIMPipeline of the network, with the linear schedule of DDPM
  peak                     the peak memory of this process in bytes
"""

import json
import os
import resource
import sys
import time

threads = int(os.environ.get("BENCH_THREADS", "2"))
os.environ["OMP_NUM_THREADS"] = str(threads)

import torch
from diffusers import DDIMPipeline, DDIMScheduler, DiTTransformer2DModel, UNet2DModel
from safetensors.torch import save_file

torch.set_num_threads(threads)

NETWORKS = {
    "mnist": dict(
        in_channels=1, out_channels=1, block_out_channels=(32, 64, 128), layers_per_block=1,
        down_block_types=("DownBlock2D", "DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
    ),
    "cifar": dict(
        in_channels=3, out_channels=3, block_out_channels=(64, 128, 128), layers_per_block=2, attention_head_dim=64,
        down_block_types=("DownBlock2D", "AttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
    ),
    "ddpm": dict(
        in_channels=3, out_channels=3, block_out_channels=(128, 256, 256, 256), layers_per_block=2,
        down_block_types=("DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=None, downsample_padding=0, flip_sin_to_cos=False, freq_shift=1, norm_eps=1e-6,
    ),
    "dit": dict(
        in_channels=3, out_channels=3, num_attention_heads=4, attention_head_dim=64, num_layers=8, patch_size=4,
        num_embeds_ada_norm=10,
    ),
}


class DiT(DiTTransformer2DModel):
    """With one embedding of noise level and class for all blocks, and no class told."""

    def __init__(self, **config):
        super().__init__(**config)
        for block in self.transformer_blocks[1:]:
            block.norm1.emb = self.transformer_blocks[0].norm1.emb

    def forward(self, x, t):
        none = torch.full((len(x),), self.config.num_embeds_ada_norm)
        return super().forward(x, timestep=t, class_labels=none)

    def named_weights(self):
        """Each tensor once, under the name that langevin has for it."""
        return {"dit." + name: tensor for name, tensor in self.named_parameters()}


def make(name):
    return (DiT if name == "dit" else UNet2DModel)(sample_size=32, **NETWORKS[name])


class Side:
    def __init__(self, name):
        torch.manual_seed(0)
        self.name = name
        self.plain = make(name)
        self.channels = NETWORKS[name]["in_channels"]
        self.models = {}

    def model(self, mode):
        """The network as a mode runs it; weights are shared where they can be."""
        if mode not in self.models:
            if mode == "channels_last":
                made = make(self.name)
                made.load_state_dict(self.plain.state_dict())
                made = made.to(memory_format=torch.channels_last)
            elif mode == "compile":
                made = torch.compile(self.plain)
            else:
                made = self.plain
            self.models[mode] = (made, torch.optim.AdamW(made.parameters(), lr=0.0))
        return self.models[mode]

    def input(self, n):
        generator = torch.Generator().manual_seed(1)
        x = torch.randn(n, self.channels, 32, 32, generator=generator)
        t = torch.linspace(10, 990, n)
        return x, t

    def build(self, path):
        x, t = self.input(4)
        self.plain.eval()
        with torch.no_grad():
            y = self.plain(x, t).sample
        weights = self.plain.named_weights() if self.name == "dit" else self.plain.state_dict()
        tensors = {k: v.detach().contiguous() for k, v in weights.items()}
        tensors |= {"golden.x": x, "golden.t": t, "golden.y": y}
        save_file(tensors, path)
        return sum(p.numel() for p in self.plain.parameters())

    def run(self, mode, work, n):
        model, optimizer = self.model(mode)
        x, t = self.input(n)
        if mode == "channels_last":
            x = x.contiguous(memory_format=torch.channels_last)
        low = torch.autocast("cpu", torch.bfloat16, enabled=mode == "bf16")
        start = time.perf_counter()
        if work == "forward":
            with torch.inference_mode(), low:
                model(x, t)
        else:
            optimizer.zero_grad(set_to_none=True)
            with low:
                loss = torch.nn.functional.mse_loss(model(x, t).sample, x)
            loss.backward()
            optimizer.step()
        return time.perf_counter() - start


def main():
    sides = {}
    for line in sys.stdin:
        words = line.split()
        try:
            if words[0] == "build":
                sides[words[1]] = Side(words[1])
                answer = {"parameters": sides[words[1]].build(os.path.join(words[2], words[1] + ".safetensors"))}
            elif words[0] == "time":
                answer = {"seconds": sides[words[1]].run(words[2], words[3], int(words[4]))}
            elif words[0] == "pipeline":
                DDIMPipeline(sides[words[1]].plain, DDIMScheduler()).save_pretrained(words[2])
                answer = {}
            else:
                answer = {"bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
        except Exception as error:  # the caller shows it and goes on
            answer = {"error": f"{type(error).__name__}: {error}"[:500]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
