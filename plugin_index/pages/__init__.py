"""What people see in a browser: the plugins, each project, and how to publish. Plain HTML that needs no script.

Nothing that an uploader wrote reaches a browser but through Jinja's escaping, or cleaned (readme.py); the pages' policy
forbids scripts, forms, frames and whatever comes from elsewhere, should both fail.
"""
