"""A chat with rooms, as a plughost plugin."""
