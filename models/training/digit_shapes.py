"""Shapes of digits: the strokes alone, as `[shapes, 64, 64]` of 0 to 1, the digit 44 high or wide in the middle."""
import glob

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont

CANVAS, DIGIT = 64, 44

# Fonts of the npm scope @fontsource, by people who write by hand and by those who print; OFL 1.1 or Apache 2.0, each.
WRITTEN = """indie-flower caveat shadows-into-light patrick-hand kalam gloria-hallelujah reenie-beanie covered-by-your-grace homemade-apple
rock-salt architects-daughter permanent-marker gochi-hand handlee schoolbell sue-ellen-francisco the-girl-next-door annie-use-your-telescope
neucha delius short-stack sriracha itim swanky-and-moo-moo cedarville-cursive bad-script marck-script caveat-brush mansalva amatic-sc
cabin-sketch shantell-sans comic-neue delicious-handrawn""".split()
PRINTED = """roboto open-sans lora merriweather oswald bebas-neue courier-prime special-elite vt323 orbitron share-tech-mono montserrat
playfair-display""".split()
# None of these is trained on.
HELD_WRITTEN = ["kalam", "gloria-hallelujah", "reenie-beanie", "gochi-hand", "schoolbell", "bad-script"]
HELD_PRINTED = ["lora", "oswald", "montserrat"]


def centred(strokes):
    """The digit cut out, in the middle of the canvas."""
    rows, columns = np.nonzero(strokes.max(1) > 0.3)[0], np.nonzero(strokes.max(0) > 0.3)[0]
    cut = strokes[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    scale = DIGIT / max(cut.shape)
    height, width = (max(2, round(n * scale)) for n in cut.shape)
    small = np.asarray(Image.fromarray((cut * 255).astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC)) / 255
    canvas = np.zeros((CANVAS, CANVAS), np.float32)
    top, left = (CANVAS - height) // 2, (CANVAS - width) // 2
    canvas[top:top + height, left:left + width] = small
    return canvas


def handwritten():
    """scikit-learn's copy of UCI's optical digits: [1797, 8, 8] of 0 to 1, and labels; those of the same hand stand together."""
    from sklearn.datasets import load_digits
    data = load_digits()
    return torch.tensor(data.images / 16, dtype=torch.float32), torch.tensor(data.target)


def strokes_of(counts, cut=0.5):
    """The strokes whose pixels were counted in 8x8 squares: enlarged smoothly, and cut where a square is that full."""
    large = F.interpolate(F.pad(counts[:, None], (1, 1, 1, 1)), size=(80, 80), mode="bicubic", align_corners=False)[:, 0]
    sharp = torch.sigmoid((large - cut) * 12).numpy()
    return torch.from_numpy(np.stack([centred(picture) for picture in sharp]))


def lettered(folder, names):
    """The digits of fonts in a `node_modules`, every weight of 400 and 700: [shapes, 64, 64], and labels."""
    shapes, labels = [], []
    for name in names:
        files = sorted(glob.glob(f"{folder}/@fontsource/{name}/files/{name}-latin-[47]00-normal.woff"))
        if not files:
            raise SystemExit(f"{folder} has no @fontsource/{name}")
        for file in files:
            font = ImageFont.truetype(file, 160)
            for digit in range(10):
                picture = Image.new("L", (480, 480))
                ImageDraw.Draw(picture).text((160, 130), str(digit), fill=255, font=font)
                shapes.append(centred(np.asarray(picture) / 255))
                labels.append(digit)
    return torch.from_numpy(np.stack(shapes)), torch.tensor(labels)
