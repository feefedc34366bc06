"""
Encoder-decoders with random weights in the shapes of opus-mt and BART-base, as Hugging Face folders and as
CTranslate2's.

    python prepare_seq2seq.py FOLDER

Needs torch, transformers and ctranslate2. Nothing is done where a folder exists already.
"""

import json
import os
import sys

import ctranslate2
import torch
from ctranslate2.converters import transformers as converters
from transformers import BartConfig, BartForConditionalGeneration, MarianConfig, MarianMTModel

MARIAN = MarianConfig(
    vocab_size=58101,
    decoder_vocab_size=58101,
    d_model=512,
    encoder_layers=6,
    decoder_layers=6,
    encoder_attention_heads=8,
    decoder_attention_heads=8,
    encoder_ffn_dim=2048,
    decoder_ffn_dim=2048,
    activation_function="swish",
    scale_embedding=True,
    max_position_embeddings=512,
    pad_token_id=58100,
    decoder_start_token_id=58100,
    eos_token_id=0,
    forced_eos_token_id=0,
)
BART = BartConfig(
    vocab_size=50265,
    d_model=768,
    encoder_layers=6,
    decoder_layers=6,
    encoder_attention_heads=12,
    decoder_attention_heads=12,
    encoder_ffn_dim=3072,
    decoder_ffn_dim=3072,
    forced_eos_token_id=None,
)
MODELS = {
    "marian": (MarianMTModel, MARIAN, converters.MarianMTLoader),
    "bart-base": (BartForConditionalGeneration, BART, converters.BartLoader),
}


def write_tokenizer(folder: str, size: int) -> None:
    """A word for each id: texts do not matter, and requests have ids."""
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": {f"t{i}": i for i in range(size)}, "unk_token": "t3"},
    }
    with open(os.path.join(folder, "tokenizer.json"), "w") as file:
        json.dump(tokenizer, file)
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as file:
        json.dump({"tokenizer_class": "PreTrainedTokenizerFast"}, file)


def main() -> None:
    base = sys.argv[1]
    for name, (kind, config, loader) in MODELS.items():
        folder = os.path.join(base, name)
        if os.path.exists(os.path.join(folder, "tokenizer_config.json")):
            continue
        torch.manual_seed(11)
        model = kind(config).eval()
        model.generation_config.num_beams = 1
        model.generation_config.forced_eos_token_id = None
        model.generation_config.bad_words_ids = None
        model.save_pretrained(folder)
        # Fields that transformers has dropped, and CTranslate2's converter asks for.
        model.config.normalize_before = False
        model.config.normalize_embedding = name != "marian"
        # Its Marian has no row for padding: the decoder begins with a vector of zeros, under the name of the end.
        size = config.vocab_size - (name == "marian")
        start = config.eos_token_id if name == "marian" else config.decoder_start_token_id
        tokens = [f"t{i}" for i in range(size)]
        for precision in ("float32", "int8"):
            spec = loader().get_model_spec(model)
            spec.register_source_vocabulary(tokens)
            spec.register_target_vocabulary(tokens)
            spec.config.decoder_start_token = f"t{start}"
            spec.config.eos_token = f"t{config.eos_token_id}"
            spec.config.bos_token = f"t{start}"
            spec.config.unk_token = "t3"
            spec.config.add_source_eos = False
            spec.validate()
            spec.optimize(quantization=None if precision == "float32" else precision)
            target = os.path.join(base, f"{name}-ct2-{precision}")
            os.makedirs(target, exist_ok=True)
            spec.save(target)
        write_tokenizer(folder, config.vocab_size)
    print("ctranslate2", ctranslate2.__version__)


main()
