"""A small payment platform: one code base that plays every service."""

__version__ = "1"
