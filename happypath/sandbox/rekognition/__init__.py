"""The sandbox's own Amazon Rekognition: it detects faces, labels, moderation labels and text, in its shapes.

A photo is answered from the recorded answers when its bytes are known there, else by detectors that see faces
and cats and by a reader of words, or, when asked, by the real service. What the detectors cannot see they do
not invent: without a recorded answer no photo has moderation labels.

    with install(Rekognition()):
        ...  # clients of moto's server are answered by the sandbox
"""

from happypath.sandbox.rekognition.errors import RekognitionError
from happypath.sandbox.rekognition.patch import install
from happypath.sandbox.rekognition.real import real_client
from happypath.sandbox.rekognition.service import Rekognition

__all__ = ["Rekognition", "RekognitionError", "install", "real_client"]
