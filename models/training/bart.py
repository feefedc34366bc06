"""A BART encoder-decoder in plain PyTorch with Hugging Face's tensor names (`BartForConditionalGeneration`)."""
import torch
import torch.nn.functional as F
from torch import nn

OFFSET = 2  # the first position's row in BART's tables of positions


class Attention(nn.Module):
    def __init__(self, hidden, heads):
        super().__init__()
        self.heads = heads
        self.k_proj, self.v_proj, self.q_proj, self.out_proj = (nn.Linear(hidden, hidden) for _ in range(4))

    def forward(self, x, source, mask):
        """x [batch, tokens, hidden] attends to source [batch, others, hidden] where mask (broadcast) is 0, not -inf."""
        q, k, v = (f(s).unflatten(-1, (self.heads, -1)).transpose(1, 2)
                   for f, s in ((self.q_proj, x), (self.k_proj, source), (self.v_proj, source)))
        weights = ((q * q.size(-1) ** -0.5) @ k.transpose(-1, -2) + mask).softmax(-1)
        return self.out_proj((weights.to(v.dtype) @ v).transpose(1, 2).flatten(2))


class Layer(nn.Module):
    """An encoder's layer, or a decoder's, which also attends to the encoder's output."""

    def __init__(self, c, side):
        super().__init__()
        hidden, heads, inner = c["d_model"], c[f"{side}_attention_heads"], c[f"{side}_ffn_dim"]
        self.self_attn, self.self_attn_layer_norm = Attention(hidden, heads), nn.LayerNorm(hidden)
        self.dropout = nn.Dropout(c["dropout"])
        if side == "decoder":
            self.encoder_attn, self.encoder_attn_layer_norm = Attention(hidden, heads), nn.LayerNorm(hidden)
        self.fc1, self.fc2 = nn.Linear(hidden, inner), nn.Linear(inner, hidden)
        self.final_layer_norm = nn.LayerNorm(hidden)

    def forward(self, x, mask, source=None, source_mask=None):
        x = self.self_attn_layer_norm(x + self.dropout(self.self_attn(x, x, mask)))
        if source is not None:
            x = self.encoder_attn_layer_norm(x + self.dropout(self.encoder_attn(x, source, source_mask)))
        return self.final_layer_norm(x + self.dropout(self.fc2(F.gelu(self.fc1(x)))))


class Stack(nn.Module):
    def __init__(self, c, side):
        super().__init__()
        self.embed_positions = nn.Embedding(c["max_position_embeddings"] + OFFSET, c["d_model"])
        self.layernorm_embedding, self.dropout = nn.LayerNorm(c["d_model"]), nn.Dropout(c["dropout"])
        self.layers = nn.ModuleList(Layer(c, side) for _ in range(c[f"{side}_layers"]))

    def forward(self, embedded, *context):
        positions = self.embed_positions.weight[OFFSET:OFFSET + embedded.size(1)]
        x = self.dropout(self.layernorm_embedding(embedded + positions))
        for layer in self.layers:
            x = layer(x, *context)
        return x


class Body(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.shared = nn.Embedding(c["vocab_size"], c["d_model"])
        self.encoder, self.decoder = Stack(c, "encoder"), Stack(c, "decoder")


class Bart(nn.Module):
    """source [batch, tokens], padded on the right, and target [batch, others] -> logits [batch, others, vocabulary]."""

    def __init__(self, config):
        super().__init__()
        self.config, self.model = config, Body(config)
        self.register_buffer("final_logits_bias", torch.zeros(1, config["vocab_size"]))
        for name, p in self.named_parameters():
            if p.dim() > 1:
                nn.init.normal_(p, std=config["init_std"])
            elif name.endswith("bias"):
                nn.init.zeros_(p)

    def forward(self, source, target):
        body = self.model
        padded = source == self.config["pad_token_id"]
        padding = torch.zeros(source.shape).masked_fill(padded, -torch.inf)[:, None, None]
        future = torch.full((target.size(1), target.size(1)), -torch.inf).triu(1)
        encoded = body.encoder(body.shared(source), padding)
        decoded = body.decoder(body.shared(target), future, encoded, padding)
        return F.linear(decoded, body.shared.weight) + self.final_logits_bias
