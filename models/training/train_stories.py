"""Trains the tokenizer and the story generator.

    python train_stories.py WORK_FOLDER OUT_FOLDER

WORK_FOLDER holds sampled*.jsonl and grammar*.jsonl, one JSON string a line.
"""
import argparse
import collections
import glob
import json
import math
import os
import random
import re
import time

import numpy as np
import torch
import torch.nn.functional as F

from bpe import ByteLevelBpe
from files import save_safetensors, write_json
from llama import Llama
from memory import keep_memory
from muon import Muon

BEGIN, END = "<|begin|>", "<|end|>"
HELD = 300
CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 2048,
    "hidden_size": 192, "intermediate_size": 512, "num_hidden_layers": 6,
    "num_attention_heads": 6, "num_key_value_heads": 3, "head_dim": 32,
    "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
    "hidden_act": "silu", "tie_word_embeddings": True, "attention_bias": False, "mlp_bias": False,
    "attention_dropout": 0.0, "initializer_range": 0.02, "use_cache": True,
    "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1, "torch_dtype": "float16",
}


def read(pattern):
    return [json.loads(line) for path in sorted(glob.glob(pattern)) for line in open(path)]


def clean(stories):
    """Drops duplicates, broken endings, rare (mostly misspelt) words and stuck repetition."""
    stories = [re.sub(r"\s*\n\s*", "\n", s.replace("\u201c", '"').replace("\u201d", '"').replace("\u2019", "'")).strip()
               for s in dict.fromkeys(stories)]
    words = collections.Counter(w for s in stories for w in set(re.findall(r"[a-z']+", s.lower())))
    kept = []
    for s in stories:
        tokens = re.findall(r"[a-z']+", s.lower())
        if 150 < len(s) < 1800 and s[-1] in '.!?"' and re.match("[A-Z\"]", s) and s.count('"') % 2 == 0 \
                and s.isascii() and all(words[w] > 3 for w in tokens) \
                and not re.search(r"\b(?!very|had|that|so)(\w+) \1\b", s.lower()) \
                and len(set(zip(tokens, tokens[1:], tokens[2:]))) > 0.8 * len(tokens):
            kept.append(s)
    return kept


def build_tokenizer(stories, out):
    tokenizer = ByteLevelBpe.train(stories, CONFIG["vocab_size"], [BEGIN, END])
    tokenizer.save(f"{out}/tokenizer.json", [BEGIN, END])
    write_json(f"{out}/tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": BEGIN, "eos_token": END, "pad_token": END,
        "add_bos_token": True, "add_eos_token": False,
        "model_max_length": CONFIG["max_position_embeddings"], "clean_up_tokenization_spaces": False})
    return tokenizer


def encode(tokenizer, stories):
    """Ids of each story after the begin token."""
    return [[0] + tokenizer.encode(s) for s in stories]


def pack(rows, length):
    ids = np.concatenate([np.array(row + [1], dtype=np.int64) for row in rows])
    return torch.from_numpy(ids[:len(ids) // length * length].reshape(-1, length))


def loss_of(model, block):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(block[:, :-1])
    return F.cross_entropy(logits.float().flatten(0, 1), block[:, 1:].flatten())


@torch.no_grad()
def evaluate(model, rows, texts):
    """Mean loss a token and bits a byte, each story on its own; F32 arithmetic."""
    model.eval()
    total = count = 0
    for row in rows:
        ids = torch.tensor([(row + [1])[:513]])
        total += F.cross_entropy(model(ids[:, :-1])[0], ids[0, 1:], reduction="sum").item()
        count += ids.size(1) - 1
    model.train()
    return total / count, total / math.log(2) / sum(len(t.encode()) for t in texts)


def export(model, out):
    model.load_state_dict({k: v.half().float() for k, v in model.state_dict().items()})
    save_safetensors(f"{out}/model.safetensors", model.state_dict())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("work")
    parser.add_argument("out")
    parser.add_argument("--steps", type=int, default=4000, help="of the whole schedule")
    parser.add_argument("--stop", type=int, help="end after this step, before the schedule does")
    parser.add_argument("--sampled", type=int, default=1, help="times that a sampled story occurs in an epoch")
    parser.add_argument("--go-on", action="store_true", help="start from the weights in OUT_FOLDER")
    parser.add_argument("--tokens", type=int, default=4096, help="in a step")
    parser.add_argument("--lr", type=float, default=0.02)
    parser.add_argument("--snapshot", type=int, default=500, help="also export every so many steps")
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    keep_memory()
    torch.manual_seed(0)
    rng = random.Random(0)

    sampled, grammar = clean(read(f"{args.work}/sampled*.jsonl")), list(dict.fromkeys(read(f"{args.work}/grammar*.jsonl")))
    print(f"{len(sampled)} sampled stories, {sum(map(len, sampled))} characters; "
          f"{len(grammar)} grammar stories, {sum(map(len, grammar))} characters", flush=True)
    held = {"sampled": sampled[:HELD], "grammar": grammar[:HELD]}
    sampled, grammar = sampled[HELD:], grammar[HELD:]
    tokenizer = build_tokenizer(sampled + grammar, args.out)
    rows = encode(tokenizer, args.sampled * sampled + grammar)
    print(f"{sum(map(len, rows))} tokens in an epoch", flush=True)
    write_json(f"{args.out}/config.json", CONFIG)
    write_json(f"{args.out}/generation_config.json", {
        "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1, "do_sample": True,
        "temperature": 0.7, "top_p": 0.95, "max_new_tokens": 256})

    model = (Llama.load(args.out) if args.go_on else Llama(CONFIG).init()).train()
    print(sum(p.numel() for p in model.parameters()), "parameters", flush=True)
    matrices = [p for n, p in model.named_parameters() if "proj" in n]
    others = [p for n, p in model.named_parameters() if "proj" not in n]
    muon = Muon(matrices, lr=args.lr)
    adam = torch.optim.AdamW(others, lr=0.003, betas=(0.9, 0.95), weight_decay=0.0)
    rates = [(g, g["lr"]) for o in (muon, adam) for g in o.param_groups]

    step, seen, begin, recent, queue, length = 0, 0, time.time(), [], [], 0
    while step < (args.stop or args.steps):
        done = step / args.steps
        wanted = 256 if done < 0.8 else CONFIG["max_position_embeddings"]
        if not queue or length != wanted:  # short blocks first: attention is cheaper; then the late positions
            length = wanted
            rng.shuffle(rows)
            queue = list(pack(rows, length + 1).split(args.tokens // length))
            print(f"epoch of {length}-token blocks", flush=True)
        rate = min((step + 1) / 100, 1, 2 * (1 - done))
        for group, base in rates:
            group["lr"] = base * rate
        block = queue.pop()
        loss = loss_of(model, block)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(others, 1.0)
        muon.step()
        adam.step()
        model.zero_grad(set_to_none=True)
        recent.append(loss.item())
        step, seen = step + 1, seen + block[:, 1:].numel()
        if step % 25 == 0:
            print(f"step {step} loss {np.mean(recent[-25:]):.4f} tokens {seen} "
                  f"{seen / (time.time() - begin):.0f}/s", flush=True)
        if step % args.snapshot == 0:
            save_safetensors(f"{args.out}/model.safetensors", model.state_dict())
    export(model, args.out)
    for name, texts in held.items():
        print("held-out %s: loss %.4f a token, %.4f bits a byte"
              % (name, *evaluate(model, encode(tokenizer, texts), texts)))


if __name__ == "__main__":
    main()
