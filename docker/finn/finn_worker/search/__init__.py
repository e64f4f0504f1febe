"""The exact search for a folding: `problem` what is chosen from, `exact` how, `goals` what for."""
