"""Import jsonschema, which Altair and nbformat need, without what takes half of all our imports' time."""

import sys
from importlib import import_module

# With JupyterLab comes a package that jsonschema loads to check IRIs, and that compiles a grammar for it; no IRI is
# checked here. Afterwards it can be imported as ever.
if not {"jsonschema", "rfc3987_syntax"} & set(sys.modules):
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    try:
        import_module("jsonschema")
    finally:
        del sys.modules["rfc3987_syntax"]
