"""A package index for plugin wheels."""
