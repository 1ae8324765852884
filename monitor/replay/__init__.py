"""Scenarios in virtual time through the judgement that also runs live, and their score."""
