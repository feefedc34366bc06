"""Trains the sentence embedder.

    python train_embedder.py VECTORS_PACKAGE STS_FOLDER OUT_FOLDER
"""
import argparse
import copy
import math
import os
import random

import numpy as np
import torch

import bert
import vectors
from files import write_json
from memory import keep_memory
from wordpiece import SPECIAL, UNK

LIMIT = 256

CONFIG = bert.config_of(
    architectures=["BertModel"], hidden_size=128, num_hidden_layers=2, num_attention_heads=4,
    intermediate_size=256, max_position_embeddings=LIMIT)


def read(path):
    rows = [line.rstrip("\n").split("\t") for line in open(path)]
    return [(float(score) / 5, a, b) for score, a, b in rows]


def start_from(table, config):
    """A BERT whose mean-pooled output is the mean of the rows of `table` [tokens, 100].

    Each row is scaled, and the spare coordinates bring its mean to 0 and its variance to 1, so that the layer
    norms leave it alone; the last norm's weight is 0 there. The attention and feed-forward layers start near 0."""
    model = bert.Bert(config)
    hidden, (count, size) = config["hidden_size"], table.shape
    spare = hidden - size
    x = table * 0.6 * hidden ** 0.5 / np.linalg.norm(table, axis=1).max()
    level = -x.sum(1, keepdims=True) / spare
    swing = np.sqrt(np.maximum(hidden - (x ** 2).sum(1, keepdims=True) - spare * level ** 2, 0) / spare)
    signs = np.where(np.arange(spare) % 2, 1, -1)
    with torch.no_grad():
        e = model.embeddings
        e.word_embeddings.weight.copy_(torch.from_numpy(np.concatenate([x, level + swing * signs], 1)))
        e.position_embeddings.weight.zero_()
        e.token_type_embeddings.weight.zero_()
        for layer in model.encoder["layer"]:
            for output in (layer.attention["output"], layer.output):
                output.dense.weight.mul_(0.1)
        layer.output.LayerNorm.weight[size:] = 0
    return model


def pearson(a, b):
    a, b = a - a.mean(), b - b.mean()
    return (a * b).sum() / (a.norm() * b.norm() + 1e-8)


def batches(rows, size):
    """Sides a and b of `size` pairs at a time, padded together, with their scores."""
    for i in range(0, len(rows), size):
        scores, a, b = zip(*rows[i:i + size])
        yield torch.tensor(scores), bert.pad([*a, *b])


def similarity(model, ids):
    a, b = model.mean(ids).chunk(2)
    return (a * b).sum(-1)


@torch.no_grad()
def evaluate(model, rows):
    model.eval()
    got = [(scores, similarity(model, ids)) for scores, ids in batches(rows, 128)]
    model.train()
    return pearson(*(torch.cat(x) for x in zip(*got))).item()


def train(model, rows, seed, epochs, size=64):
    """Raises the correlation of the cosine with the score; the rates fall linearly to 0."""
    torch.manual_seed(seed)
    rng = random.Random(seed)
    table = model.embeddings.word_embeddings.weight
    others = [p for p in model.parameters() if p is not table]
    optimizer = torch.optim.AdamW([{"params": others, "lr": 5e-4}, {"params": [table], "lr": 1e-3, "weight_decay": 0}])
    rates, step, steps = [g["lr"] for g in optimizer.param_groups], 0, epochs * math.ceil(len(rows) / size)
    for _ in range(epochs):
        rng.shuffle(rows)
        chunks = [sorted(rows[i:i + 8 * size], key=lambda r: max(len(r[1]), len(r[2])))  # less padding
                  for i in range(0, len(rows), 8 * size)]
        queue = [batch for chunk in chunks for batch in batches(chunk, size)]
        rng.shuffle(queue)
        for scores, ids in queue:
            for group, rate in zip(optimizer.param_groups, rates):
                group["lr"] = rate * min(1, (step + 1) / 40, 1 - step / steps)
            drop = (torch.rand(ids.shape) < 0.1) & (ids >= len(SPECIAL))
            loss = 1 - pearson(similarity(model, ids.masked_fill(drop, UNK)), scores)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(others, 1.0)
            optimizer.step()
            optimizer.zero_grad()
            step += 1
    return model


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("vectors")
    parser.add_argument("sts")
    parser.add_argument("out")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    keep_memory()
    torch.set_num_threads(1)
    pairs = read(f"{args.sts}/2015.train.tsv")
    tokenizer, table = vectors.build(args.vectors, [s for _, *both in pairs for s in both],
                                     common=30000, seen=150000, pieces=2000, weighted=True)

    def encoded(rows):
        return [(score, tokenizer.encode(a, LIMIT), tokenizer.encode(b, LIMIT)) for score, a, b in rows]

    rows, reported = encoded(pairs), encoded(read(f"{args.sts}/2015.val.tsv"))
    random.Random(5).shuffle(rows)
    held, fit = rows[:600], rows[600:]
    torch.manual_seed(0)
    start = start_from(table, {**CONFIG, "vocab_size": len(tokenizer.tokens)})
    print(f"{sum(p.numel() for p in start.parameters())} parameters; mean of the weighted vectors: "
          f"held-out {evaluate(start, held):.4f}", flush=True)
    runs = []
    for seed in range(args.runs):
        runs.append(train(copy.deepcopy(start), list(fit), seed, args.epochs))
        print(f"run {seed}: held-out {evaluate(runs[-1], held):.4f}", flush=True)
    model = bert.mean_of(runs)
    bert.save(model, args.out)
    print(f"mean of the runs: held-out {evaluate(model, held):.4f}; validation set {evaluate(model, reported):.4f}, "
          f"before training {evaluate(start, reported):.4f}")
    tokenizer.save(args.out, LIMIT)
    modules = (("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))
    write_json(f"{args.out}/modules.json", [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(modules)])
    write_json(f"{args.out}/sentence_bert_config.json", {"max_seq_length": LIMIT, "do_lower_case": False})
    os.makedirs(f"{args.out}/1_Pooling", exist_ok=True)
    write_json(f"{args.out}/1_Pooling/config.json", {
        "word_embedding_dimension": CONFIG["hidden_size"], "pooling_mode_cls_token": False,
        "pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": False,
        "pooling_mode_mean_sqrt_len_tokens": False})


if __name__ == "__main__":
    main()
