"""Stable Diffusion in one file with the names of CompVis, beside the same pipeline as a folder of diffusers.

    python references/roundtrip/single_file.py LANGEVIN

LANGEVIN is the binary. Tiny pipelines in the shapes of Stable Diffusion 1, 2 and XL, with random weights, are written by diffusers as
folders and here as single files: safetensors of 32 and 16 bits, and the pickle of a trainer with its averages beside. Prints for each
the largest difference of 8-bit pictures between file and folder, both drawn by this program; and whether diffusers'
`from_single_file` finds the weights of the folder in the file.
"""

import pathlib
import subprocess
import sys
import tempfile

import diffusers
import numpy
import torch
from latent_pipelines import PROMPTS, SD, TOKENIZER, larger
from PIL import Image
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

SCHEDULERS = {
    "SD1": diffusers.PNDMScheduler(**SD, skip_prk_steps=True, set_alpha_to_one=False),
    "SD2": diffusers.PNDMScheduler(**SD, skip_prk_steps=True, set_alpha_to_one=False),
    "SD2 v": diffusers.DDIMScheduler(**SD, prediction_type="v_prediction", set_alpha_to_one=False, clip_sample=False),
    "SDXL": diffusers.EulerDiscreteScheduler(**SD, timestep_spacing="leading"),
}


def text(cls, dim, act, **more):
    config = CLIPTextConfig(vocab_size=814, hidden_size=dim, intermediate_size=2 * dim, num_hidden_layers=3, num_attention_heads=dim // 64,
                            hidden_act=act, max_position_embeddings=77, bos_token_id=812, eos_token_id=2, pad_token_id=813, **more)
    return larger(cls(config), 0.03)


def vae(scale):
    return larger(diffusers.AutoencoderKL(
        block_out_channels=(32, 32, 32, 64), layers_per_block=1, latent_channels=4, norm_num_groups=32, scaling_factor=scale,
        sample_size=128, down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4), 0.03)


def unet(down, channels, **more):
    options = dict(sample_size=16, in_channels=4, out_channels=4, block_out_channels=channels, layers_per_block=2, norm_num_groups=32,
                   down_block_types=down, up_block_types=[name.replace("Down", "Up") for name in reversed(down)])
    return larger(diffusers.UNet2DConditionModel(**dict(options, **more)), 0.01)


def pipeline(kind):
    torch.manual_seed(3)
    first = CLIPTokenizer.from_pretrained(TOKENIZER)
    second = CLIPTokenizer.from_pretrained(TOKENIZER, pad_token="!")
    cross = ["CrossAttnDownBlock2D"] * 2 + ["DownBlock2D"]
    if kind == "SDXL":
        network = unet(["DownBlock2D"] + cross[:2], (64, 64, 128), cross_attention_dim=192, attention_head_dim=(1, 1, 2),
                       use_linear_projection=True, transformer_layers_per_block=(1, 1, 2), addition_embed_type="text_time",
                       addition_time_embed_dim=8, projection_class_embeddings_input_dim=80 + 6 * 8)
        return diffusers.StableDiffusionXLPipeline(
            vae=vae(0.13025), text_encoder=text(CLIPTextModel, 64, "quick_gelu"), tokenizer=first, tokenizer_2=second, unet=network,
            text_encoder_2=text(CLIPTextModelWithProjection, 128, "gelu", projection_dim=80), scheduler=SCHEDULERS[kind],
            add_watermarker=False)
    if kind == "SD1":
        network = unet(cross, (32, 64, 64), cross_attention_dim=64, attention_head_dim=8)
    else:
        network = unet(cross, (64, 64, 128), cross_attention_dim=128, attention_head_dim=(1, 1, 2), use_linear_projection=True)
    return diffusers.StableDiffusionPipeline(
        vae=vae(0.18215), text_encoder=text(CLIPTextModel, 64 if kind == "SD1" else 128, "quick_gelu" if kind == "SD1" else "gelu"),
        tokenizer=first if kind == "SD1" else second, unet=network, scheduler=SCHEDULERS[kind], safety_checker=None,
        feature_extractor=None, requires_safety_checker=False)


RESIDUAL = {"norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0",
            "conv2": "out_layers.3", "conv_shortcut": "skip_connection"}
ENDS = {"conv_in": "input_blocks.0.0", "time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2",
        "add_embedding.linear_1": "label_emb.0.0", "add_embedding.linear_2": "label_emb.0.2", "conv_norm_out": "out.0",
        "conv_out": "out.2"}


