"""A package index for plugin wheels: CI publishes with twine or uv, pip and uv install from it, hosts follow its plugin list.

A program of its own. Reading order: shelf (what is kept), upload (how it comes in), simple and catalog (how it goes out), app.
"""
