"""Records what Pillow, scipy, basicsr (Matlab's imresize) and libjpeg make of a picture, for crates/restore.

    python references/golden/restore_operators.py FOLDER/basicsr/utils/matlab_functions.py

The argument is a file of basicsr 1.4.2 (`pip download --no-deps basicsr`), which is read without installing the package.
"""

import importlib.util
import io
import json
import pathlib
import sys

import numpy as np
from PIL import Image
from scipy import ndimage

OUT = pathlib.Path(__file__).parent / "restore_operators.json"


def matlab(path):
    spec = importlib.util.spec_from_file_location("matlab_functions", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.imresize


def rounded(values):
    return [float(f"{v:.8g}") for v in np.asarray(values, dtype=np.float64).ravel()]


def main():
    imresize = matlab(sys.argv[1])
    rng = np.random.default_rng(0)
    height, width = 24, 36
    # Eighths are exact in every type.
    picture = np.round(rng.uniform(-8, 8, (height, width))) / 8
    cases = []

    def case(spec, values, tolerance):
        values = np.asarray(values)
        cases.append({"spec": spec, "shape": list(values.shape), "values": rounded(values), "tolerance": tolerance})

    image = Image.fromarray(picture.astype(np.float32), mode="F")
    for scale in (2, 3, 4, 6):
        size = (width // scale, height // scale)
        for name, filter in (("bicubic", Image.Resampling.BICUBIC), ("lanczos", Image.Resampling.LANCZOS)):
            case(f"{name}:scale={scale},weights=pil", np.asarray(image.resize(size, filter)), 1e-6)
        case(f"bicubic:scale={scale},weights=matlab", imresize(picture, 1 / scale), 3e-6)
        case(f"average:scale={scale}", ndimage.uniform_filter(picture, scale, origin=-(scale // 2))[::scale, ::scale]
             if scale % 2 == 0 else ndimage.uniform_filter(picture, scale)[scale // 2::scale, scale // 2::scale], 1e-7)
    for mode, boundary in (("wrap", "circular"), ("reflect", "reflect")):
        for sigma in (0.7, 1.6):
            case(f"gaussian_blur:sigma={sigma},boundary={boundary}", ndimage.gaussian_filter(picture, sigma, mode=mode), 1e-7)

    # A kernel without any symmetry, of odd and of even sizes.
    kernels = {}
    for name, shape in (("odd", (5, 7)), ("even", (4, 6))):
        kernel = rng.integers(0, 256, shape)
        kernels[name] = {"shape": list(shape), "values": [int(v) for v in kernel.ravel()]}
        weights = kernel / kernel.sum()
        for mode, boundary in (("wrap", "circular"), ("reflect", "reflect")):
            case(f"file_blur:file={name},boundary={boundary}", ndimage.convolve(picture, weights, mode=mode), 1e-7)

    # Smooth pictures with an edge, as 8-bit samples, through libjpeg without subsampling.
    y, x = np.mgrid[0:24, 0:36]
    planes = [np.sin(x / (3 + c)) + np.cos(y / (4 + c)) + (x + c * y > 30) for c in range(3)]
    colour = np.stack([np.uint8(np.clip(127 + 50 * p, 0, 255)) for p in planes], axis=-1)
    jpeg = []
    for quality in (5, 10, 30, 50, 90):
        for name, samples in (("gray", colour[..., 0]), ("colour", colour)):
            buffer = io.BytesIO()
            Image.fromarray(samples).save(buffer, "JPEG", quality=quality, subsampling=0)
            decoded = np.asarray(Image.open(buffer))
            planes = decoded[None] if decoded.ndim == 2 else decoded.transpose(2, 0, 1)
            jpeg.append({"quality": quality, "picture": name, "values": [int(v) for v in planes.ravel()]})

    result = {
        "height": height, "width": width, "picture": rounded(picture), "kernels": kernels, "cases": cases,
        "colour": [int(v) for v in colour.transpose(2, 0, 1).ravel()], "jpeg": jpeg,
    }
    OUT.write_text(json.dumps(result, separators=(",", ":")) + "\n")
    print(OUT, OUT.stat().st_size)


if __name__ == "__main__":
    main()