def unet_name(key, layers, attending):
    """CompVis' name of diffusers' `key`; `attending` are the levels of the way up with attention."""
    for ours, theirs in ENDS.items():
        if key.startswith(ours + "."):
            return theirs + key[len(ours):]
    parts = key.split(".")
    if parts[0] == "mid_block":
        sub = 1 if parts[1] == "attentions" else 2 * int(parts[2])
        rest = parts[3:]
        block = f"middle_block.{sub}"
    else:
        level, kind, index, rest = int(parts[1]), parts[2], int(parts[3]), parts[4:]
        down = parts[0] == "down_blocks"
        number = level * (layers + 1) + (1 if down else 0)
        block = f"{'input' if down else 'output'}_blocks.{number + index}"
        if kind == "downsamplers":
            return f"input_blocks.{number + layers}.0.op.{rest[-1]}"
        if kind == "upsamplers":
            return f"output_blocks.{number + layers}.{2 if level in attending else 1}.conv.{rest[-1]}"
        block += ".1" if kind == "attentions" else ".0"
    if rest[0] in RESIDUAL:
        rest = [RESIDUAL[rest[0]]] + rest[1:]
    return ".".join([block] + rest)


def vae_name(key, levels):
    """CompVis' name of the autoencoder's `key`, and whether its matrix becomes a convolution."""
    key = key.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
    key = key.replace("mid_block.resnets.0", "mid.block_1").replace("mid_block.resnets.1", "mid.block_2")
    if "mid_block.attentions.0" in key:
        key = key.replace("mid_block.attentions.0", "mid.attn_1").replace("group_norm", "norm").replace("to_out.0", "proj_out")
        for part in "qkv":
            key = key.replace("to_" + part, part)
        return key, key.endswith("weight") and "norm" not in key
    parts = key.split(".")
    if parts[1] in ("down_blocks", "up_blocks"):
        level = int(parts[2]) if parts[1] == "down_blocks" else levels - 1 - int(parts[2])
        half = parts[1].split("_")[0]
        middle = ["block"] + parts[4:] if parts[3] == "resnets" else [half + "sample"] + parts[5:]
        key = ".".join([parts[0], half, str(level)] + middle)
    return key, False


def clip_state(encoder):
    """The tensors under the names that files have, whatever this version of transformers calls them."""
    whole = ("text_model.", "text_projection.")
    return {key if key.startswith(whole) else "text_model." + key: value for key, value in encoder.state_dict().items()
            if "position_ids" not in key}


