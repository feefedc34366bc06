"""Samples short stories from a small Llama teacher, one JSON string a line.

    python sample_stories.py TEACHER_FOLDER OUT.jsonl --minutes 8 --seed 1
"""
import argparse
import json
import random
import time

import torch

from bpe import SentencePieceBpe
from llama import Llama

BOS, EOS = 1, 2
NAMES = """Lily Tim Ben Anna Tom Mia Sam Lucy Max Sara Jack Amy Leo Ella Bob Sue Jane Timmy Emma Tommy Daisy
Billy Molly Johnny Mary Peter Kate Nina Fred Rose Joe Benny Jenny Freddy Bella Charlie Spot Fluffy Mark Zoe Toby
Alice Henry Grace Oliver Ruby Felix Clara Jim Mandy Susie Bobo Kitty Rex Remy Polly Roxy Ted Lola Andy Nick""".split()
PEOPLE = """girl boy man woman king queen prince princess farmer baker teacher fisherman doctor grandmother
grandfather soldier sailor wizard painter child knight gardener hunter witch clown""".split()
ANIMALS = """fox bear dog cat bird rabbit mouse frog duck lion horse cow pig sheep owl bee ant butterfly fish
squirrel turtle monkey elephant puppy kitten wolf goat hen dragon whale spider snail crab tiger deer""".split()
THINGS = """ball car boat tree flower house box book doll train truck kite star cloud leaf hat shoe robot balloon
cake apple seed river lake garden bridge boot key bell bed lamp toy""".split()
ADJECTIVES = "little big small old young kind brave happy sad clever funny poor good lazy tiny curious hungry wise".split()
PLACES = """in the forest;by the sea;near a river;in a small town;in a big house;on a farm;in the woods;in a castle;
by a lake;in a village;on a hill;in the city;in a garden;at the park;in a cave;at school;in the mountains""".split(";")
OPENINGS = """Once upon a time|Once upon a time, there was a {a} {w}|Once upon a time, there was a {a} {w} named {n}
Once upon a time, in a|There was once a {a} {w}|There was a {a} {w} who lived {p}|One day, a {a} {w}|One day, {n}
One day, {n} and {m}|{n} was a {a} {w}|{n} and {m} were|{n} had a {a} {t}|{n} wanted|{n} liked to|The {a} {w}|The {w}
The {w} was|The {a} {w} lived {p}|A {a} {w}|It was a|It was a sunny day|In a|The sun|The {a} {t}|The {t} was|A {a} {t}
One morning, {n}|Every day, {n}|Long ago, a {a} {w}|My|I|She|He|They|"Hello|"Look|Mom and|{n} and the {a} {w}|There was a
Yesterday|In the morning|At night|The {w} and the|Two friends, {n} and {m}|Once there was a {a} {w} named {n}|When {n}
Last night|{n} saw a {a} {t}|The {w} looked at|We|After|Many|{n}'s mom|On a|The {w} said|Today""".replace("\n", "|").split("|")


def opening(rng):
    if rng.random() < 0.3:
        return ""
    return rng.choice(OPENINGS).format(
        a=rng.choice(ADJECTIVES), w=rng.choice(PEOPLE + ANIMALS), n=rng.choice(NAMES),
        m=rng.choice(NAMES), t=rng.choice(THINGS), p=rng.choice(PLACES).strip())


@torch.inference_mode()
def batch(model, prompts, temperature):
    """Token rows that ended on their own, and how many tokens were made."""
    length = model.config["max_position_embeddings"]
    ids = torch.full((len(prompts), length), -1)
    for row, prompt in zip(ids, prompts):
        row[:len(prompt)] = torch.tensor(prompt)
    cache, done, made = model.new_cache(len(prompts), length), [], 0
    live = torch.ones(len(prompts), dtype=torch.bool)
    for t in range(length - 1):
        logits = model(ids[:, t:t + 1], cache, t)[:, -1] / temperature
        token = torch.multinomial(logits.softmax(-1), 1)[:, 0]
        ids[:, t + 1] = torch.where(ids[:, t + 1] < 0, token, ids[:, t + 1])
        made += len(ids)
        ended = live & ((ids[:, t + 1] == BOS) | (ids[:, t + 1] == EOS))
        done += ids[ended, 1:t + 1].tolist()
        live &= ~ended
        if t % 24 == 23 and live.sum() < 0.92 * len(ids):
            ids, cache = ids[live], [layer[:, live] for layer in cache]
            live = live[live]
            if len(ids) < 8:
                break
    return done, made


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("teacher")
    parser.add_argument("out")
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", type=int, default=256)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    model = Llama.load(args.teacher)
    tokenizer = SentencePieceBpe(f"{args.teacher}/tokenizer.json")
    begin, made, characters = time.time(), 0, 0
    with open(args.out, "w") as file:
        while time.time() - begin < args.minutes * 60:
            prompts = [[BOS] + tokenizer.encode(opening(rng)) for _ in range(args.rows)]
            rows, count = batch(model, prompts, rng.choice((0.5, 0.6, 0.7)))
            for row in rows:
                text = tokenizer.decode(row).strip()
                file.write(json.dumps(text, ensure_ascii=False) + "\n")
                characters += len(text)
            file.flush()
            made += count
            print(f"{made} tokens, {characters} characters, {made / (time.time() - begin):.0f} tokens/s", flush=True)


if __name__ == "__main__":
    main()
