"""Readers of other annotation formats, one module a format."""
