"""A BERT encoder in plain PyTorch with Hugging Face's tensor names (`BertModel`, `BertForSequenceClassification`)."""
import copy
import json
import os

import torch
import torch.nn.functional as F
from torch import nn

from files import load_safetensors, save_safetensors, write_json


class Embeddings(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.word_embeddings = nn.Embedding(c["vocab_size"], c["hidden_size"])
        self.position_embeddings = nn.Embedding(c["max_position_embeddings"], c["hidden_size"])
        self.token_type_embeddings = nn.Embedding(c["type_vocab_size"], c["hidden_size"])
        self.LayerNorm = nn.LayerNorm(c["hidden_size"], eps=c["layer_norm_eps"])

    def forward(self, ids):
        x = self.word_embeddings(ids) + self.position_embeddings.weight[:ids.size(1)]
        return self.LayerNorm(x + self.token_type_embeddings.weight[0])


class SelfAttention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads = c["num_attention_heads"]
        self.query, self.key, self.value = (nn.Linear(c["hidden_size"], c["hidden_size"]) for _ in range(3))

    def forward(self, x, mask):
        b, t, h = x.shape
        q, k, v = (f(x).view(b, t, self.heads, -1).transpose(1, 2) for f in (self.query, self.key, self.value))
        scores = q @ k.transpose(-1, -2) * q.size(-1) ** -0.5 + mask
        return (scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, h)


class Output(nn.Module):
    """A projection, its dropout, and the norm after the residual sum."""

    def __init__(self, c, size):
        super().__init__()
        self.dense = nn.Linear(size, c["hidden_size"])
        self.LayerNorm = nn.LayerNorm(c["hidden_size"], eps=c["layer_norm_eps"])
        self.dropout = nn.Dropout(c["hidden_dropout_prob"])

    def forward(self, x, residual):
        return self.LayerNorm(self.dropout(self.dense(x)) + residual)


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.attention = nn.ModuleDict({"self": SelfAttention(c), "output": Output(c, c["hidden_size"])})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(c["hidden_size"], c["intermediate_size"])})
        self.output = Output(c, c["intermediate_size"])

    def forward(self, x, mask):
        x = self.attention["output"](self.attention["self"](x, mask), x)
        return self.output(F.gelu(self.intermediate["dense"](x)), x)


class Bert(nn.Module):
    """ids [batch, tokens], zero-padded on the right -> hidden states [batch, tokens, hidden]."""

    def __init__(self, config, pooler=False):
        super().__init__()
        self.config, self.embeddings = config, Embeddings(config)
        layers = nn.ModuleList(Layer(config) for _ in range(config["num_hidden_layers"]))
        self.encoder = nn.ModuleDict({"layer": layers})
        self.dropout = nn.Dropout(config["hidden_dropout_prob"])
        if pooler:
            self.pooler = nn.ModuleDict({"dense": nn.Linear(config["hidden_size"], config["hidden_size"])})
        for p in self.parameters():
            if p.dim() > 1:
                nn.init.normal_(p, std=config["initializer_range"])
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def forward(self, ids):
        mask = (ids == 0).float()[:, None, None, :] * -1e4
        x = self.dropout(self.embeddings(ids))
        for layer in self.encoder["layer"]:
            x = layer(x, mask)
        return x

    def mean(self, ids):
        """Unit-length mean of the hidden states over the real tokens."""
        keep = (ids != 0).float()[:, :, None]
        return F.normalize((self(ids) * keep).sum(1) / keep.sum(1), dim=-1)


class BertClassifier(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config, self.bert = config, Bert(config, pooler=True)
        self.classifier = nn.Linear(config["hidden_size"], len(config["id2label"]))
        self.dropout = nn.Dropout(config["classifier_dropout"])
        nn.init.normal_(self.classifier.weight, std=config["initializer_range"])
        nn.init.zeros_(self.classifier.bias)

    def forward(self, ids):
        pooled = torch.tanh(self.bert.pooler["dense"](self.bert(ids)[:, 0]))
        return self.classifier(self.dropout(pooled))


def mean_of(models):
    """The model whose weights are the mean of those of `models`, which started from the same weights."""
    mean = copy.deepcopy(models[0])
    states = [m.state_dict() for m in models]
    mean.load_state_dict({k: torch.stack([s[k] for s in states]).mean(0) for k in states[0]})
    return mean


def config_of(**changes):
    return {"model_type": "bert", "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
            "attention_probs_dropout_prob": 0.0, "initializer_range": 0.02, "layer_norm_eps": 1e-12,
            "position_embedding_type": "absolute", "type_vocab_size": 2, "pad_token_id": 0,
            "torch_dtype": "float16", **changes}


def save(model, folder):
    """Rounds the weights to F16 and writes config.json and model.safetensors."""
    os.makedirs(folder, exist_ok=True)
    model.load_state_dict({k: v.half().float() for k, v in model.state_dict().items()})
    save_safetensors(f"{folder}/model.safetensors", model.state_dict())
    write_json(f"{folder}/config.json", model.config)


def load(folder):
    with open(f"{folder}/config.json") as file:
        config = json.load(file)
    model = (BertClassifier if "id2label" in config else Bert)(config)
    model.load_state_dict(load_safetensors(f"{folder}/model.safetensors"))
    return model.eval()


def pad(rows):
    ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    for row, values in zip(ids, rows):
        row[:len(values)] = torch.tensor(values)
    return ids
