"""What a library says of a file from outside: that it cannot be read, and nothing of what is in it."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from functions.decision import Reason, Rejection

# pydicom logs and warns of values that are odd, and those of a patient must not be in a log.
_pydicom = logging.getLogger("pydicom")
_pydicom.disabled = True
# That alone does not hold for the loggers below it.
_pydicom.propagate = False
_pydicom.addHandler(logging.NullHandler())


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Makes a refusal of whatever a library raises while it reads.

    Libraries raise errors of more than a dozen kinds at files that are damaged or made to be. Their messages
    quote values, so that only their kind is told.

    Raises:
        Rejection: CORRUPT_IMAGE.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (Rejection, MemoryError):
        raise
    except Exception as error:
        raise Rejection.because(
            Reason.CORRUPT_IMAGE, type="dicom", message=f"{what} cannot be read: {type(error).__name__}."
        ) from None
