"""A small library as each state of the schema stored it: what tests/postgres/test_upgrades.py restores and brings up to date."""
