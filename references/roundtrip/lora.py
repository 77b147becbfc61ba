"""LoRA files and skipped blocks of encoders, in diffusers and here, from the same noise.

    python references/roundtrip/lora.py LANGEVIN

LANGEVIN is the binary. The tiny pipelines of single_file.py get random LoRA of linear layers and convolutions, of the network and of the
encoders, saved by diffusers itself (PEFT's names, with PEFT's metadata) and here with kohya's names, blocks counted as diffusers does and, for
SDXL, as CompVis does. diffusers loads and fuses each, and both programs draw; then both draw with clip_skip. Prints the largest difference of
8-bit pictures, and how much the change changes.
"""

import pathlib
import sys
import tempfile

import numpy
import torch
import transformers.integrations.peft
from latent_pipelines import PROMPTS, ours
from peft import LoraConfig, get_peft_model_state_dict
from safetensors.torch import save_file
from single_file import pipeline, unet_name
from transformers import CLIPTextModel

# transformers 5.24 asks for a PEFT later than the last that is published.
transformers.integrations.peft.MIN_PEFT_VERSION = "0.17.0"
# And its CLIPTextModel has lost the layer of names through which diffusers' clip_skip finds the last norm.
CLIPTextModel.text_model = property(lambda self: self)

LINEAR = ["to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out", "time_emb_proj"]
CONVOLUTIONS = ["conv1", "conv2", "conv_shortcut", "downsamplers.0.conv", "upsamplers.0.conv", "conv_in"]
ENCODER = ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"]
RANK, ALPHA, STRENGTH = 4, 3.0, 0.7


def parts(pipe):
    names = ["unet", "text_encoder"] + (["text_encoder_2"] if hasattr(pipe, "text_encoder_2") else [])
    return {name: getattr(pipe, name) for name in names}


def random_lora(pipe):
    """The tensors of a random LoRA for each part under PEFT's names, and the configs that diffusers stores beside."""
    tensors, configs = {}, {}
    torch.manual_seed(5)
    for name, module in parts(pipe).items():
        targets = LINEAR + CONVOLUTIONS if name == "unet" else ENCODER
        config = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=targets, alpha_pattern={"to_q": 8.0} if name == "unet" else {})
        module.add_adapter(config, "made")
        with torch.no_grad():
            for key, parameter in module.named_parameters():
                if ".lora_" in key:
                    parameter.copy_(0.1 * torch.randn_like(parameter))
        tensors[name] = {key: value.detach().clone() for key, value in get_peft_model_state_dict(module, adapter_name="made").items()}
        configs[name] = module.peft_config["made"].to_dict()
    pipe.unload_lora_weights()
    return tensors, configs


def kohya(tensors, pipe, compvis, known):
    """The same under kohya's names, with alpha beside each pair; `known` with the encoder's modules as this version of transformers calls
    them, by which diffusers looks for them, rather than as all files do."""
    out, config = {}, pipe.unet.config
    attending = {level for level, name in enumerate(config.up_block_types) if "CrossAttn" in name}
    two = "text_encoder_2" in tensors
    prefixes = {"unet": "lora_unet_", "text_encoder": "lora_te1_" if two else "lora_te_", "text_encoder_2": "lora_te2_"}
    for name, state in tensors.items():
        for key, value in state.items():
            module, half = key.removesuffix(".weight").rsplit(".lora_", 1)
            if name == "unet" and compvis:
                module = unet_name(module + ".weight", config.layers_per_block, attending).removesuffix(".weight")
            elif name != "unet" and not known and not module.startswith(("text_model.", "text_projection")):
                module = "text_model." + module
            flat = prefixes[name] + module.replace(".", "_")
            out[f"{flat}.lora_{'down' if half == 'A' else 'up'}.weight"] = value
            # One for all: of several, diffusers 0.42.1 takes the most common everywhere.
            out[f"{flat}.alpha"] = torch.tensor(ALPHA)
    return {key: value.contiguous() for key, value in out.items()}


@torch.no_grad()
def theirs(pipe, noise, clip_skip=None):
    pictures = []
    for prompt, start in zip(PROMPTS, noise):
        made = pipe(prompt, latents=torch.from_numpy(start[None]), num_inference_steps=8, guidance_scale=4.0, height=128, width=128,
                    negative_prompt="blurry", clip_skip=clip_skip, output_type="np")
        pictures.append((made.images[0] * 255).round())
    return numpy.stack(pictures).astype(numpy.int16)


def row(kind, what, expected, found, plain):
    changed = abs(expected - plain).max()
    ends = ((expected == 0) | (expected == 255)).mean()
    shown = found if isinstance(found, str) else abs(found - expected).max()
    print(f"| {kind} | {what} | {shown} | {changed} | {ends:.0%} |", flush=True)


def main(binary):
    print("| pipeline | changed by | largest difference of 255 | from the pipeline without | black or white |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as root:
        root = pathlib.Path(root)
        for kind in ["SD1", "SD2", "SDXL"]:
            pipe = pipeline(kind)
            folder = root / kind
            pipe.save_pretrained(folder)
            noise = numpy.random.default_rng(5).standard_normal((len(PROMPTS), 4, 16, 16)).astype(numpy.float32)
            draw = lambda more: ours(binary, root, folder, noise, 8, 4.0, "blurry", more)
            plain = theirs(pipe, noise)
            row(kind, "nothing", plain, draw([]), plain)
            for skip in (1, 2):
                try:
                    row(kind, f"clip_skip={skip}", theirs(pipe, noise, skip), draw(["--clip-skip", skip]), plain)
                except IndexError:
                    print(f"| {kind} | clip_skip={skip} | no such block | | |")
            tensors, configs = random_lora(pipe)
            save = {f"{name}_lora_layers": state for name, state in tensors.items()}
            save |= {f"{name}_lora_adapter_metadata": config for name, config in configs.items()}
            type(pipe).save_lora_weights(root / "peft", **save)
            files = {"PEFT": root / "peft" / "pytorch_lora_weights.safetensors"}
            ways = [("kohya", False)] + ([("kohya, CompVis' blocks", True)] if kind == "SDXL" else [])
            for name, compvis in ways:
                files[name] = root / f"kohya-{compvis}.safetensors"
                save_file(kohya(tensors, pipe, compvis, False), files[name])
                save_file(kohya(tensors, pipe, compvis, True), root / f"known-kohya-{compvis}.safetensors")
            for name, file in files.items():
                pipe = pipeline(kind)
                known = file.name if name == "PEFT" else "known-" + file.name
                pipe.load_lora_weights(str(file.parent), weight_name=known)
                pipe.fuse_lora(components=list(parts(pipe)), lora_scale=STRENGTH)
                expected = theirs(pipe, noise)
                row(kind, f"LoRA, {name}", expected, draw(["--lora", f"{file}:{STRENGTH}"]), plain)


if __name__ == "__main__":
    main(sys.argv[1])
