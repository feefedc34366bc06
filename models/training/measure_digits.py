"""Measures the classifier of pictures of digits on files, with transformers' processor and model: drawn, printed and turned digits of the
hands and fonts that its training held out.

    python measure_digits.py FONTS_FOLDER MODEL_FOLDER [--examples FILE.json]
"""
import argparse
import base64
import io
import json

import numpy as np
import torch
from PIL import Image
from transformers import AutoImageProcessor, ViTForImageClassification

from digit_shapes import HELD_PRINTED, HELD_WRITTEN, handwritten, lettered, strokes_of
from train_digits import HELD

# (name, width, height, part of the height that the digit takes, degrees, paper, ink)
KINDS = [
    ("black on white, 280x280, close", 280, 280, 0.9, 0, (255, 255, 255), (0, 0, 0)),
    ("black on white, 400x400, with a margin", 400, 400, 0.55, 0, (255, 255, 255), (0, 0, 0)),
    ("white on black, 400x400, with a margin", 400, 400, 0.55, 0, (0, 0, 0), (255, 255, 255)),
    ("blue ink on yellowish paper, 640x480", 640, 480, 0.7, 0, (244, 238, 214), (30, 50, 140)),
    ("turned by 12 degrees", 400, 400, 0.7, 12, (255, 255, 255), (20, 20, 20)),
]


def drawn(shape, width, height, part, degrees, paper, ink):
    """A picture of a shape of 64x64, whose digit is 44 high."""
    edge = round(height * part * 64 / 44)
    mask = Image.fromarray((shape.numpy() * 255).astype(np.uint8)).resize((edge, edge), Image.Resampling.BICUBIC).rotate(degrees)
    picture = Image.new("RGB", (width, height), paper)
    picture.paste(Image.new("RGB", (edge, edge), ink), ((width - edge) // 2, (height - edge) // 2), mask)
    return picture


def file_of(picture):
    file = io.BytesIO()
    picture.save(file, "webp", lossless=True, quality=100)
    return file.getvalue()


@torch.inference_mode()
def logits_of(model, processor, pictures):
    parts = [pictures[i:i + 128] for i in range(0, len(pictures), 128)]
    return torch.cat([model(**processor(part, return_tensors="pt")).logits for part in parts])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("fonts")
    parser.add_argument("model")
    parser.add_argument("--examples", help="writes some pictures with their logits here, for the tests")
    args = parser.parse_args()
    torch.set_num_threads(1)
    processor = AutoImageProcessor.from_pretrained(args.model, backend="pil")
    model = ViTForImageClassification.from_pretrained(args.model, dtype=torch.float32).eval()
    counts, labels = handwritten()
    sets = {"hands": (strokes_of(counts[-HELD:]), labels[-HELD:]), "written fonts": lettered(args.fonts, HELD_WRITTEN),
            "printed fonts": lettered(args.fonts, HELD_PRINTED)}
    examples = []
    for kind, *how in KINDS:
        figures = []
        for name, (shapes, digits) in sets.items():
            pictures = [drawn(shape, *how) for shape in shapes]
            logits = logits_of(model, processor, pictures)
            figures.append(f"{name} {(logits.argmax(1) == digits).float().mean():.3f}")
            i = 37 * len(examples) % len(shapes)
            examples.append({"digit": int(digits[i]), "file": base64.b64encode(file_of(pictures[i])).decode(),
                             "logits": [round(x, 5) for x in logits[i].tolist()]})
        print(f"{kind}: {', '.join(figures)}")
    if args.examples:
        with open(args.examples, "w") as file:
            json.dump(examples, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
