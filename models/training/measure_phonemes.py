"""Measures the model that writes phonemes on the words that its training held out, with transformers' `generate`.

    python measure_phonemes.py CMUDICT.DICT MODEL_FOLDER [--examples FILE.json]
"""
import argparse
import json
import re

import torch
from transformers import AutoTokenizer, BartForConditionalGeneration

import pronunciations

BEAMS = 4
BATCH = 250
EXAMPLES = 24


def edits(a, b):
    """Levenshtein distance of two lists."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a):
        before, row[0] = row[0], i + 1
        for j, y in enumerate(b):
            before, row[j + 1] = row[j + 1], min(row[j + 1] + 1, row[j] + 1, before + (x != y))
    return row[-1]


def error_rates(written, references):
    """(edits for each phoneme of the nearest reference, part of texts that are none of their references)."""
    nearest = [min((edits(text, r), len(r)) for r in spoken) for text, spoken in zip(written, references)]
    wrong, length = map(sum, zip(*nearest))
    return wrong / length, sum(e > 0 for e, _ in nearest) / len(nearest)


def without_stress(phonemes):
    return [re.sub(r"\d", "", p) for p in phonemes]


@torch.inference_mode()
def generate(model, tokenizer, words, **settings):
    """[{texts, scores}] of each word; greedy search has no scores."""
    count, out = settings.get("num_return_sequences", 1), {}
    by_length = sorted(words, key=len)
    for part in (by_length[i:i + BATCH] for i in range(0, len(words), BATCH)):
        batch = tokenizer(part, padding=True, return_tensors="pt", return_token_type_ids=False)
        result = model.generate(**batch, **settings, return_dict_in_generate=True, output_scores=count > 1)
        texts = tokenizer.batch_decode(result.sequences, skip_special_tokens=True)
        scores = result.sequences_scores.tolist() if count > 1 else [None] * len(texts)
        for j, word in enumerate(part):
            of_word = slice(j * count, (j + 1) * count)
            out[word] = {"texts": texts[of_word], "scores": scores[of_word]}
    return [out[word] for word in words]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dictionary")
    parser.add_argument("model")
    parser.add_argument("--words", type=int, default=pronunciations.HELD, help="how many of them")
    parser.add_argument("--examples", help=f"where to write what comes out for {EXAMPLES} of the words")
    args = parser.parse_args()
    torch.set_num_threads(1)
    dictionary = pronunciations.read(args.dictionary)
    words = pronunciations.split(dictionary)[0][:args.words]
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    model = BartForConditionalGeneration.from_pretrained(args.model, dtype=torch.float32).eval()
    greedy = generate(model, tokenizer, words, num_beams=1)
    beams = generate(model, tokenizer, words, num_beams=BEAMS, num_return_sequences=BEAMS)
    references = [dictionary[word] for word in words]
    for name, results in (("greedy", greedy), (f"{BEAMS} beams", beams)):
        written = [r["texts"][0].split(" ") for r in results]
        plain = error_rates(list(map(without_stress, written)), [list(map(without_stress, r)) for r in references])
        print("%s, %d words: phoneme error rate %.4f, word error rate %.4f; without stress %.4f, %.4f" % (
            name, len(words), *error_rates(written, references), *plain))
    if args.examples:
        with open(args.examples, "w", encoding="utf-8") as file:
            json.dump([{"word": word, "greedy": g["texts"][0], "beams": b["texts"], "scores": b["scores"]}
                       for word, g, b in zip(words, greedy, beams)][:EXAMPLES], file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
