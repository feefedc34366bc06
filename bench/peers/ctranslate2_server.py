"""
CTranslate2 behind FastAPI, whose synchronous handlers run in a pool of threads.

    python ctranslate2_server.py MODEL COMPUTE_TYPE TRANSLATORS THREADS PORT

`POST /translate` takes `ids`, `tokens` (how many to write) and `beams`, and answers with the ids of the best
hypothesis. `TRANSLATORS` requests run at once, with `THREADS` threads each.
"""

import sys

import ctranslate2
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

model, compute_type, translators, threads, port = sys.argv[1:]
translator = ctranslate2.Translator(
    model, compute_type=compute_type, inter_threads=int(translators), intra_threads=int(threads)
)
app = FastAPI()


class Job(BaseModel):
    ids: list[int]
    tokens: int
    beams: int


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/translate")
def translate(job: Job) -> dict[str, list[int]]:
    [result] = translator.translate_batch(
        [[f"t{i}" for i in job.ids]],
        beam_size=job.beams,
        max_decoding_length=job.tokens,
        min_decoding_length=job.tokens,
        length_penalty=1,
    )
    return {"ids": [int(token[1:]) for token in result.hypotheses[0]]}


uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="error")
