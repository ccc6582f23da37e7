"""Benchmarks: what this project's speed is compared with, and how far it is from what can be had.

Each module that `bench.__main__` lists has a function `run`, which compares contenders and returns a
`Result`.
"""
