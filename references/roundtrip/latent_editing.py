"""Pictures edited and filled in through an autoencoder, by diffusers and by this program from the same noise and the same prompts.

    python references/roundtrip/latent_editing.py LANGEVIN

LANGEVIN is the binary. The tiny pipelines of latent_pipelines.py are written by diffusers as folders; a picture is edited
(img2img), and a hole in it filled, by networks of four channels and by those of nine that are told of the hole. Diffusers draws
the latents of a picture from their distribution and this program takes their mean, so here diffusers takes the mean too. What lies
in the hole is flat, because diffusers encodes it with the rest and this program fills it in from its rim first; and pixels outside
are compared with the picture itself, which diffusers decodes anew. Prints the largest difference of 8-bit pictures.
"""

import pathlib
import subprocess
import sys
import tempfile

import diffusers
import numpy
import torch
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from diffusers.pipelines.stable_diffusion import pipeline_stable_diffusion_img2img as img2img
from diffusers.pipelines.stable_diffusion_xl import pipeline_stable_diffusion_xl_img2img as img2img_xl
from latent_pipelines import SD, pipeline, unet
from PIL import Image

DiagonalGaussianDistribution.sample = lambda self, generator=None: self.mode()
PROMPT = "a red star at night"
STEPS = 12
SCHEDULERS = [
    ("DDIM", "ddim", diffusers.DDIMScheduler, dict(SD, set_alpha_to_one=False, clip_sample=False)),
    ("Euler", "euler", diffusers.EulerDiscreteScheduler, dict(SD, timestep_spacing="leading")),
    ("DPM++ 2M Karras", "dpmpp_2m", diffusers.DPMSolverMultistepScheduler, dict(SD, use_karras_sigmas=True)),
]


def picture():
    """Noise around a flat square, and the hole within it."""
    values = numpy.random.default_rng(4).integers(0, 256, (32, 32, 3)).astype(numpy.uint8)
    values[8:24, 8:26] = (200, 80, 40)
    hole = numpy.zeros((32, 32), numpy.uint8)
    hole[12:20, 12:22] = 255
    return Image.fromarray(values), Image.fromarray(hole)


def edited(kind, pipe, image, noise):
    module, cls = {"SDXL": (img2img_xl, diffusers.StableDiffusionXLImg2ImgPipeline)}.get(
        kind, (img2img, diffusers.StableDiffusionImg2ImgPipeline))
    module.randn_tensor = lambda *args, **kwargs: torch.from_numpy(noise)
    more = {} if kind == "SDXL" else dict(safety_checker=None, feature_extractor=None, requires_safety_checker=False)
    pipe = cls(**{name: part for name, part in pipe.components.items()
                  if name not in ("safety_checker", "feature_extractor", "image_encoder")}, **more)
    more = dict(original_size=(32, 32), target_size=(32, 32)) if kind == "SDXL" else {}
    return pipe(PROMPT, image=image, strength=0.5, num_inference_steps=STEPS, guidance_scale=4.0, output_type="np", **more)


def filled(kind, pipe, image, hole, noise):
    cls = diffusers.StableDiffusionXLInpaintPipeline if kind == "SDXL" else diffusers.StableDiffusionInpaintPipeline
    more = {} if kind == "SDXL" else dict(safety_checker=None, feature_extractor=None, requires_safety_checker=False)
    pipe = cls(**{name: part for name, part in pipe.components.items()
                  if name not in ("safety_checker", "feature_extractor", "image_encoder")}, **more)
    return pipe, pipe(PROMPT, image=image, mask_image=hole, strength=1.0, num_inference_steps=STEPS, guidance_scale=4.0, height=32,
                      width=32, latents=torch.from_numpy(noise), output_type="np")


def ours(binary, folder, words):
    command = [binary, "-q", *words, "--steps", STEPS, "--prompt", PROMPT, "--cfg-scale", 4, "--seed", 1, "--exact", "--force",
               "--init-noise", folder / "noise.npy", "-o", folder / "made.png"]
    ran = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if ran.returncode:
        return ran.stderr.strip().splitlines()[0]
    return numpy.asarray(Image.open(folder / "made.png")).astype(int)


def row(kind, what, name, found, expected, image, hole=None):
    if isinstance(found, str):
        print(f"| {kind} | {what} | {name} | {found} |", flush=True)
        return
    expected = (expected.images[0] * 255).round().astype(int)
    if hole is not None:
        inside = numpy.asarray(hole) > 0
        expected = numpy.where(inside[..., None], expected, numpy.asarray(image))
    print(f"| {kind} | {what} | {name} | {abs(found - expected).max()} |", flush=True)


@torch.no_grad()
def main(binary):
    print("| pipeline | task | scheduler | largest difference of 255 |\n|---|---|---|---|")
    image, hole = picture()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        image.save(folder / "image.png")
        hole.save(folder / "hole.png")
        noise = numpy.random.default_rng(5).standard_normal((1, 4, 16, 16)).astype(numpy.float32)
        numpy.save(folder / "noise.npy", noise)
        for kind in ["SD1", "SD2", "SDXL"]:
            for name, sampler, made, options in SCHEDULERS:
                pipe = pipeline(kind)
                pipe.scheduler = made(**options)
                out = folder / "pipeline"
                subprocess.run(["rm", "-rf", out])
                pipe.save_pretrained(out)
                words = ["edit", out, folder / "image.png", "--strength", "0.5", "--sampler", sampler]
                row(kind, "edit", name, ours(binary, folder, words), edited(kind, pipe, image, noise), image)
                words = ["inpaint", out, folder / "image.png", "--mask", folder / "hole.png",
                         "--method", f"blended:sampler={sampler}"]
                row(kind, "inpaint, 4 channels", name, ours(binary, folder, words),
                    filled(kind, pipe, image, hole, noise)[1], image, hole)
                torch.manual_seed(7)
                nine = dict(pipe.unet.config, in_channels=9)
                pipe.unet = unet(nine.pop("cross_attention_dim"), **{key: value for key, value in nine.items() if key[0] != "_"})
                nine, expected = filled(kind, pipe, image, hole, noise)
                subprocess.run(["rm", "-rf", out])
                nine.save_pretrained(out)
                words = ["inpaint", out, folder / "image.png", "--mask", folder / "hole.png"]
                row(kind, "inpaint, 9 channels", name, ours(binary, folder, words), expected, image, hole)


if __name__ == "__main__":
    main(sys.argv[1])
