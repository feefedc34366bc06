"""A Llama decoder in plain PyTorch, with Hugging Face's tensor names."""
import json
import os

import torch
import torch.nn.functional as F
from torch import nn

from files import load_safetensors

def attend(q, k, v, causal):
    scores = (q * q.size(-1) ** -0.5) @ k.transpose(-1, -2)
    if causal:
        scores = scores + torch.full(scores.shape[-2:], float("-inf"), dtype=scores.dtype).triu(1)
    return scores.softmax(-1).to(v.dtype) @ v


class RMSNorm(nn.Module):
    def __init__(self, size, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(size)), eps

    def forward(self, x):
        x = x.float()
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps))


def rotate(x, cos, sin):
    """Rotate-half rotary positions."""
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat((-b, a), -1) * sin


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads, self.kv_heads = c["num_attention_heads"], c["num_key_value_heads"]
        self.size = c["head_dim"]
        hidden = c["hidden_size"]
        self.q_proj = nn.Linear(hidden, self.heads * self.size, bias=False)
        self.k_proj = nn.Linear(hidden, self.kv_heads * self.size, bias=False)
        self.v_proj = nn.Linear(hidden, self.kv_heads * self.size, bias=False)
        self.o_proj = nn.Linear(self.heads * self.size, hidden, bias=False)

    def forward(self, x, cos, sin, cache=None, start=0):
        b, t, _ = x.shape
        q = self.q_proj(x).view(b, t, self.heads, self.size).transpose(1, 2)
        k = self.k_proj(x).view(b, t, self.kv_heads, self.size).transpose(1, 2)
        v = self.v_proj(x).view(b, t, self.kv_heads, self.size).transpose(1, 2)
        q, k = rotate(q, cos, sin).to(v.dtype), rotate(k, cos, sin).to(v.dtype)
        group = self.heads // self.kv_heads
        if cache is None:
            k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
            y = attend(q, k, v, True)
        else:  # one token per row: the heads of a group are the queries
            cache[0][:, :, start:start + 1], cache[1][:, :, start:start + 1] = k, v
            q = q.reshape(b, self.kv_heads, group, self.size)
            y = attend(q, cache[0][:, :, :start + 1], cache[1][:, :, :start + 1], False)
            y = y.reshape(b, self.heads, 1, self.size)
        return self.o_proj(y.transpose(1, 2).reshape(b, t, -1))


class MLP(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.gate_proj = nn.Linear(c["hidden_size"], c["intermediate_size"], bias=False)
        self.up_proj = nn.Linear(c["hidden_size"], c["intermediate_size"], bias=False)
        self.down_proj = nn.Linear(c["intermediate_size"], c["hidden_size"], bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.input_layernorm = RMSNorm(c["hidden_size"], c["rms_norm_eps"])
        self.self_attn = Attention(c)
        self.post_attention_layernorm = RMSNorm(c["hidden_size"], c["rms_norm_eps"])
        self.mlp = MLP(c)

    def forward(self, x, cos, sin, cache=None, start=0):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, cache, start)
        return x + self.mlp(self.post_attention_layernorm(x))


class Body(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embed_tokens = nn.Embedding(c["vocab_size"], c["hidden_size"])
        self.layers = nn.ModuleList(Layer(c) for _ in range(c["num_hidden_layers"]))
        self.norm = RMSNorm(c["hidden_size"], c["rms_norm_eps"])


class Llama(nn.Module):
    """Tied output; `model.` prefix as in LlamaForCausalLM."""

    def __init__(self, config):
        super().__init__()
        self.config, self.model = config, Body(config)
        size = config["head_dim"]
        inverse = config["rope_theta"] ** (-torch.arange(0, size, 2).float() / size)
        angle = torch.outer(torch.arange(config["max_position_embeddings"]).float(), inverse)
        angle = torch.cat((angle, angle), -1)
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)

    def init(self):
        for name, p in self.named_parameters():
            if p.dim() > 1:
                scale = (2 * self.config["num_hidden_layers"]) ** -0.5
                out = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.normal_(p, std=0.02 * (scale if out else 1))
        return self

    @classmethod
    def load(cls, folder):
        with open(os.path.join(folder, "config.json")) as file:
            model = cls(json.load(file))
        tensors = load_safetensors(os.path.join(folder, "model.safetensors"))
        tensors.pop("lm_head.weight", None)
        model.load_state_dict(tensors)
        return model.eval()

    def hidden(self, ids, cache=None, start=0):
        x = self.model.embed_tokens(ids)
        end = start + ids.size(1)
        cos, sin = self.cos[start:end], self.sin[start:end]
        for i, layer in enumerate(self.model.layers):
            x = layer(x, cos, sin, cache[i] if cache else None, start)
        return self.model.norm(x)

    def forward(self, ids, cache=None, start=0):
        return F.linear(self.hidden(ids, cache, start), self.model.embed_tokens.weight)

    def new_cache(self, rows, length):
        c = self.config
        shape = (2, rows, c["num_key_value_heads"], length, c["head_dim"])
        return [torch.zeros(shape) for _ in range(c["num_hidden_layers"])]
