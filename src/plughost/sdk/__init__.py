"""What a plugin author imports; standard library only, and all of plughost that a plugin sees.

>>> plugin = Plugin(title="Hello")
>>> @plugin.slot("profile-icons", order=10)
... def icon(user: str) -> Html:
...     return Html("<b>{}</b>").format(user)
>>> str(icon("<ada>"))
'<b>&lt;ada&gt;</b>'
"""

from __future__ import annotations

from plughost.sdk.context import PluginContext
from plughost.sdk.markup import Html
from plughost.sdk.plugin import Plugin, Render, SlotContribution

__all__ = ["Html", "Plugin", "PluginContext", "Render", "SlotContribution"]
