"""A vision transformer that classifies (Dosovitskiy et al. 2020), with the names of Hugging Face's ViTForImageClassification."""
import os

import torch
import torch.nn.functional as F
from torch import nn

from files import save_safetensors, write_json


def config_of(**fields):
    return {"model_type": "vit", "architectures": ["ViTForImageClassification"], "hidden_act": "gelu", "hidden_dropout_prob": 0.0,
            "attention_probs_dropout_prob": 0.0, "initializer_range": 0.02, "layer_norm_eps": 1e-12, "num_channels": 3, "qkv_bias": True,
            "torch_dtype": "float16", **fields}


def dense(inputs, outputs):
    """A product by the name that transformers has for it."""
    return nn.ModuleDict({"dense": nn.Linear(inputs, outputs)})


class Layer(nn.Module):
    def __init__(self, config):
        super().__init__()
        size, inner, epsilon = config["hidden_size"], config["intermediate_size"], config["layer_norm_eps"]
        self.heads = config["num_attention_heads"]
        self.layernorm_before, self.layernorm_after = nn.LayerNorm(size, epsilon), nn.LayerNorm(size, epsilon)
        self.attention = nn.ModuleDict({
            "attention": nn.ModuleDict({name: nn.Linear(size, size) for name in ("query", "key", "value")}), "output": dense(size, size)})
        self.intermediate, self.output = dense(size, inner), dense(inner, size)

    def forward(self, x):
        normed = self.layernorm_before(x)
        q, k, v = (part(normed).unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.attention["attention"].values())
        seen = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(-2)
        x = x + self.attention["output"]["dense"](seen)
        return x + self.output["dense"](F.gelu(self.intermediate["dense"](self.layernorm_after(x))))


class Embeddings(nn.Module):
    def __init__(self, config):
        super().__init__()
        size, patch = config["hidden_size"], config["patch_size"]
        self.cls_token = nn.Parameter(torch.randn(1, 1, size) * 0.02)
        self.position_embeddings = nn.Parameter(torch.randn(1, (config["image_size"] // patch) ** 2 + 1, size) * 0.02)
        self.patch_embeddings = nn.ModuleDict({"projection": nn.Conv2d(3, size, patch, patch)})

    def forward(self, pictures):
        patches = self.patch_embeddings["projection"](pictures).flatten(2).transpose(1, 2)
        return torch.cat([self.cls_token.expand(len(patches), -1, -1), patches], 1) + self.position_embeddings


class ViTClassifier(nn.Module):
    """[batch, 3, height, width], normalised -> [batch, labels]"""

    def __init__(self, config):
        super().__init__()
        self.config, size = config, config["hidden_size"]
        self.vit = nn.ModuleDict({
            "embeddings": Embeddings(config),
            "encoder": nn.ModuleDict({"layer": nn.ModuleList(Layer(config) for _ in range(config["num_hidden_layers"]))}),
            "layernorm": nn.LayerNorm(size, config["layer_norm_eps"])})
        self.classifier = nn.Linear(size, len(config["id2label"]))

    def forward(self, pictures):
        x = self.vit["embeddings"](pictures)
        for layer in self.vit["encoder"]["layer"]:
            x = layer(x)
        return self.classifier(self.vit["layernorm"](x[:, 0]))


def save(model, folder, preprocessor):
    os.makedirs(folder, exist_ok=True)
    save_safetensors(f"{folder}/model.safetensors", model.state_dict())
    write_json(f"{folder}/config.json", model.config)
    write_json(f"{folder}/preprocessor_config.json", preprocessor)
