"""A function's code on this machine: its archive and layers, unpacked, and the libraries beside them.

As on Lambda, what is in the archive comes first, then its layers, then what the runtime brings: boto3 and
what that needs. Libraries that are compiled for another processor or another Python are left out; where this
project has one of them installed, the function gets that one.
https://docs.aws.amazon.com/lambda/latest/dg/python-package.html
"""

from __future__ import annotations

import compileall
import importlib.metadata
import io
import platform
import re
import shutil
import struct
import sys
import sysconfig
import threading
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import botocore

# An archive with this file at its top is this project's own, as the sandbox packs it: without libraries. Its
# functions see all that is installed here.
USES_INSTALLED = ".uses-installed-libraries"

# What Lambda's Python runtime brings.
_RUNTIME = ("boto3", "awslambdaric")
# e_machine of ELF files, by the names of `platform.machine()`.
_MACHINES = {"x86_64": 62, "aarch64": 183}
_NAMES = {62: "x86-64", 183: "arm64"}


@dataclass(frozen=True)
class Code:
    """Unpacked code: the archive's folder, the layers' if there are any, and the libraries beside them."""

    folder: Path
    layers: Path | None = None
    # What Lambda's runtime brings.
    libraries: Path = Path()
    # Libraries of the archive that cannot run here and are not installed here, and what each is compiled for.
    unusable: tuple[tuple[str, str], ...] = ()

    def explained(self, message: str) -> str:
        """What an import error says, and why the library that it names is missing although it was shipped."""
        for name, made_for in self.unusable:
            if re.search(rf"\b{re.escape(name)}\b", message):
                return (
                    f"{message} (The sandbox: {name} is in the archive, compiled for {made_for}; here is "
                    f"Python {platform.python_version()} on {platform.machine()}. Install it here: "
                    f"{sysconfig.get_path('scripts')}/python -m pip install {name}.)"
                )
        return message


class CodeStore:
    """Unpacks each archive once, below a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        # Reentrant: the runtime's folder is made within.
        self._lock = threading.RLock()
        self._known: dict[tuple[str, ...], Code] = {}

    def unpack(self, sha256: str, archive: bytes, layers: Iterable[tuple[str, bytes]] = ()) -> Code:
        """The code in an archive, and in its layers in their order, each with its SHA-256.

        Raises:
            zipfile.BadZipFile: one of them is no ZIP archive.
        """
        layers = tuple(layers)
        digests = (sha256, *(each for each, _ in layers))
        with self._lock:
            if digests not in self._known:
                self._known[digests] = self._unpack(sha256, archive, layers)
            return self._known[digests]

    def _unpack(self, sha256: str, archive: bytes, layers: tuple[tuple[str, bytes], ...]) -> Code:
        code = self._unpacked(sha256, (archive,))
        if layers:
            over = self._unpacked("+".join(each for each, _ in layers), (body for _, body in layers))
            code = replace(code, layers=over.folder, unusable=(*code.unusable, *over.unusable))
        libraries = _installed() if (code.folder / USES_INSTALLED).exists() else self._runtime(code)
        missing = tuple(each for each in code.unusable if not (_installed() / each[0]).exists())
        return replace(code, libraries=libraries, unusable=missing)

    def _unpacked(self, name: str, archives: Iterable[bytes]) -> Code:
        folder = self._root / name[:200]
        notes = folder.with_suffix(".unusable")
        if not folder.exists():
            unfinished = folder.with_suffix(".part")
            shutil.rmtree(unfinished, ignore_errors=True)  # of an archive that was none
            unfinished.mkdir()
            unusable: dict[str, str] = {}
            for archive in archives:
                with zipfile.ZipFile(io.BytesIO(archive)) as contents:
                    unusable |= _unusable(contents)
                    names = [each for each in contents.namelist() if _top(each) not in unusable]
                    contents.extractall(unfinished, names)
                    _make_executable(contents, names, unfinished)
            notes.write_text("\n".join(f"{each}\t{made_for}" for each, made_for in sorted(unusable.items())))
            # Every environment imports it, and none may write there.
            compileall.compile_dir(unfinished, stripdir=str(unfinished), prependdir="/var/task", quiet=2)
            _forbid_writing(unfinished)
            unfinished.rename(folder)
        lines = [line.split("\t") for line in notes.read_text().splitlines()]
        return Code(folder, unusable=tuple((each, made_for) for each, made_for in lines))

    def _runtime(self, code: Code) -> Path:
        """A folder with what Lambda's runtime brings, and what stands in for unusable libraries."""
        names = {*_brought(), *(each for each, _ in code.unusable)}
        folder = self._root / f"runtime-{abs(hash(frozenset(names)))}"
        with self._lock:
            if not folder.exists():
                unfinished = folder.with_suffix(".part")
                unfinished.mkdir(exist_ok=True)
                try:
                    for each in _installed().iterdir():
                        # `pillow.libs` is of PIL: no name says so.
                        if each.name in names or each.suffix == ".libs":
                            (unfinished / each.name).symlink_to(each)
                except OSError:
                    # Windows lets few make links: the function sees more than it would on Lambda.
                    return _installed()
                unfinished.rename(folder)
        return folder


