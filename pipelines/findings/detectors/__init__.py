"""Detectors: pure functions from days added up by place to findings, one family a file.

They know no tenant, feature, model or date by name. Money is whole pico-dollars until a finding is made; statistics are floats.
"""
