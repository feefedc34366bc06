"""
A model of pictures as one ONNX graph, in the layout of transformers.js: pixels to the scores of classes, or to a vector
in the space of texts and pictures.

    python export_vision.py MODEL FOLDER

Nothing is done where the folder exists already.
"""

import os
import shutil
import sys

import torch
from transformers import AutoConfig, CLIPVisionModelWithProjection, ViTForImageClassification

model, folder = sys.argv[1:]
if not os.path.exists(folder):
    made = folder + ".part"
    os.makedirs(os.path.join(made, "onnx"), exist_ok=True)
    config = AutoConfig.from_pretrained(model)
    kind, output = (
        (CLIPVisionModelWithProjection, "image_embeds")
        if config.model_type == "clip"
        else (ViTForImageClassification, "logits")
    )
    network = kind.from_pretrained(model, attn_implementation="sdpa").eval()

    class Plain(torch.nn.Module):
        def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
            return network(pixel_values)[0]

    plain = Plain()
    plain.network = network
    torch.onnx.export(
        plain.eval(),
        (torch.zeros(2, 3, 224, 224),),
        os.path.join(made, "onnx", "model.onnx"),
        input_names=["pixel_values"],
        output_names=[output],
        dynamic_axes={"pixel_values": {0: "batch"}, output: {0: "batch"}},
        opset_version=17,
        dynamo=False,
    )
    network.config.save_pretrained(made)
    shutil.copy(os.path.join(model, "preprocessor_config.json"), made)
    os.rename(made, folder)
