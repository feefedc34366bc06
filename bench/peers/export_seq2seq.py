"""
The graphs of an encoder-decoder as optimum's exporter writes them, in the layout of transformers.js.

    python export_seq2seq.py MODEL FOLDER

Needs optimum with its ONNX exporter. Nothing is done where the folder exists already.
"""

import os
import shutil
import sys

from optimum.exporters.onnx import main_export

model, folder = sys.argv[1:]
if not os.path.exists(folder):
    made = folder + ".part"
    main_export(model, output=made, task="text2text-generation-with-past", device="cpu")
    os.makedirs(os.path.join(made, "onnx"), exist_ok=True)
    for name in os.listdir(made):
        if ".onnx" in name:
            shutil.move(os.path.join(made, name), os.path.join(made, "onnx", name))
    os.rename(made, folder)
