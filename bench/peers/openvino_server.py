"""
OpenVINO behind FastAPI: whatever waits is embedded in one batch, padded to its longest text.

    python openvino_server.py MODEL THREADS PORT

`MODEL` is a folder with `tokenizer.json` and `onnx/model.onnx`, a BERT whose first output is its hidden states.
`POST /v1/embeddings` is OpenAI's, with the mean of the tokens' vectors, normalized.
"""

import asyncio
import sys
from contextlib import asynccontextmanager

import numpy as np
import openvino as ov
import orjson
import uvicorn
from fastapi import FastAPI, Request, Response
from tokenizers import Tokenizer

MOST = 32  # texts of a batch

folder, threads, port = sys.argv[1:]
tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
tokenizer.no_padding()
tokenizer.enable_truncation(512)
settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
model = ov.Core().compile_model(f"{folder}/onnx/model.onnx", "CPU", settings)
infer = model.create_infer_request()
names = [port.any_name for port in model.inputs]
waiting: asyncio.Queue = asyncio.Queue()


def embed(texts: list[str]) -> np.ndarray:
    encodings = tokenizer.encode_batch(texts)
    longest = max(len(encoding.ids) for encoding in encodings)
    inputs = {name: np.zeros((len(texts), longest), dtype=np.int64) for name in names}
    mask = np.zeros((len(texts), longest), dtype=np.int64)
    for row, encoding in enumerate(encodings):
        count = len(encoding.ids)
        inputs["input_ids"][row, :count] = encoding.ids
        mask[row, :count] = 1
    if "attention_mask" in inputs:
        inputs["attention_mask"] = mask
    hidden = infer.infer(inputs)[0]
    weights = mask[:, :, None].astype(np.float32)
    vectors = (hidden * weights).sum(axis=1) / weights.sum(axis=1)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


async def run_batches() -> None:
    loop = asyncio.get_running_loop()
    while True:
        batch = [await waiting.get()]
        while len(batch) < MOST and not waiting.empty():
            batch.append(waiting.get_nowait())
        vectors = await loop.run_in_executor(None, embed, [text for text, _ in batch])
        for (_, answer), vector in zip(batch, vectors):
            answer.set_result(vector)


@asynccontextmanager
async def lifespan(_: FastAPI):
    task = asyncio.create_task(run_batches())
    yield
    task.cancel()


app = FastAPI(lifespan=lifespan)


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/v1/embeddings")
async def embeddings(request: Request) -> Response:
    text = orjson.loads(await request.body())["input"]
    texts = [text] if isinstance(text, str) else text
    answers = []
    for text in texts:
        answer = asyncio.get_running_loop().create_future()
        waiting.put_nowait((text, answer))
        answers.append(answer)
    vectors = await asyncio.gather(*answers)
    data = [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(vectors)]
    body = {"object": "list", "model": folder, "data": data}
    return Response(orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json")


uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="error")