def open_clip(encoder, projection, more):
    """OpenCLIP's tensors; `more` blocks at the end, which nothing uses."""
    state, out = clip_state(encoder), {}
    names = {"layer_norm1": "ln_1", "layer_norm2": "ln_2", "self_attn.out_proj": "attn.out_proj", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj"}
    for key, value in state.items():
        key = key.removeprefix("text_model.")
        if key == "embeddings.token_embedding.weight":
            out["token_embedding.weight"] = value
        elif key == "embeddings.position_embedding.weight":
            out["positional_embedding"] = value
        elif key.startswith("final_layer_norm."):
            out[key.replace("final_layer_norm", "ln_final")] = value
        elif key == "text_projection.weight":
            out["text_projection"] = value.T
        elif "_proj." in key and "out_proj" not in key:
            if "q_proj" not in key:
                continue
            parts = [state["text_model." + key.replace("q_proj", f"{part}_proj")] for part in "qkv"]
            place = key.replace("encoder.layers", "transformer.resblocks").replace("self_attn.q_proj.", "attn.in_proj_")
            out[place] = torch.cat(parts)
        else:
            key = key.replace("encoder.layers", "transformer.resblocks")
            for ours, theirs in names.items():
                key = key.replace(ours, theirs)
            out[key] = value
    layers = encoder.config.num_hidden_layers
    for key in [key for key in out if key.startswith("transformer.resblocks.0.")]:
        for extra in range(more):
            out[key.replace("resblocks.0.", f"resblocks.{layers + extra}.")] = torch.randn_like(out[key])
    if projection is not None:
        out["text_projection"] = projection
    out["logit_scale"] = torch.tensor(4.6)
    return out


def single(pipe, kind):
    """All tensors of the pipeline under CompVis' names."""
    out = {}
    config = pipe.unet.config
    attending = {level for level, name in enumerate(config.up_block_types) if "CrossAttn" in name}
    for key, value in pipe.unet.state_dict().items():
        out["model.diffusion_model." + unet_name(key, config.layers_per_block, attending)] = value
    for key, value in pipe.vae.state_dict().items():
        name, convolution = vae_name(key, len(pipe.vae.config.block_out_channels))
        out["first_stage_model." + name] = value[..., None, None] if convolution else value
    if kind == "SDXL":
        encoders = {"conditioner.embedders.0.transformer.": clip_state(pipe.text_encoder),
                    "conditioner.embedders.1.model.": open_clip(pipe.text_encoder_2, None, 0)}
    elif kind == "SD1":
        encoders = {"cond_stage_model.transformer.": clip_state(pipe.text_encoder)}
        encoders["cond_stage_model.transformer."]["text_model.embeddings.position_ids"] = torch.arange(77)[None]
    else:
        width = pipe.text_encoder.config.hidden_size
        encoders = {"cond_stage_model.model.": open_clip(pipe.text_encoder, torch.randn(width, width), 1)}
    for prefix, state in encoders.items():
        out.update({prefix + key: value for key, value in state.items()})
    out["alphas_cumprod"] = torch.linspace(1, 0, 1000)
    return {key: value.detach().clone().contiguous() for key, value in out.items()}


def draw(binary, folder, model, more=()):
    made = []
    for index, prompt in enumerate(PROMPTS):
        command = [binary, "-q", "sample", model, "-n", "1", "--steps", "8", "--seed", str(index), "--exact", "--prompt", prompt,
                   "--cfg-scale", "4", "--force", "-o", folder / "picture.png", *more]
        ran = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        if ran.returncode:
            raise SystemExit(ran.stderr)
        made.append(numpy.asarray(Image.open(folder / "picture.png")))
    return numpy.stack(made).astype(numpy.int16)


def in_diffusers(pipe, file, folder):
    """Whether diffusers finds the same weights in the file, part by part."""
    try:
        read = type(pipe).from_single_file(str(file), config=str(folder), local_files_only=True)
    except Exception as error:
        return f"not loaded: {type(error).__name__}: {str(error)[:60]}".replace("|", "/").replace("\n", " ")
    for part in ["unet", "vae", "text_encoder"] + (["text_encoder_2"] if hasattr(pipe, "text_encoder_2") else []):
        mine, theirs = getattr(pipe, part).state_dict(), getattr(read, part).state_dict()
        if mine.keys() != theirs.keys() or any(not torch.equal(mine[key], theirs[key]) for key in mine):
            return f"another {part}"
    return "the same weights"


def main(binary):
    print("| pipeline | file | largest difference of 255 | black or white | diffusers' from_single_file |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as root:
        root = pathlib.Path(root)
        for name in ["vocab.json", "merges.txt"]:
            (root / name).write_bytes((TOKENIZER / name).read_bytes())
        for kind in ["SD1", "SD2", "SD2 v", "SDXL"]:
            pipe = pipeline(kind)
            folder = root / kind.replace(" ", "")
            pipe.save_pretrained(folder)
            tensors = single(pipe, kind)
            metadata = {"modelspec.resolution": "128x128"}
            if kind.startswith("SD2"):
                metadata["modelspec.prediction_type"] = "v" if kind == "SD2 v" else "epsilon"
            whole = root / "whole.safetensors"
            save_file(tensors, whole, metadata=metadata)
            loaded = in_diffusers(pipe, whole, folder)
            expected = draw(binary, root, folder)
            ends = f"{((expected == 0) | (expected == 255)).mean():.0%}"
            found = draw(binary, root, whole)
            print(f"| {kind} | f32 | {abs(found - expected).max()} | {ends} | {loaded} |", flush=True)
            half = root / "half.safetensors"
            save_file({key: value.half() if value.is_floating_point() else value for key, value in tensors.items()}, half, metadata=metadata)
            found = draw(binary, root, half)
            print(f"| {kind} | f16 | {abs(found - expected).max()} | {ends} | |", flush=True)
            if kind == "SD1":
                # A pickle says no size, so it is drawn at that of Stable Diffusion 1.
                averages = {"model_ema." + key[len("model."):].replace(".", ""): value for key, value in tensors.items()
                            if key.startswith("model.diffusion_model.")}
                rest = {key: value for key, value in tensors.items() if not key.startswith("model.diffusion_model.")}
                only = root / "averages.safetensors"
                save_file({**rest, **averages}, only, metadata=metadata)
                found = draw(binary, root, only)
                print(f"| {kind} | averages alone | {abs(found - expected).max()} | {ends} | |", flush=True)
                pipe.unet.register_to_config(sample_size=64)
                pipe.save_pretrained(folder)
                pickle = root / "whole.ckpt"
                torch.save({"state_dict": {**tensors, **averages}, "global_step": 7, "epoch": 1}, pickle)
                expected, found = draw(binary, root, folder), draw(binary, root, pickle)
                print(f"| {kind} | pickle, 512x512 | {abs(found - expected).max()} | "
                      f"{((expected == 0) | (expected == 255)).mean():.0%} | |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
