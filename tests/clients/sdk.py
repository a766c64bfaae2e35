"""The client of the Python SDK: `MODE stdio PROGRAM ARGS…` or `MODE http URL`; says in one line of JSON what it saw."""

import asyncio
import json
import sys

from mcp import Client
from mcp.client.stdio import StdioServerParameters

mode, way, target, *args = sys.argv[1:]


async def main():
    server = StdioServerParameters(command=target, args=args) if way == "stdio" else target
    async with Client(server, mode=mode) as client:
        tools, cursor = [], None
        while True:
            page = await client.list_tools(cursor=cursor)
            tools += page.tools
            cursor = page.next_cursor
            if not cursor:
                break
        progress = []

        async def far(done, total, message):
            progress.append(done)

        good = await client.call_tool("calc__eval", {"expression": "2 * (3 + 4)"})
        bad = await client.call_tool("calc__eval", {"expr": "1"})
        try:
            unknown = await client.call_tool("calc__evil", {})
        except Exception as error:
            unknown = getattr(getattr(error, "error", None), "code", str(error))
        await client.call_tool("echo__progress", {"times": 5}, progress_callback=far)
        spin = asyncio.create_task(client.call_tool("cpu__spin", {}))
        await asyncio.sleep(0)
        await client.list_tools()
        spin.cancel()
        cancelled = isinstance((await asyncio.gather(spin, return_exceptions=True))[0], asyncio.CancelledError)
        print(json.dumps({
            "version": str(client.protocol_version),
            "tools": [tool.name for tool in tools],
            "value": good.structured_content["value"],
            "text": good.content[0].text,
            "invalid": [bad.is_error, bad.structured_content["outcome"]],
            "unknown": unknown,
            "progress": progress,
            "cancelled": cancelled,
        }), flush=True)


asyncio.run(main())
