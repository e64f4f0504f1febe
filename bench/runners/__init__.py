"""Runners: they run stages in an environment."""

from bench.runners.base import Job, Runner

__all__ = ["Job", "Runner"]
