"""The hub: orders, people, money and stations of a town, one package per domain."""
