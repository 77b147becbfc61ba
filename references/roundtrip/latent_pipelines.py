"""Whole pipelines of latents, drawn by diffusers and by this program from the same noise and the same prompts.

    python references/roundtrip/latent_pipelines.py LANGEVIN

LANGEVIN is the binary. Tiny pipelines in the shapes of Stable Diffusion 1, 2 and XL, with random weights, are written by
diffusers as folders and drawn by both. Prints the largest difference of 8-bit pictures, and how many numbers are black or
white, where differences hide.
"""

import pathlib
import subprocess
import sys
import tempfile
import warnings

import diffusers
import numpy
import torch
import transformers
from PIL import Image
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

warnings.filterwarnings("ignore")
diffusers.utils.logging.set_verbosity_error()
diffusers.utils.logging.disable_progress_bar()
transformers.utils.logging.set_verbosity_error()
TOKENIZER = pathlib.Path(__file__).parent.parent / "golden" / "clip_tokenizer"
PROMPTS = ["a red star at night", "The QUICK brown fox, 42 times!", ""]
SD = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1)

SCHEDULERS = [
    ("DDIM", diffusers.DDIMScheduler, dict(SD, set_alpha_to_one=False, clip_sample=False)),
    ("PNDM", diffusers.PNDMScheduler, dict(SD, skip_prk_steps=True)),
    ("Euler", diffusers.EulerDiscreteScheduler, dict(SD, timestep_spacing="leading")),
    ("DPM++ 2M Karras", diffusers.DPMSolverMultistepScheduler, dict(SD, use_karras_sigmas=True)),
    ("UniPC", diffusers.UniPCMultistepScheduler, dict(SD)),
    ("DDIM, v, zero SNR", diffusers.DDIMScheduler, dict(
        SD, set_alpha_to_one=False, clip_sample=False, prediction_type="v_prediction", rescale_betas_zero_snr=True,
        timestep_spacing="trailing")),
]


def larger(model, scale):
    """Random weights that make pictures of some contrast."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(scale * torch.randn_like(parameter))
    return model.eval()


def text(cls, dim, act, **more):
    config = CLIPTextConfig(vocab_size=814, hidden_size=dim, intermediate_size=2 * dim, num_hidden_layers=3, num_attention_heads=2,
                            hidden_act=act, max_position_embeddings=77, bos_token_id=812, eos_token_id=813, pad_token_id=813, **more)
    return larger(cls(config), 0.05)


def vae(scale):
    return larger(diffusers.AutoencoderKL(
        block_out_channels=(8, 16), layers_per_block=1, latent_channels=4, norm_num_groups=4, scaling_factor=scale, sample_size=32,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2), 0.05)


def unet(cross, **more):
    options = dict(sample_size=16, in_channels=4, out_channels=4, block_out_channels=(16, 32), layers_per_block=1, norm_num_groups=4,
                   cross_attention_dim=cross, attention_head_dim=2, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
                   up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"))
    return larger(diffusers.UNet2DConditionModel(**dict(options, **more)), 0.02)


def pipeline(kind):
    torch.manual_seed(3)
    tokenizer = CLIPTokenizer.from_pretrained(TOKENIZER)
    scheduler = diffusers.DDIMScheduler(**SD)
    if kind == "SDXL":
        both = dict(text_encoder=text(CLIPTextModel, 12, "quick_gelu"),
                    text_encoder_2=text(CLIPTextModelWithProjection, 20, "gelu", projection_dim=10))
        network = unet(32, addition_embed_type="text_time", addition_time_embed_dim=8,
                       projection_class_embeddings_input_dim=10 + 6 * 8, use_linear_projection=True, attention_head_dim=(2, 4))
        return diffusers.StableDiffusionXLPipeline(
            vae=vae(0.13025), tokenizer=tokenizer, tokenizer_2=tokenizer, unet=network, scheduler=scheduler,
            add_watermarker=False, **both)
    more = dict(use_linear_projection=True, attention_head_dim=(2, 4)) if kind == "SD2" else {}
    return diffusers.StableDiffusionPipeline(
        vae=vae(0.18215), text_encoder=text(CLIPTextModel, 24, "gelu" if kind == "SD2" else "quick_gelu"), tokenizer=tokenizer,
        unet=unet(24, **more), scheduler=scheduler, safety_checker=None, feature_extractor=None, requires_safety_checker=False)


@torch.no_grad()
def theirs(pipe, noise, steps, scale, negative):
    pictures = []
    for prompt, start in zip(PROMPTS, noise):
        latents = torch.from_numpy(start[None])
        made = pipe(prompt, latents=latents, num_inference_steps=steps, guidance_scale=scale, negative_prompt=negative,
                    height=32, width=32, output_type="np")
        pictures.append((made.images[0] * 255).round())
    return numpy.stack(pictures).astype(numpy.int16)


def ours(binary, folder, out, noise, steps, scale, negative, more=()):
    numpy.save(folder / "noise.npy", noise)
    made = []
    for index, prompt in enumerate(PROMPTS):
        numpy.save(folder / "noise.npy", noise[index:index + 1])
        command = [binary, "-q", "sample", out, "-n", "1", "--steps", steps, "--init-noise", folder / "noise.npy", "--exact",
                   "--prompt", prompt, "--cfg-scale", scale, "--force", "-o", folder / "picture.png"]
        command += ["--negative", negative] if negative else []
        command += more
        ran = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        if ran.returncode:
            return ran.stderr.strip().splitlines()[-1]
        made.append(numpy.asarray(Image.open(folder / "picture.png")))
    return numpy.stack(made).astype(numpy.int16)


def main(binary):
    print("| pipeline | scheduler | largest difference of 255 | black or white |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for kind in ["SD1", "SD2", "SDXL"]:
            pipe = pipeline(kind)
            for name, made, options in SCHEDULERS:
                pipe.scheduler = made(**options)
                out = folder / "pipeline"
                subprocess.run(["rm", "-rf", out])
                pipe.save_pretrained(out)
                noise = numpy.random.default_rng(5).standard_normal((len(PROMPTS), 4, 16, 16)).astype(numpy.float32)
                negative = "blurry" if name == "Euler" else None
                scale = 1.0 if name == "UniPC" else 4.0
                found = ours(binary, folder, out, noise, 12, scale, negative)
                if isinstance(found, str):
                    print(f"| {kind} | {name} | {found} | |", flush=True)
                    continue
                expected = theirs(pipe, noise, 12, scale, negative)
                ends = ((expected == 0) | (expected == 255)).mean()
                print(f"| {kind} | {name} | {abs(found - expected).max()} | {ends:.0%} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
