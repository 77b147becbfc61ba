"""Both directions between this program and Python's diffusers, on pictures.

    langevin train builtin:shapes --preset tiny --size 16 --minutes 1 --seed 1 --out model --set network.patch=1 \\
        --set diffusion.schedule=linear --set diffusion.parameterisation=epsilon --set network.channels=[16,32]
    python references/roundtrip/hub_round_trip.py LANGEVIN model

LANGEVIN is the binary. The model is converted to a folder, and its network written by diffusers with each scheduler and
sampled by both programs from the same noise; where a scheduler is for another prediction than noise, a small network with random
weights stands in, whose pictures stay within range. Then the folder itself and the model are sampled by both. Prints
the largest difference of 8-bit pictures for each, and how many numbers are black or white, where differences hide.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import warnings

import diffusers
import numpy
import torch
from PIL import Image

warnings.filterwarnings("ignore")
diffusers.utils.logging.set_verbosity_error()
diffusers.utils.logging.disable_progress_bar()
COUNT = 4

SCHEDULERS = [
    ("DDIM", diffusers.DDIMScheduler, {}, 20),
    ("DDIM, no clamp", diffusers.DDIMScheduler, dict(clip_sample=False), 50),
    ("DDIM, SD1's table and offset", diffusers.DDIMScheduler, dict(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, set_alpha_to_one=False, clip_sample=False), 20),
    ("DDIM, v, zero SNR", diffusers.DDIMScheduler, dict(
        prediction_type="v_prediction", rescale_betas_zero_snr=True, timestep_spacing="trailing"), 20),
    ("DDPM", diffusers.DDPMScheduler, {}, 50),
    ("DDPM, clean pictures", diffusers.DDPMScheduler, dict(prediction_type="sample", beta_schedule="squaredcos_cap_v2"), 50),
    ("Euler", diffusers.EulerDiscreteScheduler, {}, 20),
    ("Euler, Karras", diffusers.EulerDiscreteScheduler, dict(use_karras_sigmas=True), 20),
    ("Euler, leading", diffusers.EulerDiscreteScheduler, dict(timestep_spacing="leading", steps_offset=1), 20),
    ("Heun", diffusers.HeunDiscreteScheduler, dict(beta_start=1e-4, beta_end=0.02), 20),
    ("DPM++ 2M", diffusers.DPMSolverMultistepScheduler, {}, 20),
    ("DPM++ 2M, Karras", diffusers.DPMSolverMultistepScheduler, dict(use_karras_sigmas=True), 20),
    ("DPM++ 2M, v, cosine", diffusers.DPMSolverMultistepScheduler, dict(
        prediction_type="v_prediction", beta_schedule="squaredcos_cap_v2"), 20),
    ("DPM++ 2M, thresholding", diffusers.DPMSolverMultistepScheduler, dict(thresholding=True, sample_max_value=1.5), 20),
    ("UniPC", diffusers.UniPCMultistepScheduler, {}, 20),
    ("UniPC, order 3", diffusers.UniPCMultistepScheduler, dict(solver_order=3), 20),
    ("LMS", diffusers.LMSDiscreteScheduler, {}, 20),
    ("DEIS", diffusers.DEISMultistepScheduler, {}, 20),
    ("PNDM", diffusers.PNDMScheduler, {}, 20),
    ("PNDM without Runge-Kutta steps", diffusers.PNDMScheduler, dict(skip_prk_steps=True), 20),
    ("KDPM2", diffusers.KDPM2DiscreteScheduler, dict(beta_start=1e-4, beta_end=0.02), 20),
    ("DPM++ 2S", diffusers.DPMSolverSinglestepScheduler, {}, 20),
    ("flow matching Euler", diffusers.FlowMatchEulerDiscreteScheduler, dict(shift=2.0), 20),
    ("EDM Euler", diffusers.EDMEulerScheduler, {}, 18),
    ("EDM DPM++ 2M", diffusers.EDMDPMSolverMultistepScheduler, {}, 18),
]


def silent(scheduler):
    """Steps without fresh noise, which the two programs draw differently."""
    from diffusers.schedulers import scheduling_ddpm
    scheduling_ddpm.randn_tensor = lambda shape, **_: torch.zeros(tuple(shape))
    return scheduler


@torch.no_grad()
def theirs(unet, scheduler, noise, steps, classes=None):
    scheduler = silent(scheduler)
    scheduler.set_timesteps(steps)
    x = torch.from_numpy(noise) * float(getattr(scheduler, "init_noise_sigma", 1.0))
    for t in scheduler.timesteps:
        shown = scheduler.scale_model_input(x, t) if hasattr(scheduler, "scale_model_input") else x
        x = scheduler.step(unet(shown, t, class_labels=classes).sample, t, x).prev_sample
    return ((x / 2 + 0.5).clamp(0, 1) * 255).round().numpy().astype(numpy.int16)


def ours(binary, model, folder, noise, steps, *flags):
    numpy.save(folder / "noise.npy", noise)
    out = folder / "pictures"
    subprocess.run(["rm", "-rf", out])
    command = [binary, "-q", "sample", model, "-n", str(len(noise)), "--steps", str(steps), "--init-noise", folder / "noise.npy",
               "--exact", "-o", f"{out}/", *flags]
    ran = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if ran.returncode:
        return ran.stderr.strip().splitlines()[-1]
    pictures = [numpy.asarray(Image.open(file)) for file in sorted(out.iterdir())]
    pictures = [p[..., None] if p.ndim == 2 else p for p in pictures]
    return numpy.stack(pictures).transpose(0, 3, 1, 2).astype(numpy.int16)


def compare(name, found, expected):
    if isinstance(found, str):
        print(f"| {name} | {found} | | |", flush=True)
        return
    off = abs(found - expected)
    ends = ((expected == 0) | (expected == 255)).mean()
    print(f"| {name} | {off.max()} | {(off > 0).mean():.2%} | {ends:.0%} |", flush=True)


def tiny():
    torch.manual_seed(7)
    unet = diffusers.UNet2DModel(
        sample_size=16, block_out_channels=(16, 32), layers_per_block=1, norm_num_groups=8, attention_head_dim=8,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D")).eval()
    return unet


def theirs_to_ours(binary, trained, folder):
    noise = numpy.random.default_rng(1).standard_normal((COUNT, 3, 16, 16)).astype(numpy.float32)
    random = tiny()
    for name, made, options, steps in SCHEDULERS:
        scheduler = made(**options)
        of_noise = scheduler.config.get("prediction_type") == "epsilon" and not made.__name__.startswith("EDM")
        unet = trained if of_noise else random
        out = folder / "pipeline"
        subprocess.run(["rm", "-rf", out])
        diffusers.DDPMPipeline(unet, scheduler).save_pretrained(out)
        # DDPM without its noise is DDIM with the small variance left out: the mean of the posterior, which no sampler of
        # ours walks; it is compared through ddpm's own option.
        flags = ["--sampler", "ddpm:variance=none"] if made is diffusers.DDPMScheduler else []
        compare(f"{name}, {steps} steps", ours(binary, out, folder, noise, steps, *flags), theirs(unet, made(**options), noise, steps))


def ours_to_theirs(binary, model, out, folder):
    pipe = diffusers.DDPMPipeline.from_pretrained(out)
    diffusers.DDIMPipeline.from_pretrained(out)
    config = pipe.unet.config
    size = config.sample_size if isinstance(config.sample_size, int) else config.sample_size[0]
    noise = numpy.random.default_rng(2).standard_normal((COUNT, config.in_channels, size, size)).astype(numpy.float32)
    base = pipe.scheduler.config
    for name, made, options, steps, flags in [
        ("DDIM", diffusers.DDIMScheduler, dict(timestep_spacing="trailing"), 20, ["ddim:clip=1", "trailing"]),
        ("DDPM", diffusers.DDPMScheduler, dict(timestep_spacing="trailing"), 50, ["ddpm:variance=none", "trailing"]),
        ("Euler", diffusers.EulerDiscreteScheduler, dict(timestep_spacing="linspace"), 20, ["euler", "linspace:round=false"]),
        ("DPM++ 2M", diffusers.DPMSolverMultistepScheduler, dict(timestep_spacing="linspace"), 20, ["dpmpp_2m", "linspace:extra=1"]),
        ("UniPC", diffusers.UniPCMultistepScheduler, dict(timestep_spacing="linspace"), 20, ["unipc", "linspace:extra=1"]),
    ]:
        flags = ["--sampler", flags[0], "--spacing", flags[1]] + ([] if name == "DDPM" else ["--no-clip"])
        expected = theirs(pipe.unet, made.from_config(base, **options), noise, steps)
        compare(f"{name}, {steps} steps: the folder", ours(binary, out, folder, noise, steps, *flags), expected)
        compare(f"{name}, {steps} steps: the model itself", ours(binary, model, folder, noise, steps, *flags), expected)


def main():
    binary, model = sys.argv[1:]
    print(f"torch {torch.__version__}, diffusers {diffusers.__version__}; {COUNT} pictures each\n")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        out = folder / "converted"
        subprocess.run([binary, "convert", model, str(out)], check=True, stdout=subprocess.DEVNULL)
        columns = "largest difference of 255 | numbers that differ | black or white |\n|---|---|---|---|"
        print(f"| written by langevin, sampled by both | {columns}")
        ours_to_theirs(binary, model, out, folder)
        print(f"\n| written by diffusers, sampled by both | {columns}")
        theirs_to_ours(binary, diffusers.DDPMPipeline.from_pretrained(out).unet, folder)


if __name__ == "__main__":
    main()
