"""`python -m botkit.testing.claude`: a simulated Claude that any client can talk to."""

from __future__ import annotations

import asyncio
import contextlib

import click

from botkit.testing.claude.server import SimulatedClaude


@click.command()
@click.option("--port", default=0, show_default="a free one", help="Port on 127.0.0.1.")
@click.option("--delay", default=0.03, show_default=True, help="Seconds between two pieces of text.")
def main(port: int, delay: float) -> None:
    """Run a simulated Claude until Ctrl-C, and print its URL."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(port, delay))


async def _serve(port: int, delay: float) -> None:
    claude = SimulatedClaude(chunk_delay=delay, record=False)
    try:
        await claude.start(port)
    except OSError as error:
        raise click.ClickException(f"Cannot listen on 127.0.0.1:{port}: {error.strerror}.") from None
    try:
        click.echo(f"Simulated Claude at {claude.base_url} (ANTHROPIC_BASE_URL={claude.base_url}, any API key)")
        await asyncio.Event().wait()
    finally:
        await claude.stop()


if __name__ == "__main__":
    main()
