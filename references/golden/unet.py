"""Golden numbers for the U-Net: tiny diffusers UNet2DModels with random weights, one input, the output, and the gradient
of sum(output * probe) by the weights and by the input.

    python references/golden/unet.py    # writes references/golden/unet_*.safetensors
"""

import json
import pathlib
import torch
from diffusers import UNet2DModel
from safetensors.torch import save_file

GOLDEN = pathlib.Path(__file__).parent

CASES = {
    # DDPM: strided resampling, attention at the second level in two heads, the original code's asymmetric padding.
    "ddpm": dict(
        size=(8, 12),
        ours=dict(in_channels=3, out_channels=3, channels=[4, 8], layers_per_block=1, attention_levels=[1],
                  attention_head_dim=4, norm_groups=4, norm_eps=1e-6, flip_sin_to_cos=False, freq_shift=1.0,
                  downsample_padding=0),
        theirs=dict(in_channels=3, out_channels=3, block_out_channels=(4, 8), layers_per_block=1,
                    down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
                    attention_head_dim=4, norm_num_groups=4, norm_eps=1e-6, flip_sin_to_cos=False, freq_shift=1,
                    downsample_padding=0),
    ),
    # ADM: scale-shift, residual resampling with and without attention, classes.
    "adm": dict(
        size=(8, 4), labels=[1, 3],
        ours=dict(in_channels=2, out_channels=4, channels=[4, 4, 8], layers_per_block=1, attention_levels=[1],
                  attention_head_dim=4, norm_groups=2, scale_shift=True, resample="resnet", classes=5, null_class=False,
                  mid_attention_norm_groups=2, embedding_dim=8),
        theirs=dict(in_channels=2, out_channels=4, block_out_channels=(4, 4, 8), layers_per_block=1,
                    down_block_types=("ResnetDownsampleBlock2D", "AttnDownBlock2D", "ResnetDownsampleBlock2D"),
                    up_block_types=("ResnetUpsampleBlock2D", "AttnUpBlock2D", "ResnetUpsampleBlock2D"),
                    downsample_type="resnet", upsample_type="resnet", attention_head_dim=4, norm_num_groups=2,
                    resnet_time_scale_shift="scale_shift", num_class_embeds=5, attn_norm_num_groups=2, time_embedding_dim=8),
    ),
    # Unequal levels, heads that do not fill the channels, no attention in the middle, a divided middle block.
    "uneven": dict(
        size=(12, 4), largest_grad=300,
        ours=dict(in_channels=1, out_channels=2, channels=[6, 4, 8], layers_per_block=2, attention_levels=[0, 2],
                  attention_head_dim=4, norm_groups=2, mid_attention=False, mid_block_scale_factor=1.4142),
        theirs=dict(in_channels=1, out_channels=2, block_out_channels=(6, 4, 8), layers_per_block=2,
                    down_block_types=("AttnDownBlock2D", "DownBlock2D", "AttnDownBlock2D"),
                    up_block_types=("AttnUpBlock2D", "UpBlock2D", "AttnUpBlock2D"),
                    attention_head_dim=4, norm_num_groups=2, add_attention=False, mid_block_scale_factor=1.4142),
    ),
    # Fourier features; a scale-shift network that names no group number has no norm before its middle attention.
    # diffusers divides this network's output by the timestep; ours leaves that to the parameterisation.
    "fourier": dict(
        size=(4, 4), divided=True,
        ours=dict(in_channels=1, out_channels=1, channels=[4, 8], layers_per_block=1, attention_head_dim=None, norm_groups=2,
                  scale_shift=True, time_features="fourier", fourier_log=True, mid_attention_norm_groups=0),
        theirs=dict(in_channels=1, out_channels=1, block_out_channels=(4, 8), layers_per_block=1,
                    down_block_types=("DownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "UpBlock2D"),
                    attention_head_dim=None, norm_num_groups=2, resnet_time_scale_shift="scale_shift",
                    time_embedding_type="fourier"),
    ),
}


def main():
    for name, case in CASES.items():
        torch.manual_seed(0)
        model = UNet2DModel(**case["theirs"])
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.requires_grad:
                    parameter.add_(0.1 * torch.randn_like(parameter))
        x = torch.randn(2, case["ours"]["in_channels"], *case["size"], requires_grad=True)
        time = torch.tensor([17.0, 620.0])
        labels = torch.tensor(case["labels"]) if "labels" in case else None
        out = model(x, time, class_labels=labels).sample
        if case.get("divided"):
            out = out * time.reshape(-1, 1, 1, 1)
        probe = torch.randn_like(out)
        (out * probe).sum().backward()
        tensors = {"input": x.detach(), "time": time, "output": out.detach(), "probe": probe, "grad_input": x.grad}
        for key, parameter in model.named_parameters():
            tensors["weight." + key] = parameter.detach()
            if parameter.grad is not None and parameter.numel() <= case.get("largest_grad", 10**6):
                tensors["grad." + key] = parameter.grad
        metadata = {"config": json.dumps(case["ours"]), "labels": json.dumps(case.get("labels"))}
        tensors = {key: value.detach().clone().contiguous() for key, value in tensors.items()}
        save_file(tensors, GOLDEN / f"unet_{name}.safetensors", metadata=metadata)
        print(name, sum(p.numel() for p in model.parameters()), "parameters, output", out.abs().max().item())


if __name__ == "__main__":
    main()
