"""What several tests of the sources read."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # `thread_events`: the tests are no package
