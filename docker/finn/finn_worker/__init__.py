"""The finn environment's worker: compiles models with FINN+ and simulates the RTL they become."""
