"""Expressions of Amazon States Language, and what a definition must be."""
