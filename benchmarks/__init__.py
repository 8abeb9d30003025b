"""How fast the service is, as ratios to a bare FastAPI endpoint measured in the same run: `make bench`."""
