"""Pipelines of latents that this program wrote, loaded by diffusers.

    python references/roundtrip/latent_round_trip.py LANGEVIN

LANGEVIN is the binary. The tiny pipelines of latent_pipelines.py are written by diffusers, converted by `langevin convert` to other
folders, and loaded from those: every tensor and every token must be the same, and both programs draw from the written folder.
"""

import pathlib
import subprocess
import sys
import tempfile

import diffusers
import numpy
import torch
from latent_pipelines import PROMPTS, SD, ours, pipeline, theirs, unet

TEXTS = PROMPTS + ["naïve café — 1,000!", "日本語 and emoji 🙂", "  spaces\n\tand CAPITALS  "]


def different(one, other):
    """How many tensors of the two pipelines differ, of how many."""
    count = differ = 0
    for name, part in one.components.items():
        if isinstance(part, torch.nn.Module):
            theirs = other.components[name].state_dict()
            for key, value in part.state_dict().items():
                count += 1
                differ += not torch.equal(value, theirs[key])
    for name in ["tokenizer", "tokenizer_2"]:
        if one.components.get(name) is not None:
            for text in TEXTS:
                count += 1
                both = [pipe.components[name](text, padding="max_length", truncation=True).input_ids for pipe in (one, other)]
                differ += both[0] != both[1]
    return f"{differ} of {count}"


@torch.no_grad()
def main(binary):
    print("| pipeline | diffusion | tensors and texts that differ | largest difference of 255 |\n|---|---|---|---|")
    noise = numpy.random.default_rng(5).standard_normal((len(PROMPTS), 4, 16, 16)).astype(numpy.float32)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for kind in ["SD1", "SD2", "SDXL"]:
            for name, options in [("epsilon", dict(SD)), ("v, zero SNR", dict(
                    SD, prediction_type="v_prediction", rescale_betas_zero_snr=True, timestep_spacing="trailing"))]:
                pipe = pipeline(kind)
                pipe.scheduler = diffusers.DDIMScheduler(set_alpha_to_one=False, clip_sample=False, **options)
                given, out = folder / "given", folder / "written"
                subprocess.run(["rm", "-rf", given, out])
                pipe.save_pretrained(given)
                subprocess.run([binary, "-q", "convert", given, out], check=True, capture_output=True)
                written = type(pipe).from_pretrained(out)
                assert set(written.components) >= {key for key, part in pipe.components.items() if part is not None}
                expected = theirs(written, noise, 12, 4.0, None)
                found = ours(binary, folder, out, noise, 12, 4.0, None)
                off = found if isinstance(found, str) else abs(found - expected).max()
                print(f"| {kind} | {name} | {different(pipe, written)} | {off} |", flush=True)
            torch.manual_seed(7)
            nine = dict(pipe.unet.config, in_channels=9)
            cls = diffusers.StableDiffusionXLInpaintPipeline if kind == "SDXL" else diffusers.StableDiffusionInpaintPipeline
            parts = {key: part for key, part in pipe.components.items() if key not in ("image_encoder",)}
            parts["unet"] = unet(nine.pop("cross_attention_dim"), **{key: value for key, value in nine.items() if key[0] != "_"})
            pipe = cls(**parts, **({} if kind == "SDXL" else dict(requires_safety_checker=False)))
            subprocess.run(["rm", "-rf", given, out])
            pipe.save_pretrained(given)
            subprocess.run([binary, "-q", "convert", given, out], check=True, capture_output=True)
            print(f"| {kind}, inpainting | v, zero SNR | {different(pipe, cls.from_pretrained(out))} | |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
