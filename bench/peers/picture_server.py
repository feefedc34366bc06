"""
A model of pictures in Python's ONNX Runtime behind FastAPI: Pillow decodes and resizes on a pool of threads, and what
waits then goes into one batch.

    python picture_server.py FOLDER PORT

`POST /pictures` takes a picture's file and answers with how many numbers the model gave. The folder has
`onnx/model.onnx` and `preprocessor_config.json`.
"""

import asyncio
import io
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI, Request
from PIL import Image

folder, port = sys.argv[1:]
CORES = os.cpu_count() or 1
MOST = 8  # Pictures of a batch: more do not make a run quicker.
SIDE = 224
with open(os.path.join(folder, "preprocessor_config.json")) as file:
    clip = json.load(file)["image_processor_type"].startswith("CLIP")
mean, std = (
    ([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711])
    if clip
    else ([0.5] * 3, [0.5] * 3)
)
SCALE = (1 / (255 * np.array(std, np.float32))).reshape(3, 1, 1)
SHIFT = (np.array(mean, np.float32) / np.array(std, np.float32)).reshape(3, 1, 1)

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = CORES
session = onnxruntime.InferenceSession(
    os.path.join(folder, "onnx", "model.onnx"), options, providers=["CPUExecutionProvider"]
)
decoders = ThreadPoolExecutor(CORES)
runner = ThreadPoolExecutor(1)
waiting: asyncio.Queue = asyncio.Queue()


def pixels(file: bytes) -> np.ndarray:
    picture = Image.open(io.BytesIO(file)).convert("RGB")
    if clip:
        shrink = SIDE / min(picture.size)
        picture = picture.resize(
            tuple(int(side * shrink) for side in picture.size), Image.Resampling.BICUBIC
        )
        left, top = ((side - SIDE) // 2 for side in picture.size)
        picture = picture.crop((left, top, left + SIDE, top + SIDE))
    else:
        picture = picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return np.asarray(picture, np.float32).transpose(2, 0, 1) * SCALE - SHIFT


async def run_all() -> None:
    loop = asyncio.get_running_loop()
    while True:
        jobs = [await waiting.get()]
        while not waiting.empty() and len(jobs) < MOST:
            jobs.append(waiting.get_nowait())
        batch = np.stack([values for values, _ in jobs])
        try:
            (rows,) = await loop.run_in_executor(
                runner, lambda: session.run(None, {"pixel_values": batch})
            )
            for (_, answer), row in zip(jobs, rows):
                answer.set_result(len(row))
        except Exception as error:
            for _, answer in jobs:
                answer.set_exception(error)


@asynccontextmanager
async def running(_: FastAPI):
    task = asyncio.create_task(run_all())
    yield
    task.cancel()


app = FastAPI(lifespan=running)


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/pictures")
async def pictures(request: Request) -> dict[str, int]:
    loop = asyncio.get_running_loop()
    values = await loop.run_in_executor(decoders, pixels, await request.body())
    answer = loop.create_future()
    waiting.put_nowait((values, answer))
    return {"width": await answer}


uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="error")
