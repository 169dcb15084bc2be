"""What tests of bots and plugins are made of: `botkit.testing.claude` is a Claude to test against, on the wire."""
