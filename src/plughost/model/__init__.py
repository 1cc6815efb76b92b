"""The nouns and the laws: frozen values and pure functions, no I/O and no framework."""
