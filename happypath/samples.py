"""What a workflow is tried with: parameters that its template has no default for, and photos to upload.

They are in `samples/<workflow>.json`, or for a workflow without such a file in `samples/uploads.json`:

    {"parameters": {"RequiredLabels": "Person"},
     "uploads": [{"photo": "photos/cat.jpg", "placeType": "park"}]}

where photos are named by their paths below `samples/`, and those that an installed package brings by
the package and their paths in it: `pydicom:data/test_files/CT_small.dcm`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from happypath.project import SAMPLES, uploads_of


@dataclass(frozen=True)
class Photo:
    """A photo to upload, and the type of the place that it is of.

    `folder` is where its workflow wants it, such as `avatars/<playerId>/`; else it is the place's.
    """

    path: Path
    place_type: str
    where: str = "<placeId>/"

    @property
    def folder(self) -> str:
        """Where it is uploaded: what is not given is a sample."""
        return re.sub(r"<\w+>", lambda _: f"sample-{self.place_type}", self.where).removesuffix("/")

    @property
    def place_id(self) -> str:
        """The place that is listed for it in a sandbox."""
        return self.folder.partition("/")[0]


@dataclass(frozen=True)
class Samples:
    """What a workflow is tried with, and the file that says so."""

    file: Path
    parameters: Mapping[str, str]
    photos: tuple[Photo, ...]
    # Where the workflow wants its uploads.
    where: str

    @property
    def place_type(self) -> str:
        """The type of place of photos that come without one."""
        return self.photos[0].place_type

    def at(self, place_type: str | None) -> list[Photo]:
        """The photos, each once at its place, or all at one type of place."""
        placed = [self.photo(each.path, place_type or each.place_type) for each in self.photos]
        return list(dict.fromkeys(placed))

    def photo(self, path: Path, place_type: str | None) -> Photo:
        """A photo of one's own, where the workflow wants it."""
        return Photo(path, place_type or self.place_type, self.where)


def of(workflow: str) -> Samples:
    """The samples of a workflow."""
    own = SAMPLES / f"{workflow}.json"
    file = own if own.exists() else SAMPLES / "uploads.json"
    data = json.loads(file.read_text(encoding="utf-8"))
    where = uploads_of(workflow)
    photos = tuple(Photo(_path(each["photo"]), each["placeType"], where) for each in data["uploads"])
    return Samples(file, data["parameters"], photos, where)


def _path(named: str) -> Path:
    """The file of a sample; of a package that is not installed, a path at which nothing is.

    The package is found, and not imported: some import what the locks leave out.
    """
    package, colon, path = named.partition(":")
    if not colon:
        return SAMPLES / named
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    return Path(folders[0] if folders else package) / path
