"""A tiny stand-in for the published files: four ImageNet images, three classes, a registry and a server of its own."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import yaml

from ddd_utils.data import downloads
from ddd_utils.experiments.published import CLASS_INFO, FILE_NAMES, imagenet_responses
from ddd_utils.experiments.published_models import PREDICTIONS, known_models

NAMES = [f"ILSVRC2012_val_{number:08d}.JPEG" for number in (3, 1, 4, 2)]
WORDNET = ["n1", "n1", "n2", "n3"]
SOURCE = {"repository": "someone/something", "commit": "abc", "licence": "MIT"}


def register(monkeypatch, tmp_path, **folders):
    """Let the registry hold these files: by folder, a list of parts."""
    path = tmp_path / "registry.yaml"
    path.write_text(yaml.safe_dump({folder: {**SOURCE, "parts": parts} for folder, parts in folders.items()}))
    monkeypatch.setattr(downloads, "REGISTRY", path)
    downloads.registry.cache_clear()


def write_imagenet(folder, answers):
    """Write a class list, file names in order of WordNet id, and each model's answers (images, 5)."""
    (folder / "imagenetv2" / "predictions").mkdir(parents=True)
    classes = [{"cid": k, "wnid": f"n{k + 1}", "synset": [name]} for k, name in enumerate(("crane", "tench", "crane"))]
    (folder / CLASS_INFO).write_text(json.dumps(classes))
    rows = [list(row) for row in zip(NAMES, WORDNET, strict=True)]
    (folder / FILE_NAMES).write_text(json.dumps({"image_filenames": rows}))
    for model, values in answers.items():
        np.save(folder / f"{PREDICTIONS}/{model}.npy", np.asarray(values))


class Server:
    """What the server holds, by path, what it was asked for, and how many bytes it sends before it breaks off."""

    def __init__(self):
        self.files, self.asked, self.breaks_after = {}, [], None


@contextmanager
def serve():
    """Serve bytes on the loopback interface; the address is ``server.host``."""
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked.append(self.path)
            body = server.files.get(self.path)
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write((body or b"")[: server.breaks_after])

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.host = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


def answers_at_hand(data, models):
    """Read the real published answers in a folder; figures that are of so many models cannot be tested with others."""
    found = imagenet_responses([model.name for model in known_models().values() if (data / model.file).is_file()])
    if len(found.networks) != models:
        pytest.skip(f"these figures are of {models} models, not of {len(found.networks)}")
    return found
