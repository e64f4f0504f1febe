"""Timings of the package on one machine, ratios taken side by side in one run."""