@cache
def _installed() -> Path:
    # Where Python's own settings say so, or wherever else the packages are: --target, PYTHONPATH.
    return Path(botocore.__file__).parents[1]


@cache
def _brought() -> frozenset[str]:
    """The top-level files and folders of what Lambda's runtime brings, as they are installed here."""
    found: set[str] = set()
    seen: set[str] = set()
    wanted = list(_RUNTIME)
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # awslambdaric, where it has no wheel; extras
        found |= {
            path.parts[0] for path in distribution.files or () if path.parts[0] not in {"..", "__pycache__"}
        }
        for requirement in distribution.requires or ():
            if "extra ==" not in requirement:
                wanted.append(re.split(r"[^\w.-]", requirement, maxsplit=1)[0])
    return frozenset(found)


def _unusable(archive: zipfile.ZipFile) -> dict[str, str]:
    """The top-level names of libraries that are compiled for something else than this Python: for what."""
    found: dict[str, str] = {}
    for entry in archive.infolist():
        if re.search(r"\.(so|pyd|dylib)(\.[\d.]+)?$", entry.filename) and (
            made_for := _made_for_another(archive, entry)
        ):
            found.setdefault(_top(entry.filename), made_for)
    return found


def _made_for_another(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> str:
    """What a shared library is compiled for; nothing if it can be loaded here."""
    with archive.open(entry) as file:
        head = file.read(20)
    tag = re.search(r"\.cpython-(\d)(\d+)[\w-]*\.(?:so|pyd)$", entry.filename)
    machine = struct.unpack_from("<H", head, 18)[0] if head[:4] == b"\x7fELF" else None
    # What was made for Lambda is of no use to another system than Linux.
    other_machine = machine != (_MACHINES.get(platform.machine()) if sys.platform == "linux" else None)
    other_python = tag is not None and not entry.filename.endswith(tuple(EXTENSION_SUFFIXES))
    if not (other_machine or other_python):
        return ""
    python = f"Python {tag[1]}.{tag[2]} on " if tag else ""
    return f"{python}{_NAMES.get(machine or 0, 'another system')}"


def _top(name: str) -> str:
    return name.partition("/")[0]


def _make_executable(archive: zipfile.ZipFile, names: Iterable[str], folder: Path) -> None:
    # `extractall` forgets the modes.
    for name in names:
        if (archive.getinfo(name).external_attr >> 16) & 0o111 and not name.endswith("/"):
            (folder / name).chmod(0o755)


def _forbid_writing(folder: Path) -> None:
    """For where nothing else keeps functions from writing to their code."""
    for path in (*folder.rglob("*"), folder):
        path.chmod(path.stat().st_mode & ~0o222)


def allow_writing(folder: Path) -> None:
    """So that a folder can be removed."""
    for path in _folders(folder):
        path.chmod(0o755)


def _folders(folder: Path) -> Iterator[Path]:
    yield folder
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            yield from _folders(path)
