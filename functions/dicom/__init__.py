"""Medical pictures (DICOM): read with suspicion, made anonymous, written, and looked at again."""
