"""Fetch the files of a data set, each checked against its checksum."""
