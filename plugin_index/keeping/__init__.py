"""How an index is kept for years: what is looked after, copied away, brought back and cleared out.

Works on a home directory from outside of the program that serves it; only what clears out runs inside of it.
"""
