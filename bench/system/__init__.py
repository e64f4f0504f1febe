"""What bench asks of the operating system: files, locks, processes, signals."""
