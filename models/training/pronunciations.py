"""The CMU Pronouncing Dictionary, and the tokenizer of a model that reads spellings and writes phonemes."""
import json
import random
import re

from files import write_json

PAD, BEGIN, END = range(3)
SPECIAL = ["<pad>", "<s>", "</s>"]
SPACE = "\u2581"  # as in SentencePiece's vocabularies; every phoneme begins with one
LETTERS = "'abcdefghijklmnopqrstuvwxyz"
HELD, TUNED = 4000, 1000


def read(path):
    """{word: pronunciations, lists of ARPAbet phonemes} of `cmudict.dict`; words of letters and apostrophes only."""
    words = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            entry, *phonemes = line.split("#")[0].split()
            word = re.sub(r"\(\d+\)$", "", entry)
            if set(word) <= set(LETTERS):
                words.setdefault(word, []).append(phonemes)
    return words


def split(words):
    """(held out, for choosing settings, for training). Forms in -s, -'s and -s' go where their word goes."""
    families = {}
    for word in sorted(words):
        families.setdefault(re.sub("('s|s'|s)$", "", word), []).append(word)
    order = sorted(families)
    random.Random(0).shuffle(order)
    listed = [word for family in order for word in families[family]]
    return listed[:HELD], listed[HELD:HELD + TUNED], listed[HELD + TUNED:]


class Tokenizer:
    """One id for each letter of a spelling and for each phoneme."""

    def __init__(self, phonemes):
        tokens = [*SPECIAL, SPACE, *LETTERS, *(SPACE + p for p in sorted(phonemes))]
        self.vocab = {token: i for i, token in enumerate(tokens)}

    def source(self, word):
        return [*(self.vocab[letter] for letter in word), END]

    def target(self, phonemes):
        return [BEGIN, *(self.vocab[SPACE + p] for p in phonemes), END]

    def save(self, folder, limit):
        tokens = [{"id": i, "content": s, "single_word": False, "lstrip": False, "rstrip": False,
                   "normalized": False, "special": True} for i, s in enumerate(SPECIAL)]
        a, b = ({"Sequence": {"id": text, "type_id": 0}} for text in "AB")
        end = {"SpecialToken": {"id": "</s>", "type_id": 0}}
        file = {
            "version": "1.0", "truncation": None, "padding": None, "added_tokens": tokens,
            "normalizer": {"type": "Sequence", "normalizers": [
                {"type": "NFKD"}, {"type": "Lowercase"},
                {"type": "Replace", "pattern": {"String": "\u2019"}, "content": "'"},
                {"type": "Replace", "pattern": {"Regex": "[^a-z']"}, "content": ""}]},
            "pre_tokenizer": None,
            "post_processor": {
                "type": "TemplateProcessing", "single": [a, end], "pair": [a, b, end],
                "special_tokens": {"</s>": {"id": "</s>", "ids": [END], "tokens": ["</s>"]}}},
            "decoder": {"type": "Metaspace", "replacement": SPACE, "prepend_scheme": "always", "split": True},
            "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                      "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
                      "ignore_merges": False, "vocab": self.vocab, "merges": []},
        }
        with open(f"{folder}/tokenizer.json", "w", encoding="utf-8") as out:
            json.dump(file, out, ensure_ascii=False, separators=(",", ":"))
        write_json(f"{folder}/tokenizer_config.json", {
            "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>",
            "model_max_length": limit, "clean_up_tokenization_spaces": False})
