"""Private import namespaces in one process: what a plugin imports is its own, the host's, or not there.

Start with `scope` (the life of one scope), then `importing` (what its import statements do) and `finder` (where modules come from).
The room knows no plugin, no HTTP and no framework: it is given a root name and a decision (model/sharing) and loads an object.
"""

from plughost.scope.leaks import Watch
from plughost.scope.names import natural
from plughost.scope.natives import loaded_natives
from plughost.scope.scope import Scope
from plughost.scope.shared import host_share

__all__ = ["Scope", "Watch", "host_share", "loaded_natives", "natural"]
