"""Stand-ins for the vendors' HTTP APIs on 127.0.0.1, for the official clients: one module per vendor.

    with standin.anthropic() as server:
        ClaudeAnswerer(model="claude-sonnet-5-5", api_key=server.key, base_url=server.url)

`python -m tests.standin --port 8787` runs them all for trials by hand.
"""

from __future__ import annotations

from tests.standin.anthropic_api import AnthropicServer
from tests.standin.cohere_api import CohereServer
from tests.standin.voyage_api import VoyageServer

anthropic = AnthropicServer
cohere = CohereServer
voyage = VoyageServer

__all__ = ["AnthropicServer", "CohereServer", "VoyageServer", "anthropic", "cohere", "voyage"]
