"""Golden outputs of tiny diffusers UNet2DModels: every type of block and every option that is read.

    python references/golden/parity_networks.py    # writes references/golden/networks.safetensors

Weights and inputs are not stored: each is a formula of the position of its tensor (in the order of the names) and of the number
in it, so that only the configs, the names with their shapes, and the outputs are kept.
"""

import json
import math
import pathlib

import numpy
import torch
from diffusers import UNet2DModel
from safetensors.torch import save_file

PLAIN = dict(sample_size=8, in_channels=3, out_channels=3, block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2,
             attention_head_dim=4, down_block_types=("DownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "UpBlock2D"))
SKIP = dict(PLAIN, norm_num_groups=None, block_out_channels=(8, 16), mid_block_scale_factor=math.sqrt(2),
            down_block_types=("SkipDownBlock2D", "SkipDownBlock2D"), up_block_types=("SkipUpBlock2D", "SkipUpBlock2D"))

CASES = {
    "plain": PLAIN,
    "attention": dict(PLAIN, down_block_types=("AttnDownBlock2D", "AttnDownBlock2D"),
                      up_block_types=("AttnUpBlock2D", "AttnUpBlock2D"), flip_sin_to_cos=False, freq_shift=1),
    "residual": dict(PLAIN, down_block_types=("ResnetDownsampleBlock2D", "ResnetDownsampleBlock2D"),
                     up_block_types=("ResnetUpsampleBlock2D", "ResnetUpsampleBlock2D"), resnet_time_scale_shift="scale_shift"),
    # Levels that resample in different ways.
    "mixed": dict(PLAIN, block_out_channels=(4, 8, 8), sample_size=(8, 16), layers_per_block=2,
                  down_block_types=("ResnetDownsampleBlock2D", "AttnDownBlock2D", "DownBlock2D"),
                  up_block_types=("AttnUpBlock2D", "UpBlock2D", "ResnetUpsampleBlock2D"), downsample_padding=0,
                  attention_head_dim=None, time_embedding_dim=12),
    "mixed_residual": dict(PLAIN, block_out_channels=(4, 8, 8), downsample_type="resnet", upsample_type="resnet",
                           down_block_types=("AttnDownBlock2D", "DownBlock2D", "AttnDownBlock2D"),
                           up_block_types=("UpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D")),
    # NCSN++: the picture itself goes along, through smooth filters.
    "skip": SKIP,
    "skip_attention": dict(SKIP, sample_size=8, block_out_channels=(32, 32), attention_head_dim=16,
                           down_block_types=("SkipDownBlock2D", "AttnSkipDownBlock2D"),
                           up_block_types=("AttnSkipUpBlock2D", "SkipUpBlock2D")),
    "skip_part": dict(SKIP, norm_num_groups=4, block_out_channels=(8, 16, 16), add_attention=False,
                      down_block_types=("SkipDownBlock2D", "SkipDownBlock2D", "DownBlock2D"),
                      up_block_types=("UpBlock2D", "SkipUpBlock2D", "SkipUpBlock2D")),
    "skip_fourier": dict(SKIP, time_embedding_type="fourier", center_input_sample=True),
    "fourier": dict(PLAIN, time_embedding_type="fourier"),
    "learned_time": dict(PLAIN, time_embedding_type="learned", num_train_timesteps=700),
    "classes": dict(PLAIN, num_class_embeds=5),
    "no_middle": dict(PLAIN, mid_block_type=None, center_input_sample=True, norm_eps=1e-3),
    "middle_groups": dict(PLAIN, resnet_time_scale_shift="scale_shift", attn_norm_num_groups=4, mid_block_scale_factor=1.5),
    "middle_without_norm": dict(PLAIN, resnet_time_scale_shift="scale_shift"),
    "middle_alone": dict(PLAIN, add_attention=False, in_channels=1, out_channels=2),
    "relu": dict(PLAIN, act_fn="relu"),
    "gelu": dict(PLAIN, act_fn="gelu"),
    "mish": dict(PLAIN, act_fn="mish"),
}


def numbers(tensor, shape):
    """Numbers in [-1, 1) from SplitMix64 of (tensor, position)."""
    count = math.prod(shape)
    with numpy.errstate(over="ignore"):
        z = numpy.uint64(tensor) * numpy.uint64(2**32) + numpy.arange(count, dtype=numpy.uint64)
        z = (z + numpy.uint64(1)) * numpy.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        z = z ^ (z >> numpy.uint64(31))
    values = (z >> numpy.uint64(40)).astype(numpy.float64) / 2**23 - 1
    return torch.from_numpy(values.reshape(shape)).float()


def weight(tensor, name, shape):
    """Norms about one, frequencies of some turns, the others as large as their number of inputs asks."""
    values = numbers(tensor, shape)
    if "norm" in name and name.endswith("weight"):
        return 1 + 0.5 * values
    if name.startswith("time_proj") and len(shape) == 1:
        return 4 * values
    if len(shape) == 1:
        return 0.25 * values
    return values * math.sqrt(3 / math.prod(shape[1:]))


def main():
    outputs, described, largest = {}, {}, 0
    for name, config in CASES.items():
        model = UNet2DModel(**config).eval()
        state = {key: tensor for key, tensor in sorted(model.state_dict().items()) if key != "time_proj.W"}
        made = {key: weight(i, key, tuple(tensor.shape)) for i, (key, tensor) in enumerate(state.items())}
        if "time_proj.W" in model.state_dict():
            made["time_proj.W"] = made["time_proj.weight"]
        model.load_state_dict(made)
        size = config["sample_size"]
        size = (size, size) if isinstance(size, int) else size
        x = 1.5 * numbers(10_000, (2, config["in_channels"], *size))
        time = torch.tensor([17, 620])
        labels = torch.tensor([1, 3]) if "num_class_embeds" in config else None
        with torch.no_grad():
            outputs[name] = model(x, time, class_labels=labels).sample.contiguous()
        described[name] = {
            "config": json.loads(model.to_json_string()),
            "tensors": {key: list(tensor.shape) for key, tensor in state.items()},
        }
        print(f"{name:20} {sum(t.numel() for t in state.values()):7} parameters, output up to {outputs[name].abs().max():.3g}")
    target = pathlib.Path(__file__).parent / "networks.safetensors"
    save_file(outputs, target, metadata={"cases": json.dumps(described)})
    print(target, target.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
