"""Measurements: `make bench`. They inform; they fail nothing."""
