"""Photos that were handed over to be looked at in a dry run: files of this console, as long as it runs."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

from happypath.errors import UsageError

MOST_PHOTOS = 500
MOST_BYTES = 1_000_000_000
# Older ones are removed.
_KEPT = 4
_NAME = re.compile(r"[0-9a-f]{8,64}")


class Batches:
    """Batches of photos, each in a folder of its own, the newest last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folders: dict[str, TemporaryDirectory[str]] = {}

    def add(self, batch: str, name: str) -> Path:
        """Where the next photo of a batch is to be written.

        The file is named by a number, and after it what is harmless of its own name.

        Raises:
            UsageError: there are too many, or the batch has no name that one can have.
        """
        if not _NAME.fullmatch(batch):
            raise UsageError("That is no name of a batch of photos: load the page again.")
        with self._lock:
            if batch not in self._folders:
                for oldest in list(self._folders)[: 1 - _KEPT]:
                    self._folders.pop(oldest).cleanup()
                self._folders[batch] = TemporaryDirectory(prefix="happypath-console-")
            there = self.photos(batch)
            if len(there) >= MOST_PHOTOS or sum(path.stat().st_size for path in there) >= MOST_BYTES:
                raise UsageError(
                    f"A dry run here takes at most {MOST_PHOTOS} photos, of {MOST_BYTES // 1_000_000} MB."
                )
            path = Path(self._folders[batch].name) / f"{len(there) + 1:03d}-{_harmless(name)}"
            path.touch()
            return path

    def photos(self, batch: str) -> list[Path]:
        """The photos of a batch, in their order; none of one that is not there."""
        folder = self._folders.get(batch)
        return sorted(Path(folder.name).iterdir()) if folder else []

    def of_name(self, batch: str, name: str) -> list[Path]:
        """The photos of a batch that were handed over under a name, which is harmless or like it."""
        return [path for path in self.photos(batch) if path.name.partition("-")[2] == _harmless(name)]

    def close(self) -> None:
        """Removes all of them."""
        with self._lock:
            for folder in self._folders.values():
                folder.cleanup()
            self._folders.clear()


def _harmless(name: str) -> str:
    return re.sub(r"[^\w.-]", "_", name)[-100:]
