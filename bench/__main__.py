"""`python -m bench` is the same as `bench`."""

from bench.cli import main

raise SystemExit(main())
