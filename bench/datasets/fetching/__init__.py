"""How the files of a data set get here, each checked against its SHA-256."""
