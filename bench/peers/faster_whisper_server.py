"""
faster-whisper behind FastAPI, whose synchronous handlers run in a pool of threads.

    python faster_whisper_server.py MODEL COMPUTE_TYPE WORKERS THREADS PORT

`POST /transcribe?beams=N` takes a recording as its body and answers with its text. `WORKERS` recordings run at once,
with `THREADS` threads each.
"""

import io
import sys

import uvicorn
from fastapi import Body, FastAPI
from faster_whisper import WhisperModel

folder, compute_type, workers, threads, port = sys.argv[1:]
model = WhisperModel(
    folder, device="cpu", compute_type=compute_type, num_workers=int(workers), cpu_threads=int(threads)
)
app = FastAPI()


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/transcribe")
def transcribe(beams: int, file: bytes = Body(media_type="audio/wav")) -> dict[str, str]:
    segments, _ = model.transcribe(io.BytesIO(file), language="en", beam_size=beams)
    return {"text": "".join(segment.text for segment in segments)}


uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="error")
