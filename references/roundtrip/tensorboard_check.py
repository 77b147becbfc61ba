"""Reads TensorBoard events with the real `tensorboard` package (2.21.0) and says what is in them.

    python references/roundtrip/tensorboard_check.py FOLDER      any run: steps must rise, pictures must be PNG
    python references/roundtrip/tensorboard_check.py --known     the folder that this test writes, value by value:
        cargo test --release -p langevin-train tensorboard -- --ignored
"""

import sys
import tempfile
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def read(folder):
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0})
    return events.Reload()


def check(events):
    tags = events.Tags()
    assert tags["scalars"] or tags["images"], "no events found"
    for tag in tags["scalars"]:
        steps = [event.step for event in events.Scalars(tag)]
        assert steps == sorted(set(steps)), f"{tag}: steps do not rise: {steps}"
        print(f"scalar {tag}: {len(steps)} values, steps {steps[0]} to {steps[-1]}")
    for tag in tags["images"]:
        images = events.Images(tag)
        assert all(image.encoded_image_string.startswith(b"\x89PNG") for image in images), f"{tag}: not PNG"
        print(f"image {tag}: steps {[image.step for image in images]}, {images[-1].width}x{images[-1].height}")


def check_known(events):
    losses = {event.step: event.value for event in events.Scalars("loss/train")}
    assert sorted(losses) == list(range(9)), losses
    for step, loss in losses.items():
        expected = (1 if step <= 3 else 2) / (step + 1)
        assert abs(loss - expected) < 1e-6, (step, loss, expected)
    assert [image.step for image in events.Images("samples")] == [3, 6]


if __name__ == "__main__":
    known = sys.argv[1] == "--known"
    folder = Path(tempfile.gettempdir()) / "langevin-tensorboard-check" if known else Path(sys.argv[1])
    found = read(folder)
    check(found)
    if known:
        check_known(found)
    print("ok")
