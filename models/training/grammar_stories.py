"""Writes short, coherent stories from plots with many alternatives.

    python grammar_stories.py OUT.jsonl --count 30000 --seed 1
"""
import argparse
import json
import random
import re

from story_plots import (ADJECTIVES, ANIMALS, BOYS, ELDERS, END, FEARS, FOODS, GIRLS, MORALS, NAMED_ONLY, OPEN, PLACES,
                         PLOTS, SEARCH, SKILLS, SKY, SMALL, TOYS, UNNAMED)

CHOICE = re.compile(r"\[([^\[\]]*)\]")


def expand(text, facts, rng):
    while CHOICE.search(text):
        text = CHOICE.sub(lambda m: rng.choice(m.group(1).split("|")), text)
    text = re.sub(r"\{(\w+)\}", lambda m: facts[m.group(1)], text)
    return re.sub(r"(^|\n|[.!?] |[^,] \"|[.!?]\" (?=the ))([a-z])", lambda m: m.group(1) + m.group(2).upper(), text)


def hero(rng):
    female = rng.random() < 0.5
    name = rng.choice(GIRLS if female else BOYS)
    person = ["girl"] * 4 + ["princess", "farmer", "baker"] if female else ["boy"] * 4 + ["prince", "farmer", "fisherman"]
    kind = rng.choice(person if rng.random() < 0.55 else ANIMALS)
    named = rng.random() < 0.7
    return (name if named else "the " + kind), kind, female, named


def story(rng):
    name, kind, female, named = hero(rng)
    other = rng.choice([n for n in GIRLS + BOYS if n != name])
    animal = rng.choice([a for a in ANIMALS if a != kind])
    friend = rng.choice([other, other, "the " + rng.choice(["old ", "wise ", "little ", "big "]) + animal])
    ruler = rng.choice(["king", "king", "queen"])
    spots = rng.sample(SEARCH, 3)
    he = "she" if female else "he"
    facts = dict(
        name=name, call=name if named else kind, kind=kind, adj=rng.choice(ADJECTIVES),
        friend=friend, Friend=friend[0].upper() + friend[1:], elder=rng.choice(ELDERS),
        he=he, He=he.capitalize(), his="her" if female else "his", His="Her" if female else "His",
        him="her" if female else "him", himself="herself" if female else "himself", small=rng.choice(SMALL),
        food=rng.choice(FOODS), toy=rng.choice(TOYS), place=rng.choice(PLACES), spot1=spots[0], spot2=spots[1],
        spot3=spots[2], fear=rng.choice(FEARS), skill=rng.choice(SKILLS), ruler=ruler,
        rhis="her" if ruler == "queen" else "his")
    plot = rng.choice([p for p in PLOTS if named or p not in NAMED_ONLY])
    start = "" if plot == "king" else rng.choice(OPEN if named else UNNAMED) + " "
    if start and rng.random() < 0.3:
        start += SKY + " "
    end = rng.choice([e for e in END if "{friend}" not in e or "{friend}" in PLOTS[plot]])
    text = start + PLOTS[plot] + " " + end.replace("{moral}", MORALS[plot])
    paragraphs = [" ".join(p.split()) for p in text.split("\n")]
    return expand(("\n" if rng.random() < 0.5 else " ").join(paragraphs), facts, rng)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--count", type=int, default=30000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    with open(args.out, "w") as file:
        for _ in range(args.count):
            file.write(json.dumps(story(rng)) + "\n")


if __name__ == "__main__":
    main()
