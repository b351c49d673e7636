"""The asynchronous API: for asyncio, uvloop and trio."""
