"""Golden numbers for the tiny decoder: a diffusers AutoencoderTiny with random weights as a folder, latents and what is decoded.

    python references/golden/tiny_decoder.py    # writes references/golden/hub/tiny/ and tiny_decoder.safetensors
"""

import pathlib

import torch
from diffusers import AutoencoderTiny
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent


@torch.no_grad()
def main():
    torch.manual_seed(0)
    model = AutoencoderTiny(
        encoder_block_out_channels=(6, 6, 6), decoder_block_out_channels=(6, 6, 6), num_encoder_blocks=(1, 1, 1),
        num_decoder_blocks=(2, 1, 1))
    for parameter in model.parameters():
        parameter.add_(0.1 * torch.randn_like(parameter))
    model.save_pretrained(HERE / "hub" / "tiny")
    latents = 2 * torch.randn(2, 4, 4, 3)
    tensors = {"latents": latents, "decoded": model.decode(latents).sample}
    save_file({key: value.contiguous() for key, value in tensors.items()}, HERE / "tiny_decoder.safetensors")


if __name__ == "__main__":
    main()
