import subprocess
import sys
from pathlib import Path

import ddd_utils.analysis

MODULES = sorted(path.stem for path in Path(ddd_utils.analysis.__file__).parent.glob("*.py") if path.stem != "__init__")


def test_analysis_imports_neither_torch_nor_the_rooms_before_and_after_it():
    code = "".join(f"import ddd_utils.analysis.{module}\n" for module in MODULES) + "import sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "ddd_utils.analysis.consistency" in loaded
    assert not {"torch", "ddd_utils.experiments", "ddd_utils.reporting"} & set(loaded)
