"""Golden numbers for the autoencoders: tiny diffusers AutoencoderKL and VQModel with random weights, pictures, their latents, what
is decoded, and the gradient of sum(decoded * probe) by the weights.

    python references/golden/autoencoder.py    # writes references/golden/autoencoder_*.safetensors
"""

import json
import pathlib

import torch
from diffusers import AutoencoderKL, VQModel
from safetensors.torch import save_file

GOLDEN = pathlib.Path(__file__).parent

CASES = {
    # As in Stable Diffusion: attention in the middle, convolutions around the latents.
    "kl": dict(
        ours=dict(channels=3, levels=[4, 8, 8], layers_per_block=1, latent_channels=2, norm_groups=4),
        theirs=lambda: AutoencoderKL(
            in_channels=3, out_channels=3, block_out_channels=(4, 8, 8), layers_per_block=1, latent_channels=2,
            norm_num_groups=4, down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3),
    ),
    # As in later models: no convolutions around the latents, no attention.
    "plain": dict(
        ours=dict(channels=1, levels=[6, 12], layers_per_block=2, latent_channels=3, norm_groups=2,
                  mid_attention=False, quant_conv=False),
        theirs=lambda: AutoencoderKL(
            in_channels=1, out_channels=1, block_out_channels=(6, 12), layers_per_block=2, latent_channels=3,
            norm_num_groups=2, down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
            use_quant_conv=False, use_post_quant_conv=False, mid_block_add_attention=False),
    ),
    # A codebook whose vectors are shorter than the latents.
    "vq": dict(
        ours=dict(channels=3, levels=[4, 8], layers_per_block=1, latent_channels=4, norm_groups=4, codebook=16,
                  codebook_dim=3),
        theirs=lambda: VQModel(
            in_channels=3, out_channels=3, block_out_channels=(4, 8), layers_per_block=1, latent_channels=4,
            norm_num_groups=4, down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
            num_vq_embeddings=16, vq_embed_dim=3),
    ),
}


def main():
    for name, case in CASES.items():
        torch.manual_seed(0)
        model = case["theirs"]()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        pictures = torch.randn(2, case["ours"]["channels"], 16, 8)
        encoded = model.encode(pictures)
        if name == "vq":
            latents = {"mean": encoded.latents}
            decoded = model.decode(encoded.latents).sample
            latents["quantised"] = model.quantize(encoded.latents)[0]
        else:
            posterior = encoded.latent_dist
            latents = {"mean": posterior.mean, "log_variance": posterior.logvar}
            decoded = model.decode(posterior.mean).sample
        tensors = {"pictures": pictures, "decoded": decoded, **latents}
        if name != "vq":
            probe = torch.randn_like(decoded)
            (decoded * probe).sum().backward()
            tensors["probe"] = probe
            for key, parameter in model.named_parameters():
                if parameter.grad is not None and parameter.numel() <= 400:
                    tensors["grad." + key] = parameter.grad
        for key, parameter in model.named_parameters():
            tensors["weight." + key] = parameter
        tensors = {key: value.detach().contiguous().float() for key, value in tensors.items()}
        config = json.dumps(case["ours"], sort_keys=True)
        save_file(tensors, GOLDEN / f"autoencoder_{name}.safetensors", metadata={"config": config})


if __name__ == "__main__":
    main()
