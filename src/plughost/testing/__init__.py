"""What plugin authors and plughost's own tests need: real wheels made in memory, honest ones and broken ones.

>>> chat = wheel("acme-chat", "1.0", {"acme_chat.py": "def plugin(): ..."}, plugins={"chat": "acme_chat:plugin"})
>>> chat.filename
'acme_chat-1.0-py3-none-any.whl'
"""

from __future__ import annotations

from plughost.testing.archives import Part, deflated, pack, parts_of
from plughost.testing.broken import RULES, broken_wheel
from plughost.testing.wheels import BuiltWheel, wheel, with_record

__all__ = ["RULES", "BuiltWheel", "Part", "broken_wheel", "deflated", "pack", "parts_of", "wheel", "with_record"]
