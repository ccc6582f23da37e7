"""The Lambda task package: exactly what is zipped and shipped."""
