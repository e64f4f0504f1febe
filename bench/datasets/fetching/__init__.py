"""Fetch the files of a data set, each checked against its SHA-256."""
