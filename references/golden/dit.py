"""Golden numbers for the diffusion transformer: tiny random models of diffusers, one input, the output, and the gradient of
sum(output * probe) by the weights and by the input.

    python references/golden/dit.py    # writes references/golden/dit_*.safetensors
"""

import json
import pathlib

import torch
from diffusers import DiTTransformer2DModel, Transformer2DModel
from safetensors.torch import save_file

GOLDEN = pathlib.Path(__file__).parent

CASES = {
    # Classes, among them none, and an answer with a variance.
    "classes": (DiTTransformer2DModel, dict(num_attention_heads=2, attention_head_dim=4, in_channels=3, out_channels=6, num_layers=2,
                                            sample_size=8, patch_size=2, num_embeds_ada_norm=5),
                dict(in_channels=3, out_channels=6, size=8, patch=2, dim=8, heads=2, layers=2, classes=5, own_embeddings=True)),
    # Attention to a text in every block, and larger pictures than the places were made for.
    "text": (Transformer2DModel, dict(num_attention_heads=2, attention_head_dim=4, in_channels=2, out_channels=2, num_layers=2,
                                      sample_size=8, patch_size=2, num_embeds_ada_norm=3, norm_type="ada_norm_zero",
                                      cross_attention_dim=6, activation_fn="gelu-approximate", attention_bias=True,
                                      norm_elementwise_affine=False, norm_eps=1e-3),
             dict(in_channels=2, out_channels=2, size=8, patch=2, dim=8, heads=2, layers=2, classes=3, own_embeddings=True,
                  context_dim=6, norm_eps=1e-3)),
}


def main():
    for name, (kind, theirs, ours) in CASES.items():
        torch.manual_seed(0)
        model = kind(**theirs).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        side = 8 if name == "classes" else 12
        x = torch.randn(2, ours["in_channels"], side, side, requires_grad=True)
        time, labels = torch.tensor([17.0, 620.0]), torch.tensor([1, ours["classes"]])
        more, tensors = {}, {}
        if "context_dim" in ours:
            tensors["context"] = torch.randn(2, 5, ours["context_dim"])
            more["encoder_hidden_states"] = tensors["context"]
        out = model(x, timestep=time, class_labels=labels, **more).sample
        probe = torch.randn_like(out)
        (out * probe).sum().backward()
        tensors |= {"input": x, "time": time, "output": out, "probe": probe, "grad_input": x.grad}
        for key, parameter in model.named_parameters():
            tensors["weight." + key] = parameter
            if parameter.grad is not None and parameter.numel() <= 300:
                tensors["grad." + key] = parameter.grad
        path = GOLDEN / f"dit_{name}.safetensors"
        tensors = {key: value.detach().clone().contiguous() for key, value in tensors.items()}
        # None is the row after the last class.
        labels = [None if label == ours["classes"] else label for label in labels.tolist()]
        save_file(tensors, path, metadata={"config": json.dumps(ours), "labels": json.dumps(labels)})
        print(path, path.stat().st_size, "bytes, output up to", out.abs().max().item())


if __name__ == "__main__":
    main()
