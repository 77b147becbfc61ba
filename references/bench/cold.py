"""Sixteen pictures from a diffusers pipeline folder, as a user would draw them: FOLDER OUT."""

import os
import sys

import torch
from diffusers import DDIMPipeline

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
pipeline = DDIMPipeline.from_pretrained(sys.argv[1])
pipeline.set_progress_bar_config(disable=True)
images = pipeline(batch_size=16, generator=torch.Generator().manual_seed(0), num_inference_steps=50).images
os.makedirs(sys.argv[2], exist_ok=True)
for index, image in enumerate(images):
    image.save(os.path.join(sys.argv[2], f"{index:04}.png"))
