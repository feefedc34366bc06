"""Continues a prompt with a story model, to judge it by eye.

    python generate.py MODEL_FOLDER "Once upon a time" --temperature 0.7 --count 3
"""
import argparse

import torch

from bpe import ByteLevelBpe
from llama import Llama

BEGIN, END = 0, 1


@torch.inference_mode()
def generate(model, ids, temperature):
    """Ids with the continuation up to the end token; greedy where the temperature is 0."""
    cache, given = model.new_cache(1, model.config["max_position_embeddings"]), len(ids)
    for t in range(model.config["max_position_embeddings"] - 1):
        logits = model(torch.tensor([[ids[t]]]), cache, t)[0, -1]
        if t < given - 1:
            continue
        next_id = (torch.multinomial((logits / temperature).softmax(-1), 1) if temperature else logits.argmax()).item()
        if next_id == END:
            break
        ids.append(next_id)
    return ids


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("prompt")
    parser.add_argument("--temperature", type=float, default=0)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    model, tokenizer = Llama.load(args.model), ByteLevelBpe.load(f"{args.model}/tokenizer.json")
    for _ in range(args.count):
        ids = generate(model, [BEGIN] + tokenizer.encode(args.prompt), args.temperature)
        print(tokenizer.decode(ids[1:]) + "\n")


if __name__ == "__main__":
    main()
