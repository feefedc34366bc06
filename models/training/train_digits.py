"""Trains the classifier of pictures of digits.

    python train_digits.py FONTS_FOLDER OUT_FOLDER

FONTS_FOLDER is the node_modules with the packages @fontsource/NAME of `digit_shapes.py`.
"""
import argparse
import copy
import math
import time

import torch
import torch.nn.functional as F

import vit
from digit_pictures import SIZE, pictures, plain
from digit_shapes import HELD_PRINTED, HELD_WRITTEN, PRINTED, WRITTEN, handwritten, lettered, strokes_of
from memory import keep_memory
from muon import Muon

CONFIG = vit.config_of(
    image_size=SIZE, patch_size=8, hidden_size=80, num_hidden_layers=5, num_attention_heads=5, intermediate_size=240,
    id2label={str(n): str(n) for n in range(10)}, label2id={str(n): n for n in range(10)})
PREPROCESSOR = {
    "image_processor_type": "ViTImageProcessor", "do_resize": True, "size": {"height": SIZE, "width": SIZE}, "resample": 2,
    "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
# The last hands of scikit-learn's digits, about a fifth.
HELD = 360


@torch.no_grad()
def accuracy(model, made, labels):
    model.eval()
    right = sum((model(part * 2 - 1).argmax(1) == label).sum().item() for part, label in zip(made.split(256), labels.split(256)))
    model.train()
    return right / len(labels)


def measure(model, held):
    """Accuracy for each set that was held out: black on white, white on black, and with chance in everything."""
    parts = []
    for name, (shapes, labels) in held.items():
        torch.manual_seed(1)
        order = torch.randperm(4 * len(labels))
        figures = [accuracy(model, plain(shapes, inverted), labels) for inverted in (False, True)]
        figures.append(accuracy(model, pictures(shapes.repeat(4, 1, 1)[order]), labels.repeat(4)[order]))
        parts.append(f"{name} " + " ".join(f"{figure:.3f}" for figure in figures))
    return "; ".join(parts)


def train(model, sets, held, minutes, size):
    """`sets` are (shapes, labels, share of a batch). Rates follow the clock: warm, then along a cosine to nothing. The weights that come
    back are a running mean."""
    matrices = [p for name, p in model.vit.named_parameters() if p.dim() == 2]
    others = [p for p in model.parameters() if not any(p is m for m in matrices)]
    optimizers = [Muon(matrices, lr=0.02), torch.optim.AdamW(others, lr=2e-3, weight_decay=0.01)]
    rates = [optimizer.param_groups[0]["lr"] for optimizer in optimizers]
    mean, begin, step, reported = copy.deepcopy(model), time.time(), 0, 0
    while (gone := (time.time() - begin) / 60 / minutes) < 1:
        for optimizer, rate in zip(optimizers, rates):
            optimizer.param_groups[0]["lr"] = rate * min(1, gone * 20 + 0.02) * (0.5 + 0.5 * math.cos(math.pi * gone))
        chosen = [torch.randint(len(labels), (int(size * share),)) for _, labels, share in sets]
        mixed = torch.randperm(sum(map(len, chosen)))
        shapes = torch.cat([shapes[i] for (shapes, _, _), i in zip(sets, chosen)])[mixed]
        labels = torch.cat([labels[i] for (_, labels, _), i in zip(sets, chosen)])[mixed]
        # Plain pictures first: what a digit is, is learnt faster there.
        loss = F.cross_entropy(model(pictures(shapes, min(1, gone * 4)) * 2 - 1), labels, label_smoothing=0.05)
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        with torch.no_grad():
            for average, p in zip(mean.parameters(), model.parameters()):
                average.lerp_(p, max(0.02, 1 / (step + 1)))
        step += 1
        if gone - reported > 0.08:
            reported = gone
            print(f"{step} steps of {size}, {time.process_time():.0f} s, loss {loss.item():.3f}; {measure(mean, held)}", flush=True)
    return mean


def thickened(shapes, labels):
    """Those, and the same with a thicker pen."""
    return torch.cat([shapes, F.max_pool2d(shapes[:, None], 3, 1, 1)[:, 0]]), labels.repeat(2)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("fonts")
    parser.add_argument("out")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--size", type=int, default=128)
    args = parser.parse_args()
    keep_memory()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    counts, labels = handwritten()
    hands = strokes_of(counts)
    written = lettered(args.fonts, [name for name in WRITTEN if name not in HELD_WRITTEN])
    printed = lettered(args.fonts, [name for name in PRINTED if name not in HELD_PRINTED])
    held = {"hands": (hands[-HELD:], labels[-HELD:]), "written fonts": lettered(args.fonts, HELD_WRITTEN),
            "printed fonts": lettered(args.fonts, HELD_PRINTED)}
    model = vit.ViTClassifier(CONFIG)
    print(f"{sum(p.numel() for p in model.parameters())} parameters", flush=True)
    # Every pen: thinner strokes of the hands, thicker ones of the fonts.
    hands_of_pens = torch.cat([hands[:-HELD], strokes_of(counts[:-HELD], 0.65)]), labels[:-HELD].repeat(2)
    sets = [(*hands_of_pens, 0.5), (*thickened(*written), 0.35), (*thickened(*printed), 0.15)]
    model = train(model, sets, held, args.minutes, args.size)
    vit.save(model, args.out, PREPROCESSOR)
    print(measure(model, held))


if __name__ == "__main__":
    main()
