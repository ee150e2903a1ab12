"""How fast it is, beside other taggers and as a whole program."""
