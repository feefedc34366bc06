"""Byte-pair encoding in plain Python: trains and writes a byte-level tokenizer.json in the Hugging Face layout,
and reads such files and those of SentencePiece-like BPE models.

    python bpe.py TOKENIZER.json < TEXT          # one JSON list of ids a line, without the begin token
"""
import collections
import json
import re
import sys

# GPT-2's pattern with the classes of Python's re; \w is \p{L} + \p{N} + "_" here, exact for ASCII text.
PRETOKENS = re.compile(r"'(?:[sdmt]|ll|ve|re)| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")


def byte_alphabet():
    """GPT-2's printable stand-in for each of the 256 bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    return {**{b: chr(b) for b in printable}, **{b: chr(256 + i) for i, b in enumerate(others)}}


BYTES = byte_alphabet()


def merge_all(symbols, ranks):
    """Applies the merges of `ranks` {(left, right): order} to a list of strings, lowest order first."""
    while len(symbols) > 1:
        pair = min(zip(symbols, symbols[1:]), key=lambda p: ranks.get(p, len(ranks)))
        if pair not in ranks:
            break
        symbols = merge_pair(symbols, pair)
    return symbols


def merge_pair(symbols, pair):
    out, i = [], 0
    while i < len(symbols):
        if tuple(symbols[i:i + 2]) == pair:
            out.append(symbols[i] + symbols[i + 1])
            i += 2
        else:
            out.append(symbols[i])
            i += 1
    return out


def read_ranks(model):
    return {tuple(m.split(" ")): rank for rank, m in enumerate(model["merges"])}


class ByteLevelBpe:
    def __init__(self, vocab, ranks):
        self.vocab, self.ranks, self.words = vocab, ranks, {}
        self.strings = {i: s for s, i in vocab.items()}
        self.bytes = {c: b for b, c in BYTES.items()}

    @classmethod
    def load(cls, path):
        with open(path) as file:
            model = json.load(file)["model"]
        return cls(model["vocab"], read_ranks(model))

    @classmethod
    def train(cls, texts, size, special):
        """A vocabulary of `size` entries: `special`, the bytes, then merges by count (ties: first in order)."""
        counts = collections.Counter(w for text in texts for w in PRETOKENS.findall(text))
        words = [([BYTES[b] for b in w.encode()], n) for w, n in sorted(counts.items())]
        vocab = {token: i for i, token in enumerate([*special, *sorted(BYTES.values())])}
        pairs, where = collections.Counter(), collections.defaultdict(set)
        for index, (symbols, n) in enumerate(words):
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] += n
                where[pair].add(index)
        ranks = {}
        while len(vocab) < size:
            best = min(pairs, key=lambda p: (-pairs[p], p))
            ranks[best] = len(ranks)
            vocab.setdefault(best[0] + best[1], len(vocab))
            for index in where.pop(best):
                symbols, n = words[index]
                for pair in zip(symbols, symbols[1:]):
                    pairs[pair] -= n
                symbols = merge_pair(symbols, best)
                words[index] = (symbols, n)
                for pair in zip(symbols, symbols[1:]):
                    pairs[pair] += n
                    where[pair].add(index)
            del pairs[best]
        return cls(vocab, ranks)

    def encode(self, text):
        ids = []
        for word in PRETOKENS.findall(text):
            if word not in self.words:
                symbols = merge_all([BYTES[b] for b in word.encode()], self.ranks)
                self.words[word] = [self.vocab[s] for s in symbols]
            ids += self.words[word]
        return ids

    def decode(self, ids):
        characters = "".join(self.strings[i] for i in ids)
        return bytes(self.bytes[c] for c in characters).decode(errors="replace")

    def save(self, path, special):
        """Writes tokenizer.json; special[0] is put before every text."""
        begin = special[0]
        tokens = [{"id": i, "content": s, "single_word": False, "lstrip": False, "rstrip": False,
                   "normalized": False, "special": True} for i, s in enumerate(special)]
        byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
        a, b = ([{"SpecialToken": {"id": begin, "type_id": t}}, {"Sequence": {"id": "AB"[t], "type_id": t}}]
                for t in (0, 1))
        file = {
            "version": "1.0", "truncation": None, "padding": None, "added_tokens": tokens,
            "normalizer": None, "pre_tokenizer": byte_level,
            "post_processor": {"type": "TemplateProcessing", "single": a, "pair": a + b, "special_tokens": {
                begin: {"id": begin, "ids": [self.vocab[begin]], "tokens": [begin]}}},
            "decoder": byte_level,
            "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                      "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
                      "ignore_merges": False, "vocab": self.vocab,
                      "merges": [" ".join(pair) for pair in self.ranks]},
        }
        with open(path, "w") as out:
            json.dump(file, out, ensure_ascii=False, separators=(",", ":"))


class SentencePieceBpe:
    """Reader of a Llama-like tokenizer.json: spaces as U+2581, one in front, and byte fallback."""

    def __init__(self, path):
        with open(path) as file:
            model = json.load(file)["model"]
        self.vocab, self.ranks = model["vocab"], read_ranks(model)
        self.strings = {i: s for s, i in self.vocab.items()}

    def encode(self, text):
        ids = []
        for symbol in merge_all(list("\u2581" + text.replace(" ", "\u2581")), self.ranks) if text else []:
            ids += [self.vocab[symbol]] if symbol in self.vocab else \
                [self.vocab[f"<0x{b:02X}>"] for b in symbol.encode()]
        return ids

    def decode(self, ids):
        out = b""
        for string in map(self.strings.get, ids):
            byte = re.fullmatch("<0x(..)>", string)
            out += bytes([int(byte[1], 16)]) if byte else string.replace("\u2581", " ").encode()
        return out.decode(errors="replace").removeprefix(" ")


if __name__ == "__main__":
    with open(sys.argv[1]) as source:
        sentence_piece = json.load(source)["model"]["byte_fallback"]
    tokenizer = (SentencePieceBpe if sentence_piece else ByteLevelBpe.load)(sys.argv[1])
    for line in sys.stdin:
        print(json.dumps(tokenizer.encode(line.rstrip("\n"))))
