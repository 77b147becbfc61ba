"""A pipeline of the size of Stable Diffusion 1.5 with random weights, drawn at 512x512 by this program and by diffusers in turn.

    python references/bench/stable_diffusion.py LANGEVIN [FOLDER]

LANGEVIN is the binary; FOLDER (4 GB) is made if it is not there. Prints, for each of two rounds, seconds to load, for a step and for the
rest (text and decoder), and the most memory. Both use two threads and 32-bit numbers, one picture, no guidance.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

SIZES = dict(text=dict(vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12,
                       hidden_act="quick_gelu"),
             vae=dict(block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=4, sample_size=512,
                      down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4),
             unet=dict(sample_size=64, cross_attention_dim=768, attention_head_dim=8),
             scheduler=dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, set_alpha_to_one=False,
                            clip_sample=False))

THEIRS = """
import resource, sys, time, torch, diffusers
torch.set_num_threads(2)
begun = time.time()
pipe = diffusers.StableDiffusionPipeline.from_pretrained(sys.argv[1], safety_checker=None)
load = time.time() - begun
pipe.set_progress_bar_config(disable=True)
noise = torch.randn(1, 4, 64, 64)
def timed(steps):
    begun = time.time()
    pipe("a lighthouse", latents=noise, num_inference_steps=steps, guidance_scale=1.0)
    return time.time() - begun
timed(1)
one, four = timed(1), timed(4)
step = (four - one) / 3
print(load, step, one - step, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


def make(folder):
    import diffusers
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer
    tokenizer = CLIPTokenizer.from_pretrained(pathlib.Path(__file__).parent.parent / "golden" / "clip_tokenizer")
    diffusers.StableDiffusionPipeline(
        vae=diffusers.AutoencoderKL(**SIZES["vae"]), text_encoder=CLIPTextModel(CLIPTextConfig(**SIZES["text"])), tokenizer=tokenizer,
        unet=diffusers.UNet2DConditionModel(**SIZES["unet"]), scheduler=diffusers.DDIMScheduler(**SIZES["scheduler"]), safety_checker=None,
        feature_extractor=None, requires_safety_checker=False).save_pretrained(folder)


def ours(binary, folder, steps):
    with tempfile.TemporaryDirectory() as out:
        command = ["/usr/bin/time", "-f", "%M %e", binary, "sample", folder, "--prompt", "a lighthouse", "-n", "1", "--steps", str(steps),
                   "--cfg-scale", "1", "--seed", "1", "--threads", "2", "-o", f"{out}/picture.png"]
        said = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True).stderr
    memory, wall = map(float, said.strip().splitlines()[-1].split())
    drawn = float(re.search(r"picture in ([\d.]+) s", said).group(1))
    return drawn, wall - drawn, memory / 2**20


def main(binary, folder):
    if not (folder / "model_index.json").is_file():
        make(folder)
    print("| round | program | load, s | step, s | text and decoder, s | memory, GiB |\n|---|---|---|---|---|---|")
    for number in (1, 2):
        (one, load, memory), (four, _, _) = ours(binary, folder, 1), ours(binary, folder, 4)
        step = (four - one) / 3
        print(f"| {number} | langevin | {load:.1f} | {step:.2f} | {one - step:.1f} | {memory:.2f} |", flush=True)
        environment = dict(os.environ, OMP_NUM_THREADS="2")
        said = subprocess.run([sys.executable, "-c", THEIRS, str(folder)], capture_output=True, text=True, check=True, env=environment)
        load, step, rest, memory = map(float, said.stdout.strip().splitlines()[-1].split())
        print(f"| {number} | diffusers | {load:.1f} | {step:.2f} | {rest:.1f} | {memory:.2f} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else "stable-diffusion-random"))
