"""Makes `minilm.json`: what sentence-transformers gives for some texts with all-MiniLM-L6-v2. A developer's tool; `check:real` needs only what it
wrote (with sentence-transformers 6.2, transformers 5.24 and torch 2.13).

    python make_minilm.py FOLDER
"""
import base64
import json
import os
import sys

import numpy as np
from sentence_transformers import SentenceTransformer

TEXTS = [
    "A fox in the snow", "a fox in the snow.", "The stock market fell by 3.2% on Tuesday.", "", " ", "?", "hello", "HELLO WORLD",
    "Wie spät ist es in München?", "Où est la bibliothèque ?", "¿Dónde está la estación de tren?", "東京は日本の首都です。", "今天天气很好", "Москва — столица России",
    "مرحبا بالعالم", "नमस्ते दुनिया", "🦊 in the ❄️", "café naïve façade", "cafe\u0301 na\u0308ive", "x" * 150, "def f(x):\n    return x ** 2  # square",
    "https://example.com/a/b?c=d&e=f#g", "SELECT name FROM users WHERE id = 42;", "[MASK] [CLS] tokens [SEP] in a text", "1,234,567.89 €",
    "How do I reset the password of my account?", "To change your password, open the settings and choose security.",
    "The committee, which had met on several occasions, could not reach an agreement about the proposal.",
    "word " * 100, "The quick brown fox jumps over the lazy dog. " * 40, "a, b; c: d! e? (f) [g] {h} <i> 'j' \"k\"", "tabs\tand\nnew\r\nlines",
]


def main():
    model = SentenceTransformer(sys.argv[1], device="cpu")
    vectors = model.encode(TEXTS, batch_size=1).astype(np.float32)
    tokens = [int(model.preprocess([text])["attention_mask"].sum()) for text in TEXTS]
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "minilm.json"), "w") as file:
        json.dump({"texts": TEXTS, "tokens": tokens, "vectors": [base64.b64encode(vector.tobytes()).decode() for vector in vectors]}, file)
        file.write("\n")


main()
