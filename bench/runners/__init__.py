"""Runners: where the work of a stage is done."""

from bench.runners.base import Job, Runner

__all__ = ["Job", "Runner"]
