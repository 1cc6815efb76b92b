"""What a wheel is: its digest, its file name, its metadata, and the guard that every archive has to pass.

Knows files and bytes; nothing of networks, stores or plugins.
"""
