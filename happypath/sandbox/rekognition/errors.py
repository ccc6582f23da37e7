"""The errors of Rekognition, under the names and with the messages that the service gives them.

https://docs.aws.amazon.com/rekognition/latest/dg/error-handling.html
"""

from __future__ import annotations


class RekognitionError(Exception):
    """An answer of the service that is an error: its name, its message and the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        self.code = code
        self.message = message
        self.status = status
        super().__init__(f"{code}: {message}")


def invalid_parameter(what: str = "") -> RekognitionError:
    """The request breaks a rule; `what` adds what the service itself leaves out."""
    return RekognitionError(
        "InvalidParameterException", "Request has invalid parameters" + (f": {what}" if what else "")
    )


def invalid_image_format() -> RekognitionError:
    """The bytes are not a JPEG or PNG, or cannot be decoded."""
    return RekognitionError("InvalidImageFormatException", "Request has invalid image format")


def invalid_s3_object() -> RekognitionError:
    """The S3 object does not exist, or is in another region."""
    return RekognitionError(
        "InvalidS3ObjectException",
        "Unable to get object metadata from S3. Check object key, region and/or access permissions.",
    )


def image_too_large(message: str) -> RekognitionError:
    """The object is too long, or a side of the photo is."""
    return RekognitionError("ImageTooLargeException", message)


def bytes_out_of_bounds(size_bytes: int, bound: str) -> RekognitionError:
    """Image.Bytes is empty or too long. The service refuses this before it looks at the request itself."""
    value = f"java.nio.HeapByteBuffer[pos=0 lim={size_bytes} cap={size_bytes}]"
    return RekognitionError(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at 'image.bytes' failed to satisfy constraint: "
        f"Member must have length {bound}",
    )


def throttled() -> RekognitionError:
    """More is asked for at once than the account may; try again later."""
    return RekognitionError("ThrottlingException", "Rate exceeded")
