"""Initial weights that others published: which files there are, finding, fetching, reading."""
