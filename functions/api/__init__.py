"""The upload API: forms to upload with, what became of an upload, and the photos of a place."""
