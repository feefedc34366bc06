"""Trains the model that reads English spelling and writes phonemes.

    python train_phonemes.py CMUDICT.DICT OUT_FOLDER
"""
import argparse
import math
import os
import random
import time

import torch
import torch.nn.functional as F

import pronunciations
from bart import Bart
from files import save_safetensors, write_json
from memory import keep_memory
from muon import Muon
from pronunciations import BEGIN, END, PAD

LIMIT = 32
CONFIG = {
    "architectures": ["BartForConditionalGeneration"], "model_type": "bart", "is_encoder_decoder": True,
    "d_model": 192, "encoder_layers": 3, "decoder_layers": 2, "encoder_attention_heads": 6,
    "decoder_attention_heads": 6, "encoder_ffn_dim": 512, "decoder_ffn_dim": 512, "max_position_embeddings": LIMIT,
    "activation_function": "gelu", "scale_embedding": False, "tie_word_embeddings": True, "dropout": 0.0,
    "attention_dropout": 0.0, "activation_dropout": 0.0, "init_std": 0.02, "use_cache": True,
    "pad_token_id": PAD, "bos_token_id": BEGIN, "eos_token_id": END, "decoder_start_token_id": BEGIN,
    "forced_eos_token_id": END, "torch_dtype": "float16",
}


def pad(rows):
    ids = torch.full((len(rows), max(map(len, rows))), PAD)
    for row, tokens in zip(ids, rows):
        row[:len(tokens)] = torch.tensor(tokens)
    return ids


def batches(rows, size, rng):
    """An epoch: (sources, targets) of words of about the same length, in random order. Of a word with several
    pronunciations one is drawn."""
    drawn = [(source, rng.choice(targets)) for source, targets in rows]
    rng.shuffle(drawn)
    drawn.sort(key=lambda row: (len(row[0]), len(row[1])))
    parts = [drawn[i:i + size] for i in range(0, len(drawn), size)]
    rng.shuffle(parts)
    return [tuple(map(pad, zip(*part))) for part in parts]


def loss_of(model, source, target, smoothing):
    logits = model(source, target[:, :-1]).float()
    return F.cross_entropy(logits.flatten(0, 1), target[:, 1:].flatten(), ignore_index=PAD, label_smoothing=smoothing)


@torch.no_grad()
def evaluate(model, rows):
    """(mean loss a token of the first pronunciation, part of words whose greedy phonemes are one of theirs)."""
    model.eval()
    losses, right = [], 0
    for i in range(0, len(rows), 500):
        part = rows[i:i + 500]
        source, target = pad([s for s, _ in part]), pad([t[0] for _, t in part])
        losses.append(loss_of(model, source, target, 0))
        written = torch.full((len(part), 1), BEGIN)
        for _ in range(LIMIT - 1):
            written = torch.cat((written, model(source, written)[:, -1:].argmax(-1)), 1)
        for ids, (_, targets) in zip(written.tolist(), part):
            right += ids[:ids.index(END) + 1 if END in ids else LIMIT] in targets
    model.train()
    return torch.stack(losses).mean().item(), right / len(rows)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dictionary")
    parser.add_argument("out")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--words", type=int, default=256, help="in a step")
    parser.add_argument("--lr", type=float, default=0.02)
    parser.add_argument("--smoothing", type=float, default=0.1)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    keep_memory()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rng = random.Random(0)

    words = pronunciations.read(args.dictionary)
    tokenizer = pronunciations.Tokenizer({p for spoken in words.values() for phonemes in spoken for p in phonemes})
    tokenizer.save(args.out, LIMIT)
    config = {**CONFIG, "vocab_size": len(tokenizer.vocab)}
    write_json(f"{args.out}/config.json", config)
    write_json(f"{args.out}/generation_config.json", {
        "pad_token_id": PAD, "bos_token_id": BEGIN, "eos_token_id": END, "decoder_start_token_id": BEGIN,
        "forced_eos_token_id": END, "do_sample": False, "max_length": LIMIT})
    _, tuned, fit = ([(tokenizer.source(w), [tokenizer.target(p) for p in words[w]]) for w in part]
                     for part in pronunciations.split(words))

    model = Bart(config)
    print(sum(p.numel() for p in model.parameters()), "parameters,", len(fit), "words", flush=True)
    matrices = [p for n, p in model.named_parameters() if p.dim() > 1 and "layers" in n]
    others = [p for n, p in model.named_parameters() if p.dim() == 1 or "layers" not in n]
    muon = Muon(matrices, lr=args.lr)
    adam = torch.optim.AdamW(others, lr=0.003, betas=(0.9, 0.95), weight_decay=0.0)
    rates = [(g, g["lr"]) for o in (muon, adam) for g in o.param_groups]
    step, steps, begin = 0, args.epochs * math.ceil(len(fit) / args.words), time.time()
    for epoch in range(args.epochs):
        losses = []
        for source, target in batches(fit, args.words, rng):
            for group, base in rates:
                group["lr"] = base * min((step + 1) / 100, 1, 1.5 * (1 - step / steps))
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = loss_of(model, source, target, args.smoothing)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(others, 1.0)
            muon.step()
            adam.step()
            model.zero_grad(set_to_none=True)
            losses.append(loss.item())
            step += 1
        print("epoch %d: loss %.4f; others: loss %.4f, words right %.4f; %d s" % (
            epoch + 1, sum(losses) / len(losses), *evaluate(model, tuned), time.time() - begin), flush=True)
    model.load_state_dict({k: v.half().float() for k, v in model.state_dict().items()})
    save_safetensors(f"{args.out}/model.safetensors", model.state_dict())
    print("rounded: loss %.4f, words right %.4f" % evaluate(model, tuned))


if __name__ == "__main__":
    main()
