"""Golden numbers for networks that are told of texts: diffusers' UNet2DConditionModel and transformers' CLIP text encoders.

    python references/golden/text_networks.py

writes, below references/golden,
* unet_text.safetensors: a tiny network with its random weights, output and gradients, as unet.py does;
* text_networks.safetensors: outputs of one network for each option that is read, whose weights are the formula of
  parity_networks.py;
* clip_text_*.safetensors: tiny encoders with their weights, every hidden state, and the pooled and projected vectors.
"""

import json
import pathlib

import torch
from diffusers import UNet2DConditionModel
from parity_networks import numbers, weight
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

GOLDEN = pathlib.Path(__file__).parent

PLAIN = dict(sample_size=8, block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4, cross_attention_dim=12,
             attention_head_dim=2, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
             up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"))

UNETS = {
    # Stable Diffusion 1: the same number of heads everywhere, projections as convolutions, the last level without attention.
    "sd1": dict(PLAIN, layers_per_block=2),
    # Stable Diffusion 2: heads for each level, projections as matrices, attention at every level.
    "sd2": dict(PLAIN, block_out_channels=(8, 16, 16), attention_head_dim=(2, 4, 8), use_linear_projection=True,
                upcast_attention=True, down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
                up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"), sample_size=(8, 16)),
    # SDXL: the finest level without attention, depths, a pooled vector and six numbers.
    "sdxl": dict(PLAIN, block_out_channels=(8, 8, 16), attention_head_dim=(1, 2, 4), use_linear_projection=True,
                 transformer_layers_per_block=(1, 2, 3), addition_embed_type="text_time", addition_time_embed_dim=6,
                 projection_class_embeddings_input_dim=10 + 6 * 6,
                 down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
                 up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D")),
    # Inpainting: latents, mask and masked latents.
    "inpainting": dict(PLAIN, in_channels=9),
    "only_cross": dict(PLAIN, only_cross_attention=(True, False), mid_block_scale_factor=1.5, freq_shift=1,
                       flip_sin_to_cos=False),
    # The enlarger of Stable Diffusion 2: a noise level as class, attention to the text alone but in the middle.
    "upscaler": dict(PLAIN, in_channels=7, num_class_embeds=5, only_cross_attention=True, use_linear_projection=True,
                     down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
                     up_block_types=("CrossAttnUpBlock2D", "UpBlock2D")),
    "residual": dict(PLAIN, resnet_time_scale_shift="scale_shift", center_input_sample=True, time_embedding_dim=20,
                     downsample_padding=0, norm_eps=1e-3),
    "no_middle": dict(PLAIN, mid_block_type=None),
}


def gradients():
    torch.manual_seed(0)
    model = UNet2DConditionModel(**dict(
        PLAIN, block_out_channels=(4, 8), norm_num_groups=2, cross_attention_dim=6, attention_head_dim=(1, 2),
        transformer_layers_per_block=(2, 1), down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"), in_channels=2, out_channels=3, time_embedding_dim=8))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    x = torch.randn(2, 2, 4, 8, requires_grad=True)
    context = torch.randn(2, 5, 6, requires_grad=True)
    time = torch.tensor([17.0, 620.0])
    out = model(x, time, encoder_hidden_states=context).sample
    probe = torch.randn_like(out)
    (out * probe).sum().backward()
    tensors = {"input": x, "context": context, "time": time, "output": out, "probe": probe, "grad_input": x.grad,
               "grad_context": context.grad}
    for key, parameter in model.named_parameters():
        tensors["weight." + key] = parameter
        if parameter.numel() <= 150:
            tensors["grad." + key] = parameter.grad
    ours = dict(in_channels=2, out_channels=3, channels=[4, 8], layers_per_block=1, attention_levels=[0, 1], norm_groups=2,
                embedding_dim=8, text=dict(dim=6, heads=[1, 2], depths=[2, 1]))
    write("unet_text", tensors, {"config": json.dumps(ours), "labels": "null"})


def formula():
    outputs, described = {}, {}
    for name, config in UNETS.items():
        model = UNet2DConditionModel(**config).eval()
        state = dict(sorted(model.state_dict().items()))
        model.load_state_dict({key: weight(i, key, tuple(tensor.shape)) for i, (key, tensor) in enumerate(state.items())})
        size = config["sample_size"]
        size = (size, size) if isinstance(size, int) else size
        x = 1.5 * numbers(10_000, (2, config.get("in_channels", 4), *size))
        added = None
        if "addition_embed_type" in config:
            added = {"text_embeds": numbers(10_002, (2, 10)), "time_ids": 500 + 500 * numbers(10_003, (2, 6))}
        labels = torch.tensor([1, 3]) if "num_class_embeds" in config else None
        with torch.no_grad():
            outputs[name] = model(x, torch.tensor([17, 620]), encoder_hidden_states=numbers(10_001, (2, 7, 12)),
                                  class_labels=labels, added_cond_kwargs=added).sample
        described[name] = {
            "config": json.loads(model.to_json_string()),
            "tensors": {key: list(tensor.shape) for key, tensor in state.items()},
        }
        print(f"{name:12} {sum(t.numel() for t in state.values()):7} parameters, output up to {outputs[name].abs().max():.3g}")
    write("text_networks", outputs, {"cases": json.dumps(described, separators=(",", ":"))})


TEXT = dict(vocab_size=40, hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=4,
            max_position_embeddings=9, projection_dim=10, bos_token_id=38, pad_token_id=39)
ENCODERS = {
    # The first encoder: the end of the text is where the largest number stands.
    "quick": (CLIPTextModel, dict(TEXT, hidden_act="quick_gelu", eos_token_id=2)),
    # The second: another function, a projection, and an end that is named.
    "projected": (CLIPTextModelWithProjection, dict(TEXT, hidden_act="gelu", eos_token_id=37, layer_norm_eps=1e-3)),
}


def encoders():
    for name, (kind, config) in ENCODERS.items():
        torch.manual_seed(1)
        model = kind(CLIPTextConfig(**config)).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.2 * torch.randn_like(parameter))
        ids = torch.tensor([[38, 5, 17, 4, 37, 39, 39, 39, 39], [38, 37, 12, 0, 39, 37, 2, 9, 1],
                            [38, 7, 7, 8, 9, 10, 11, 12, 37]])
        with torch.no_grad():
            out = model(ids, output_hidden_states=True)
        inner = getattr(model, "text_model", model)
        hidden = out.hidden_states
        tensors = {f"hidden.{i}": state for i, state in enumerate(hidden)}
        tensors["last"] = out.last_hidden_state
        for skip in (1, 2):
            tensors[f"skipped.{skip}"] = inner.final_layer_norm(hidden[-(skip + 1)])
        if "text_embeds" in out:
            tensors["projected"] = out.text_embeds
        else:
            tensors["pooled"] = out.pooler_output
        # Files have the prefix, whether or not this version of the library has it.
        for key, tensor in model.state_dict().items():
            prefix = "" if key.startswith(("text_model.", "text_projection.")) else "text_model."
            tensors["weight." + prefix + key] = tensor
        described = json.loads(model.config.to_json_string())
        described["architectures"] = [kind.__name__]
        write(f"clip_text_{name}", tensors, {"config": json.dumps(described), "ids": json.dumps(ids.tolist())})


def write(name, tensors, metadata):
    path = GOLDEN / f"{name}.safetensors"
    tensors = {key: value.detach().clone().contiguous() for key, value in tensors.items()}
    save_file(tensors, path, metadata=metadata)
    print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    gradients()
    formula()
    encoders()
