"""`python -m botkit.testing.claude`."""

from __future__ import annotations

import asyncio
import re
import signal
import sys

import aiohttp

from tests.testing.claude.shapes import HEADERS

RUN = ("-m", "botkit.testing.claude")


async def test_it_prints_its_url_and_ends_quietly_on_ctrl_c() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, *RUN, "--delay", "0", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 20)
    found = re.search(rb"http://127\.0\.0\.1:\d+", line)
    assert found
    url = f"{found[0].decode()}/v1/models"
    async with aiohttp.ClientSession() as session, session.get(url, headers=HEADERS) as response:
        assert response.status == 200
    process.send_signal(signal.SIGINT)
    rest, errors = await asyncio.wait_for(process.communicate(), 10)
    assert (process.returncode, rest, errors) == (0, b"", b"")


async def test_a_taken_port_is_said_in_a_sentence() -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *RUN, "--port", str(port), stderr=asyncio.subprocess.PIPE
        )
        _, errors = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}".encode() in errors


async def test_it_needs_nothing_of_the_sdk_or_the_rest_of_botkit() -> None:
    code = (
        "import sys, botkit; before = set(sys.modules); import botkit.testing.claude;"
        "new = set(sys.modules) - before;"
        "print([m for m in new if m == 'anthropic' or (m.startswith('botkit.') and 'testing' not in m)])"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    output, _ = await asyncio.wait_for(process.communicate(), 20)
    assert output.strip() == b"[]"
