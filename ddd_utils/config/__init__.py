"""Presets: what a run may ask for, read, overridden and checked before anything is computed."""
