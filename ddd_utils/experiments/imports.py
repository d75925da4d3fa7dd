"""Responses that nobody trains here: read once, checked, and kept like those of any experiment."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ddd_utils import paths
from ddd_utils.config.schema import Published, Table
from ddd_utils.data.downloads import local_copy, registry
from ddd_utils.experiments import locks, published
from ddd_utils.experiments.store import versions
from ddd_utils.files import is_whole, read_json, remove_partials, safe_name, sha256, short_hash
from ddd_utils.responses import Responses, Source

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Imported:
    """Published predictions or a user's table, and where they are kept."""

    config: Published | Table

    @cached_property
    def folder(self) -> Path:
        """``build/results/<name>-<8 hex of what is in it>``: another choice of models, or changed bytes, is another."""
        name = Path(self.config.path).stem if isinstance(self.config, Table) else self.config.published
        return paths.results() / f"{safe_name(name)}-{short_hash(self._contents)}"

    @cached_property
    def _contents(self) -> dict[str, Any]:
        if isinstance(self.config, Table):
            # What older versions kept of a table lacks class names and passes for a data set: it is read again.
            return {"sha256": sha256(Path(self.config.path)), "kept": 2}
        files = [registry()[name] for name in published.imagenet_files(published.imagenet_models(self.config.models))]
        # Of a file whose SHA-256 is not known, the bytes at hand decide.
        return {"top": self.config.top, "files": {file.name: file.sha256 or _digest(file.name) for file in files}}

    def files(self) -> list[Path]:
        """List the files that there should be, as far as that is known."""
        described = self.folder / "experiment.json"
        runs = [row["run"] for row in read_json(described)["networks"]] if is_whole(described) else []
        return [described, *(self.folder / f"{name}.parquet" for name in ["images", *runs])]

    def complete(self) -> bool:
        """Say whether everything is there, and whole."""
        return all(map(is_whole, self.files()))

    def make(self) -> None:
        """Read, check and keep the responses, unless that is done; nothing is kept of faulty ones."""
        with locks.waiting(self.folder.with_suffix(".lock"), f"computes {self.folder.name}"):
            if self.complete():
                return
            remove_partials(self.folder)
            responses = self._read()
            published.fetch_companions(responses.image_ids)
            responses.save(self.folder)
            networks, _, images = responses.predictions.shape
            log.info("%s: %d models, %d images", responses.info["device"], networks, images)

    def _read(self) -> Responses:
        if isinstance(self.config, Table):
            path = Path(self.config.path)
            return self._described(
                Responses.from_table(path), f"table {path.name}", {"SHA-256": self._contents["sha256"]}
            )
        responses = published.imagenet_responses(self.config.models, self.config.top)
        files = [registry()[name] for name in self._contents["files"]]
        unchecked = [Path(file.name).stem for file in files if file.sha256 is None]
        origin = {"repository": files[0].origin, "files with the known SHA-256": len(files) - len(unchecked)}
        return self._described(responses, "published predictions", origin | _named("SHA-256 not known", unchecked))

    def _described(self, responses: Responses, device: str, origin: dict[str, Any]) -> Responses:
        return responses.attributed(
            self,
            configuration=self.config.model_dump(mode="json"),
            versions=versions(),
            device=device,
            source=origin,
            contents=self._contents,
        )

    def load(self) -> Responses:
        """Read the responses back."""
        found = Responses.load(self.folder)
        return found.attributed(self, on_imagenet=published.is_imagenet(found.image_ids, found.labels))

    @property
    def class_names(self) -> None:
        """Names of classes are kept with the responses, where there are any."""
        return None

    @property
    def images(self) -> None:
        """Answers come without images."""
        return None

    def alternatives(self) -> Mapping[str, Source]:
        """Nothing else is known of the networks."""
        return {}


def _named(name: str, values: list[str]) -> dict[str, list[str]]:
    return {name: values} if values else {}


def _digest(name: str) -> str | None:
    copy = local_copy(name)
    return sha256(copy) if copy else None
