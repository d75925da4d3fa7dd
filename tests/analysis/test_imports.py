import pkgutil
import subprocess
import sys

import ddd_utils.analysis

MODULES = [found.name for found in pkgutil.walk_packages(ddd_utils.analysis.__path__, "ddd_utils.analysis.")]


def test_analysis_imports_neither_torch_nor_the_rooms_before_and_after_it():
    code = "".join(f"import {module}\n" for module in MODULES) + "import sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "ddd_utils.analysis.consistency.kappa" in loaded
    assert not {"torch", "ddd_utils.experiments", "ddd_utils.report"} & set(loaded)
