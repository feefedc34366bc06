"""BERT's uncased tokenization in plain Python, and its tokenizer.json in the Hugging Face layout.

    python wordpiece.py TOKENIZER.json < TEXT          # one JSON list of ids a line
"""
import json
import sys
import unicodedata

from files import write_json

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
PAD, UNK, CLS, SEP = range(4)


def is_punctuation(c):
    return 33 <= ord(c) <= 47 or 58 <= ord(c) <= 64 or 91 <= ord(c) <= 96 or 123 <= ord(c) <= 126 \
        or unicodedata.category(c).startswith("P")


def is_cjk(c):
    return 0x4E00 <= ord(c) <= 0x9FFF or 0x3400 <= ord(c) <= 0x4DBF or 0xF900 <= ord(c) <= 0xFAFF \
        or 0x20000 <= ord(c) <= 0x2CEAF or 0x2F800 <= ord(c) <= 0x2FA1F


def words_of(text):
    """BertNormalizer (clean, split CJK, strip accents, lower case), then BertPreTokenizer."""
    out = []
    for c in text:
        if c.isspace():
            out.append(" ")
        elif c != "\ufffd" and unicodedata.category(c)[0] != "C":
            out.append(f" {c} " if is_cjk(c) else c)
    text = "".join(c for c in unicodedata.normalize("NFD", "".join(out)) if unicodedata.category(c) != "Mn")
    return "".join(f" {c} " if is_punctuation(c) else c for c in text.lower()).split()


class WordPiece:
    """Longest match first; a word that no pieces make up is [UNK]."""

    def __init__(self, tokens):
        self.tokens, self.vocab = tokens, {t: i for i, t in enumerate(tokens)}
        self.longest, self.cache = max(map(len, tokens)), {}

    @classmethod
    def load(cls, path):
        with open(path) as file:
            vocab = json.load(file)["model"]["vocab"]
        return cls(sorted(vocab, key=vocab.get))

    def pieces(self, word):
        ids, begin = [], 0
        while begin < len(word) <= 100:
            for end in range(min(len(word), begin + self.longest), begin, -1):
                piece = ("##" if begin else "") + word[begin:end]
                if piece in self.vocab:
                    ids.append(self.vocab[piece])
                    begin = end
                    break
            else:
                return [UNK]
        return ids or [UNK]

    def encode(self, text, limit=None):
        """Ids with [CLS] and [SEP] around them, at most `limit` in all."""
        ids = []
        for word in words_of(text):
            if word not in self.cache:
                self.cache[word] = self.pieces(word)
            ids += self.cache[word]
        return [CLS] + ids[:limit and limit - 2] + [SEP]

    def save(self, folder, limit):
        tokens = [{"id": i, "content": s, "single_word": False, "lstrip": False, "rstrip": False,
                   "normalized": False, "special": True} for i, s in enumerate(SPECIAL)]
        cls, sep_a, sep_b = ({"SpecialToken": {"id": s, "type_id": t}}
                             for s, t in (("[CLS]", 0), ("[SEP]", 0), ("[SEP]", 1)))
        a, b = ({"Sequence": {"id": "AB"[t], "type_id": t}} for t in (0, 1))
        file = {
            "version": "1.0", "truncation": None, "padding": None, "added_tokens": tokens,
            "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                           "strip_accents": None, "lowercase": True},
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": {"type": "TemplateProcessing", "single": [cls, a, sep_a],
                               "pair": [cls, a, sep_a, b, sep_b], "special_tokens": {
                s: {"id": s, "ids": [i], "tokens": [s]} for s, i in (("[CLS]", CLS), ("[SEP]", SEP))}},
            "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
            "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                      "max_input_chars_per_word": 100, "vocab": self.vocab},
        }
        with open(f"{folder}/tokenizer.json", "w") as out:
            json.dump(file, out, ensure_ascii=False, separators=(",", ":"))
        write_json(f"{folder}/tokenizer_config.json", {
            "tokenizer_class": "BertTokenizer", "do_lower_case": True, "unk_token": "[UNK]", "sep_token": "[SEP]",
            "pad_token": "[PAD]", "cls_token": "[CLS]", "model_max_length": limit,
            "clean_up_tokenization_spaces": True})


if __name__ == "__main__":
    tokenizer = WordPiece.load(sys.argv[1])
    for line in sys.stdin:
        print(json.dumps(tokenizer.encode(line.rstrip("\n"))))
